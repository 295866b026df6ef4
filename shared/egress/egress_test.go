package egress

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/webhook"
)

// serve answers every connection with handle on a loopback socket, and returns its address.
func serve(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(c)
			}()
		}
	}()
	return l.Addr().String()
}

// answer reads one request and writes text; then it waits for the client to hang up.
func answer(text string) func(net.Conn) {
	return func(c net.Conn) {
		r := bufio.NewReader(c)
		if readRequest(r) != nil {
			return
		}
		_, _ = io.WriteString(c, text)
		_, _ = io.Copy(io.Discard, r)
	}
}

// answerAndClose reads one request, writes text and hangs up.
func answerAndClose(text string) func(net.Conn) {
	return func(c net.Conn) {
		if readRequest(bufio.NewReader(c)) == nil {
			_, _ = io.WriteString(c, text)
		}
	}
}

func readRequest(r *bufio.Reader) error {
	req, err := http.ReadRequest(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, req.Body)
	return err
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, text)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func withLength(header, body string) string {
	return "HTTP/1.1 200 OK\r\n" + header + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

func TestPost(t *testing.T) {
	const kept = webhook.MaxResponseFailed
	for _, c := range []struct {
		name    string
		handle  func(net.Conn)
		timeout time.Duration // 0: ample
		want    Response
	}{
		{
			"success", answer(withLength("", "fine")), 0,
			Response{Status: 200, Body: "fine"},
		},
		{
			"failure with its body and a wait", answer("HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno"), 0,
			Response{Status: 503, Body: "no", RetryAfter: 7 * time.Second},
		},
		{
			"early answers first", answer("HTTP/1.1 103 Early Hints\r\n\r\n" + withLength("", "x")), 0,
			Response{Status: 200, Body: "x"},
		},
		{
			"redirect", answer("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n"), 0,
			Response{Status: 302, Err: webhook.ReasonRedirect},
		},
		{
			"not modified", answer("HTTP/1.1 304 Not Modified\r\n\r\n"), 0,
			Response{Status: 304, Err: webhook.ReasonRedirect},
		},
		{
			"switch of protocols", answer("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nx"), 0,
			Response{Status: 101},
		},
		{
			"body that does not end in time", answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), 50 * time.Millisecond,
			Response{Status: 200, Body: "half", Truncated: true},
		},
		{
			"body that breaks off", answerAndClose("HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nhalf"), 0,
			Response{Status: 500, Body: "half", Truncated: true},
		},
		{
			"body without a length", answerAndClose("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall"), 0,
			Response{Status: 200, Body: "all"},
		},
		{
			"longest body", answer(withLength("", strings.Repeat("x", kept))), 0,
			Response{Status: 200, Body: strings.Repeat("x", kept)},
		},
		{
			"body a byte longer", answer(withLength("", strings.Repeat("x", kept+1))), 0,
			Response{Status: 200, Body: strings.Repeat("x", kept), Truncated: true},
		},
		{
			"body that is not UTF-8", answer(withLength("", "a\xffb")), 0,
			Response{Status: 200, Body: "a\uFFFDb"},
		},
		{
			"gzip body", answer(withLength("Content-Encoding: gzip\r\n", gzipped(t, "hello"))), 0,
			Response{Status: 200, Body: "hello"},
		},
		{
			"gzip that is none", answer(withLength("Content-Encoding: gzip\r\n", "plain")), 0,
			Response{Status: 200, Body: `(5 bytes encoded as "gzip", not shown)`, Truncated: true},
		},
		{
			"other encoding", answer(withLength("Content-Encoding: br\r\n", "\x00\x01")), 0,
			Response{Status: 200, Body: `(2 bytes encoded as "br", not shown)`, Truncated: true},
		},
		{
			"hang-up before the request", func(net.Conn) {}, 0,
			Response{Err: webhook.ReasonConnect, ErrDetail: webhook.DetailConnectionClosed},
		},
		{
			"hang-up instead of an answer", answerAndClose(""), 0,
			Response{Err: webhook.ReasonConnect, ErrDetail: webhook.DetailConnectionClosed},
		},
		{
			"hang-up within the header", answerAndClose("HTTP/1.1 200 OK\r\nX-A: b\r\n"), 0,
			Response{Err: webhook.ReasonConnect, ErrDetail: webhook.DetailConnectionClosed},
		},
		{
			"reset", func(c net.Conn) {
				_ = readRequest(bufio.NewReader(c))
				_ = c.(*net.TCPConn).SetLinger(0)
			}, 0,
			Response{Err: webhook.ReasonConnect, ErrDetail: webhook.DetailConnectionClosed},
		},
		{
			"not HTTP", answer("SSH-2.0-OpenSSH_9.9\r\n"), 0,
			Response{Err: webhook.ReasonBadResponse},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			client := New(Options{AllowPrivate: true})
			t.Cleanup(client.CloseIdle)
			timeout := c.timeout
			if timeout == 0 {
				timeout = 10 * time.Second
			}
			got := client.Post(t.Context(), Request{URL: "http://" + serve(t, c.handle), Body: []byte("{}"), Timeout: timeout})
			if got.Duration <= 0 || got.Duration < c.timeout {
				t.Errorf("got a duration of %v, want at least %v", got.Duration, c.timeout)
			}
			if got.Err != "" && got.Detail == "" {
				t.Error("got no detail beside the error")
			}
			got.Duration, got.Detail, got.Headers = 0, "", nil // TestHeaders has those
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHeadersOnTheWire(t *testing.T) {
	for _, c := range []struct {
		name    string
		headers []Header
		want    string
	}{
		{
			"spelling",
			[]Header{
				{"webhook-id", "e"}, {"X-GitHub-event", "push"}, {"content-type", "application/json"}, {"X-twice", "1"}, {"X-twice", "2"}, {"USER-agent", "A/1"},
			},
			"Content-Length: 2\r\nUSER-agent: A/1\r\nX-GitHub-event: push\r\nX-twice: 1\r\nX-twice: 2\r\ncontent-type: application/json\r\nwebhook-id: e\r\n",
		},
		{"no user agent of our own", nil, "Content-Length: 2\r\n"},
		{"user agent", []Header{{"User-Agent", "Hookline/1.0"}}, "User-Agent: Hookline/1.0\r\nContent-Length: 2\r\n"},
		{
			"framing is not theirs",
			[]Header{
				{"host", "internal"}, {"Content-length", "9"}, {"transfer-encoding", "chunked"}, {"CONNECTION", "close"}, {"Expect", "100-continue"},
			},
			"Content-Length: 2\r\n",
		},
		{"their own idempotency key", []Header{{"Idempotency-Key", "k"}}, "Content-Length: 2\r\nIdempotency-Key: k\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			wire := make(chan string, 1)
			addr := serve(t, func(conn net.Conn) {
				buf := make([]byte, 4096)
				var got string
				for !strings.HasSuffix(got, "\r\n\r\n{}") {
					n, err := conn.Read(buf)
					if err != nil {
						break
					}
					got += string(buf[:n])
				}
				wire <- got
				_, _ = io.WriteString(conn, withLength("", ""))
			})
			resp := New(Options{AllowPrivate: true}).Post(t.Context(), Request{URL: "http://" + addr + "/p?q=1", Headers: c.headers, Body: []byte("{}")})
			if resp.Status != 200 {
				t.Fatalf("got %+v, want status 200", resp)
			}
			want := "POST /p?q=1 HTTP/1.1\r\nHost: " + addr + "\r\n" + c.want + "\r\n{}"
			if diff := cmp.Diff(want, <-wire); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

// TestStaleConnection has the receiver hang up on a kept connection just when the second request is on it.
func TestStaleConnection(t *testing.T) {
	var connections atomic.Int32
	bodies := make(chan string, 3)
	addr := serve(t, func(c net.Conn) {
		first := connections.Add(1) == 1
		r := bufio.NewReader(c)
		for n := 0; ; n++ {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			body, _ := io.ReadAll(req.Body)
			bodies <- string(body)
			if first && n == 1 {
				return
			}
			_, _ = io.WriteString(c, withLength("", ""))
		}
	})
	client := New(Options{AllowPrivate: true})
	t.Cleanup(client.CloseIdle)
	for _, body := range []string{"one", "two"} {
		if got := client.Post(t.Context(), Request{URL: "http://" + addr, Body: []byte(body)}); got.Status != 200 {
			t.Fatalf("%s: got %+v, want status 200", body, got)
		}
	}
	for _, want := range []string{"one", "two", "two"} {
		if got := <-bodies; got != want {
			t.Errorf("receiver got %q, want %q", got, want)
		}
	}
	if got := connections.Load(); got != 2 {
		t.Errorf("got %d connections, want 2: the first is reused", got)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		var requests atomic.Int32
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			http.Redirect(w, r, "/elsewhere", status)
		}))
		got := New(Options{AllowPrivate: true}).Post(t.Context(), Request{URL: srv.URL})
		srv.Close()
		if got.Status != status || got.Err != webhook.ReasonRedirect || requests.Load() != 1 {
			t.Errorf("got %+v and %d requests, want status %d, a redirect and 1", got, requests.Load(), status)
		}
	}
}

func TestTLS(t *testing.T) {
	secure := func(configure func(*httptest.Server)) *httptest.Server {
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.Proto)
		}))
		srv.Config.ErrorLog = log.New(io.Discard, "", 0)
		configure(srv)
		srv.StartTLS()
		t.Cleanup(srv.Close)
		return srv
	}
	h2 := secure(func(s *httptest.Server) { s.EnableHTTP2 = true })
	h1 := secure(func(*httptest.Server) {})
	old := secure(func(s *httptest.Server) {
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	})
	roots := x509.NewCertPool()
	for _, s := range []*httptest.Server{h1, h2, old} {
		roots.AddCert(s.Certificate())
	}
	for _, c := range []struct {
		name string
		url  string
		ca   *x509.CertPool
		want Response
	}{
		{"HTTP/2 as well", h2.URL, roots, Response{Status: 200, Body: "HTTP/1.1"}},
		{"HTTP/1.1", h1.URL, roots, Response{Status: 200, Body: "HTTP/1.1"}},
		{"wrong name", strings.Replace(h1.URL, "127.0.0.1", "localhost", 1), roots, Response{Err: webhook.ReasonTLS, ErrDetail: webhook.DetailCertificateWrongHost}},
		{"unknown authority", h1.URL, x509.NewCertPool(), Response{Err: webhook.ReasonTLS, ErrDetail: webhook.DetailCertificateUnknownCA}},
		{"TLS 1.1", old.URL, roots, Response{Err: webhook.ReasonTLS, ErrDetail: webhook.DetailTLSVersion}},
		{"not TLS", "https://" + serve(t, func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }), roots, Response{Err: webhook.ReasonTLS, ErrDetail: webhook.DetailNotTLS}},
		{"hang-up within the handshake", "https://" + serve(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }), roots, Response{Err: webhook.ReasonTLS, ErrDetail: webhook.DetailHandshakeRefused}},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := New(Options{AllowPrivate: true, RootCAs: c.ca})
			t.Cleanup(client.CloseIdle)
			got := client.Post(t.Context(), Request{URL: c.url, Body: []byte("{}"), Headers: []Header{{"X-Spelling", "any"}}})
			got.Duration, got.Detail, got.Headers = 0, "", nil // TestHeaders has those
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefusedConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	got := New(Options{AllowPrivate: true}).Post(t.Context(), Request{URL: "http://" + addr})
	if want := webhook.ReasonConnect; got.Err != want || got.ErrDetail != webhook.DetailConnectionRefused || got.Status != 0 {
		t.Errorf("got %+v, want error %s, %s", got, want, webhook.DetailConnectionRefused)
	}
}

func TestCallersContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	addr := serve(t, func(c net.Conn) {
		_ = readRequest(bufio.NewReader(c))
		cancel()
		_, _ = io.Copy(io.Discard, c)
	})
	got := New(Options{AllowPrivate: true}).Post(ctx, Request{URL: "http://" + addr})
	if want := webhook.ReasonTimeout; got.Err != want {
		t.Errorf("got %+v, want error %s", got, want)
	}
}

func TestNoTimeLeft(t *testing.T) {
	got := New(Options{AllowPrivate: true}).Post(t.Context(), Request{URL: "http://127.0.0.1:1", Timeout: -time.Second})
	if want := webhook.ReasonTimeout; got.Err != want {
		t.Errorf("got %+v, want error %s", got, want)
	}
}

// resolver answers every name like a name server, with the addresses of the requested family. Without any addresses it
// answers that the name does not exist.
func resolver(addrs ...string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			// On a stream, the length precedes each message (RFC 1035 section 4.2.2).
			size := make([]byte, 2)
			if _, err := io.ReadFull(server, size); err != nil {
				return
			}
			query := make([]byte, int(size[0])<<8|int(size[1]))
			if _, err := io.ReadFull(server, query); err != nil {
				return
			}
			reply := dnsReply(query, addrs)
			_, _ = server.Write(append([]byte{byte(len(reply) >> 8), byte(len(reply))}, reply...))
		}()
		return client, nil
	}}
}

