package hostname

import (
	"net/mail"
	"strings"

	"hookline/shared/webhook"
)

// maxAddressBytes is the limit of RFC 5321, section 4.5.3.1.3, without the angle brackets.
const maxAddressBytes = 254

// MailAddress returns a plain mail address in ASCII, which is all that mail services accept: an international domain is in its
// xn-- form. If the address is not valid, problem says why, in a clause that follows the field's name.
func MailAddress(s string) (address, problem string) {
	const plain = "must be one plain address, as in ops@example.com"
	if hidden := webhook.Invisible(s); hidden != "" {
		return "", "must not have the invisible character " + hidden
	}
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return "", plain
	}
	local, domain := s[:at], s[at+1:]
	if !isASCII(local) {
		return "", "must have letters without accents, digits and other ASCII before the @: the mail service delivers to no other address"
	}
	if domain, problem = ASCII(domain); problem != "" {
		return "", problem
	}
	s = local + "@" + domain
	if a, err := mail.ParseAddress(s); err != nil || a.Address != s || a.Name != "" || len(s) > maxAddressBytes {
		return "", plain
	}
	return s, ""
}
