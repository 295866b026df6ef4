package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/api"
	"hookline/shared/clock"
	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// shell runs commands against a stack that listens on loopback.
type shell struct {
	t   *testing.T
	url string
	env map[string]string
	dir string
	aws func(ctx context.Context, name string) (*deployed, error)
}

// result is what a command left behind.
type result struct {
	code     int
	out, err string
}

func (s *shell) run(stdin string, args ...string) result {
	s.t.Helper()
	var out, errs bytes.Buffer
	p := process{getenv: func(name string) string { return s.env[name] }, in: strings.NewReader(stdin), out: &out, err: &errs, folder: s.dir, aws: s.aws}
	return result{p.run(s.t.Context(), args), out.String(), errs.String()}
}

// do runs a command that succeeds, and decodes the JSON that it prints.
func (s *shell) do(into any, args ...string) {
	s.t.Helper()
	got := s.run("", append(args, "--output", "json")...)
	if got.code != 0 {
		s.t.Fatalf("hookline %v: exit code %d: %s", args, got.code, got.err)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(got.out), into); err != nil {
			s.t.Fatalf("hookline %v printed %q: %v", args, got.out, err)
		}
	}
}

// start starts a stack whose deliveries fail within half a second, and a shell with the admin's key and a tenant's.
func start(t *testing.T, receiver *stacktest.Receiver) (*stacktest.Stack, *stacktest.Client, *shell) {
	now := time.Now()
	stack := stacktest.World{Receiver: receiver, Clock: clock.Clock{Anchor: now, Real: now, Speed: 200}}.Start(t)
	server := httptest.NewServer(stack.API)
	t.Cleanup(server.Close)
	tenant := stack.Tenant("acme", "axiestudio")
	env := map[string]string{"HOOKLINE_URL": server.URL, "HOOKLINE_API_KEY": tenant.Key, "HOOKLINE_ADMIN_KEY": stacktest.AdminKey}
	return stack, tenant, &shell{t: t, url: server.URL, env: env, dir: t.TempDir()}
}

// ended waits until a webhook has so many deliveries in a status.
func ended(t *testing.T, c *stacktest.Client, hook string, status webhook.DeliveryStatus, want int) {
	t.Helper()
	stacktest.Until(t, time.Minute, fmt.Sprintf("%d deliveries %s", want, status), func() bool {
		n := 0
		for _, d := range c.Deliveries("&status=" + string(status)) {
			if d.WebhookID == hook {
				n++
			}
		}
		return n == want
	})
}

