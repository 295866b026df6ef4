package httpapi_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/api"
	"hookline/shared/audit"
	"hookline/shared/httpapi"
	"hookline/shared/webhook"
)

// audited is what the audit log says of a call with this body.
type audited struct {
	body    string
	action  string // "" is a call that has no entry
	target  string // its type
	changed string // names, with spaces between
}

// auditedCalls has every call that could change something.
func auditedCalls() map[string]audited {
	const report = `{"deployed_at":"2026-03-20T12:00:00Z","environment":"e","commit_sha":"c","repository_id":"r","repository_url":"https://example.com"}`
	return map[string]audited{
		"POST /v1/tenants":                   {`{"id":"initech","name":"I","dialect":"standard","notify_email":"a@example.com"}`, "tenant.create", "tenant", "id name dialect notify_email"},
		"PATCH /v1/tenants/{id}":             {`{"name":"New","notify_email":null}`, "tenant.update", "tenant", "name"},
		"DELETE /v1/tenants/{id}":            {"", "tenant.delete", "tenant", ""},
		"POST /v1/tenants/{id}/events":       {body: `{"type":"invoice.paid","data":{}}`},
		"POST /v1/tenants/{id}/keys":         {`{"name":"k","scopes":["events:write"]}`, "key.create", "key", "name scopes"},
		"POST /v1/tenants/{id}/portal-links": {`{}`, "portal_link.create", "portal_link", ""},
		"PATCH /v1/tenant":                   {`{"frame_ancestors":["https://app.example.com"],"name":"acme"}`, "tenant.update", "tenant", "frame_ancestors"},
		"POST /v1/keys":                      {`{"name":"k","scopes":["events:write"]}`, "key.create", "key", "name scopes"},
		"DELETE /v1/keys/{id}":               {"", "key.delete", "key", ""},
		"POST /v1/portal-links":              {`{"expires_in":60,"user":{"id":"u-1","name":"Ada"},"read_only":true}`, "portal_link.create", "portal_link", "expires_in user read_only"},
		"POST /v1/admin-links":               {`{}`, "admin_link.create", "admin_link", ""},
		"POST /v1/webhooks": {
			`{"url":"https://example.com/a","events":["*"],"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw","headers":{"X-Token":"sesame"}}`,
			"webhook.create", "webhook", "url events secret headers",
		},
		"POST /v1/webhooks/import":     {`[{"url":"https://example.com/a","events":["*"]},{"url":"https://example.com/b","events":["*"]}]`, "webhook.import", "tenant", "webhooks"},
		"POST /v1/webhooks/try-filter": {body: `{"filter":{"n":[1]},"data":{"n":1}}`},
		"PATCH /v1/webhooks/{id}": {
			`{"url":"https://example.com/b","name":"N","active":true,"headers":{"X-Token":"sesame"},"max_per_second":null,"metadata":{"a":"b"}}`,
			"webhook.update", "webhook", "url name metadata headers",
		},
		"DELETE /v1/webhooks/{id}":                     {"", "webhook.delete", "webhook", ""},
		"POST /v1/webhooks/{id}/test":                  {body: `{}`},
		"POST /v1/webhooks/{id}/rotate-secret":         {`{"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw","overlap_seconds":60}`, "webhook.rotate_secret", "webhook", "secret"},
		"POST /v1/webhooks/{id}/replay":                {`{"since":"2026-03-20T11:00:00Z"}`, "webhook.replay", "webhook", ""},
		"POST /v1/deliveries/{id}/replay":              {`{}`, "delivery.replay", "delivery", ""},
		"DELETE /v1/replays/{id}":                      {},
		"POST /v1/deliveries/{id}/cancel":              {},
		"POST /v1/events":                              {body: `{"type":"invoice.paid","data":{}}`},
		"POST /v1/events/{id}/replay":                  {`{"webhook_id":"wh_1"}`, "event.replay", "event", ""},
		"DELETE /v1/events/{id}/payload":               {"", "event.erase", "event", ""},
		"POST /v1/sources":                             {`{"kind":"custom","name":"CI","secret":"sesame"}`, "source.create", "source", "kind name secret"},
		"DELETE /v1/sources/{id}":                      {"", "source.delete", "source", ""},
		"PUT /v1/dialects/{name}":                      {"", "dialect.put", "dialect", "timeout_seconds"},
		"DELETE /v1/dialects/{name}":                   {"", "dialect.delete", "dialect", ""},
		"POST /v1/dialects/{name}/preview":             {body: `{"type":"invoice.paid"}`},
		"POST /v1/dead-letters/redrive":                {`{"max_per_second":5}`, "dead_letters.redrive", "queue", ""},
		"POST /webhooks/deployments/custom/{id}":       {body: report},
		"POST /webhooks/deployments/github/{id}":       {body: `{}`},
		"POST /webhooks/deployments/gitlab/{id}":       {body: `{}`},
		"POST /webhooks/deployments/azure-devops/{id}": {body: `{}`},
	}
}