func dnsReply(query []byte, addrs []string) []byte {
	end := bytes.IndexByte(query[12:], 0) + 12 + 5 // of the one question: its name, type and class
	kind := query[end-3]
	header := []byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}
	if len(addrs) == 0 {
		header[3] |= 3 // no such name
	}
	reply := append(header, query[12:end]...)
	for _, a := range addrs {
		ip, k := net.ParseIP(a), byte(28)
		if v4 := ip.To4(); v4 != nil {
			ip, k = v4, 1
		}
		if k == kind {
			reply[7]++
			reply = append(reply, 0xc0, 12, 0, k, 0, 1, 0, 0, 0, 0, 0, byte(len(ip)))
			reply = append(reply, ip...)
		}
	}
	return reply
}

func TestNames(t *testing.T) {
	addr := serve(t, answer(withLength("", "")))
	_, port, _ := net.SplitHostPort(addr)
	silent := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no name server")
	}}
	for _, c := range []struct {
		name     string
		resolver *net.Resolver
		allow    bool
		port     string
		want     webhook.AttemptError
	}{
		{"resolves", resolver("127.0.0.1"), true, port, ""},
		{"no such name", resolver(), true, port, webhook.ReasonDNS},
		{"no name server", silent, true, port, webhook.ReasonDNS},
		{"loopback", resolver("127.0.0.1"), false, "443", webhook.ReasonBlockedTarget},
		{"metadata service", resolver("169.254.169.254"), false, "80", webhook.ReasonBlockedTarget},
		{"metadata service by IPv6", resolver("fd00:ec2::254"), false, "80", webhook.ReasonBlockedTarget},
		{"several, all private", resolver("10.0.0.1", "192.168.1.1", "::1"), false, "443", webhook.ReasonBlockedTarget},
		{"public and private", resolver("8.8.8.8", "10.0.0.1"), false, "443", webhook.ReasonBlockedTarget},
		{"public, and private by IPv6", resolver("8.8.8.8", "fd00:ec2::254"), false, "443", webhook.ReasonBlockedTarget},
		{"no such name, by production's rules", resolver(), false, "443", webhook.ReasonDNS},
		{"public, other port", resolver("8.8.8.8"), false, "22", webhook.ReasonBlockedTarget},
		{"private, other port", resolver("10.0.0.1"), false, "22", webhook.ReasonBlockedTarget},
		{"no such name, other port", resolver(), false, "22", webhook.ReasonBlockedTarget},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := New(Options{AllowPrivate: c.allow, Resolver: c.resolver})
			got := client.Post(t.Context(), Request{URL: "http://hooks.example.com.:" + c.port + "/?token=s3cret"})
			if got.Err != c.want {
				t.Errorf("got %+v, want error %q", got, c.want)
			}
			if strings.Contains(got.Detail, "s3cret") {
				t.Errorf("detail %q has the URL", got.Detail)
			}
		})
	}
}

