package introspect_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"floodgate.internal/backbone/introspect"
)

// role is a word of a service's own.
type role string

func TestSettingsKeepSecrets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		got  introspect.Setting
		want introspect.Setting
	}{
		{introspect.Plain("Roles", []string{"api", "tally"}), introspect.Setting{Name: "Roles", Value: "api,tally"}},
		{introspect.Words("Roles", []role{"api", "tally"}), introspect.Setting{Name: "Roles", Value: "api,tally"}},
		{introspect.Plain("Batch", 4000), introspect.Setting{Name: "Batch", Value: "4000"}},
		{introspect.Default("Every", time.Second), introspect.Setting{Name: "Every", Value: "1s"}},
		{introspect.Default("Every", time.Duration(0)), introspect.Setting{Name: "Every", Value: "default"}},
		{introspect.Secret("Key", "hunter2"), introspect.Setting{Name: "Key", Value: "set", Redacted: true}},
		{introspect.Secret("Key", ""), introspect.Setting{Name: "Key"}},
		{introspect.URL("DB", ""), introspect.Setting{Name: "DB"}},
		{introspect.URL("DB", "sqlite:///var/db/"), introspect.Setting{Name: "DB", Value: "sqlite:///var/db/"}},
		{
			introspect.URL("DB", "postgres://me:hunter2@db:5432/floodgate?sslmode=disable&password=hunter2#hunter2"),
			introspect.Setting{Name: "DB", Value: "postgres://me@db:5432/floodgate", Redacted: true},
		},
		{introspect.URL("DB", "postgres://:hunter2@db/f"), introspect.Setting{Name: "DB", Value: "postgres://db/f", Redacted: true}},
		// What is no URL is not shown at all.
		{introspect.URL("DB", "postgres://me:hun%ter2@db/f"), introspect.Setting{Name: "DB", Value: "set", Redacted: true}},
		{introspect.URL("DB", "host=db password=hunter2"), introspect.Setting{Name: "DB", Value: "set", Redacted: true}},
		{introspect.URL("DB", "postgres:hunter2"), introspect.Setting{Name: "DB", Value: "set", Redacted: true}},
	} {
		if c.got != c.want {
			t.Errorf("%+v, want %+v", c.got, c.want)
		}
	}
}

// No password is ever in what is shown of a URL, wherever it stood.
func TestNoPasswordIsShown(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		// Upper case: nothing else of the address is.
		password := rapid.StringMatching(`[A-Z%/@:?#&= ]{0,5}[A-Z]{6}[A-Z%/@:?#&= ]{0,5}`).Draw(t, "password")
		at := rapid.SampledFrom([]string{
			"postgres://me:" + url.QueryEscape(password) + "@db/f",
			"postgres://me:" + url.PathEscape(password) + "@db/f",
			"postgres://me:" + url.UserPassword("", password).String()[1:] + "@db/f?sslmode=disable",
			"postgres://me@db/f?sslpassword=" + url.QueryEscape(password),
			"postgres://me@db/f#" + password,
		}).Draw(t, "address")
		secret := strings.Trim(password, "%/@:?#&= ")
		if s := introspect.URL("DB", at); strings.Contains(s.Value, secret) || !s.Redacted {
			t.Errorf("%s shows as %+v", at, s)
		}
	})
}
