package record

// Carrier carries W3C trace context in a record's headers; it implements
// propagation.TextMapCarrier. Not safe for concurrent use.
type Carrier struct {
	Headers *[]Header
}

// Get answers the header's value, or "".
func (c Carrier) Get(key string) string {
	v, _ := Get(*c.Headers, key)
	return v
}

// Set replaces the header.
func (c Carrier) Set(key, value string) {
	*c.Headers = Set(*c.Headers, key, value)
}

// Keys lists the names of the headers.
func (c Carrier) Keys() []string {
	keys := make([]string, len(*c.Headers))
	for i, h := range *c.Headers {
		keys[i] = h.Key
	}
	return keys
}