func TestOperate(t *testing.T) {
	receiver := &stacktest.Receiver{Answer: stacktest.ByPath(map[string]int{"down": 500, "other": 500})}
	stack, tenant, sh := start(t, receiver)

	if got := sh.run("", "doctor"); got != (result{}) {
		t.Errorf("doctor of a healthy stack: %+v, want silence", got)
	}

	types := api.List[api.EventType]{}
	sh.do(&types, "events", "types", "--limit", "1")
	eventType := types.Data[0].Name
	var down, other, fine api.CreatedWebhook
	for path, made := range map[string]*api.CreatedWebhook{"down": &down, "other": &other, "fine": &fine} {
		sh.do(made, "webhooks", "create", "--data", fmt.Sprintf(`{"url": "https://example.com/%s", "events": [%q]}`, path, eventType))
	}
	const n = 3
	for i := range n {
		var made api.EventResult
		sh.do(&made, "trigger", eventType, "--id", fmt.Sprint("e", i))
		if made.Matched != 3 {
			t.Errorf("event %d matched %d webhooks, want 3", i, made.Matched)
		}
	}
	ended(t, tenant, down.ID, webhook.Failed, n)
	ended(t, tenant, other.ID, webhook.Failed, n)
	ended(t, tenant, fine.ID, webhook.Succeeded, n)

	t.Run("doctor names dead letters", func(t *testing.T) {
		stacktest.Until(t, time.Minute, "all dead letters", func() bool { return stack.DeadLetters() == 2*n })
		got := sh.run("", "doctor", "--output", "json")
		if got.code != 6 || !strings.Contains(got.out, `"dead-letters"`) || !strings.Contains(got.out, "6 deliveries") {
			t.Errorf("got %+v, want exit code 6 and 6 dead letters", got)
		}
	})

	t.Run("pages", func(t *testing.T) {
		var some, rest, all api.List[api.Delivery]
		sh.do(&some, "deliveries", "list", "--limit", "2")
		if len(some.Data) != 2 || some.NextCursor == nil {
			t.Fatalf("--limit 2: %d deliveries, cursor %v", len(some.Data), some.NextCursor)
		}
		sh.do(&rest, "deliveries", "list", "--all", "--cursor", *some.NextCursor)
		sh.do(&all, "deliveries", "list", "--all")
		if len(all.Data) != 3*n || all.NextCursor != nil {
			t.Errorf("--all: %d deliveries, want %d", len(all.Data), 3*n)
		}
		if diff := cmp.Diff(all.Data, append(some.Data, rest.Data...)); diff != "" {
			t.Errorf("the parts are not the whole (-all +parts):\n%s", diff)
		}
		table := sh.run("", "deliveries", "list", "--webhook", down.ID, "--status", "failed")
		if lines := strings.Count(table.out, "\n"); lines != n+1 || !strings.Contains(table.out, "500 in ") {
			t.Errorf("the table has %d lines, want a head and %d:\n%s", lines, n, table.out)
		}
	})

	before := len(receiver.Requests())
	receiver.Set(stacktest.Status(200))
	t.Run("replay the failed deliveries of one webhook", func(t *testing.T) {
		var dry api.ReplayStarted
		sh.do(&dry, "deliveries", "replay", "--webhook", down.ID, "--since", "24h", "--dry-run")
		if dry.ID != nil || dry.Matched != n {
			t.Errorf("--dry-run: %+v, want %d and no job", dry, n)
		}
		var job api.Replay
		sh.do(&job, "deliveries", "replay", "--webhook", down.ID, "--since", "24h", "--wait")
		if job.Status != webhook.ReplayDone || job.Started != n {
			t.Errorf("the job is %s and has started %d, want done and %d", job.Status, job.Started, n)
		}
		ended(t, tenant, down.ID, webhook.Succeeded, n)
		got := receiver.Requests()[before:]
		for _, r := range got {
			if !strings.HasSuffix(r.URL, "/down") {
				t.Errorf("POST to %s, which was not to be sent again", r.URL)
			}
		}
		if len(got) != n {
			t.Errorf("%d POSTs, want %d", len(got), n)
		}
	})

	t.Run("redrive the rest", func(t *testing.T) {
		var started api.RedriveStarted
		sh.do(&started, "redrive", "--max-per-second", "500")
		ended(t, tenant, other.ID, webhook.Succeeded, n)
		stacktest.Until(t, time.Minute, "no dead letters", func() bool {
			var dead api.DeadLetters
			sh.do(&dead, "dead-letters")
			return dead.Depth == 0
		})
		if got := len(receiver.Requests()) - before; got != 2*n {
			t.Errorf("%d POSTs, want %d: what the replay delivered is not sent again", got, 2*n)
		}
	})

	t.Run("one delivery", func(t *testing.T) {
		var list api.List[api.Delivery]
		sh.do(&list, "deliveries", "list", "--webhook", fine.ID)
		id := list.Data[0].ID
		var shown api.DeliveryDetail
		sh.do(&shown, "deliveries", "get", id)
		if shown.ID != id || shown.Body == nil || len(shown.Attempts) != 1 {
			t.Errorf("get: %+v", shown)
		}
		if got := sh.run("", "deliveries", "cancel", id); got.code != 1 || !strings.Contains(got.err, "409 Conflict") {
			t.Errorf("cancel of one that has ended: %+v, want exit code 1 and the API's reason", got)
		}
		sh.do(nil, "deliveries", "replay", id)
		stacktest.Until(t, time.Minute, "a second attempt", func() bool { return len(tenant.Delivery(id).Attempts) == 2 })
	})

	t.Run("cancel", func(t *testing.T) {
		receiver.Set(stacktest.Status(500))
		tenant.Publish(eventType, types.Data[0].Example)
		var pending []api.Delivery
		stacktest.Until(t, time.Minute, "a pending delivery", func() bool {
			pending = tenant.Deliveries("&status=pending")
			return len(pending) > 0
		})
		var cancelled api.Delivery
		sh.do(&cancelled, "deliveries", "cancel", pending[0].ID)
		if cancelled.ID != pending[0].ID || cancelled.Status == webhook.Pending {
			t.Errorf("the delivery is %s", cancelled.Status)
		}
	})
}