// entries returns everything that the audit log has, of the stack and of all tenants that the tests make.
func (w *world) entries() (all []audit.Entry) {
	w.t.Helper()
	for _, tenant := range []string{"", "acme", "globex", "initech"} {
		l, err := w.store.AuditEntries(w.t.Context(), tenant, audit.Query{Page: webhook.Page{Limit: 1000}})
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, l.Items...)
	}
	return all
}

// added returns the entries that were added since.
func (w *world) added(before []audit.Entry) []audit.Entry {
	w.t.Helper()
	return slices.DeleteFunc(w.entries(), func(e audit.Entry) bool {
		return slices.ContainsFunc(before, func(b audit.Entry) bool { return b.ID == e.ID && b.Action == e.Action })
	})
}

// TestAudit makes every call of the route table. A call that changes something has one entry, and no other has any.
func TestAudit(t *testing.T) {
	calls := auditedCalls()
	for i, r := range httpapi.Routes() {
		want, writes := calls[r.Key]
		delete(calls, r.Key)
		method, path, _ := strings.Cut(r.Key, " ")
		if reads := method == http.MethodGet; reads == writes {
			t.Errorf("%s: the table of calls that could change something has it: %v", r.Key, writes)
			continue
		}
		if method == http.MethodGet || testing.Short() && i%10 > 0 { // TestAuditReads makes all those that read
			continue
		}
		t.Run(r.Key, func(t *testing.T) {
			w := newWorld(t)
			w.audits(path, method, want)
		})
	}
	for key := range calls {
		t.Errorf("%s is no route", key)
	}
}

