package egress

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCheckURL(t *testing.T) {
	production := URLRule{Schemes: []string{"http", "https"}}
	secure := URLRule{Schemes: []string{"https"}}
	local := URLRule{AllowPrivate: true}
	long := "https://example.com/" + strings.Repeat("x", 2048-len("https://example.com/"))
	for _, c := range []struct {
		raw  string
		rule URLRule
		want string // part of the problem; "" for none
	}{
		{"https://example.com/hooks?token=a%20b", secure, ""},
		{"HTTPS://Example.COM", secure, ""},
		{"https://example.com.", secure, ""},
		{"https://example.com:8443/", secure, ""},
		{"https://8.8.8.8/", secure, ""},
		{"https://[2606:4700:4700::1111]/", secure, ""},
		{"https://xn--bcher-kva.example/", secure, ""},
		{"https://my_host.example.com/", secure, ""},
		{"http://example.com/", production, ""},
		{"https://localhost.example.com/", production, ""},
		{"https://1.2.3.4.example.com/", production, ""},
		{long, secure, ""},
		{"http://localhost:3000/", local, ""},
		{"https://localhost/", local, ""},
		{"http://127.0.0.1:9999/ok", local, ""},
		{"http://[::1]:9999/", local, ""},
		{"http://receiver:22/", local, ""},

		{"", secure, "absolute URL"},
		{"example.com/hooks", secure, "absolute URL"},
		{"/hooks", secure, "absolute URL"},
		{"//example.com/", secure, "absolute URL"},
		{"https:example.com", secure, "absolute URL"},
		{"https:///hooks", secure, "absolute URL"},
		{"https://:443/", secure, "absolute URL"},
		{"https://example.com:/", secure, "absolute URL"},
		{"https://example.com:http/", secure, "absolute URL"},
		{"https://%31%32%37.0.0.1/", secure, "absolute URL"},
		{"https://[::1/", secure, "absolute URL"},
		{"https://exa mple.com/", secure, "spaces"},
		{" https://example.com/", secure, "spaces"},
		{"https://example.com/\n", secure, "spaces"},
		{"https://example.com\\@localhost/", secure, "backslashes"},
		{long + "x", secure, "2048 bytes"},
		{"ftp://example.com/", production, "http or https URL"},
		{"javascript://example.com/", secure, "https URL"},
		{"http://example.com/", secure, "must use https; for tests, a local tunnel"},
		{"http://example.com/", URLRule{}, "must use https"},
		{"https://user@example.com/", secure, "user name or password"},
		{"https://user:pw@example.com/", local, "user name or password"},
		{"https://example.com@127.0.0.1/", secure, "user name or password"},
		{"https://example.com/#top", secure, "fragment"},
		{"https://example.com/#", secure, "fragment"},
		{"https://example.com:22/", secure, "ports 80, 443, 8080, 8443"},
		{"https://example.com:0/", local, "1 to 65535"},
		{"https://example.com:65536/", local, "1 to 65535"},
		{"https://example..com/", secure, "host name"},
		{"https://-a.com/", secure, "host name"},
		{"https://" + strings.Repeat("a", 64) + ".com/", secure, "host name"},
		{"https://bücher.example/", secure, ""},
		{"https://xn--a.example/", secure, "IDNA"},
		{"https://a℀b.example/", secure, "IDNA"},
		{"https://example.com：8443/", secure, "IDNA"},
		{"https://１２７.0.0.1/", secure, "private"},
		{"https://127。0。0。1/", secure, "private"},
		{"https://127。0。0。1/", local, ""},
		{"https://ⓛocalhost/", production, "this machine"},
		{"https://example.com/100%", secure, "percent sign itself is written %25"},
		{"https://example.com/?rate=5%&x=1", secure, "percent sign itself is written %25"},
		{"https://example.com/%4", secure, "percent sign itself is written %25"},
		{"https://example.com/%é1", secure, "percent sign itself is written %25"},
		{"https://example.com/hook ", secure, "spaces"},
		{"https://example.com/a\tb", secure, "spaces"},
		{"https://example.com/a\u00a0b", secure, "spaces"},
		{"https://example.com/a\\b", secure, "backslashes"},
		{"https://example.com/\u200bhook", secure, "U+200B ZERO WIDTH SPACE"},
		{"https://example.com/?t=\u2066abc", secure, "U+2066 LEFT-TO-RIGHT ISOLATE"},
		{"https://exa\u00admple.com/", secure, "U+00AD SOFT HYPHEN"},
		{"https://exa%E2%80%8Bmple.com/", secure, "U+200B ZERO WIDTH SPACE"},
		{"\ufeffhttps://example.com/", secure, "U+FEFF"},
		{"https://example.com/" + strings.Repeat("é", 400), secure, "2048 bytes long, percent-encoded"},

		{"https://localhost/", production, "this machine; for tests, a local tunnel"},
		{"https://LOCALHOST./", production, "this machine"},
		{"https://api.localhost/", production, "this machine"},
		{"http://127.0.0.1:3000/", production, "private or special address (127.0.0.1); for tests, a local tunnel"},
		{"https://127.0.0.1./", production, "private"},
		{"https://127.1/", production, "private"},
		{"https://127.0.1/", production, "private"},
		{"https://0x7f.1/", production, "private"},
		{"https://0X7F000001/", production, "private"},
		{"https://0177.0.0.1/", production, "private"},
		{"https://2130706433/", production, "private"},
		{"https://0/", production, "private"},
		{"https://0x/", production, "private"},
		{"https://0.0.0.0/", production, "private"},
		{"https://10.0.0.1/", production, "private"},
		{"https://172.31.255.255/", production, "private"},
		{"https://192.168.1.1/", production, "private"},
		{"https://100.64.0.1/", production, "private"},
		{"https://169.254.169.254/latest/meta-data/", production, "private"},
		{"https://2852039166/", production, "private"},
		{"https://224.0.0.1/", production, "private"},
		{"https://[::1]/", production, "private"},
		{"https://[::]/", production, "private"},
		{"https://[0:0:0:0:0:0:0:1]/", production, "private"},
		{"https://[::ffff:127.0.0.1]/", production, "private"},
		{"https://[::ffff:a9fe:a9fe]/", production, "private"},
		{"https://[fd00:ec2::254]/", production, "private"},
		{"https://[fe80::1]/", production, "private"},
		{"https://[64:ff9b::a00:1]/", production, "private"},
		{"https://[2002:a00:1::]/", production, "private"},
		{"https://[fe80::1%25eth0]/", production, "no zone"},
		{"https://[2606:4700::1%25eth0]/", local, "no zone"},
		{"https://[127.0.0.1]/", production, "absolute URL"},
		{"https://134744072/", production, "usual form, 8.8.8.8"},
		{"https://256.1.1.1/", production, "IPv4 address and is none"},
		{"https://1.2.3.4.5/", production, "IPv4 address and is none"},
		{"https://127.0.0.08/", production, "IPv4 address and is none"},
		{"https://99999999999999999999/", production, "IPv4 address and is none"},
	} {
		t.Run(c.raw, func(t *testing.T) {
			u, got := CheckURL(c.raw, c.rule)
			if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if (u == nil) != (got != "") {
				t.Errorf("got URL %v beside %q", u, got)
			}
		})
	}
}

