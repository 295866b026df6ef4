package ssrf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"code.dny.dev/ssrf"
	"golang.org/x/net/dns/dnsmessage"

	"hookline/infra/figures"
	"hookline/shared/api"
	"hookline/shared/egress"
	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// target is one line of testdata/targets.txt.
type target struct {
	text, why string
	name      bool // only DNS knows where it leads
}

func targets(t *testing.T) (all []target) {
	t.Helper()
	raw, err := os.ReadFile("testdata/targets.txt")
	if err != nil {
		t.Fatal(err)
	}
	var group target
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSuffix(line, "\n")
		if kind, why, ok := strings.Cut(line, "] "); ok && (kind == "[refused" || kind == "[name") {
			group = target{why: why, name: kind == "[name"}
		} else if line != "" && line[0] != '#' {
			if group.text, err = strconv.Unquote(`"` + line + `"`); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			all = append(all, group)
		}
	}
	return all
}

// url returns the target as a URL, with the port where the target is a host.
func (g target) url(scheme string, port int) string {
	if strings.Contains(g.text, "/") || strings.HasPrefix(g.text, "http:") || strings.HasPrefix(g.text, "https:") {
		return strings.ReplaceAll(g.text, "{port}", strconv.Itoa(port))
	}
	if port == 443 {
		return scheme + "://" + g.text + "/"
	}
	return scheme + "://" + g.text + ":" + strconv.Itoa(port) + "/"
}

// listen listens on a port of loopback, by IPv4 and, where there is one, by IPv6, and counts the connections.
func listen(t *testing.T, accepted *atomic.Int32) (port int) {
	t.Helper()
	var all []net.Listener
	four, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port = four.Addr().(*net.TCPAddr).Port
	all = append(all, four)
	if six, err := net.Listen("tcp6", fmt.Sprintf("[::1]:%d", port)); err == nil {
		all = append(all, six)
	}
	for _, l := range all {
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				accepted.Add(1)
				_ = c.Close()
			}
		}()
	}
	return port
}

// nameServer answers every name with addresses that are not called, and counts the lookups by name and type.
type nameServer struct{ rebound atomic.Int32 }

func (s *nameServer) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			size := make([]byte, 2) // on a stream, the length precedes each message
			if _, err := io.ReadFull(server, size); err != nil {
				return
			}
			query := make([]byte, int(size[0])<<8|int(size[1]))
			if _, err := io.ReadFull(server, query); err != nil {
				return
			}
			if reply, err := s.reply(query); err == nil {
				_, _ = server.Write(append([]byte{byte(len(reply) >> 8), byte(len(reply))}, reply...))
			}
		}()
		return client, nil
	}}
}

func (s *nameServer) reply(query []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	q := m.Questions[0]
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	name := strings.TrimSuffix(strings.ToLower(q.Name.String()), ".")
	owner := q.Name
	if n, ok := strings.CutPrefix(name, "cname"); ok {
		links, _ := strconv.Atoi(strings.TrimSuffix(n, ".example"))
		for i := range links {
			next := dnsmessage.MustNewName(fmt.Sprintf("link%d.example.net.", i))
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: owner, Type: dnsmessage.TypeCNAME, Class: q.Class}, Body: &dnsmessage.CNAMEResource{CNAME: next},
			})
			owner = next
		}
	}
	for _, a := range s.addresses(name) {
		h := dnsmessage.ResourceHeader{Name: owner, Type: q.Type, Class: q.Class}
		ip := net.ParseIP(a)
		if q.Type == dnsmessage.TypeA && !strings.Contains(a, ":") {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: [4]byte(ip.To4())}})
		} else if q.Type == dnsmessage.TypeAAAA && strings.Contains(a, ":") {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: [16]byte(ip)}})
		}
	}
	return m.Pack()
}

