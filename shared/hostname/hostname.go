// Package hostname converts international host names, also those of mail addresses, to the form that DNS uses:
// bücher.example becomes xn--bcher-kva.example (RFC 5891; names that people type are first mapped by UTS 46, as in browsers).
//
// It guarantees that a name it returns is ASCII. It does not check that the name is otherwise well formed or that it exists, and
// it does not detect look-alikes.
package hostname

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"hookline/shared/webhook"
)

// ASCII returns the name with each international label in its xn-- form. If that is not possible, problem says why, in a clause
// for the client that follows the field's name ("must …"). A name in plain ASCII is returned unchanged, even if it is not well
// formed, but its labels in xn-- form are checked.
func ASCII(name string) (ascii, problem string) {
	if hidden := webhook.Invisible(name); hidden != "" { // the mapping would drop some of these characters
		return "", "must not have the invisible character " + hidden + " in its host name"
	}
	if !international(name) {
		return name, ""
	}
	ascii, err := idna.Lookup.ToASCII(name)
	if err != nil || !utf8.ValidString(name) || !isASCII(ascii) {
		return "", "must have a valid host name; this one is no international name that DNS can have (IDNA)"
	}
	return ascii, ""
}

func international(name string) bool {
	for label := range strings.SplitSeq(strings.ToLower(name), ".") {
		if strings.HasPrefix(label, "xn--") {
			return true
		}
	}
	return !isASCII(name)
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
