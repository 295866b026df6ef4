package access

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"hookline/infra/figures"
	"hookline/infra/local/mailbox"
	"hookline/infra/local/runner"
	"hookline/shared/clock"
	"hookline/shared/egress"
	"hookline/shared/seal"
	"hookline/shared/sqlitedb"
	"hookline/shared/stack"
	"hookline/shared/stack/stacktest"
	"hookline/shared/stack/whole"
	"hookline/shared/webhook"
)

// secrets are what only its owner may have, by what it is.
type secrets map[string]string

// forms returns the forms in which a secret could be read.
func (s secrets) forms(what string) [][]byte {
	text := s[what]
	out := [][]byte{
		[]byte(text), []byte(url.QueryEscape(text)), []byte(hex.EncodeToString([]byte(text))), []byte(base64.StdEncoding.EncodeToString([]byte(text))),
		[]byte(base64.RawURLEncoding.EncodeToString([]byte(text))),
	}
	if _, rest, ok := strings.Cut(text, "_"); ok { // without the prefix that all of its kind have
		out = append(out, []byte(rest))
		if raw, err := base64.StdEncoding.DecodeString(rest); err == nil {
			out = append(out, raw)
		}
	}
	return out
}

// in returns the secrets that can be read in the text.
func (s secrets) in(text []byte) (found []string) {
	for what := range s {
		for _, form := range s.forms(what) {
			if bytes.Contains(text, form) {
				found = append(found, what)
				break
			}
		}
	}
	return found
}

// journal is a log that several write.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) bytes() []byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	return bytes.Clone(j.b.Bytes())
}

// TestSecrets runs a whole stack on files, makes secrets of every kind, uses them, and then reads the files and the log, which
// tells all that it can.
func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	engines, err := runner.Embedded(t.Context(), dir, clock.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	log := new(journal)
	logger := slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}))
	receiver := &stacktest.Receiver{Answer: func(r egress.Request, _ int) egress.Response {
		if strings.HasSuffix(r.URL, "/fails") {
			return egress.Response{Status: 410, Headers: func() map[string]string { return map[string]string{"Server": "x"} }}
		}
		return egress.Response{Status: 200}
	}}
	mails := &mailbox.Folder{Path: filepath.Join(dir, "mail"), Now: time.Now, Log: logger}
	all, err := whole.Assemble(whole.Parts{
		Parts: stack.Parts{
			Store: engines.Store, Queues: engines.Queues, Keys: seal.NewStatic("of this test"), Log: logger, Dialects: stacktest.Dialects(t), Poster: receiver,
		},
		AdminKey: stacktest.AdminKey, Files: stacktest.Files(t), Mailer: mails, Mails: mails, Address: "http://hookline.test",
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { all.Work(ctx, context.WithoutCancel(ctx)) })
	made := secrets{"the admin's key": stacktest.AdminKey}
	events := use(t, all, made)
	stacktest.Until(t, time.Minute, "every event is sent", func() bool { return len(receiver.Requests()) >= events })
	files := contents(t, dir) // with the write-ahead log
	stop()
	wg.Wait()
	if err := engines.Close(); err != nil {
		t.Fatal(err)
	}
	files = append(files, contents(t, dir)...)
	rows := unpacked(t, filepath.Join(dir, sqlitedb.FileName))
	found := 0
	for where, text := range map[string][]byte{"the files": files, "the rows, unpacked": rows, "the log": log.bytes()} {
		for _, what := range made.in(text) {
			found++
			t.Errorf("%s: %s can be read", where, what)
		}
	}
	// What should be there is: a search that finds nothing would find no secret.
	for what, missing := range map[string]bool{
		"the hash of a key in the files": !bytes.Contains(files, []byte(webhook.HashAPIKey(made["a tenant's key"]))),
		"an event's data in the rows":    !bytes.Contains(rows, []byte("data of this test")),
		"attempts in the log":            !bytes.Contains(log.bytes(), []byte("delivery.")),
	} {
		if missing {
			t.Errorf("no %s", what)
		}
	}
	if bytes.Contains(log.bytes(), []byte(webhook.HashAPIKey(made["a tenant's key"]))) {
		t.Error("the log has the hash of a key")
	}
	figures.Note(t, "secrets made / found in files and logs", fmt.Sprintf("%d / %d", len(made), found))
}

