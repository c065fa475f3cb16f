package letter

// matches says whether a failure meets a comparison.
func (c Comparison) matches(f *Failure) bool {
	if text, ok := textOf(f, c.Field); ok {
		return (text == c.Text) == (c.Op == Equal)
	}
	n := numberOf(f, c.Field)
	switch c.Op {
	case Equal:
		return n == c.Number
	case NotEqual:
		return n != c.Number
	case Less:
		return n < c.Number
	case LessEqual:
		return n <= c.Number
	case Greater:
		return n > c.Number
	case GreaterEqual:
		return n >= c.Number
	}
	return false
}

func textOf(f *Failure, field Field) (string, bool) {
	switch field {
	case FieldService:
		return f.Service, true
	case FieldTopic:
		return f.Topic, true
	case FieldGroup:
		return f.Group, true
	case FieldKey:
		return f.Key, true
	case FieldEventID:
		return f.EventID, true
	case FieldClass:
		return f.Class, true
	case FieldReason:
		return f.Reason, true
	case FieldFingerprint:
		return f.Fingerprint, true
	default:
		return "", false
	}
}

func numberOf(f *Failure, field Field) int64 {
	switch field {
	case FieldStatus:
		return int64(f.Status)
	case FieldAttempts:
		return int64(f.Attempts)
	case FieldReplays:
		return int64(f.Replays)
	case FieldFirstFailedAt:
		return f.FirstFailedAt
	case FieldLastFailedAt:
		return f.LastFailedAt
	default:
		return 0
	}
}
