package hostname_test

import (
	"strings"
	"testing"

	"hookline/shared/hostname"
)

func TestASCII(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"example.com", "example.com"},
		{"Example.COM.", "Example.COM."},
		{"my_host.example.com", "my_host.example.com"},
		{"r3---sn.example.com", "r3---sn.example.com"},
		{"127.0.0.1", "127.0.0.1"},
		{"bücher.example", "xn--bcher-kva.example"},
		{"BÜCHER.example", "xn--bcher-kva.example"},
		{"bu\u0308cher.example", "xn--bcher-kva.example"}, // composed
		{"straße.example", "xn--strae-oqa.example"},
		{"faß。example", "xn--fa-hia.example"}, // an ideographic full stop
		{"日本語.jp", "xn--wgv71a119e.jp"},
		{"bücher.example.", "xn--bcher-kva.example."},
		{"１２７.0.0.1", "127.0.0.1"},
		{"xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"XN--BCHER-KVA.example", "xn--bcher-kva.example"},
	} {
		got, problem := hostname.ASCII(c.name)
		if problem != "" || got != c.want {
			t.Errorf("%s: got %q, %q, want %q", c.name, got, problem, c.want)
		}
	}
	for name, want := range map[string]string{
		"xn--a.example":              "IDNA",      // no Punycode
		"xn--bcher-kv.example":       "IDNA",      // of characters that no name has
		"-bücher.example":            "IDNA",      // begins with a hyphen
		"a\u0301\u05d0.example":      "IDNA",      // left to right and right to left in one label
		"☃\ufffd.example":            "IDNA",      // not a character
		"bücher_.example":            "IDNA",      // underscores are for ASCII names
		"a\x80b.example":             "IDNA",      // no UTF-8
		"a℀b.example":                "IDNA",      // maps to a/c
		"\u0301a.example":            "IDNA",      // begins with a mark
		"buch\u200bhandlung.example": "U+200B",    // which the mapping would leave out
		"buch\u00adhandlung.example": "U+00AD",    // also
		"exa\u200emple.com":          "invisible", // also
	} {
		got, problem := hostname.ASCII(name)
		if !strings.Contains(problem, want) || got != "" {
			t.Errorf("%q: got %q, %q, want none and a problem with %q", name, got, problem, want)
		}
	}
}
