package egress

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"hookline/shared/hostname"
	"hookline/shared/webhook"
)

// URLRule says which URLs a webhook can have.
type URLRule struct {
	Schemes      []string // empty means https only
	AllowPrivate bool     // allows http and https, any address and any port, and overrides the other fields
	Ports        []uint16 // the ports that a URL can name or imply; empty means Ports()
}

const tunnel = "for tests, a local tunnel such as ngrok gives your machine a public https URL"

// CheckURL checks a URL that a customer gives. It returns the URL or, in a clause for the customer that follows the field's name
// ("must be …"), the reason why it is refused. It does not resolve names: each dial does.
//
// The URL's String is stored, and is called byte for byte. It has a host in Unicode in its xn-- form. In path and query, bytes
// that RFC 3986 (sections 3.3 and 3.4) does not allow are percent-encoded, except [ and ]. Everything else stays as it was given,
// escapes included, because only the receiver knows which of them it needs.
func CheckURL(raw string, rule URLRule) (u *url.URL, problem string) {
	const shape = "must be an absolute URL such as https://example.com/webhooks"
	if len(raw) > webhook.MaxURLBytes {
		return nil, fmt.Sprintf("must be at most %d bytes long", webhook.MaxURLBytes)
	}
	if hidden := webhook.Invisible(raw); hidden != "" {
		return nil, "must not have the invisible character " + hidden + "; one that is meant is written percent-encoded"
	}
	base, rest := splitURL(raw)
	// A space within path or query is encoded like other characters. A space at an end was pasted by mistake.
	if hasBlank(strings.ReplaceAll(rest, " ", "")) || hasBlank(base) || raw != strings.TrimSpace(raw) {
		return nil, "must not have spaces before the path or at an end, nor control characters or backslashes"
	}
	encoded, ok := encode(rest)
	if !ok {
		return nil, "must not have a % without two hexadecimal digits after it; the percent sign itself is written %25"
	}
	u, err := url.Parse(base + encoded)
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
	if !strings.HasPrefix(u.Host, "[") {
		name, problem := hostname.ASCII(u.Hostname())
		if problem != "" {
			return nil, problem
		}
		u.Host = name + strings.TrimPrefix(u.Host, u.Hostname())
	}
	if problem := rule.host(u.Hostname(), strings.HasPrefix(u.Host, "[")); problem != "" {
		return nil, problem
	}
	if problem := rule.port(u); problem != "" {
		return nil, problem
	}
	if len(u.String()) > webhook.MaxURLBytes {
		return nil, fmt.Sprintf("must be at most %d bytes long, percent-encoded", webhook.MaxURLBytes)
	}
	return u, ""
}

// splitURL splits a URL into scheme and authority, and the rest, which begins with the path, the query or the fragment.
func splitURL(raw string) (base, rest string) {
	start := 0
	if i := strings.Index(raw, "//"); i >= 0 {
		start = i + len("//")
	}
	if i := strings.IndexAny(raw[start:], "/?#"); i >= 0 {
		return raw[:start+i], raw[start+i:]
	}
	return raw, ""
}

func hasBlank(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || r == '\\' || r == unicode.ReplacementChar
	})
}

// encode percent-encodes bytes that a path or query cannot have. ok is false if a % does not begin an escape.
func encode(s string) (encoded string, ok bool) {
	const (
		// These are allowed in addition to letters and digits. RFC 3986 allows [ and ] only in hosts, but all clients send them
		// unchanged. The # is refused later.
		legal = "-._~!$&'()*+,;=:@/?[]#"
		hex   = "0123456789ABCDEF"
	)
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '%':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return "", false
			}
			b.WriteByte(c)
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(legal, c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String(), true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// Origin returns a URL's scheme, host and port (RFC 6454), in lower case and always with the port. Requests for two URLs with the
// same origin go to the same place.
func Origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(u.Scheme + "://" + net.JoinHostPort(u.Hostname(), port))
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

// host checks the host's spelling. Under the rules of production it refuses addresses that are not public and names for this
// machine, in every spelling of an address that any resolver accepts.
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
		return "must have a valid host name, of letters, digits, hyphens and dots"
	}
	if !r.AllowPrivate && (name == "localhost" || strings.HasSuffix(name, ".localhost")) {
		return "must not point to this machine; " + tunnel
	}
	return ""
}

// spelled returns why a stored URL's host is not called, by the rules of production alone.
func (r URLRule) spelled(u *url.URL) string {
	if r.AllowPrivate {
		return ""
	}
	host, bracketed := u.Hostname(), strings.HasPrefix(u.Host, "[")
	if name, problem := hostname.ASCII(host); !bracketed && problem == "" {
		host = name
	}
	return r.host(host, bracketed)
}

func (r URLRule) address(addr netip.Addr) string {
	if !r.AllowPrivate && checkAddr(guard(), addr) != nil {
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

// Nearby reports whether a URL leads to this machine or a private network, as far as its host tells: an address that is not
// public, a name without a dot, or one below a domain that is never public (https://www.rfc-editor.org/rfc/rfc6761,
// https://www.rfc-editor.org/rfc/rfc6762, and internal, which ICANN reserves).
func Nearby(u *url.URL) bool {
	name := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if addr, err := netip.ParseAddr(name); err == nil {
		return checkAddr(guard(), addr) != nil
	}
	domain := name[strings.LastIndex(name, ".")+1:]
	return domain == name || slices.Contains([]string{"localhost", "test", "local", "internal"}, domain)
}

// parseIPv4 reads an IPv4 address in any spelling of inet_aton(3), because resolvers accept them: one to four parts, each
// decimal, octal after 0 or hexadecimal after 0x, of which the last fills the remaining bytes. numeric says that the name
// ends in a number, so that it can only be an address. Such a name that is not an address gives an invalid one.
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
			return 0, true // as browsers and inet_aton do
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

// validName reports whether name is a valid host name (RFC 1123; underscores are allowed as well, because they occur).
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
