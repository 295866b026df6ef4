// Package hostname has international host names, also those of mail addresses, in the form that DNS has them in:
// bücher.example is xn--bcher-kva.example (RFC 5891, with the mapping of UTS 46 for what people type, as browsers do it).
//
// It guarantees that a name it returns is ASCII. It does not say that the name is well formed otherwise, nor that it
// exists; and it does not judge look-alikes.
package hostname

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"hookline/shared/webhook"
)

// ASCII returns the name with each international label in its xn-- form, or what is wrong with it, as one clause for the
// client that follows the field's name ("must …"). A name of plain ASCII comes back as it is, however it is formed, but
// labels that claim to be international ("xn--…") are checked.
func ASCII(name string) (ascii, problem string) {
	if hidden := webhook.Invisible(name); hidden != "" { // the mapping would leave some of them out
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