// TestBlockedLiterals dials real addresses: a guard that let one through would reach the listener.
func TestBlockedLiterals(t *testing.T) {
	addr := serve(t, answer(withLength("", "")))
	_, port, _ := net.SplitHostPort(addr)
	n, _ := strconv.ParseUint(port, 10, 16)
	client := New(Options{Ports: []uint16{uint16(n)}})
	for _, host := range []string{
		"127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
		"[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1%25lo]", "169.254.169.254", "10.1.2.3", "172.16.0.1", "192.168.0.1",
		"100.64.0.1", "224.0.0.1", "255.255.255.255", "user:pw@8.8.8.8", "127.1", "2130706433", "0x7f.1", "0177.0.0.1",
		"168.63.129.16", "[2606:4700::5efe:7f00:1]", "[2606:4700::200:5efe:a00:1]",
	} {
		got := client.Post(t.Context(), Request{URL: "http://" + host + ":" + port, Timeout: 5 * time.Second})
		if got.Err != webhook.ReasonBlockedTarget {
			t.Errorf("%s: got %+v, want error %s", host, got, webhook.ReasonBlockedTarget)
		}
	}
	for _, raw := range []string{"", "ftp://8.8.8.8/", "//8.8.8.8", "http://", "https:8.8.8.8", "http://[::1", "http://%zz/"} {
		if got := client.Post(t.Context(), Request{URL: raw}); got.Err != webhook.ReasonBlockedTarget {
			t.Errorf("%q: got %+v, want error %s", raw, got, webhook.ReasonBlockedTarget)
		}
	}
}

// TestNoProxy looks at the transport, because net/http reads the environment once in a process, and never for loopback.
func TestNoProxy(t *testing.T) {
	for _, o := range []Options{{}, {AllowPrivate: true}} {
		if New(o).transport.Proxy != nil {
			t.Errorf("%+v: there is a proxy function, want none", o)
		}
	}
}