// audits makes one call and holds its entry to what is wanted.
func (w *world) audits(path, method string, want audited) {
	t := w.t
	t.Helper()
	if err := w.store.CreateWebhook(t.Context(), webhook.Webhook{Ref: webhook.Ref{Tenant: "acme", ID: "wh_1"}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range w.callsFor(path, method) {
		if method == http.MethodPut {
			want.body = strings.Replace(w.do("GET", c.path, adminKey, "").is(200).body, `"timeout_seconds":15`, `"timeout_seconds":7`, 1)
		}
		actor := audit.Actor{Type: audit.Key, ID: w.keyID(), Name: "default"}
		key, headers := w.key, []string(nil)
		if c.scope == "admin" {
			key, actor = adminKey, audit.Actor{Type: audit.Admin, ID: "admin", Name: "admin"}
		}
		if c.kind != "" {
			key, headers = "", proof(c.kind, want.body)
		}
		if method == http.MethodPost {
			headers = append(headers, "Idempotency-Key: once")
		}
		before := w.entries()
		answer := w.do(method, c.path, key, want.body, headers...)
		if answer.status >= 300 {
			t.Fatalf("got %d %s", answer.status, answer.body)
		}
		got := w.added(before)
		if want.action == "" {
			if len(got) > 0 {
				t.Errorf("got entries %+v, want none", got)
			}
			continue
		}
		if len(got) != 1 {
			t.Fatalf("got entries %+v, want one", got)
		}
		e := got[0]
		wanted := audit.Entry{
			Tenant: e.Tenant, ID: e.ID, CreatedAt: w.now.Now(), Action: want.action, Actor: actor, Target: audit.Target{Type: want.target, ID: e.Target.ID},
			Changed: strings.Fields(want.changed), IP: "192.0.2.1", RequestID: answer.header.Get("X-Request-Id"), ExpiresAt: w.now.Now().Add(audit.Kept),
		}
		if diff := cmp.Diff(wanted, e, cmp.Transformer("empty", func(s []string) string { return strings.Join(s, " ") })); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		if e.Target.ID == "" || c.named && path != "/v1/tenants/{id}/keys" && path != "/v1/tenants/{id}/portal-links" && e.Target.ID != c.id {
			t.Errorf("got target %q, want %q", e.Target.ID, c.id)
		}
		w.secretless(e, want.body, answer.body)
		if method == http.MethodPost {
			w.do(method, c.path, key, want.body, headers...).is(answer.status)
		} else if method != http.MethodDelete { // it changes nothing any more
			w.do(method, c.path, key, want.body).is(200)
		}
		if again := w.added(before); len(again) != 1 {
			t.Errorf("a repeat makes entries %+v", again)
		}
	}
}

// keyID returns the id of acme's first key.
func (w *world) keyID() string {
	w.t.Helper()
	k, err := w.store.KeyByHash(w.t.Context(), webhook.HashAPIKey(w.key))
	if err != nil {
		w.t.Fatal(err)
	}
	return k.ID
}

// secretless checks that an entry has no secret in it that its call took or gave.
func (w *world) secretless(e audit.Entry, bodies ...string) {
	w.t.Helper()
	entry, err := json.Marshal(e)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, body := range append(bodies, `"`+w.key+`"`, `"`+adminKey+`"`) {
		for text := range strings.SplitSeq(body, `"`) {
			if secret := len(text) > 30 && !strings.Contains(text, " ") && !strings.HasPrefix(text, "dlv_"); (secret || text == "sesame") && strings.Contains(string(entry), text) {
				w.t.Errorf("%s is in the entry %s", text, entry)
			}
		}
	}
}

// TestAuditReads makes every call that reads, and calls that are refused or change nothing: none has an entry.
func TestAuditReads(t *testing.T) {
	w := newWorld(t)
	calls := w.calls()
	hook := w.webhook(w.key)
	w.do("POST", "/v1/dead-letters/redrive", adminKey, "").is(202)
	before := w.entries()
	for _, c := range calls {
		if c.method != "GET" || strings.HasPrefix(c.id, "/docs") {
			continue
		}
		key := w.key
		if c.scope == "admin" {
			key = adminKey
		}
		w.send(w.request(c.method, c.path, key, ""))
	}
	w.do("PATCH", "/v1/tenant", w.key, `{"name":"acme"}`).is(200)
	w.do("PATCH", "/v1/webhooks/"+hook, w.key, `{"events":["*"],"name":null,"format":"json"}`).is(200)
	w.do("PATCH", "/v1/webhooks/"+hook, w.key, `{"name":7}`).faults("name")
	w.do("DELETE", "/v1/webhooks/absent", w.key, "").problem(404, "not-found")
	w.do("POST", "/v1/webhooks/import?dry_run=true", w.key, `[{"url":"https://example.com/a","events":["*"]}]`).is(200)
	w.do("POST", "/v1/webhooks/import", w.key, `[{"id":"`+hook+`","url":"https://example.com/a","events":["*"]}]`).problem(409, "webhook-exists")
	w.do("POST", "/v1/webhooks/import", w.key, `[{"url":"x"}]`).faults("0.url", "0.events")
	w.do("POST", "/v1/webhooks/"+hook+"/replay", w.key, `{"since":"2026-03-20T11:00:00Z","dry_run":true}`).is(202)
	w.do("POST", "/v1/dead-letters/redrive", adminKey, "").problem(409, "redrive-running")
	w.do("POST", "/v1/tenants", adminKey, `{"id":"acme","name":"A","dialect":"standard"}`).problem(409, "tenant-exists")
	w.do("POST", "/v1/portal-links", w.key, `{"theme":"pink","webhook_id":"absent","user":{"name":"a\nb","x":1},"read_only":"yes"}`).
		faults("theme", "webhook_id", "user.id", "user.name", "user.x", "read_only")
	w.do("POST", "/v1/portal-links", w.key, `{"user":"ada"}`).faults("user")
	if got := w.added(before); len(got) > 0 {
		t.Errorf("got entries %+v, want none", got)
	}
}

// TestAuditOutcomes shows what is left of a call that did not come to its end.
func TestAuditOutcomes(t *testing.T) {
	down := errors.New("down")
	fails := func(name string) func(string) error {
		return func(call string) error {
			if call == name {
				return down
			}
			return nil
		}
	}
	for name, tt := range map[string]struct {
		before, after   string // the store's call that is lost
		method, path    string
		status          int
		action          string // "" for no entry
		stillThere, key string
	}{
		"the intent is lost":    {before: "PutAudit", method: "DELETE", path: "/v1/tenants/globex", status: 503},
		"the change is lost":    {before: "DeleteTenant", method: "DELETE", path: "/v1/tenants/globex", status: 503, action: "tenant.delete.begun"},
		"its answer is lost":    {after: "DeleteTenant", method: "DELETE", path: "/v1/tenants/globex", status: 503, action: "tenant.delete.begun"},
		"a key's change, lost":  {before: "CreateKey", method: "POST", path: "/v1/tenants/globex/keys", status: 503},
		"a key's answer, lost":  {after: "CreateKey", method: "POST", path: "/v1/tenants/globex/keys", status: 503, action: "key.create"},
		"a link's entry, lost":  {before: "PutAudit", method: "POST", path: "/v1/tenants/globex/portal-links", status: 503},
		"nothing, for contrast": {method: "DELETE", path: "/v1/tenants/globex", status: 204, action: "tenant.delete"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			before := w.entries()
			w.faults.Before, w.faults.After = fails(tt.before), fails(tt.after)
			body := ""
			if strings.HasSuffix(tt.path, "keys") {
				body = `{"name":"k","scopes":["events:write"]}`
			}
			if got := w.do(tt.method, tt.path, adminKey, body); got.status != tt.status {
				t.Errorf("got %d %s, want %d", got.status, got.body, tt.status)
			}
			w.faults.Before, w.faults.After = nil, nil
			var got []string
			for _, e := range w.added(before) {
				got = append(got, e.Action)
			}
			if strings.Join(got, " ") != tt.action {
				t.Errorf("got entries %q, want %q", got, tt.action)
			}
		})
	}
}

// actions returns what the entries of a list did, and the answer's cursor.
func (r reply) actions() (out []string, next string) {
	r.t.Helper()
	var l api.List[struct{ Action string }]
	r.is(200).into(&l)
	for _, e := range l.Data {
		out = append(out, e.Action)
	}
	if l.NextCursor != nil {
		next = *l.NextCursor
	}
	return out, next
}

func TestAuditLog(t *testing.T) {
	w := newWorld(t)
	reader := w.scoped("audit:read")
	w.now.Pass(time.Minute)
	hook := w.webhook(w.key)
	w.now.Pass(time.Minute)
	w.do("PATCH", "/v1/webhooks/"+hook, w.key, `{"name":"N"}`).is(200)
	w.dialect("house").is(201)
	w.do("DELETE", "/v1/webhooks/"+hook, w.key, "").is(204)

	want := []string{"webhook.delete", "webhook.update", "webhook.create", "key.create", "tenant.create"}
	for query, want := range map[string][]string{
		"": want, "?since=2026-03-20T12:01:00Z": want[:3], "?until=2026-03-20T12:01:00Z": want[3:], "?since=2026-03-20T12:01:00Z&until=2026-03-20T12:01:00.001Z": want[2:3],
		"?actor=admin": want[4:], "?actor=key": want[:4], "?actor=" + w.keyID(): want[:4], "?action=webhook.update": want[1:2], "?target=" + hook: want[:3],
		"?target=key": want[3:4], "?target=" + hook + "&action=key.create": nil,
	} {
		// Entries of one moment have no order.
		got, next := w.do("GET", "/v1/audit-logs"+query, reader, "").actions()
		if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) || next != "" {
			t.Errorf("%s: got %v and cursor %q, want %v", query, got, next, want)
		}
		if ofAdmin, _ := w.do("GET", "/v1/tenants/acme/audit-logs"+query, adminKey, "").actions(); len(ofAdmin) != len(want) {
			t.Errorf("%s: the admin got %v, want %v", query, ofAdmin, want)
		}
	}
	var paged []string
	for cursor := ""; ; {
		got, next := w.do("GET", "/v1/audit-logs?limit=2"+cursor, reader, "").actions()
		if paged = append(paged, got...); next == "" {
			break
		}
		cursor = "&cursor=" + next
	}
	if len(paged) != 5 || paged[4] != "key.create" && paged[4] != "tenant.create" || paged[2] != "webhook.create" {
		t.Errorf("got %v page by page", paged)
	}
	for bad, field := range map[string]string{"since=x": "since", "until=1": "until", "actor=": "actor", "limit=0": "limit", "cursor=x": "cursor", "who=me": "who"} {
		w.do("GET", "/v1/audit-logs?"+bad, reader, "").faults(field)
	}
	if got, _ := w.do("GET", "/v1/audit-logs", w.other, "").actions(); !slices.Equal(got, []string{"tenant.create"}) {
		t.Errorf("another tenant sees %v", got)
	}
	if got, _ := w.do("GET", "/v1/admin/audit-logs", adminKey, "").actions(); !slices.Equal(got, []string{"dialect.put"}) {
		t.Errorf("the stack's own are %v", got)
	}

	w.do("GET", "/v1/tenants/nobody/audit-logs", adminKey, "").problem(404, "not-found")
	w.now.Pass(time.Minute)
	w.do("DELETE", "/v1/tenants/acme", adminKey, "").is(204)
	if got, _ := w.do("GET", "/v1/tenants/acme/audit-logs", adminKey, "").actions(); len(got) != 6 || got[0] != "tenant.delete" {
		t.Errorf("of a deleted tenant the admin sees %v", got)
	}
	w.now.Pass(time.Minute)
	if got, _ := w.do("GET", "/v1/audit-logs", w.tenant("acme", "standard"), "").actions(); !slices.Equal(got, []string{"tenant.create"}) {
		t.Errorf("a new tenant with the id of an old one sees %v", got)
	}
	if got, _ := w.do("GET", "/v1/tenants/acme/audit-logs", adminKey, "").actions(); len(got) != 7 {
		t.Errorf("of both tenants the admin sees %v", got)
	}
}

