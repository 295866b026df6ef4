package egress

import (
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
		{"https://bücher.example/", secure, "xn-- form"},
		{"https://１２７.0.0.1/", secure, "IPv4 address and is none"},
		{"https://127。0。0。1/", secure, "xn-- form"},

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

func FuzzCheckURL(f *testing.F) {
	for _, s := range []string{"https://example.com/", "https://127.1", "https://[::1]:443/", "https://0x7f.1./"} {
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
	})
}