func (s *nameServer) addresses(name string) []string {
	switch name {
	case "mixed0.example":
		return []string{"8.8.8.8", "127.0.0.1"}
	case "mixed1.example":
		return []string{"127.0.0.1", "8.8.8.8"}
	case "mixed2.example":
		return []string{"8.8.8.8", "::1"}
	case "mixed3.example":
		return []string{"2606:4700:4700::1111", "127.0.0.1"}
	case "mixed4.example":
		return []string{"8.8.8.8", "64:ff9b::7f00:1"}
	case "mixed5.example":
		return []string{"8.8.8.8", "168.63.129.16"}
	case "rebind.example":
		if s.rebound.Add(1) <= 2 { // A and AAAA of the first lookup
			return []string{"8.8.8.8", "127.0.0.1"}
		}
		return []string{"127.0.0.1"}
	}
	if strings.Contains(name, "metadata") {
		return []string{"169.254.169.254", "fd00:ec2::254"}
	}
	return []string{"127.0.0.1", "::1"}
}

// watched is the guarded client. It counts the dials that the guard did not stop.
type watched struct {
	*egress.Client
	dials *atomic.Int32
}

func (w watched) Post(ctx context.Context, r egress.Request) egress.Response {
	return w.Client.Post(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{ConnectDone: func(_, _ string, err error) {
		if !errors.Is(err, ssrf.ErrProhibitedIP) && !errors.Is(err, ssrf.ErrProhibitedPort) {
			w.dials.Add(1)
		}
	}}), r)
}

// TestTargets tries every target in five ways.
func TestTargets(t *testing.T) {
	all := targets(t)
	if len(all) < 300 {
		t.Fatalf("got %d targets, want at least 300", len(all))
	}
	if testing.Short() { // under the race detector, a part of each group
		all = slices.DeleteFunc(all, func(g target) bool { return !g.name && len(g.text)%4 != 0 })
	}
	var accepted, dials atomic.Int32
	port := listen(t, &accepted)
	names := new(nameServer)
	client := egress.New(egress.Options{Ports: append(egress.Ports(), uint16(port)), Resolver: names.resolver()})
	s := stacktest.World{Poster: watched{client, &dials}, Production: true}.Start(t)
	acme := s.Tenant("acme", "standard")
	victim := acme.Webhook(stacktest.Hook("nothing.happens"))
	through := 0
	report := func(g target, way, got string) {
		through++
		t.Errorf("%s of %q: got %s (%s)", way, g.text, got, g.why)
	}

	for _, g := range all {
		fields := map[string]any{"url": g.url("https", 443), "events": []string{"nothing.happens"}}
		for _, c := range []struct {
			way, method, path, field string
			body                     any
			ok                       int
		}{
			{"create", "POST", "/v1/webhooks", "url", fields, 201},
			{"patch", "PATCH", "/v1/webhooks/" + victim.ID, "url", map[string]any{"url": fields["url"]}, 200},
			{"import", "POST", "/v1/webhooks/import", "0.url", []any{fields}, 201},
		} {
			got, err := acme.Try(c.method, c.path, c.body, nil)
			if err != nil {
				t.Fatal(err)
			}
			var problem struct {
				Errors []struct{ Field string }
			}
			if g.name { // calls look nothing up
				if got.Status != c.ok {
					report(g, c.way, string(got.Body))
				}
			} else if err := json.Unmarshal(got.Body, &problem); err != nil || got.Status != 422 || len(problem.Errors) != 1 || problem.Errors[0].Field != c.field {
				report(g, c.way, string(got.Body))
			}
		}
	}

	hooks := stored(t, s, acme, all, func(g target) string { return g.url("http", port) })
	for i, g := range all {
		var got api.TestResult
		acme.Do(http.StatusOK, "POST", "/v1/webhooks/"+hooks[i]+"/test", map[string]any{}, &got)
		if got.Error == nil || *got.Error != webhook.ReasonBlockedTarget || got.ErrorDetail != nil || got.ResponseBody != "" {
			report(g, "test", fmt.Sprintf("%+v", got))
		}
	}
	acme.Publish("target.tried", map[string]any{})
	for i, g := range all {
		var list api.List[api.Delivery]
		stacktest.Until(t, time.Minute, "an attempt of each webhook", func() bool {
			list = api.List[api.Delivery]{}
			acme.Do(http.StatusOK, "GET", "/v1/webhooks/"+hooks[i]+"/deliveries?event_type=target.tried", nil, &list)
			return len(list.Data) == 1 && list.Data[0].LastAttempt != nil
		})
		if got := list.Data[0].LastAttempt; got.Error == nil || *got.Error != webhook.ReasonBlockedTarget || got.ErrorDetail != nil || got.ResponseBody != "" {
			report(g, "delivery", fmt.Sprintf("%+v", got))
		}
	}
	if n := accepted.Load(); n != 0 {
		t.Errorf("the listener accepted %d connections, want 0", n)
	}
	if n := dials.Load(); n != 0 {
		t.Errorf("%d dials were not stopped, want 0", n)
	}
	figures.Note(t, "SSRF targets tried / through", fmt.Sprintf("%d × 5 ways / %d", len(all), through+int(accepted.Load()+dials.Load())))
}

