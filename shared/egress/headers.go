package egress

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"hookline/shared/webhook"
)

const (
	maxHeaderName  = 128
	maxHeaderValue = 1 << 10 // bytes; a Location can have twice as many, like a webhook's URL
	location       = "Location"
	masked         = "********"
)

// shown returns an answer's headers in the form that is kept and shown: Location first, then the others by name, as many as the
// limits allow. A receiver is not trusted: unprintable characters are replaced, and values that are usually secret are masked.
func shown(h http.Header) map[string]string {
	names := slices.SortedFunc(maps.Keys(h), func(a, b string) int {
		if (a == location) != (b == location) {
			if a == location {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	out := make(map[string]string)
	left := webhook.MaxResponseHeaderBytes
	for _, name := range names {
		if name == "" || len(name) > maxHeaderName || printable(name) != name {
			continue
		}
		value := masked
		if !secret(name) {
			most := maxHeaderValue
			if name == location {
				most *= 2
			}
			value = ellipsis(printable(strings.Join(h[name], ", ")), most)
		}
		if size := len(name) + len(value); size <= left && len(out) < webhook.MaxResponseHeaders {
			out[name], left = value, left-size
		}
	}
	return out
}

// ellipsis cuts a text and marks the cut.
func ellipsis(s string, most int) string {
	const mark = "…"
	if short, long := cut(s, most-len(mark)); long && len(s) > most {
		return short + mark
	}
	return s
}

// printable replaces characters that have no visible form on a page: bytes that are not UTF-8, control characters, and characters
// that change the direction of the text after them. A tab becomes a space.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !unicode.IsGraphic(r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// secret reports whether a header's value usually grants access, as cookies, credentials, tokens and keys do. A challenge
// (WWW-Authenticate) is public, and explains a 401.
func secret(name string) bool {
	name = strings.ToLower(name)
	switch name {
	case "www-authenticate", "proxy-authenticate":
		return false
	case "authentication-info", "proxy-authentication-info":
		return true
	}
	words := strings.FieldsFunc(name, func(r rune) bool { return r == '-' || r == '_' || r == '.' })
	for i, word := range words {
		switch word {
		case "cookie", "cookie2", "authorization", "auth", "token", "jwt", "session", "sessionid", "secret", "password", "passwd",
			"credential", "credentials", "apikey", "accesskey", "csrf", "xsrf":
			return true
		case "key":
			if i > 0 && slices.Contains([]string{"api", "access", "auth", "private", "secret", "shared", "subscription", "functions", "master"}, words[i-1]) {
				return true
			}
		}
	}
	return strings.HasSuffix(name, "token") || strings.HasSuffix(name, "secret")
}
