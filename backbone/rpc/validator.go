package rpc

// Validator holds messages against the rules of their schema, as the server
// does with every request: for messages that are judged one by one within a
// request. Safe for concurrent use.
type Validator struct {
	rules *rules
}

// NewValidator answers a validator.
func NewValidator() (*Validator, error) {
	r, err := newRules()
	if err != nil {
		return nil, err
	}
	return &Validator{rules: r}, nil
}

// Check answers INVALID_ARGUMENT with the violated rules of a message, nil where
// it keeps them all.
func (v *Validator) Check(message any) error { return v.rules.check(message) }