// TestAloneSees shows what a caller sees that is bound to one webhook: that, its deliveries and its replays.
func TestAloneSees(t *testing.T) {
	w := newWorld(t)
	calls := w.calls()
	key, err := w.store.KeyByHash(t.Context(), webhook.HashAPIKey(w.key))
	if err != nil {
		t.Fatal(err)
	}
	own := ""
	for _, c := range calls {
		if strings.HasPrefix(c.path, "/v1/webhooks/wh_") {
			own = c.id
		}
	}
	for of, hook := range map[string]string{"its own": own, "another": w.webhook(w.key)} {
		for _, c := range calls {
			if c.scope == "admin" || c.scope == "" {
				continue
			}
			sees := c.path == "/v1/webhooks/try-filter"
			for _, under := range []string{"/v1/webhooks/wh_", "/v1/deliveries/", "/v1/replays/"} {
				sees = sees || of == "its own" && strings.HasPrefix(c.path, under)
			}
			if sees && c.method == "DELETE" { // the others go on
				continue
			}
			r := w.request(c.method, c.path, "", "{}")
			rec := w.send(r.WithContext(httpapi.WithCaller(t.Context(), httpapi.Caller{Key: key, Webhook: hook, Actor: audit.Actor{Type: audit.Portal, ID: "u-1"}})))
			if (rec.status != 404) != sees {
				t.Errorf("%s %s: the holder of %s got %d %s", c.method, c.path, of, rec.status, rec.body)
			}
		}
	}
	if got, _ := w.do("GET", "/v1/audit-logs?actor=u-1", w.key, "").actions(); len(got) == 0 {
		t.Error("the holder is in no entry")
	}
}
