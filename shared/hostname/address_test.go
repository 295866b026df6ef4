package hostname_test

import (
	"strings"
	"testing"

	"hookline/shared/hostname"
)

func TestMailAddress(t *testing.T) {
	for _, c := range []struct{ raw, want, problem string }{
		{"ops@example.com", "ops@example.com", ""},
		{"a.b+c@Sub.Example.com", "a.b+c@Sub.Example.com", ""},
		{"ops@bücher.example", "ops@xn--bcher-kva.example", ""},
		{"ops@xn--bcher-kva.example", "ops@xn--bcher-kva.example", ""},
		{"jörg@example.com", "", "before the @"},
		{"jörg@bücher.example", "", "before the @"},
		{"ops@xn--a.example", "", "IDNA"},
		{"ops@exa\u200bmple.com", "", "U+200B ZERO WIDTH SPACE"},
		{"\u202eops@example.com", "", "U+202E RIGHT-TO-LEFT OVERRIDE"},
		{"", "", "plain address"},
		{"ops", "", "plain address"},
		{"Ops <ops@example.com>", "", "plain address"},
		{"a@example.com, b@example.com", "", "plain address"},
		{"a@example.com\nBcc: b@example.com", "", "plain address"},
		{strings.Repeat("a", 60) + "@" + strings.Repeat("b.", 100) + "com", "", "plain address"},
		{"ops@" + strings.Repeat("ü.", 60) + "example", "", "plain address"}, // longer as DNS has it
	} {
		got, problem := hostname.MailAddress(c.raw)
		if got != c.want || !strings.Contains(problem, c.problem) || (problem == "") != (c.problem == "") {
			t.Errorf("%q: got %q, %q, want %q, %q", c.raw, got, problem, c.want, c.problem)
		}
	}
}