func TestTail(t *testing.T) {
	receiver := new(stacktest.Receiver)
	_, tenant, sh := start(t, receiver)
	made := tenant.Webhook(stacktest.Hook("*"))
	var types api.List[api.EventType]
	sh.do(&types, "events", "types", "--limit", "1")
	old := tenant.Publish(types.Data[0].Name, types.Data[0].Example)
	ended(t, tenant, made.ID, webhook.Succeeded, 1)

	read, write := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	looks := make(chan struct{}, 100)
	p := process{out: write, err: io.Discard, folder: sh.dir}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		forward(w, r, sh.url)
		looks <- struct{}{}
	}))
	defer front.Close()
	p.getenv = func(name string) string {
		if name == "HOOKLINE_URL" {
			return front.URL
		}
		return sh.env[name]
	}
	code := make(chan int, 1)
	go func() {
		code <- p.run(ctx, []string{"tail", "--interval", "100ms", "--count", "1", "--output", "json"})
		write.Close()
	}()
	<-looks // it has seen the old one
	id := tenant.Publish(types.Data[0].Name, types.Data[0].Example)
	printed, err := io.ReadAll(read)
	if err != nil {
		t.Fatal(err)
	}
	var got api.Delivery
	if err := json.Unmarshal(printed, &got); err != nil {
		t.Fatalf("%q: %v", printed, err)
	}
	if got.EventID != id || got.WebhookID != made.ID {
		t.Errorf("tail printed the delivery of %s, want %s; %s was there before", got.EventID, id, old)
	}
	if c := <-code; c != 0 {
		t.Errorf("exit code %d", c)
	}
}

// forward hands a GET on.
func forward(w http.ResponseWriter, r *http.Request, base string) {
	req, err := http.NewRequestWithContext(r.Context(), r.Method, base+r.URL.String(), nil)
	if err != nil {
		panic(err)
	}
	req.Header = r.Header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	w.WriteHeader(resp.StatusCode)
	io.Copy(w, resp.Body)
}

func TestErrors(t *testing.T) {
	_, tenant, sh := start(t, new(stacktest.Receiver))
	gone := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer gone.Close()
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	defer broken.Close()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }))
	defer page.Close()
	away := httptest.NewServer(http.RedirectHandler(page.URL, http.StatusFound))
	defer away.Close()
	for _, tt := range []struct {
		name string
		env  map[string]string // changes
		args string
		code int
		says string
	}{
		{"an unknown command", nil, "deliveries lits", 2, "there is no command"},
		{"an unknown command at the top", nil, "lits", 2, "there is no command"},
		{"an unknown flag", nil, "deliveries list --wat", 2, "--help` lists the flags"},
		{"a table into itself", nil, "copy-table one one", 2, "the two tables are the same"},
		{"a key of one side alone", nil, "copy-table one two --from-key k", 2, "go together"},
		{"a stack's name without AWS", nil, "login https://hooks.example.com --stack hookline", 2, "give --aws too"},
		{"an argument too few", nil, "deliveries get", 2, "the use is: hookline deliveries get ID"},
		{"a wrong form", nil, "deliveries list --output xml", 2, "--output is json or table"},
		{"a wrong time", nil, "deliveries list --since yesterday", 2, "--since is a time"},
		{"no data", nil, "webhooks create", 2, "--data is needed"},
		{"data that is not JSON", nil, "webhooks create --data {", 2, "not JSON"},
		{"a webhook and no time", nil, "deliveries replay --webhook wh_1", 2, "--since is needed"},
		{"neither delivery nor webhook", nil, "deliveries replay", 2, "name one delivery"},
		{"an unknown type without data", nil, "trigger no.such_type", 2, "the catalogue has no"},
		{"fields at fault", nil, `webhooks create --data {"url":"ftp://x","events":[]}`, 1, "422 Unprocessable Entity"},
		{"each field is named", nil, `webhooks create --data {"url":"ftp://x","events":[]}`, 1, "\n  events "},
		{"not there", nil, "webhooks get wh_none", 4, "404 Not Found"},
		{"a path in an id", nil, "webhooks get ../tenant", 4, "404 Not Found"},
		{"a wrong key", map[string]string{"HOOKLINE_API_KEY": "hk_wrong"}, "webhooks list", 3, "hookline login URL"},
		{"a tenant's key for the admin's", map[string]string{"HOOKLINE_ADMIN_KEY": tenant.Key}, "tenants list", 3, "--admin"},
		{"the admin's key for a tenant's", map[string]string{"HOOKLINE_API_KEY": stacktest.AdminKey}, "webhooks list", 3, "with a tenant's key"},
		{"no key", map[string]string{"HOOKLINE_API_KEY": ""}, "webhooks list", 3, "hookline login URL"},
		{"no admin key", map[string]string{"HOOKLINE_ADMIN_KEY": ""}, "redrive", 3, "hookline login URL --admin"},
		{"no stack", map[string]string{"HOOKLINE_URL": ""}, "webhooks list", 3, "hookline login URL"},
		{"http to elsewhere", map[string]string{"HOOKLINE_URL": "http://hooks.example.com"}, "webhooks list", 2, "use https"},
		{"the connection breaks", map[string]string{"HOOKLINE_URL": gone.URL}, "webhooks list", 5, "Is the stack running"},
		{"a gateway that fails", map[string]string{"HOOKLINE_URL": broken.URL}, "webhooks list", 5, "502 Bad Gateway"},
		{"another server", map[string]string{"HOOKLINE_URL": page.URL}, "webhooks list", 5, "not Hookline's"},
		{"a redirect", map[string]string{"HOOKLINE_URL": away.URL}, "webhooks list", 1, "302 Found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := map[string]string{}
			for _, from := range []map[string]string{sh.env, tt.env} {
				maps.Copy(env, from)
			}
			other := &shell{t: t, url: sh.url, env: env, dir: sh.dir}
			got := other.run("", strings.Fields(tt.args)...)
			if got.code != tt.code || !strings.Contains(got.err, tt.says) || got.out != "" {
				t.Errorf("hookline %s: %+v, want exit code %d and %q", tt.args, got, tt.code, tt.says)
			}
			if key := env["HOOKLINE_API_KEY"]; key != "" && strings.Contains(got.err, key) {
				t.Error("the key is printed")
			}
		})
	}
}

