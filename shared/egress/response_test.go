package egress

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"hookline/shared/webhook"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name  string
		value string
		date  string
		want  time.Duration
	}{
		{"none", "", "", 0},
		{"seconds", "120", "", 2 * time.Minute},
		{"zero", "0", "", 0},
		{"padded", " 5 ", "", 5 * time.Second},
		{"negative", "-5", "", 0},
		{"fraction", "1.5", "", 0},
		{"words", "soon", "", 0},
		{"overflow", strings.Repeat("9", 40), "", maxRetryAfter},
		{"large", "9223372036", "", maxRetryAfter},
		{"date", "Fri, 20 Mar 2026 12:01:30 GMT", "", 90 * time.Second},
		{"date past", "Fri, 20 Mar 2026 11:00:00 GMT", "", 0},
		{"date by the receiver's clock", "Fri, 20 Mar 2026 13:01:00 GMT", "Fri, 20 Mar 2026 13:00:00 GMT", time.Minute},
		{"date in the obsolete form", "Friday, 20-Mar-26 12:00:10 GMT", "", 10 * time.Second},
		{"date far away", "Fri, 20 Mar 2099 12:00:10 GMT", "", maxRetryAfter},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := http.Header{"Retry-After": {c.value}, "Date": {c.date}}
			if got := retryAfter(h, now); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		name string
		s    string
		most int
		want string
		long bool
	}{
		{"short", "abc", 3, "abc", false},
		{"long", "abcd", 3, "abc", true},
		{"whole character", "aé", 3, "aé", false},
		{"within a character", "aé", 2, "a", true},
		{"not UTF-8 grows", "\xffa\xff", 4, "\uFFFDa", true},
		{"nothing fits", "é", 1, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, long := cut(c.s, c.most)
			if got != c.want || long != c.long {
				t.Errorf("got %q, %v, want %q, %v", got, long, c.want, c.long)
			}
		})
	}
}

func TestInflatingIsBounded(t *testing.T) {
	bomb := gzipped(t, strings.Repeat("z", 1<<20))
	text, whole := decode([]byte(bomb), "gzip")
	if want := webhook.MaxResponseFailed + 1; len(text) != want || !whole {
		t.Errorf("got %d bytes, whole %v, want %d of them, to be cut", len(text), whole, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x4b\x04\x00\x43\xbe\xb7\xe8\x01\x00\x00\x00"), "gzip")
	f.Add([]byte("a\xff\xfeb"), "")
	f.Fuzz(func(t *testing.T, raw []byte, encoding string) {
		text, _ := decode(raw, encoding)
		got, _ := cut(text, 100)
		if len(got) > 100 || !utf8.ValidString(got) {
			t.Errorf("got %q", got)
		}
	})
}

// TestMixes tests answers of the DNS, of which one address is enough to refuse a name.
func TestMixes(t *testing.T) {
	for _, c := range []struct {
		name  string
		addrs []string
		want  bool
	}{
		{"public", []string{"8.8.8.8", "2606:4700:4700::1111"}, false},
		{"private", []string{"10.0.0.1"}, true},
		{"one of them private", []string{"8.8.8.8", "10.0.0.1"}, true},
		{"one of them private, by IPv6", []string{"8.8.8.8", "fd00::1"}, true},
		{"of DNS64", []string{"8.8.8.8", "64:ff9b::808:808"}, false},
		{"of DNS64, private", []string{"8.8.8.8", "64:ff9b::a00:1"}, true},
	} {
		var answer []net.IPAddr
		for _, a := range c.addrs {
			answer = append(answer, net.IPAddr{IP: net.ParseIP(a)})
		}
		if got := mixes(guard(), answer); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}