// stored imports a webhook for each target and then writes the target into the store, as if no rule had been there.
func stored(t *testing.T, s *stacktest.Stack, acme *stacktest.Client, all []target, url func(target) string) (ids []string) {
	t.Helper()
	for i, g := range all {
		id := fmt.Sprintf("target-%d", i)
		fields := stacktest.Hook("target.tried")
		fields["id"], ids = id, append(ids, id)
		acme.Do(http.StatusCreated, "POST", "/v1/webhooks/import", []any{fields}, nil)
		w, err := s.Store.Webhook(t.Context(), webhook.Ref{Tenant: "acme", ID: id})
		if err != nil {
			t.Fatal(err)
		}
		w.URL = url(g)
		if err := s.Store.UpdateWebhook(t.Context(), w, false); err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

// TestOpenOrClosed compares what a test tells of a port that is open with what it tells of one that is closed.
func TestOpenOrClosed(t *testing.T) {
	var accepted atomic.Int32
	open := listen(t, &accepted)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	client := egress.New(egress.Options{Ports: []uint16{uint16(open), uint16(closed)}, Resolver: new(nameServer).resolver()})
	for _, host := range []string{"127.0.0.1", "private.example", "mixed0.example", "cname2.example"} {
		var got [2]egress.Response
		for i, port := range []int{open, closed} {
			got[i] = client.Post(t.Context(), egress.Request{URL: fmt.Sprintf("http://%s:%d/", host, port)})
			if got[i].Duration > 20*time.Second { // a dial that is dropped takes 30 s
				t.Errorf("%s: took %v", host, got[i].Duration)
			}
		}
		if a, b := got[0], got[1]; a.Err != webhook.ReasonBlockedTarget || a.Err != b.Err || a.ErrDetail != b.ErrDetail || a.Body != b.Body || a.Status != b.Status {
			t.Errorf("%s: got %+v where the port is open, and %+v where it is closed", host, a, b)
		}
	}
	if accepted.Load() != 0 {
		t.Errorf("got %d connections, want none", accepted.Load())
	}
}

// TestRedirects has a receiver send the request on to a listener on this machine.
func TestRedirects(t *testing.T) {
	var accepted atomic.Int32
	port := listen(t, &accepted)
	s := stacktest.World{}.Start(t)
	acme := s.Tenant("acme", "standard")
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{"http://127.0.0.1:%d/", "//localhost:%d/", "http://[::1]:%d/", "http://2130706433:%d/"} {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", fmt.Sprintf(to, port))
				w.Header().Set("Refresh", "0; url="+fmt.Sprintf(to, port))
				w.WriteHeader(status)
			}))
			hook := acme.Webhook(map[string]any{"url": srv.URL, "events": []string{"nothing.happens"}})
			var got api.TestResult
			acme.Do(http.StatusOK, "POST", "/v1/webhooks/"+hook.ID+"/test", map[string]any{}, &got)
			srv.Close()
			if got.Error == nil || *got.Error != webhook.ReasonRedirect {
				t.Errorf("%d to %s: got %+v, want a redirect", status, to, got)
			}
		}
	}
	if accepted.Load() != 0 {
		t.Errorf("got %d connections, want none", accepted.Load())
	}
}
