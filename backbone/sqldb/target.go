package sqldb

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
)

// ErrURL says that the database URL cannot be used. The URL itself is not in
// the text, since it may hold a password.
var ErrURL = errors.New("database URL")

// target is where a database is.
type target struct {
	dialect Dialect
	url     string // PostgreSQL: as given, with the password
	path    string // SQLite: the file
	schema  string
	name    string // for logs and errors: no secrets
}

// parseTarget checks a database URL and what Options.Schema adds to it.
func parseTarget(raw, schema string) (target, error) {
	// One that starts with pg_ is PostgreSQL's own; 63 bytes is its limit.
	if schema != "" && !regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`).MatchString(schema) {
		return target{}, fmt.Errorf("schema %q: only a-z, 0-9 and _ are allowed, at most 63 of them", schema)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return target{}, fmt.Errorf("%w: cannot be parsed; a password's special characters have to be percent-encoded", ErrURL)
	}
	switch u.Scheme {
	case "postgres", "postgresql":
		name := redact(u)
		if schema != "" {
			name += " schema " + schema
		}
		return target{dialect: PostgreSQL, url: raw, schema: schema, name: name}, nil
	case "sqlite":
		return sqliteTarget(u, schema)
	default:
		return target{}, fmt.Errorf("%w: scheme %q, want postgres:// or sqlite:///", ErrURL, u.Scheme)
	}
}

func sqliteTarget(u *url.URL, schema string) (target, error) {
	path := u.Path
	// A drive letter, as in sqlite:///C:/votes.db, is where the path begins.
	if len(path) > 2 && path[0] == '/' && path[2] == ':' {
		path = path[1:]
	}
	if strings.HasSuffix(path, "/") {
		if schema == "" {
			return target{}, fmt.Errorf("%w: %s is a directory and no schema names the file in it", ErrURL, path)
		}
		path += schema + ".db"
	}
	path = filepath.FromSlash(path)
	if u.Host != "" || !filepath.IsAbs(path) {
		return target{}, fmt.Errorf("%w: want sqlite:/// and an absolute path", ErrURL)
	}
	if u.RawQuery != "" {
		return target{}, fmt.Errorf("%w: sqlite URLs take no options", ErrURL)
	}
	return target{dialect: SQLite, path: path, schema: schema, name: "sqlite://" + filepath.ToSlash(path)}, nil
}

// redact writes a PostgreSQL URL down without its secrets. Options are left
// out altogether: password, sslpassword and whatever comes next are among them.
func redact(u *url.URL) string {
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if u.User != nil && u.User.Username() != "" {
		shown.User = url.User(u.User.Username())
	}
	return shown.String()
}