func TestLogin(t *testing.T) {
	_, tenant, sh := start(t, new(stacktest.Receiver))
	sh.env = map[string]string{}
	if got := sh.run("hk_wrong\n", "login", sh.url); got.code != 3 {
		t.Errorf("a wrong key: %+v, want exit code 3", got)
	}
	file := filepath.Join(sh.dir, "hookline", "login.json")
	if _, err := os.Stat(file); err == nil {
		t.Error("a wrong key is kept")
	}
	if got := sh.run(tenant.Key+"\n", "login", sh.url+"/"); got.code != 0 || !strings.Contains(got.err, "tenant acme") {
		t.Fatalf("login: %+v", got)
	}
	if got := sh.run(stacktest.AdminKey, "login", sh.url, "--admin"); got.code != 0 {
		t.Fatalf("login --admin: %+v", got)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("the file's mode is %v, want 0600", mode)
	}
	sh.do(nil, "webhooks", "list")
	var list api.List[api.Tenant]
	sh.do(&list, "tenants", "list", "--search", "acme")
	if len(list.Data) != 1 || list.Data[0].ID != "acme" {
		t.Errorf("tenants: %+v", list.Data)
	}
	// The keys of one stack are not for another.
	got := make(chan string, 1)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header.Get("Authorization") }))
	defer other.Close()
	sh.env["HOOKLINE_URL"] = other.URL
	if r := sh.run("", "webhooks", "list"); r.code != 3 || len(got) > 0 {
		t.Errorf("another stack got the kept key: %+v", r)
	}
}

