package egress

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"code.dny.dev/ssrf"

	"hookline/shared/webhook"
)

// URLRule says which URLs may be given.
type URLRule struct {
	Schemes      []string // empty means https only
	AllowPrivate bool     // http and https, any address and any port, whatever the rest says
	Ports        []uint16 // that may be named or implied; empty means Ports()
}

const tunnel = "for tests, a local tunnel such as ngrok gives your machine a public https URL"

// CheckURL checks a URL that a customer gives, and returns either the URL or what is wrong with it, as one clause for
// the customer that follows the field's name ("must be …"). Names are not resolved: that is for each dial.
func CheckURL(raw string, rule URLRule) (u *url.URL, problem string) {
	const shape = "must be an absolute URL such as https://example.com/webhooks"
	switch {
	case len(raw) > webhook.MaxURLBytes:
		return nil, fmt.Sprintf("must be at most %d bytes long", webhook.MaxURLBytes)
	case strings.ContainsFunc(raw, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || r == '\\' || r == unicode.ReplacementChar
	}):
		return nil, "must not have spaces, control characters or backslashes"
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return nil, shape
	}
	if problem := rule.scheme(u.Scheme); problem != "" {
		return nil, problem
	}
	switch {
	case u.User != nil:
		return nil, "must not have a user name or password, which would be shown wherever the URL is; put a token into the webhook's headers"
	case strings.Contains(raw, "#"):
		return nil, "must not have a fragment (#), which is never sent"
	case u.Hostname() == "" || strings.HasSuffix(u.Host, ":"):
		return nil, shape
	}
	if problem := rule.host(u.Hostname(), strings.HasPrefix(u.Host, "[")); problem != "" {
		return nil, problem
	}
	if problem := rule.port(u); problem != "" {
		return nil, problem
	}
	return u, ""
}

func (r URLRule) scheme(scheme string) string {
	allowed := r.Schemes
	switch {
	case r.AllowPrivate:
		allowed = []string{"http", "https"}
	case len(allowed) == 0:
		allowed = []string{"https"}
	}
	switch {
	case slices.Contains(allowed, scheme):
		return ""
	case scheme == "http":
		return "must use https; " + tunnel
	}
	return "must be an " + strings.Join(allowed, " or ") + " URL"
}

// host checks the host's spelling and, under production's rules, refuses what is no public address or a name for this
// machine. Every spelling of an address that some resolver takes counts as one.
func (r URLRule) host(host string, bracketed bool) string {
	if bracketed || strings.Contains(host, ":") {
		addr, err := netip.ParseAddr(host)
		if err != nil || !addr.Is6() || addr.Zone() != "" || !bracketed {
			return "must have a valid host; an IPv6 address stands in brackets and has no zone"
		}
		return r.address(addr)
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if addr, numeric := parseIPv4(name); numeric {
		if !addr.IsValid() {
			return "must have a valid host; this one looks like an IPv4 address and is none"
		}
		if problem := r.address(addr); problem != "" {
			return problem
		}
		if addr.String() != host {
			return "must have its IPv4 address in the usual form, " + addr.String()
		}
		return ""
	}
	if !validName(name) {
		return "must have a valid host name, of letters, digits, hyphens and dots; an international name in its xn-- form"
	}
	if !r.AllowPrivate && (name == "localhost" || strings.HasSuffix(name, ".localhost")) {
		return "must not point to this machine; " + tunnel
	}
	return ""
}

func (r URLRule) address(addr netip.Addr) string {
	if !r.AllowPrivate && ssrf.New().SafeAddr(addr) != nil {
		return "must not point to a private or special address (" + addr.String() + "); " + tunnel
	}
	return ""
}

func (r URLRule) port(u *url.URL) string {
	port := map[string]uint64{"http": 80, "https": 443}[u.Scheme]
	if p := u.Port(); p != "" {
		var err error
		if port, err = strconv.ParseUint(p, 10, 16); err != nil || port == 0 {
			return "must have a port from 1 to 65535"
		}
	}
	allowed := r.Ports
	if len(allowed) == 0 {
		allowed = Ports()
	}
	if r.AllowPrivate || slices.Contains(allowed, uint16(port)) {
		return ""
	}
	list := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(allowed)), ", "), "[]")
	return "must use one of the ports " + list
}

// parseIPv4 reads an IPv4 address in any spelling of inet_aton(3), which resolvers take: one to four parts, each
// decimal, octal after 0 or hexadecimal after 0x, the last filling the bytes that are left. numeric says that the name
// ends in a number, so that it can be nothing but an address; the address is invalid if it is none either.
func parseIPv4(name string) (addr netip.Addr, numeric bool) {
	parts := strings.Split(name, ".")
	last := parts[len(parts)-1]
	if _, ok := parsePart(last); !ok && (last == "" || strings.Trim(last, "0123456789") != "") {
		return netip.Addr{}, false
	}
	if len(parts) > 4 {
		return netip.Addr{}, true
	}
	var value uint64
	for i, p := range parts {
		n, ok := parsePart(p)
		most := uint64(1)<<8 - 1
		if i == len(parts)-1 {
			most = uint64(1)<<(8*(5-len(parts))) - 1
			value <<= 8 * (5 - len(parts))
		} else {
			value <<= 8
		}
		if !ok || n > most {
			return netip.Addr{}, true
		}
		value |= n
	}
	return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}), true
}

func parsePart(s string) (uint64, bool) {
	base := 10
	switch {
	case strings.HasPrefix(s, "0x"):
		s, base = s[2:], 16
		if s == "" {
			return 0, true // as browsers and inet_aton have it
		}
	case len(s) > 1 && s[0] == '0':
		s, base = s[1:], 8
	}
	if strings.ContainsAny(s, "+-_") {
		return 0, false
	}
	n, err := strconv.ParseUint(s, base, 64)
	return n, err == nil
}

// validName reports whether name is a host name as DNS has them (RFC 1123, and underscores, which occur).
func validName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range label {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}
