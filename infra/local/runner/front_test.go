package runner

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hookline/shared/stack/whole"
)

// word is a handler that says which one it is, and how much it read.
type word string

func (h word) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	_, _ = fmt.Fprintf(w, "%s read %d bytes, %v", h, len(body), err)
}

func words(hosts ...string) http.Handler {
	return front(&whole.Stack{API: word("api"), Console: word("console")}, word("bus"), word("metrics"), hosts)
}

// TestFront shows which requests are taken, and by whom. Pages of other sites reach this machine under names of theirs, or
// say where they come from.
func TestFront(t *testing.T) {
	for name, tt := range map[string]struct {
		method, host, path string
		header             map[string]string
		want               string // of the answer
		status             int
	}{
		"loopback":              {"GET", "127.0.0.1:8080", "/v1/webhooks", nil, "api", 200},
		"another of loopback":   {"GET", "127.8.8.8", "/v1/webhooks", nil, "api", 200},
		"IPv6":                  {"GET", "[::1]:8080", "/v1/webhooks", nil, "api", 200},
		"localhost":             {"GET", "LocalHost.:8080", "/console/webhooks", nil, "console", 200},
		"a name that is set":    {"GET", "box:8080", "/healthz", nil, "api", 200},
		"metrics":               {"GET", "127.0.0.1:8080", "/metrics", nil, "metrics", 200},
		"metrics by a proxy":    {"GET", "box:8080", "/metrics", nil, "api", 200},
		"no way to metrics":     {"POST", "127.0.0.1:8080", "/metrics", nil, "api", 200},
		"a name led here":       {"GET", "attacker.example:8080", "/v1/webhooks", nil, "unknown-host", 421},
		"its pages":             {"GET", "attacker.example", "/console/", nil, "unknown-host", 421},
		"an address":            {"GET", "192.0.2.1:8080", "/healthz", nil, "unknown-host", 421},
		"a name that begins so": {"GET", "localhost.attacker.example", "/healthz", nil, "unknown-host", 421},
		"no name":               {"GET", "", "/healthz", nil, "unknown-host", 421},
		"the root":              {"GET", "localhost", "/", nil, "console", 200},
		"the console's root":    {"GET", "localhost", "/console", nil, "Moved Permanently", 301},
		"an entry":              {"POST", "localhost", "/", map[string]string{"X-Amz-Target": putEvents}, "bus", 200},
		"an entry of a page":    {"POST", "localhost", "/", map[string]string{"X-Amz-Target": putEvents, "Origin": "https://attacker.example"}, "cross-origin", 403},
		"of a page that says":   {"POST", "localhost", "/", map[string]string{"X-Amz-Target": putEvents, "Sec-Fetch-Site": "cross-site"}, "cross-origin", 403},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.path, nil)
			r.Host = tt.host
			for name, value := range tt.header {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			words("box").ServeHTTP(w, r)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
				t.Errorf("got %d %s, want %d with %q", w.Code, w.Body, tt.status, tt.want)
			}
		})
	}
}

// TestSlowBody sends a body of which a part never comes: the request ends. One that arrives in time may be worked on for
// longer than that.
func TestSlowBody(t *testing.T) {
	for name, tt := range map[string]struct {
		sent int
		work time.Duration
		want string
	}{
		"a part never comes": {sent: 5, want: "read 5 bytes, read pipe: i/o timeout"},
		"all of it comes":    {sent: 10, work: 3 * bodyTime, want: "read 10 bytes, <nil>, <nil>"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					boundBody(w, r)
					body, err := io.ReadAll(r.Body)
					<-time.After(tt.work) // virtual
					_, _ = fmt.Fprintf(w, "read %d bytes, %v, %v", len(body), err, r.Context().Err())
				})
				l := &pipes{conns: make(chan net.Conn, 1)}
				server := &http.Server{Handler: handler}
				go func() { _ = server.Serve(l) }()
				client, conn := net.Pipe()
				l.conns <- conn
				_, _ = fmt.Fprintf(client, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n%s", strings.Repeat("x", tt.sent))
				began := time.Now()
				res, err := http.ReadResponse(bufio.NewReader(client), nil)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(res.Body)
				if err != nil || !strings.Contains(string(body), tt.want) {
					t.Errorf("got %s, %v, want %s", body, err, tt.want)
				}
				if got := time.Since(began); got > tt.work+bodyTime {
					t.Errorf("answered after %v", got)
				}
				_ = client.Close()
				_ = server.Close()
			})
		})
	}
}

// pipes is a listener in memory.
type pipes struct{ conns chan net.Conn }

func (p *pipes) Accept() (net.Conn, error) {
	c, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p *pipes) Close() error   { close(p.conns); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }
