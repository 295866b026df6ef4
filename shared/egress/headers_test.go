package egress

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/webhook"
)

// TestHeaders reads answers from a socket, because a receiver can send any bytes.
func TestHeaders(t *testing.T) {
	long := strings.Repeat("x", 3000)
	for name, c := range map[string]struct {
		header string
		want   map[string]string
	}{
		"a redirect": {
			"HTTP/1.1 308 Permanent Redirect\r\nlocation: https://example.com/hook/?a=<b>\r\nServer: nginx\r\n",
			map[string]string{"Location": "https://example.com/hook/?a=<b>", "Server": "nginx"},
		},
		"several of one name": {"HTTP/1.1 503 No\r\nVia: a\r\nvia: b\r\n", map[string]string{"Via": "a, b"}},
		"secrets": {
			"HTTP/1.1 401 No\r\nSet-Cookie: s=1\r\nWWW-Authenticate: Bearer error=\"invalid_token\"\r\nX-Api-Key: k\r\nX-Auth-Token: t\r\n" +
				"Authorization: Bearer b\r\nX-Amz-Security-Token: t\r\nX-XSRF-TOKEN: t\r\nX-Vault-Token: t\r\nOcp-Apim-Subscription-Key: k\r\nAccessToken: t\r\n" +
				"X-Session-Id: 5\r\nX-Key-Count: 3\r\nX-Author: me\r\n",
			map[string]string{
				"Set-Cookie": "********", "Www-Authenticate": `Bearer error="invalid_token"`, "X-Api-Key": "********", "X-Auth-Token": "********",
				"Authorization": "********", "X-Amz-Security-Token": "********", "X-Xsrf-Token": "********", "X-Vault-Token": "********",
				"Ocp-Apim-Subscription-Key": "********", "Accesstoken": "********", "X-Session-Id": "********", "X-Key-Count": "3", "X-Author": "me",
			},
		},
		"not printable": {
			"HTTP/1.1 500 No\r\nX-A: a\xff\tb\r\nX-B: \u202eabc\u200b\u0085\r\n",
			map[string]string{"X-A": "a\uFFFD b", "X-B": "\uFFFDabc\uFFFD\uFFFD"},
		},
		"long values": {
			"HTTP/1.1 302 Found\r\nLocation: " + long + "\r\nX-A: " + long + "\r\nX-B: " + long + "\r\nX-C: short\r\n",
			map[string]string{"Location": long[:2045] + "…", "X-A": long[:1021] + "…", "X-C": "short"},
		},
		"none": {"HTTP/1.1 500 No\r\n", map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			client := New(Options{AllowPrivate: true})
			t.Cleanup(client.CloseIdle)
			got := client.Post(t.Context(), Request{URL: "http://" + serve(t, answerAndClose(c.header+"\r\n"))})
			if diff := cmp.Diff(c.want, got.Headers()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestHeadersAreBounded(t *testing.T) {
	many := make(http.Header)
	for i := range 500 {
		many.Set(fmt.Sprintf("A-%03d", i), "v")
	}
	many.Set("Location", "/x")
	many["A-001"] = []string{"\x1b[31m\x00"} // net/http takes no such answer today
	got := shown(many)
	if len(got) != webhook.MaxResponseHeaders || got["Location"] != "/x" || got["A-000"] != "v" || got["A-001"] != "\uFFFD[31m\uFFFD" {
		t.Errorf("got %d headers, %v, want %d with Location among them", len(got), got, webhook.MaxResponseHeaders)
	}
}

func FuzzShown(f *testing.F) {
	f.Add("Location", "https://example.com/\xff", "X-A", strings.Repeat("é", 4000))
	f.Add("Set-Cookie", "a=b", "\x00", "\u202e")
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string) {
		size := 0
		for name, value := range shown(http.Header{name1: {value1}, name2: {value2, value1}}) {
			size += len(name) + len(value)
			if !utf8.ValidString(name+value) || strings.ContainsFunc(name+value, unicode.IsControl) {
				t.Errorf("got %q: %q", name, value)
			}
		}
		if size > webhook.MaxResponseHeaderBytes {
			t.Errorf("got %d bytes, want at most %d", size, webhook.MaxResponseHeaderBytes)
		}
	})
}
