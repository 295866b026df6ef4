package receiver

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/chat"
	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/webhook"
)

func named(t *testing.T, name string) *dialect.Dialect {
	t.Helper()
	dialects, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	d, err := dialects.Dialect(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func start(t *testing.T, o Options) (*Receiver, *httptest.Server) {
	t.Helper()
	if o.Dialect == nil {
		o.Dialect = named(t, "standard")
	}
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	return r, srv
}

func post(t *testing.T, url, id string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(`{"type":"a.b"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Webhook-Id", id)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp
}

func TestPaths(t *testing.T) {
	_, srv := start(t, Options{})
	for _, c := range []struct {
		path   string
		status int
		header string // name: value
	}{
		{"/", 200, ""},
		{"/ok", 200, ""},
		{"/received", 200, ""},
		{"/any/thing", 200, ""},
		{"/500", 500, ""},
		{"/503/", 503, ""},
		{"/410", 410, ""},
		{"/204", 204, ""},
		{"/304", 304, ""},
		{"/199", 200, ""},
		{"/600", 200, ""},
		{"/429", 429, "Retry-After: 10"},
		{"/429/60", 429, "Retry-After: 60"},
		{"/redirect", 302, "Location: /redirected"},
		{"/slow/0", 200, ""},
		{"/flaky/1", 500, ""},
		{"/flaky/1", 200, ""},
		{"/flaky/0", 200, ""},
		{"/flaky", 500, ""},
		{"/flaky", 500, ""},
		{"/flaky", 500, ""},
		{"/flaky", 200, ""},
	} {
		resp := post(t, srv.URL+c.path, "evt_1")
		if resp.StatusCode != c.status {
			t.Errorf("%s: got %d, want %d", c.path, resp.StatusCode, c.status)
		}
		if name, want, _ := strings.Cut(c.header, ": "); resp.Header.Get(name) != want {
			t.Errorf("%s: got %s %q, want %q", c.path, name, resp.Header.Get(name), want)
		}
	}
}

func TestFlakyCountsEachEventAndPath(t *testing.T) {
	r, srv := start(t, Options{})
	var got []int
	for _, v := range []struct{ path, id string }{{"/flaky/1", "a"}, {"/flaky/1", "b"}, {"/ok", "a"}, {"/flaky/1", "a"}, {"/flaky/1", "b"}} {
		got = append(got, post(t, srv.URL+v.path, v.id).StatusCode)
	}
	if diff := cmp.Diff([]int{500, 500, 200, 200, 200}, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	latest, total := r.Received()
	if last := latest[len(latest)-1]; total != 5 || last.Attempt != 2 || last.ID != "b" {
		t.Errorf("got %d and last %+v, want 5 and attempt 2 of b", total, last)
	}
}

func TestSlow(t *testing.T) {
	for path, want := range map[string]time.Duration{"/slow": 5 * time.Second, "/slow/2": 2 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			r, err := New(Options{Dialect: named(t, "standard")})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			w := httptest.NewRecorder()
			r.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, nil))
			if got := time.Since(began); w.Code != 200 || got != want {
				t.Errorf("%s: got %d after %v, want 200 after %v", path, w.Code, got, want)
			}
		})
	}
}

func TestTimeoutNeverAnswers(t *testing.T) {
	r, srv := start(t, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, srv.URL+"/timeout", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.DefaultTransport.RoundTrip(req); err == nil {
		_ = resp.Body.Close()
		t.Errorf("got %s, want no answer", resp.Status)
	}
	if latest, total := r.Received(); total != 1 || latest[0].Status != 0 {
		t.Errorf("got %d requests, the first %+v, want 1 and no status", total, latest)
	}
}

func TestVerify(t *testing.T) {
	dialects, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	for _, name := range dialects.Names() {
		d := named(t, name)
		secret := d.NewSecret()
		entry := d.EventTypes()[0]
		example, err := ecmajson.Read(d.Example(entry.Name))
		if err != nil {
			t.Fatal(err)
		}
		body, err := d.Body(webhook.Event{Tenant: "t", ID: "evt_1", Type: entry.Name, Timestamp: now.Format(webhook.BodyTimeFormat)}, example)
		if err != nil {
			t.Fatal(err)
		}
		for _, contentType := range d.ContentTypes {
			wire := dialect.Wire(body, contentType)
			headers, err := d.Headers(dialect.Message{
				EventID: "evt_1", Type: entry.Name, Tenant: "t", Sent: now, Body: body, ContentType: contentType, Secrets: []string{secret},
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct {
				name   string
				secret string
				body   []byte
				strip  bool
				want   string
			}{
				{"right", secret, wire, false, "signature verified"},
				{"no secret", "", wire, false, "signature not checked"},
				{"other secret", d.NewSecret(), wire, false, "signature NOT verified (another secret or body)"},
				{"other body", secret, append(bytes.Clone(wire), ' '), false, "signature NOT verified (another secret or body)"},
				{"no signature", secret, wire, true, "signature NOT verified (no "},
			} {
				t.Run(strings.Join([]string{name, contentType, c.name}, " "), func(t *testing.T) {
					var out bytes.Buffer
					r, err := New(Options{Dialect: d, Secret: c.secret, Out: &out, Now: func() time.Time { return now }})
					if err != nil {
						t.Fatal(err)
					}
					req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/ok", bytes.NewReader(c.body))
					for _, h := range headers {
						if !c.strip || h.Name != r.check.signatureHeader {
							req.Header.Set(h.Name, h.Value)
						}
					}
					r.ServeHTTP(httptest.NewRecorder(), req)
					want := "12:00:00.000  POST /ok  " + entry.Name + "  evt_1  attempt 1  " + c.want
					if got := out.String(); !strings.HasPrefix(got, want) {
						t.Errorf("got %q, want a line that begins with %q", got, want)
					}
					latest, _ := r.Received()
					if got, want := latest[0].Verified != nil && *latest[0].Verified, c.name == "right"; got != want {
						t.Errorf("recorded as verified: got %v, want %v", got, want)
					}
				})
			}
		}
	}
}

func TestChatMessages(t *testing.T) {
	d := named(t, "standard")
	for _, format := range chat.Formats() {
		data, err := ecmajson.Read([]byte(`{"n":1}`))
		if err != nil {
			t.Fatal(err)
		}
		body, err := chat.Body(format, chat.Message{Type: "a.b", Data: data})
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{"": "unsigned " + format + " message", "webhook-signature": "signature NOT verified ("} {
			var out bytes.Buffer
			r, err := New(Options{Dialect: d, Secret: d.NewSecret(), Out: &out})
			if err != nil {
				t.Fatal(err)
			}
			req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/ok", bytes.NewReader(body))
			if name != "" {
				req.Header.Set(name, "v1,x")
			}
			r.ServeHTTP(httptest.NewRecorder(), req)
			if got := out.String(); !strings.Contains(got, "  "+want) {
				t.Errorf("%s with %q: got %q, want %q in it", format, name, got, want)
			}
			if latest, _ := r.Received(); name == "" && latest[0].Verified != nil {
				t.Errorf("%s: recorded as checked", format)
			}
		}
	}
}

func TestOldTimestamp(t *testing.T) {
	d := named(t, "standard")
	secret := d.NewSecret()
	sent := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	headers, err := d.Headers(dialect.Message{EventID: "e", Type: "a.b", Sent: sent, Body: []byte("{}"), Secrets: []string{secret}})
	if err != nil {
		t.Fatal(err)
	}
	h := make(http.Header)
	for _, header := range headers {
		h.Set(header.Name, header.Value)
	}
	v, err := newVerifier(d, secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		late time.Duration
		want bool
	}{{0, true}, {5 * time.Minute, true}, {5*time.Minute + 1, false}, {-5*time.Minute - 1, false}} {
		if got := *v.judge(h, []byte("{}"), sent.Add(c.late)).verified; got != c.want {
			t.Errorf("%v late: got %v, want %v", c.late, got, c.want)
		}
	}
}

func TestSecretThatIsNone(t *testing.T) {
	if _, err := New(Options{Dialect: named(t, "standard"), Secret: "whsec_?"}); err == nil || strings.Contains(err.Error(), "whsec_?") {
		t.Errorf("got %v, want an error without the secret", err)
	}
}

func TestShow(t *testing.T) {
	long := strings.Repeat("x", 400)
	for _, c := range []struct {
		name        string
		contentType string
		body        string
		want        string
	}{
		{"JSON", "application/json", `{"b":1.0,"a":["<é>"]}`, "    {\n      \"b\": 1.0,\n      \"a\": [\n        \"<é>\"\n      ]\n    }\n"},
		{"form", "application/x-www-form-urlencoded", url.Values{"payload": {`{"a":1}`}}.Encode(), "    payload={\n      \"a\": 1\n    }\n"},
		{"text", "", "a\nb", "    a b\n"},
		{"terminal codes", "", "a\x1b[31mb\x00", "    a\uFFFD[31mb\uFFFD\n"},
		{"long", "", long, "    " + long[:300] + "… (400 bytes)\n"},
		{"long JSON", "application/json", `["` + strings.Repeat(long, 11) + `"]`, "    [\"" + strings.Repeat(long, 11)[:298] + "… (4404 bytes)\n"},
		{"nothing", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, show(http.Header{"Content-Type": {c.contentType}}, []byte(c.body))); diff != "" {
				t.Errorf("shown (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPages(t *testing.T) {
	at := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	_, srv := start(t, Options{Now: func() time.Time { return at }})
	post(t, srv.URL+"/500", "evt_1")
	if got, want := get(t, srv.URL+"/"), "POST /500  a.b  evt_1  attempt 1  signature not checked  → 500"; !strings.Contains(got, want) {
		t.Errorf("page: got %q, want it to have %q", got, want)
	}
	var got, want any
	_ = json.Unmarshal([]byte(get(t, srv.URL+"/received")), &got)
	_ = json.Unmarshal([]byte(`{"total": 1, "data": [
		{"id": "evt_1", "type": "a.b", "path": "/500", "attempt": 1, "verified": null, "status": 500, "at": "2026-03-20T12:00:00Z"}]}`), &want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("received (-want +got):\n%s", diff)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s: status %d, %v", url, resp.StatusCode, err)
	}
	return string(body)
}

func TestKeepsTheLatest(t *testing.T) {
	r, err := New(Options{Dialect: named(t, "standard")})
	if err != nil {
		t.Fatal(err)
	}
	for range maxKept + 5 {
		r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/ok", nil))
	}
	latest, total := r.Received()
	if len(latest) != maxKept || total != maxKept+5 || latest[0].Attempt != 6 {
		t.Errorf("got %d kept of %d, the first attempt %d, want %d, %d and 6", len(latest), total, latest[0].Attempt, maxKept, maxKept+5)
	}
}

func TestMainServes(t *testing.T) {
	env := map[string]string{"PORT": "0", "DIALECT": "axiestudio"}
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := Main(ctx, func(name string) string { return env[name] }, in)
		ended <- err
		_ = in.Close()
	}()
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("printed nothing")
	}
	address, _, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "Receiving at "), " ")
	go func() {
		for lines.Scan() {
		}
	}()
	if !strings.HasPrefix(address, "http://127.0.0.1:") {
		t.Errorf("got address %q, want one on loopback", address)
	}
	got := get(t, address+"/received")
	if want := `{"data":[],"total":0}` + "\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("got %v, want a clean end", err)
	}
}

func TestMainRefuses(t *testing.T) {
	for _, env := range []map[string]string{{"DIALECT": "nope"}, {"SECRET": "whsec_?"}, {"PORT": "many"}} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Main(ctx, func(name string) string { return env[name] }, io.Discard); err == nil {
			t.Errorf("%v: got no error", env)
		}
	}
}
