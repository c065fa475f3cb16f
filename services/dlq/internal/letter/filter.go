package letter

import (
	"errors"
	"fmt"
	"slices"
)

// Field is what a filter can ask about. The zero value is no field.
type Field uint8

// The fields.
const (
	NoField Field = iota
	FieldService
	FieldTopic
	FieldGroup
	FieldKey
	FieldEventID
	FieldClass
	FieldReason
	FieldFingerprint
	FieldStatus
	FieldAttempts
	FieldReplays
	FieldFirstFailedAt
	FieldLastFailedAt
)

// Kind is what a field's values are.
type Kind uint8

// The kinds.
const (
	KindText Kind = iota + 1
	KindStatus
	KindNumber
	KindTime
)

// Fields answers the fields by the names that they have in a filter.
func Fields() map[string]Field {
	return map[string]Field{
		"service": FieldService, "topic": FieldTopic, "group": FieldGroup, "key": FieldKey, "eventId": FieldEventID,
		"errorClass": FieldClass, "reason": FieldReason, "fingerprint": FieldFingerprint, "status": FieldStatus,
		"attempts": FieldAttempts, "replays": FieldReplays, "firstFailedAt": FieldFirstFailedAt, "lastFailedAt": FieldLastFailedAt,
	}
}

// Kind answers what the field's values are.
func (f Field) Kind() Kind {
	switch f {
	case FieldStatus:
		return KindStatus
	case FieldAttempts, FieldReplays:
		return KindNumber
	case FieldFirstFailedAt, FieldLastFailedAt:
		return KindTime
	default:
		return KindText
	}
}

// Op is a comparison.
type Op uint8

// The comparisons. Texts and statuses know Equal and NotEqual alone.
const (
	Equal Op = iota + 1
	NotEqual
	Less
	LessEqual
	Greater
	GreaterEqual
)

// Filter is a condition on failures: exactly one of its members is set. The
// zero value is none, which every failure meets.
type Filter struct {
	// And and Or hold at least one.
	And, Or []Filter
	Not     *Filter
	Compare *Comparison
}

// Comparison compares a field with a value: Text for a text, Number for a
// number, a status and a time (Unix microseconds).
type Comparison struct {
	Field  Field
	Op     Op
	Text   string
	Number int64
}

// ErrFilter is a comparison that means nothing.
var ErrFilter = errors.New("the filter means nothing")

// Check answers ErrFilter, saying why, for an order of texts or statuses.
func (c Comparison) Check() error {
	ordered := c.Op != Equal && c.Op != NotEqual
	if kind := c.Field.Kind(); ordered && (kind == KindText || kind == KindStatus) {
		return fmt.Errorf("%w: only = and != apply to this field", ErrFilter)
	}
	return nil
}

// IsZero says that there is no condition.
func (f Filter) IsZero() bool {
	return len(f.And) == 0 && len(f.Or) == 0 && f.Not == nil && f.Compare == nil
}

// Matches says whether a failure meets the condition: what every store's
// translation is held against.
func (f Filter) Matches(failure *Failure) bool {
	switch {
	case f.Compare != nil:
		return f.Compare.matches(failure)
	case f.Not != nil:
		return !f.Not.Matches(failure)
	case len(f.Or) > 0:
		for _, one := range f.Or {
			if one.Matches(failure) {
				return true
			}
		}
		return false
	}
	for _, one := range f.And {
		if !one.Matches(failure) {
			return false
		}
	}
	return true
}

// Each calls visit for every comparison of the filter.
func (f Filter) Each(visit func(Comparison)) {
	if f.Compare != nil {
		visit(*f.Compare)
	}
	if f.Not != nil {
		f.Not.Each(visit)
	}
	for _, one := range slices.Concat(f.And, f.Or) {
		one.Each(visit)
	}
}

// Names says whether the filter asks about a field.
func (f Filter) Names(field Field) bool {
	found := false
	f.Each(func(c Comparison) { found = found || c.Field == field })
	return found
}
