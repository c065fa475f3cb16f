package introspect

import (
	"fmt"
	"net/url"
	"strings"
)

// Setting is a setting in force, as an operator may see it. A service lists its
// settings by hand: what nobody lists is not told. The functions below make
// them; a secret's value is never among their results.
type Setting struct {
	Name, Value string
	// Redacted says that something was left out of Value.
	Redacted bool
}

// Plain is a setting that everybody may know. Lists are joined by commas.
func Plain(name string, value any) Setting {
	switch v := value.(type) {
	case []string:
		return Setting{Name: name, Value: strings.Join(v, ",")}
	default:
		return Setting{Name: name, Value: fmt.Sprint(v)}
	}
}

// Words is Plain for a list of words of any kind, such as roles.
func Words[T ~string](name string, list []T) Setting {
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = string(w)
	}
	return Plain(name, words)
}

// Default is a setting that everybody may know, "default" where it is the zero
// value: for those whose default another package fills in.
func Default[T comparable](name string, value T) Setting {
	var zero T
	if value == zero {
		return Setting{Name: name, Value: "default"}
	}
	return Plain(name, value)
}

// Secret tells whether a secret is set, and nothing else of it.
func Secret(name, value string) Setting {
	if value == "" {
		return Setting{Name: name}
	}
	return Setting{Name: name, Value: "set", Redacted: true}
}

// URL is an address without what may be secret: the password, and all options
// and the fragment, since password and sslpassword are among the options. What
// cannot be parsed is not shown at all.
func URL(name, value string) Setting {
	if value == "" {
		return Setting{Name: name}
	}
	u, err := url.Parse(value)
	if err != nil || u.Opaque != "" || u.Scheme == "" {
		return Secret(name, value)
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if u.User != nil && u.User.Username() != "" {
		shown.User = url.User(u.User.Username())
	}
	text := shown.String()
	return Setting{Name: name, Value: text, Redacted: text != value}
}
