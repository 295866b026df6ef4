package management

import "testing"

// TestOrigin shows which sites may be named to show a portal: what is let in stands in a Content-Security-Policy.
func TestOrigin(t *testing.T) {
	for raw, want := range map[string]struct{ https, local string }{
		"https://app.example.com":             {"https://app.example.com", "https://app.example.com"},
		"HTTPS://App.Example.com:8443/":       {"https://app.example.com:8443", "https://app.example.com:8443"},
		"http://localhost:3000":               {"", "http://localhost:3000"},
		"http://127.0.0.1:3000/":              {"", "http://127.0.0.1:3000"},
		"http://localhost":                    {"", "http://localhost"},
		"http://app.example.com":              {},
		"http://localhost.example.com":        {},
		"http://127.0.0.2":                    {},
		"https://*.example.com":               {},
		"https://app.example.com/path":        {},
		"https://app.example.com?x":           {},
		"https://app.example.com#x":           {},
		"https://user@app.example.com":        {},
		"https://app.example.com; script-src": {},
		"https://a.example https://b.example": {},
		"https://app.example.com:99999":       {},
		"https://app.example.com:0":           {},
		"https://":                            {},
		"javascript:alert(1)":                 {},
		"'self'":                              {},
		"*":                                   {},
		"":                                    {},
	} {
		for local, want := range map[bool]string{false: want.https, true: want.local} {
			if got, ok := origin(raw, local); got != want || ok != (want != "") {
				t.Errorf("%q, on one machine %t: got %q, %t, want %q", raw, local, got, ok, want)
			}
		}
	}
}