// use makes secrets and has them used. It returns how many requests the receiver should get.
func use(t *testing.T, all *whole.Stack, made secrets) (events int) {
	t.Helper()
	admin := stacktest.Call(t, all.API, stacktest.AdminKey)
	acme := admin.Tenant("acme", "standard")
	made["a tenant's key"] = acme.Key
	var out struct{ ID, Key, Secret, URL string }
	call := func(want int, method, path string, body any, headers ...string) {
		t.Helper()
		out.ID, out.Key, out.Secret, out.URL = "", "", "", ""
		got, err := acme.Try(method, path, body, &out, headers...)
		if err != nil || got.Status != want {
			t.Fatalf("%s %s: got %d %s, %v", method, path, got.Status, got.Body, err)
		}
	}
	const once = "Idempotency-Key"
	call(201, "POST", "/v1/keys", `{"name":"k","scopes":["events:write"]}`, once, "k1") // its answer is kept
	made["a key"] = out.Key
	call(200, "PATCH", "/v1/tenant", `{"notify_email":"ops@example.com"}`)
	call(201, "POST", "/v1/webhooks", `{"url":"https://example.com/ok","events":["*"],"headers":{"Authorization":"Bearer credential-of-a-header","X-Token":"another-credential"}}`, once, "k2")
	hook := out.ID
	made["a webhook's first secret"] = out.Secret
	made["a header's credential"], made["another header's credential"] = "credential-of-a-header", "another-credential"
	events++
	acme.Publish("order.created", map[string]string{"x": "data of this test"})
	call(200, "POST", "/v1/webhooks/"+hook+"/rotate-secret", `{"overlap_seconds":3600}`, once, "k3")
	made["a rotated secret"] = out.Secret
	given := func() string {
		return "whsec_" + base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf("a secret that is given, number %02d", len(made))))
	}
	made["a given secret"] = given()
	call(200, "POST", "/v1/webhooks/"+hook+"/rotate-secret", `{"secret":"`+made["a given secret"]+`","overlap_seconds":3600}`)
	call(200, "POST", "/v1/webhooks/"+hook+"/test", `{}`)
	acme.Publish("order.created", map[string]string{"x": strings.Repeat("data of this test, which is long; ", 100)})
	events++
	made["an imported secret"] = given()
	call(201, "POST", "/v1/webhooks/import", `[{"url":"https://example.com/fails","events":["order.failed"],"secret":"`+made["an imported secret"]+`"}]`)
	acme.Publish("order.failed", map[string]string{"x": "data of this test"}) // both take it
	events += 2
	call(201, "POST", "/v1/sources", `{"kind":"custom","name":"CI"}`, once, "k4")
	made["a source's secret"] = out.Secret
	call(201, "POST", "/v1/sources", `{"kind":"gitlab","name":"CI","secret":"token-of-gitlab"}`)
	made["a source's given secret"] = "token-of-gitlab"
	report := httptest.NewRequest("POST", "/webhooks/deployments/gitlab/"+out.ID, strings.NewReader(`{"object_kind":"deployment"}`))
	report.Header.Set("X-Gitlab-Token", "token-of-gitlab")
	report.Header.Set("X-Gitlab-Event", "Deployment Hook")
	all.API.ServeHTTP(httptest.NewRecorder(), report)
	call(201, "POST", "/v1/portal-links", `{}`, once, "k5")
	link, err := url.Parse(out.URL)
	if err != nil {
		t.Fatal(err)
	}
	made["a portal link"] = link.Query().Get("link")
	visit := func(method, target string, f url.Values, cookies ...*http.Cookie) []*http.Cookie {
		r := httptest.NewRequest(method, "http://127.0.0.1"+target, strings.NewReader(f.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, c := range cookies {
			r.AddCookie(c)
		}
		rec := httptest.NewRecorder()
		all.Console.ServeHTTP(rec, r)
		if rec.Code >= 400 {
			t.Fatalf("%s %s: got %d %s", method, target, rec.Code, rec.Body)
		}
		return rec.Result().Cookies()
	}
	guest := visit("GET", link.RequestURI(), nil)
	session := visit("POST", "/console/sign-in", url.Values{"key": {acme.Key}})
	if len(guest) != 1 || len(session) != 1 {
		t.Fatalf("got cookies %v and %v", guest, session)
	}
	made["a guest's session"], made["a session"] = guest[0].Value, session[0].Value
	for what, cookie := range map[string]string{"a guest's session": guest[0].Value, "a session": session[0].Value} {
		if raw, err := base64.RawURLEncoding.DecodeString(cookie); err != nil || bytes.Contains(raw, []byte("acme")) || bytes.Contains(raw, []byte(webhook.HashAPIKey(acme.Key))) {
			t.Errorf("%s can be read: %q, %v", what, raw, err)
		}
	}
	for _, page := range []string{"/console/webhooks", "/console/webhooks/" + hook, "/console/webhooks/" + hook + "/verify", "/console/keys", "/console/sources", "/console/deliveries", "/console/settings"} {
		r := httptest.NewRequest("GET", "http://127.0.0.1"+page, nil)
		r.AddCookie(session[0])
		rec := httptest.NewRecorder()
		if all.Console.ServeHTTP(rec, r); rec.Code != 200 {
			t.Fatalf("%s: got %d", page, rec.Code)
		}
		for _, what := range made.in(rec.Body.Bytes()) {
			t.Errorf("%s shows %s", page, what)
		}
	}
	visit("POST", "/console/webhooks", url.Values{"url": {"https://example.com/ok"}, "events": {"order.none"}, "once": {"x"}, "secret": {made["a given secret"]}}, session...)
	visit("POST", "/console/sign-out", nil, session...)
	return events + 1 // the test
}

// contents returns the bytes of all files in a folder.
func contents(t *testing.T, dir string) (out []byte) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		out = append(out, b...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// unpacked returns the rows of a file, with what is compressed in them also as it was before.
func unpacked(t *testing.T, name string) []byte {
	t.Helper()
	file, err := sqlitedb.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	text := stacktest.Rows(t, file, "")
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	out := []byte(text)
	for _, m := range regexp.MustCompile(`X'([0-9A-F]+)'`).FindAllStringSubmatch(text, -1) {
		raw, err := hex.DecodeString(m[1])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, raw...)
		for at := range raw {
			plain, _ := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(raw[at:])), 1<<16)) // most are no beginning of anything
			out = append(out, plain...)
		}
	}
	return out
}