// TestCheckedURL tests the stored form of URLs that need encoding before they can be called.
func TestCheckedURL(t *testing.T) {
	for _, c := range []struct{ raw, want string }{
		{"https://example.com", "https://example.com"},
		{"HTTPS://example.com:8443/a", "https://example.com:8443/a"},
		{"https://example.com?x=1", "https://example.com?x=1"},
		{"https://example.com/a//b/../c?", "https://example.com/a//b/../c?"},
		{"https://example.com/%41%2f%C3%A9?a=%7e+b", "https://example.com/%41%2f%C3%A9?a=%7e+b"},
		{"https://example.com/!$&'()*+,;=:@-._~/?!$&'()*+,;=:@/?-._~", "https://example.com/!$&'()*+,;=:@-._~/?!$&'()*+,;=:@/?-._~"},
		{"https://example.com/é", "https://example.com/%C3%A9"},
		{"https://example.com/a%2Fb|c", "https://example.com/a%2Fb%7Cc"},
		{"https://example.com/a b?q=c d", "https://example.com/a%20b?q=c%20d"},
		{"https://example.com/?q=é{}|^\"<>`[]", "https://example.com/?q=%C3%A9%7B%7D%7C%5E%22%3C%3E%60[]"},
		{"https://example.com/{}|^\"<>`[]", "https://example.com/%7B%7D%7C%5E%22%3C%3E%60[]"},
		{"https://example.com/日本?q=😀", "https://example.com/%E6%97%A5%E6%9C%AC?q=%F0%9F%98%80"},
		{"https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"},
		{"https://b%C3%BCcher.example:8443", "https://xn--bcher-kva.example:8443"},
		{"https://[2606:4700:4700::1111]:443/ü", "https://[2606:4700:4700::1111]:443/%C3%BC"},
	} {
		t.Run(c.raw, func(t *testing.T) {
			u, problem := CheckURL(c.raw, URLRule{})
			if problem != "" {
				t.Fatal(problem)
			}
			if got := u.String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestCheckedURLIsCalled checks that requests use the URL exactly as it is stored.
func TestCheckedURLIsCalled(t *testing.T) {
	targets := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { targets <- r.RequestURI }))
	defer server.Close()
	client := New(Options{AllowPrivate: true})
	defer client.CloseIdle()
	for _, rest := range []string{
		"/?q=é", "/a b", "/?q=a b", "/{a}|^\"<>`", "/?q={a}|^\"<>`", "/a%2Fb|c%2f", "/a[0]?x[]=1", "//a/../b?", "/a;b=c,d'!?*()$&+:@/?",
	} {
		u, problem := CheckURL(server.URL+rest, URLRule{AllowPrivate: true})
		if problem != "" {
			t.Fatalf("%s: %s", rest, problem)
		}
		if got := client.Post(t.Context(), Request{URL: u.String()}); got.Status != http.StatusOK {
			t.Fatalf("%s: %+v", rest, got)
		}
		if got, want := server.URL+<-targets, u.String(); got != want {
			t.Errorf("%s: called %s, kept %s", rest, got, want)
		}
	}
}

func TestOrigin(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"https://example.com/a", "https://example.com/b?c", true},
		{"https://example.com", "https://EXAMPLE.com:443/", true},
		{"http://example.com", "http://example.com:80/", true},
		{"https://[2606:4700::1111]/", "https://[2606:4700::1111]:443/", true},
		{"https://example.com", "http://example.com", false},
		{"https://example.com:80", "http://example.com:80", false},
		{"https://example.com", "https://example.com:8443", false},
		{"https://example.com", "https://www.example.com", false},
		{"https://example.com", "https://example.com.", false}, // another Host header
	} {
		a, problem := CheckURL(c.a, URLRule{AllowPrivate: true})
		if problem != "" {
			t.Fatal(problem)
		}
		b, problem := CheckURL(c.b, URLRule{AllowPrivate: true})
		if problem != "" {
			t.Fatal(problem)
		}
		if got := Origin(a) == Origin(b); got != c.same {
			t.Errorf("%s and %s: got %s and %s", c.a, c.b, Origin(a), Origin(b))
		}
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, s := range []string{
		"https://example.com/", "https://127.1", "https://[::1]:443/", "https://0x7f.1./", "https://bücher.example:443/é?q=a b%41",
		"https://b%C3%BCcher.example?[]", "https://0%800", "https://example.com//a;b,c:@!$&'()*+=~",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, problem := CheckURL(raw, URLRule{})
		if problem != "" {
			return
		}
		if u.Scheme != "https" || u.User != nil || u.Hostname() == "" || u.Hostname() == "localhost" {
			t.Errorf("%q was accepted", raw)
		}
		kept := u.String()
		again, problem := CheckURL(kept, URLRule{})
		if problem != "" || again.String() != kept {
			t.Errorf("%q is kept as %q, and that as %v (%s)", raw, kept, again, problem)
		}
		if strings.ContainsFunc(kept, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("%q is kept as %q, which is not all visible ASCII", raw, kept)
		}
		if _, rest := splitURL(kept); !strings.HasSuffix(u.RequestURI(), rest) {
			t.Errorf("%q is kept as %q, and called with %q", raw, kept, u.RequestURI())
		}
	})
}