func TestImport(t *testing.T) {
	_, _, sh := start(t, new(stacktest.Receiver))
	if got := sh.run(`[{"url": "ftp://example.com", "events": ["*"]}]`, "import", "-", "--dry-run"); got.code != 1 || !strings.Contains(got.out, "0.url") {
		t.Errorf("a try of a bad list: %+v, want exit code 1 and the field", got)
	}
	file := filepath.Join(t.TempDir(), "webhooks.json")
	if err := os.WriteFile(file, []byte(`[{"id": "wh_moved", "url": "https://example.com/a", "events": ["*"]}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	var checked api.ImportCheck
	sh.do(&checked, "import", file, "--dry-run")
	var list api.List[api.Webhook]
	if sh.do(&list, "webhooks", "list"); !checked.Valid || len(list.Data) != 0 {
		t.Errorf("a try: valid %v, and %d webhooks", checked.Valid, len(list.Data))
	}
	var made api.Results[api.CreatedWebhook]
	sh.do(&made, "import", file)
	if len(made.Data) != 1 || made.Data[0].ID != "wh_moved" || made.Data[0].Secret == "" {
		t.Errorf("imported %+v", made.Data)
	}
	if got := sh.run("", "import", file); got.code != 1 || !strings.Contains(got.err, "\n  0.id ") {
		t.Errorf("imported again: %+v, want exit code 1 and the field", got)
	}
}

// TestSigned holds an admin call on AWS to its signature: what it covers, and of which service and region.
func TestSigned(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "example")
	t.Setenv("AWS_SESSION_TOKEN", "session")
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	for _, tt := range []struct {
		name, base string
		acc        account
		want       string
	}{
		{"API Gateway's own address", "https://abc123.execute-api.eu-central-1.amazonaws.com", account{}, "/eu-central-1/execute-api/aws4_request"},
		{"a domain of one's own", "https://hooks.example.com", account{AWS: true}, "/eu-west-1/execute-api/aws4_request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.acc.URL = tt.base
			a := &app{acc: &tt.acc}
			req, err := http.NewRequestWithContext(t.Context(), "GET", tt.base+"/v1/tenants?limit=1", nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.authorize(req, nil, true); err != nil {
				t.Fatal(err)
			}
			got := req.Header.Get("Authorization")
			if !strings.HasPrefix(got, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") || !strings.Contains(got, tt.want) || req.Header.Get("X-Amz-Security-Token") != "session" {
				t.Errorf("Authorization: %s, want one of %s", got, tt.want)
			}
		})
	}
}

func TestPrintable(t *testing.T) {
	if got, want := printable("a\x1b[2Jb\u009bc\nd", false), "a�[2Jb�c�d"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCompletion(t *testing.T) {
	sh := &shell{t: t, dir: t.TempDir()}
	for _, name := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := sh.run("", "completion", name); got.code != 0 || !strings.Contains(got.out, "hookline") {
			t.Errorf("completion %s: exit code %d: %s", name, got.code, got.err)
		}
	}
}

// TestDoctor has a stack with an attempt that is late by the clock
// of whoever looks, because the stack's clock is an hour behind.
func TestDoctor(t *testing.T) {
	now := time.Now()
	stack := stacktest.World{
		Receiver: &stacktest.Receiver{Answer: stacktest.Status(500)},
		Clock:    clock.Clock{Anchor: now.Add(-time.Hour), Real: now, Speed: 1},
	}.Start(t)
	server := httptest.NewServer(stack.API)
	defer server.Close()
	tenant := stack.Tenant("acme", "standard")
	made := tenant.Webhook(stacktest.Hook("*"))
	tenant.Publish("order.placed", map[string]any{})
	ended(t, tenant, made.ID, webhook.Pending, 1)
	sh := &shell{t: t, url: server.URL, env: map[string]string{"HOOKLINE_URL": server.URL, "HOOKLINE_API_KEY": tenant.Key}, dir: t.TempDir()}
	got := sh.run("", "doctor")
	if got.code != 6 || !strings.HasPrefix(got.out, "1 attempts are late") || !strings.Contains(got.err, "Not looked at: dead letters") {
		t.Errorf("got %+v, want exit code 6, the late attempt, and what was not looked at", got)
	}
	earlier := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/openapi.json" {
			io.WriteString(w, `{"paths": {"/v1/audit-logs": {}}}`)
			return
		}
		forward(w, r, server.URL)
	}))
	defer earlier.Close()
	sh.env["HOOKLINE_URL"] = earlier.URL
	if got := sh.run("", "doctor"); got.code != 6 || !strings.Contains(got.out, "has no /v1/admin-links: it is of an earlier release") {
		t.Errorf("of an earlier release: %+v, want exit code 6 and a call that it lacks", got)
	}
	sh.env["HOOKLINE_URL"] = server.URL
	server.Close()
	if got := sh.run("", "doctor"); got.code != 6 || !strings.Contains(got.out, "does not answer") {
		t.Errorf("of a stack that is gone: %+v, want exit code 6", got)
	}
}
