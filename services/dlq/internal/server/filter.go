package server

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.einride.tech/aip/filtering"
	expr "google.golang.org/genproto/googleapis/api/expr/v1alpha1"

	"floodgate.internal/services/dlq/internal/letter"
)

// parseFilter reads a filter of AIP-160; none from an empty text. Errors are
// INVALID_ARGUMENT, saying what is wrong.
func parseFilter(text string) (letter.Filter, error) {
	if strings.TrimSpace(text) == "" {
		return letter.Filter{}, nil
	}
	var p filtering.Parser
	p.Init(text)
	parsed, err := p.Parse()
	if err != nil {
		return letter.Filter{}, badField("filter", err.Error())
	}
	f, err := filterOf(parsed.GetExpr())
	if err != nil {
		return letter.Filter{}, badField("filter", err.Error())
	}
	return f, nil
}

// filterOf gives a parsed expression its meaning.
func filterOf(e *expr.Expr) (letter.Filter, error) {
	call := e.GetCallExpr()
	if call == nil {
		return letter.Filter{}, errors.New(`must be comparisons such as service = "vote", joined by AND, OR and NOT`)
	}
	switch call.GetFunction() {
	case filtering.FunctionAnd, filtering.FunctionFuzzyAnd:
		all, err := filtersOf(call.GetArgs())
		return letter.Filter{And: all}, err
	case filtering.FunctionOr:
		all, err := filtersOf(call.GetArgs())
		return letter.Filter{Or: flattened(all)}, err
	case filtering.FunctionNot:
		all, err := filtersOf(call.GetArgs())
		if err != nil {
			return letter.Filter{}, err
		}
		return letter.Filter{Not: &all[0]}, nil
	default:
		return comparison(call)
	}
}

func filtersOf(all []*expr.Expr) ([]letter.Filter, error) {
	filters := make([]letter.Filter, len(all))
	for i, one := range all {
		var err error
		if filters[i], err = filterOf(one); err != nil {
			return nil, err
		}
	}
	return filters, nil
}

// flattened takes the parser's pairs of pairs for one list, which databases
// answer by one index.
func flattened(all []letter.Filter) []letter.Filter {
	var flat []letter.Filter
	for _, one := range all {
		if len(one.Or) > 0 {
			flat = append(flat, one.Or...)
			continue
		}
		flat = append(flat, one)
	}
	return flat
}

// comparison reads one of a field with a value.
func comparison(call *expr.Expr_Call) (letter.Filter, error) {
	op, known := ops()[call.GetFunction()]
	if !known || len(call.GetArgs()) != 2 {
		return letter.Filter{}, fmt.Errorf("%s is none of = != < <= > >=", call.GetFunction())
	}
	name := call.GetArgs()[0].GetIdentExpr().GetName()
	field, known := letter.Fields()[name]
	if !known {
		return letter.Filter{}, fmt.Errorf("%q is none of %s", name, strings.Join(slices.Sorted(maps.Keys(letter.Fields())), ", "))
	}
	c := letter.Comparison{Field: field, Op: op}
	if err := setValue(&c, name, call.GetArgs()[1]); err != nil {
		return letter.Filter{}, err
	}
	if err := c.Check(); err != nil {
		return letter.Filter{}, fmt.Errorf("%s: %w", name, err)
	}
	return letter.Filter{Compare: &c}, nil
}

func ops() map[string]letter.Op {
	return map[string]letter.Op{
		filtering.FunctionEquals: letter.Equal, filtering.FunctionNotEquals: letter.NotEqual,
		filtering.FunctionLessThan: letter.Less, filtering.FunctionLessEquals: letter.LessEqual,
		filtering.FunctionGreaterThan: letter.Greater, filtering.FunctionGreaterEquals: letter.GreaterEqual,
	}
}

// setValue reads a value of the field's kind. A word without quotes is a text,
// as in status = OPEN.
func setValue(c *letter.Comparison, name string, e *expr.Expr) error {
	if call := e.GetCallExpr(); call.GetFunction() == filtering.FunctionTimestamp && len(call.GetArgs()) == 1 {
		e = call.GetArgs()[0]
	}
	text, number, isNumber := e.GetIdentExpr().GetName(), int64(0), false
	switch constant := e.GetConstExpr().GetConstantKind().(type) {
	case *expr.Constant_StringValue:
		text = constant.StringValue
	case *expr.Constant_Int64Value:
		number, isNumber = constant.Int64Value, true
	case nil:
		if e.GetIdentExpr() == nil {
			return fmt.Errorf("%s must be compared with a value", name)
		}
	default:
		return fmt.Errorf("%s must be compared with a text or a whole number", name)
	}
	switch kind := c.Field.Kind(); {
	case kind == letter.KindNumber && isNumber:
		c.Number = number
	case kind == letter.KindNumber:
		return fmt.Errorf("%s must be compared with a number", name)
	case isNumber:
		return fmt.Errorf("%s must be compared with a text in quotes", name)
	case kind == letter.KindStatus:
		status := letter.ParseStatus(text)
		c.Number = int64(status)
		if status == letter.None {
			return fmt.Errorf("%q is none of OPEN, REPLAYING, RESOLVED, DISCARDED, PARKED", text)
		}
	case kind == letter.KindTime:
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return fmt.Errorf("%s must be compared with a time such as \"2026-01-02T03:04:05Z\"", name)
		}
		c.Number = at.UnixMicro()
	default:
		c.Text = text
	}
	return nil
}
