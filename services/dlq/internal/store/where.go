package store

import (
	"strconv"
	"strings"

	"floodgate.internal/services/dlq/internal/letter"
)

// condition writes SQL with its parameters beside it: values from outside are
// never part of the text.
type condition struct {
	text strings.Builder
	args []any
	// column answers a field's column.
	column func(letter.Field) string
}

// param adds a parameter and answers how it is named.
func (c *condition) param(value any) string {
	c.args = append(c.args, value)
	return "$" + strconv.Itoa(len(c.args))
}

// filter writes a filter; "true" for none.
func (c *condition) filter(f letter.Filter) {
	switch {
	case f.Compare != nil:
		c.compare(*f.Compare)
	case f.Not != nil:
		c.text.WriteString("NOT (")
		c.filter(*f.Not)
		c.text.WriteString(")")
	case len(f.Or) > 0:
		if field, values, alike := oneOf(f.Or); alike {
			c.in(field, values)
			return
		}
		c.join(" OR ", f.Or)
	case len(f.And) > 0:
		c.join(" AND ", f.And)
	default:
		c.text.WriteString("true")
	}
}

func (c *condition) join(by string, all []letter.Filter) {
	for i, one := range all {
		if i > 0 {
			c.text.WriteString(by)
		}
		c.text.WriteString("(")
		c.filter(one)
		c.text.WriteString(")")
	}
}

func (c *condition) compare(one letter.Comparison) {
	c.text.WriteString(c.column(one.Field) + " " + operator(one.Op) + " " + c.param(value(one)))
}

// in is one field of several values, which databases find by an index where
// they do not find an OR.
func (c *condition) in(field letter.Field, values []any) {
	c.text.WriteString(c.column(field) + " IN (")
	for i, v := range values {
		if i > 0 {
			c.text.WriteString(", ")
		}
		c.text.WriteString(c.param(v))
	}
	c.text.WriteString(")")
}

// oneOf answers the values of alternatives that are all equalities of one field.
func oneOf(all []letter.Filter) (letter.Field, []any, bool) {
	var field letter.Field
	values := make([]any, 0, len(all))
	for _, one := range all {
		c := one.Compare
		if c == nil || c.Op != letter.Equal || field != letter.NoField && c.Field != field {
			return letter.NoField, nil, false
		}
		field = c.Field
		values = append(values, value(*c))
	}
	return field, values, true
}

func value(c letter.Comparison) any {
	if c.Field.Kind() == letter.KindText {
		return c.Text
	}
	return c.Number
}

func operator(op letter.Op) string {
	switch op {
	case letter.NotEqual:
		return "<>"
	case letter.Less:
		return "<"
	case letter.LessEqual:
		return "<="
	case letter.Greater:
		return ">"
	case letter.GreaterEqual:
		return ">="
	default:
		return "="
	}
}

// failureColumn is where a field of a failure is.
func failureColumn(f letter.Field) string {
	switch f {
	case letter.FieldService:
		return "service"
	case letter.FieldTopic:
		return "topic"
	case letter.FieldGroup:
		return "consumer_group"
	case letter.FieldKey:
		return "event_key"
	case letter.FieldEventID:
		return "event_id"
	case letter.FieldClass:
		return "error_class"
	case letter.FieldReason:
		return "reason"
	case letter.FieldFingerprint:
		return "fingerprint"
	case letter.FieldStatus:
		return "status"
	case letter.FieldAttempts:
		return "attempts"
	case letter.FieldReplays:
		return "replays"
	case letter.FieldFirstFailedAt:
		return "first_failed_at"
	case letter.FieldLastFailedAt:
		return "last_failed_at"
	default:
		return "NULL"
	}
}

// kindColumn is where a field of a kind is, in kinds k joined with kind_counts c;
// "" for what only a failure has.
func kindColumn(f letter.Field) string {
	switch f {
	case letter.FieldService:
		return "k.service"
	case letter.FieldClass:
		return "k.error_class"
	case letter.FieldFingerprint:
		return "k.fingerprint"
	case letter.FieldStatus:
		return "c.status"
	default:
		return ""
	}
}
