package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/ingest"
	"hookline/shared/webhook"
)

func TestTenants(t *testing.T) {
	w := newWorld(t)
	w.do("POST", "/v1/tenants", adminKey, `{"id":"acme","name":"Again","dialect":"standard"}`).problem(409, "tenant-exists")
	w.do("POST", "/v1/tenants", adminKey, `{"id":"a b","name":"","dialect":"nope","notify_email":"Ops <ops@example.com>","frame_ancestors":["http://x.example","https://ok.example",7]}`).
		faults("id", "name", "dialect", "notify_email", "frame_ancestors.0", "frame_ancestors.2")
	w.do("POST", "/v1/tenants", adminKey, `{}`).faults("id", "name", "dialect")
	w.do("POST", "/v1/tenants", adminKey, `{"id":"x","name":"X","dialect":"standard@1"}`).faults("dialect")
	w.do("POST", "/v1/tenants", adminKey, `[]`).faults("body", "id", "name", "dialect")
	w.do("GET", "/v1/tenants/x", adminKey, "").problem(404, "not-found")

	w.now.Pass(time.Minute)
	before := w.do("GET", "/v1/tenant", w.key, "")
	if after := w.do("PATCH", "/v1/tenant", w.key, `{}`).is(200); after.body != before.body {
		t.Errorf("an empty change made %s of %s", after.body, before.body)
	}
	w.do("PATCH", "/v1/tenant", w.key, `{"id":"b","dialect":"axiestudio","name":null,"created_at":"x"}`).faults("id", "dialect", "name", "created_at")
	w.do("PATCH", "/v1/tenant", w.key, `{"name":"Acme","notify_email":"ops@example.com","frame_ancestors":["HTTPS://App.example.com/","https://app.example.com"]}`).is(200)
	got := w.do("GET", "/v1/tenants/acme", adminKey, "").is(200)
	want := `{"id":"acme","name":"Acme","dialect":"standard","notify_email":"ops@example.com","frame_ancestors":["https://app.example.com"],"retention_days":null,"max_webhooks":null,` +
		`"created_at":"2026-03-20T12:00:00.000Z","updated_at":"2026-03-20T12:01:00.000Z"}` + "\n"
	if got.body != want {
		t.Errorf("got  %s\nwant %s", got.body, want)
	}
	cleared := w.do("PATCH", "/v1/tenants/acme", adminKey, `{"notify_email":null,"frame_ancestors":null}`).is(200)
	if cleared.field("notify_email") != nil || len(cleared.field("frame_ancestors").([]any)) != 0 {
		t.Errorf("got %s", cleared.body)
	}

	w.do("DELETE", "/v1/tenants/acme", adminKey, "").is(204)
	w.do("GET", "/v1/tenant", w.key, "").problem(401, "unauthorized")
	w.do("GET", "/v1/tenants/acme", adminKey, "").problem(404, "not-found")
}

func TestKeys(t *testing.T) {
	w := newWorld(t)
	maker := w.scoped("keys:write", "keys:read", "events:write")
	w.do("POST", "/v1/keys", maker, `{"name":"k","scopes":["events:write","webhooks:read","nope",3]}`).faults("scopes.1", "scopes.2", "scopes.3")
	w.do("POST", "/v1/keys", maker, `{"name":"`+strings.Repeat("x", 101)+`","scopes":[]}`).faults("name", "scopes")
	w.do("POST", "/v1/keys", maker, `{"scopes":"all"}`).faults("name", "scopes")
	made := w.do("POST", "/v1/keys", maker, `{"name":"k","scopes":["events:write","events:write"]}`).is(201)
	key := made.str("key")
	if got := made.field("scopes").([]any); len(got) != 1 {
		t.Errorf("got scopes %v", got)
	}
	event := `{"type":"invoice.paid","data":{}}`
	w.do("POST", "/v1/events", key, event).is(202)
	if list := w.do("GET", "/v1/keys", maker, ""); strings.Contains(list.body, key) || !slices.Contains(list.ids(), made.str("id")) {
		t.Errorf("got %s", list.body)
	}
	if list := w.do("GET", "/v1/keys", w.other, ""); slices.Contains(list.ids(), made.str("id")) {
		t.Errorf("another tenant's list has the key: %s", list.body)
	}
	w.do("DELETE", "/v1/keys/"+made.str("id"), w.other, "").problem(404, "not-found")
	w.do("DELETE", "/v1/keys/"+made.str("id"), maker, "").is(204)
	w.do("POST", "/v1/events", key, event).problem(401, "unauthorized")
	w.do("DELETE", "/v1/keys/"+made.str("id"), maker, "").problem(404, "not-found")

	forTenant := w.do("POST", "/v1/tenants/globex/keys", adminKey, `{"name":"k","scopes":["tenant:read"]}`).is(201).str("key")
	if got := w.do("GET", "/v1/tenant", forTenant, "").is(200).str("id"); got != "globex" {
		t.Errorf("got tenant %q", got)
	}
}

func TestWebhook(t *testing.T) {
	w := newWorld(t)
	made := w.do("POST", "/v1/webhooks", w.key, `{"url":"https://example.com/hook","events":["invoice.*","invoice.*","webhook.test"],"secret":""}`).is(201)
	if got := made.str("secret"); !strings.HasPrefix(got, "whsec_") {
		t.Errorf("got secret %q", got)
	}
	id := made.str("id")
	got := w.do("GET", "/v1/webhooks/"+id, w.key, "").is(200)
	want := `{"id":"` + id + `","url":"https://example.com/hook","name":"","events":["invoice.*","webhook.test"],"active":true,"status":"active",` +
		`"content_type":"application/json","format":"json","headers":{},"timeout_seconds":15,"filter":null,"max_per_second":null,"metadata":{},` +
		`"created_at":"2026-03-20T12:00:00.000Z","updated_at":"2026-03-20T12:00:00.000Z","failing_since":null}` + "\n"
	if got.body != want {
		t.Errorf("got  %s\nwant %s", got.body, want)
	}

	w.now.Pass(time.Minute)
	if same := w.do("PATCH", "/v1/webhooks/"+id, w.key, `{}`).is(200); same.body != want {
		t.Errorf("an empty change made %s", same.body)
	}
	w.do("PATCH", "/v1/webhooks/"+id, w.key, `{"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw","id":"x","status":"active","colour":1}`).
		faults("secret", "id", "status", "colour")
	changed := w.do("PATCH", "/v1/webhooks/"+id, w.key, `{"name":"N","timeout_seconds":1e1,"max_per_second":5,"filter":{ "a": [1] },
		"metadata":{"k":"v"},"headers":{"X-Token":"t0ken","x-other":""}}`).is(200)
	for name, want := range map[string]any{
		"name": "N", "timeout_seconds": 10.0, "max_per_second": 5.0, "filter": map[string]any{"a": []any{1.0}}, "metadata": map[string]any{"k": "v"},
		"headers": map[string]any{"X-Token": "********", "x-other": "********"}, "updated_at": "2026-03-20T12:01:00.000Z",
	} {
		if diff := cmp.Diff(want, changed.field(name)); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
	if strings.Contains(changed.body, "t0ken") || strings.Contains(changed.body, `"secret"`) {
		t.Errorf("a secret is shown: %s", changed.body)
	}
	cleared := w.do("PATCH", "/v1/webhooks/"+id, w.key, `{"name":null,"timeout_seconds":null,"max_per_second":null,"filter":null,"metadata":null,"headers":null,"format":null,"content_type":null}`).is(200)
	if want := strings.Replace(want, `"updated_at":"2026-03-20T12:00`, `"updated_at":"2026-03-20T12:01`, 1); cleared.body != want {
		t.Errorf("got  %s\nwant %s", cleared.body, want)
	}
	w.do("PATCH", "/v1/webhooks/"+id, w.key, `{"url":null,"events":null,"active":null}`).faults("url", "events", "active")

	w.do("DELETE", "/v1/webhooks/"+id, w.key, "").is(204)
	w.do("GET", "/v1/webhooks/"+id, w.key, "").problem(404, "not-found")
}

// TestURLIsStoredAsCalled shows that a URL reads as it travels, however it came.
func TestURLIsStoredAsCalled(t *testing.T) {
	w := newWorld(t)
	const raw, want = `https://b\u00fccher.example/h\u00f6r zu?q={a}|b`, "https://xn--bcher-kva.example/h%C3%B6r%20zu?q=%7Ba%7D%7Cb"
	made := w.do("POST", "/v1/webhooks", w.key, `{"url":"`+raw+`","events":["*"]}`).is(201)
	id := w.webhook(w.key)
	changed := w.do("PATCH", "/v1/webhooks/"+id, w.key, `{"url":"`+raw+`"}`).is(200)
	var moved imported
	w.do("POST", "/v1/webhooks/import", w.key, `[{"url":"`+raw+`","events":["*"]}]`).is(201).into(&moved)
	var dry imported
	w.do("POST", "/v1/webhooks/import?dry_run=true", w.key, `[{"url":"`+raw+`","events":["*"]}]`).is(200).into(&dry)
	read := w.do("GET", "/v1/webhooks/"+id, w.key, "").is(200)
	for what, got := range map[string]string{
		"made": made.str("url"), "changed": changed.str("url"), "read": read.str("url"), "moved in": moved.Data[0].URL, "tried": dry.Data[0].URL,
	} {
		if got != want {
			t.Errorf("%s: got %s, want %s", what, got, want)
		}
	}
}

// TestHeadersAndTheirHost shows the answers to a change that would send stored tokens elsewhere.
func TestHeadersAndTheirHost(t *testing.T) {
	w := newWorld(t)
	id := w.webhook(w.key, `"headers":{"Authorization":"t0ken","X-Key":"k"}`)
	at := "/v1/webhooks/" + id
	w.do("PATCH", at, w.key, `{"url":"https://new.example/"}`).faults("headers.Authorization", "headers.X-Key")
	w.do("PATCH", at, w.key, `{"url":"https://new.example/","headers":{"Authorization":"********","X-Key":"k2"}}`).faults("headers.Authorization")
	got := w.do("PATCH", at, w.key, `{"url":"https://new.example/","headers":{"Authorization":null,"X-Key":"k2"}}`).is(200)
	if diff := cmp.Diff(map[string]any{"X-Key": "********"}, got.field("headers")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	// In place null drops a name, too, and the mask knows its value in any case of the name.
	got = w.do("PATCH", at, w.key, `{"headers":{"x-key":"********","X-Other":null}}`).is(200)
	if diff := cmp.Diff(map[string]any{"x-key": "********"}, got.field("headers")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	w.do("PATCH", at, w.key, `{"metadata":{"k":null}}`).faults("metadata.k")
}

func TestMaxWebhooks(t *testing.T) {
	w := newWorld(t)
	w.api.MaxWebhooks = 2
	w.handler = w.api.Handler()
	const hook = `{"url":"https://example.com","events":["a.b"]}`
	w.do("POST", "/v1/webhooks", w.key, hook).is(201)
	w.do("POST", "/v1/webhooks", w.key, hook).is(201)
	w.do("POST", "/v1/webhooks", w.key, hook).problem(409, "too-many-webhooks")
	w.do("POST", "/v1/webhooks/import", w.key, "["+hook+"]").problem(409, "too-many-webhooks")
	w.do("POST", "/v1/webhooks/import?dry_run=true", w.key, "["+hook+"]").problem(409, "too-many-webhooks")
	w.do("POST", "/v1/webhooks", w.other, `{"url":"https://example.com","events":["user.created"]}`).is(201)
}

func TestFormats(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("forms", "agiletune")
	const form = `"content_type":"application/x-www-form-urlencoded"`
	chats := []string{"slack", "teams", "discord"}
	for _, format := range chats {
		id := w.webhook(key, `"format":"`+format+`"`)
		got := w.do("GET", "/v1/webhooks/"+id, key, "").is(200)
		if got.str("format") != format || got.str("content_type") != "application/json" {
			t.Errorf("got %s", got.body)
		}
		w.do("PATCH", "/v1/webhooks/"+id, key, `{`+form+`}`).faults("content_type")
		w.do("PATCH", "/v1/webhooks/"+id, key, `{"format":"json",`+form+`}`).is(200)
		w.do("PATCH", "/v1/webhooks/"+id, key, `{"format":"`+format+`"}`).faults("content_type")
		w.do("PATCH", "/v1/webhooks/"+id, key, `{"format":"`+format+`","content_type":null}`).is(200)
		if got := w.do("PATCH", "/v1/webhooks/"+id, key, `{"format":null}`).is(200).str("format"); got != "json" {
			t.Errorf("null after %s: got %s, want json", format, got)
		}
	}
	for _, bad := range []string{"Slack", "", "mattermost"} {
		r := w.do("POST", "/v1/webhooks", key, `{"url":"https://example.com/","events":["*"],"format":"`+bad+`"}`)
		r.faults("format")
		for _, format := range append(chats, "json") {
			if !strings.Contains(r.body, format) {
				t.Errorf("the error does not list %s: %s", format, r.body)
			}
		}
	}
}

func TestWebhookFaults(t *testing.T) {
	w := newWorld(t)
	const url = `"url":"https://example.com/","events":["invoice.paid"]`
	for name, c := range map[string]struct {
		body   string
		faults []string
	}{
		"nothing":            {`{}`, []string{"url", "events"}},
		"null":               {`{"url":null,"events":null}`, []string{"url", "events"}},
		"a list":             {`[]`, []string{"body", "url", "events"}},
		"wrong types":        {`{"url":1,"events":"*","name":[],"secret":{},"active":"yes","content_type":1,"format":1,"headers":[],"timeout_seconds":"5","filter":"x","max_per_second":true,"metadata":"m"}`, []string{"url", "events", "name", "secret", "active", "content_type", "format", "headers", "timeout_seconds", "filter", "max_per_second", "metadata"}},
		"wrong inside":       {`{` + url + `,"headers":{"X-Foo":1,"webhook-id":"x","b d":"v","X-B":"a\u0007","Host":"h"},"metadata":{"k":1},"filter":{"a":{"b":"x"}}}`, []string{"headers.X-Foo", "headers.webhook-id", "headers.b d", "headers.X-B", "headers.Host", "metadata.k", "filter.a.b"}},
		"ranges":             {`{` + url + `,"timeout_seconds":31,"max_per_second":0,"name":"` + strings.Repeat("ä", 201) + `"}`, []string{"timeout_seconds", "max_per_second", "name"}},
		"fractions":          {`{` + url + `,"timeout_seconds":1.5,"max_per_second":1e300}`, []string{"timeout_seconds", "max_per_second"}},
		"low":                {`{` + url + `,"timeout_seconds":0,"max_per_second":-1}`, []string{"timeout_seconds", "max_per_second"}},
		"a form to a chat":   {`{` + url + `,"format":"slack","content_type":"application/x-www-form-urlencoded"}`, []string{"content_type"}},
		"unknown values":     {`{` + url + `,"format":"xml","content_type":"text/plain"}`, []string{"format", "content_type"}},
		"events":             {`{"url":"https://example.com/","events":["ok.event","a.b.c.d.e.f","","bad name",7,"*.x"]}`, []string{"events.1", "events.2", "events.3", "events.4", "events.5"}},
		"no events":          {`{"url":"https://example.com/","events":[]}`, []string{"events"}},
		"51 events":          {`{"url":"https://example.com/","events":[` + numbered(`"e.%d"`, 51) + `]}`, []string{"events"}},
		"no URL":             {`{"url":"example.com","events":["*"]}`, []string{"url"}},
		"http":               {`{"url":"http://example.com/","events":["*"]}`, []string{"url"}},
		"private":            {`{"url":"https://127.0.0.1/","events":["*"]}`, []string{"url"}},
		"long URL":           {`{"url":"https://example.com/` + strings.Repeat("a", 2048) + `","events":["*"]}`, []string{"url"}},
		"secret":             {`{` + url + `,"secret":"short"}`, []string{"secret"}},
		"empty filter":       {`{` + url + `,"filter":{}}`, []string{"filter"}},
		"invisible":          {`{"url":"https://example.com/\u200b","events":["*"],"secret":"whsec_\u2066MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw","headers":{"X-A":"a\ufeff"}}`, []string{"url", "secret", "headers.X-A"}},
		"a lone percent":     {`{"url":"https://example.com/?rate=5%","events":["*"]}`, []string{"url"}},
		"no such name":       {`{"url":"https://xn--a.example/","events":["*"]}`, []string{"url"}},
		"header white space": {`{` + url + `,"headers":{"X-A":" a","X-B":"b\t","X-É":"c"}}`, []string{"headers.X-A", "headers.X-B", "headers.X-É"}},
		"mask":               {`{` + url + `,"headers":{"X-A":"********"}}`, []string{"headers.X-A"}},
		"same header":        {`{` + url + `,"headers":{"X-A":"1","x-a":"2"}}`, []string{"headers.x-a"}},
		"21 headers":         {`{` + url + `,"headers":{` + numbered(`"X-%d":"v"`, 21) + `}}`, []string{"headers"}},
		"51 pairs":           {`{` + url + `,"metadata":{` + numbered(`"k%d":"v"`, 51) + `}}`, []string{"metadata"}},
		"long pair":          {`{` + url + `,"metadata":{"` + strings.Repeat("k", 65) + `":"v","v":"` + strings.Repeat("v", 501) + `"}}`, []string{"metadata." + strings.Repeat("k", 65), "metadata.v"}},
		"twice":              {`{` + url + `,"name":"a","name":"b"}`, []string{"name"}},
		"case of fields":     {`{` + url + `,"Name":"a"}`, []string{"Name"}},
		"control characters": {`{` + url + `,"name":"a\nb"}`, []string{"name"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.t = t
			w.do("POST", "/v1/webhooks", w.key, c.body).faults(c.faults...)
		})
	}
	if got := w.do("GET", "/v1/webhooks", w.key, "").num("total"); got != 0 {
		t.Errorf("refused webhooks were made: %d", got)
	}
	if r := w.do("POST", "/v1/webhooks", w.key, `{"url":"http://example.com/","events":["*"]}`); !strings.Contains(r.body, "tunnel") {
		t.Errorf("a refused http URL does not tell of tunnels: %s", r.body)
	}
	w.do("POST", "/v1/webhooks", w.other, `{"url":"https://example.com/","events":["no.such"],"secret":"`+strings.Repeat("x", 31)+`"}`).faults("events.0", "secret")
	// A great many faults are neither slow nor long, nor is a long name.
	if r := w.do("POST", "/v1/webhooks", w.key, `{"`+strings.Repeat("é", 100_000)+`":1}`).problem(422, "invalid"); len(r.body) > 1000 {
		t.Errorf("an answer of %d bytes", len(r.body))
	}
	r := w.do("POST", "/v1/webhooks", w.key, `{`+numbered(`"f%d":1`, 50_000)+`}`).problem(422, "invalid")
	if len(r.body) > 200_000 {
		t.Errorf("an answer of %d bytes", len(r.body))
	}
}

func numbered(format string, n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(parts, ",")
}

func TestPrivateTargets(t *testing.T) {
	w := newWorld(t)
	w.api.AllowPrivate = true
	w.do("POST", "/v1/webhooks", w.key, `{"url":"http://127.0.0.1:9999/ok","events":["*"]}`).is(201)
}

func TestWarnings(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("warned", "axoria")
	body := `{"url":"http://example.com/","events":["*"]}`
	made := w.do("POST", "/v1/webhooks", key, body).is(201)
	if got := made.field("warnings").([]any); len(got) != 1 {
		t.Errorf("got warnings %v", got)
	}
	if got := w.do("GET", "/v1/webhooks/"+made.str("id"), key, ""); strings.Contains(got.body, "warnings") {
		t.Errorf("got %s", got.body)
	}
}

func TestListWebhooks(t *testing.T) {
	w := newWorld(t)
	first := w.webhook(w.key, `"name":"Billing"`)
	w.now.Pass(time.Millisecond)
	second := w.webhook(w.key, `"active":false`)
	w.webhook(w.other)
	for query, want := range map[string][]string{
		"": {second, first}, "?status=active": {first}, "?status=inactive": {second}, "?status=failing": {}, "?search=bILL": {first},
		"?search=": {second, first}, "?search=nothing": {}, "?search=EXAMPLE.com&status=inactive": {second},
	} {
		r := w.do("GET", "/v1/webhooks"+query, w.key, "").is(200)
		if got := r.ids(); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
		if got := [4]int{r.num("total"), r.num("active"), r.num("inactive"), r.num("failing")}; got != [4]int{2, 1, 1, 0} {
			t.Errorf("%s: got counts %v", query, got)
		}
	}
	w.do("GET", "/v1/webhooks?status=broken&limit=0", w.key, "").faults("status", "limit")
	w.do("GET", "/v1/webhooks?status=", w.key, "").faults("status")
}

func TestTestWebhook(t *testing.T) {
	w := newWorld(t)
	id := w.webhook(w.other)
	path := "/v1/webhooks/" + id + "/test"
	r := w.do("POST", path, w.other, "").is(200)
	want := `{"delivery_id":"` + r.str("delivery_id") + `","status":"failed","status_code":500,"duration_ms":1,"error":"bad_status","error_detail":null,"response_body":"no","response_headers":{"Server":"nginx"}}` + "\n"
	if r.body != want {
		t.Errorf("got %s, want %s", r.body, want)
	}
	if got := w.do("GET", "/v1/deliveries/"+r.str("delivery_id"), w.other, "").is(200).str("event_type"); got != webhook.TestType {
		t.Errorf("got type %q", got)
	}
	w.do("POST", path, w.other, `{"event_type":null}`).is(200)
	for _, good := range []string{"user.created", "webhook.created"} {
		w.do("POST", path, w.other, `{"event_type":"`+good+`"}`).is(200)
	}
	for _, bad := range []string{`{"event_type":"no.such"}`, `{"event_type":""}`, `{"event_type":5}`, `{"event_type":"webhook.other"}`} {
		w.do("POST", path, w.other, bad).faults("event_type")
	}
	w.do("POST", path, w.other, `[]`).faults("body")
}

func TestRotateSecret(t *testing.T) {
	w := newWorld(t)
	path := "/v1/webhooks/" + w.webhook(w.key) + "/rotate-secret"
	r := w.do("POST", path, w.key, "").is(200)
	if got, want := r.str("previous_secret_expires_at"), "2026-03-21T12:00:00.000Z"; got != want || !strings.HasPrefix(r.str("secret"), "whsec_") {
		t.Errorf("got %s, want %s", r.body, want)
	}
	given := "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	r = w.do("POST", path, w.key, `{"secret":"`+given+`","overlap_seconds":60}`).is(200)
	if got, want := r.str("previous_secret_expires_at"), "2026-03-20T12:01:00.000Z"; got != want || r.str("secret") != given {
		t.Errorf("got %s, want %s", r.body, want)
	}
	if r = w.do("POST", path, w.key, `{"overlap_seconds":0}`).is(200); r.field("previous_secret_expires_at") != nil {
		t.Errorf("got %s", r.body)
	}
	w.do("POST", path, w.key, `{"secret":"x","overlap_seconds":604801,"x":1}`).faults("secret", "overlap_seconds", "x")
	w.do("POST", path, w.key, `{"overlap_seconds":-1}`).faults("overlap_seconds")

	path = "/v1/webhooks/" + w.webhook(w.other) + "/rotate-secret"
	w.do("POST", path, w.other, `{"overlap_seconds":1}`).faults("overlap_seconds")
	if r = w.do("POST", path, w.other, `{"overlap_seconds":0}`).is(200); r.field("previous_secret_expires_at") != nil {
		t.Errorf("got %s", r.body)
	}
}

func TestPublish(t *testing.T) {
	w := newWorld(t)
	r := w.do("POST", "/v1/events", w.key, `{"id":"order:1","type":"invoice.paid","timestamp":"2026-03-20T13:00:00.5+01:00","data":{"n":1.0}}`).is(202)
	if want := `{"id":"order:1","type":"invoice.paid","matched":1}` + "\n"; r.body != want {
		t.Errorf("got %s, want %s", r.body, want)
	}
	got := w.events.got[0]
	if want := time.Date(2026, 3, 20, 12, 0, 0, 5e8, time.UTC); !got.Timestamp.Equal(want) || string(got.Data) != `{"n":1.0}` {
		t.Errorf("got %v %s", got.Timestamp, got.Data)
	}
	r = w.do("POST", "/v1/events", w.key, `[{"type":"a.b","data":{}}]`).is(202)
	if !strings.HasPrefix(r.body, `{"data":[{"id":"evt_`) {
		t.Errorf("got %s", r.body)
	}
	w.do("POST", "/v1/tenants/globex/events", adminKey, `{"type":"user.created","data":{}}`).is(202)

	n := len(w.events.got)
	large := `{"x":"` + strings.Repeat("x", 257<<10) + `"}`
	for name, c := range map[string]struct {
		body   string
		faults []string
	}{
		"nothing":     {`{}`, []string{"type", "data"}},
		"nulls":       {`{"type":null,"data":null,"id":null,"timestamp":null}`, []string{"type", "data"}},
		"wrong types": {`{"type":1,"data":[],"id":2,"timestamp":3}`, []string{"type", "data", "id", "timestamp"}},
		"values":      {`{"type":"a..b","data":{},"id":"a b","timestamp":"yesterday","extra":1}`, []string{"type", "id", "timestamp", "extra"}},
		"empty id":    {`{"type":"a.b","data":{},"id":""}`, []string{"id"}},
		"system type": {`{"type":"webhook.created","data":{}}`, []string{"type"}},
		"in a batch":  {`[{"type":"a.b","data":{}},{"type":5,"data":{}},3,{"type":"a.b"},null]`, []string{"1.type", "2", "3.data", "4"}},
		"ids twice": {
			`[{"type":"a.b","data":{"x":1,"y":2},"id":"i"},{"type":"a.c","data":{"x":1,"y":2},"id":"i"},{"type":"a.b","data":{"y":2, "x":1},"id":"i"},{"type":"a.b","data":{},"id":"i","timestamp":1}]`,
			[]string{"1.id", "3.id", "3.timestamp"},
		},
		"ids twice alone": {`[{"type":"a.b","data":{},"id":"i"},{"type":"a.b","data":{"x":1},"id":"i"}]`, []string{"1.id"}},
		"empty batch":     {`[]`, []string{"body"}},
		"101":             {`[` + numbered(`{"type":"a.b%d","data":{}}`, 101) + `]`, []string{"body"}},
		"text":            {`"x"`, []string{"body"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.t = t
			w.do("POST", "/v1/events", w.key, c.body).faults(c.faults...)
		})
	}
	w.do("POST", "/v1/events", w.other, `{"type":"no.such","data":{}}`).faults("type")
	w.events.err = webhook.ErrConflict("event-id-reused", "the id i was used for another event")
	w.do("POST", "/v1/events", w.key, `{"type":"a.b","data":{},"id":"i"}`).problem(409, "event-id-reused")
	w.events.err = nil
	w.do("POST", "/v1/events", w.key, `{"type":"a.b","data":`+large+`}`).problem(413, "too-large")
	w.do("POST", "/v1/events", w.key, `[{"type":5,"data":{}},{"type":"a.b","data":`+large+`}]`).problem(413, "too-large")
	w.do("POST", "/v1/events", w.key, `{"type":"a.b","data":`+large).problem(400, "not-json")
	w.do("POST", "/v1/events", w.key, `{"type":"a.b","data":{"x":1},"y":`+large+`}`).faults("y")
	w.do("POST", "/v1/events", w.key, `[`+numbered(`{"type":"a.b%d","data":{}}`, 100)+`]`).is(202)
	if got, want := len(w.events.got), n+100; got != want {
		t.Errorf("got %d events, want %d", got, want)
	}
}

// Where matching is too much work, a list names the event, and one event alone its data.
func TestPublishOverFilterBudget(t *testing.T) {
	w := newWorld(t)
	const one = `{"type":"a.b","data":{}}`
	for body, c := range map[string]struct{ at, want string }{
		one:                         {"0.data", "data"},
		"[" + one + "]":             {"0.data", "0.data"},
		"[" + one + "," + one + "]": {"1.data", "1.data"},
	} {
		w.events.err = ingest.ErrFilterBudget(c.at)
		r := w.do("POST", "/v1/events", w.key, body).problem(422, "filter-budget")
		if !strings.Contains(r.body, `"field":"`+c.want+`"`) {
			t.Errorf("%s: got %s, want that it names %s", body, r.body, c.want)
		}
	}
}

func TestDeliveries(t *testing.T) {
	w := newWorld(t)
	hook, second := w.webhook(w.key), w.webhook(w.key)
	start := w.now.Now()
	save := func(hook, event string, after time.Duration, change func(*webhook.Delivery)) string {
		t.Helper()
		rec := record("acme", hook, event, start.Add(after))
		change(&rec)
		if err := w.store.SaveDelivery(t.Context(), rec, webhook.Rev{}); err != nil {
			t.Fatal(err)
		}
		return rec.ID()
	}
	attempt := webhook.Attempt{ScheduledAt: start, StartedAt: start, Duration: time.Second, StatusCode: 200, ResponseBody: "ok"}
	a := save(hook, "evt_a", 0, func(d *webhook.Delivery) { d.Status = webhook.Succeeded; d.Record(attempt) })
	b := save(hook, "evt_b", time.Second, func(d *webhook.Delivery) {
		d.Status, d.NextAt, d.Type = webhook.Pending, start.Add(time.Hour), "user.created"
		d.Record(webhook.Attempt{ScheduledAt: start, StartedAt: start, Error: webhook.ReasonTimeout})
	})
	c := save(second, "evt_c", 2*time.Second, func(d *webhook.Delivery) { d.Status = webhook.Failed; d.NextAt = start })

	of := "/v1/webhooks/" + hook + "/deliveries"
	for target, want := range map[string][]string{
		"/v1/deliveries": {c, b, a}, of: {b, a}, "/v1/deliveries?status=failed": {c}, of + "?status=failed": {},
		"/v1/deliveries?event_type=user.created": {b}, "/v1/deliveries?since=2026-03-20T12:00:01Z": {c, b},
		"/v1/deliveries?until=2026-03-20T12:00:01Z": {a}, "/v1/deliveries?since=2026-03-20T13:00:01%2B01:00&until=2026-03-20T12:00:02.000Z": {b},
		"/v1/deliveries?since=0001-01-01T00:00:00Z": {c, b, a}, "/v1/deliveries?until=0001-01-01T00:00:00Z": {},
	} {
		if got := w.do("GET", target, w.key, "").is(200).ids(); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", target, got, want)
		}
	}
	if got := w.do("GET", "/v1/deliveries", w.other, "").ids(); len(got) != 0 {
		t.Errorf("another tenant sees %q", got)
	}
	w.do("GET", of+"?status=done&since=now&until=&event_type=a..b&limit=x", w.key, "").faults("status", "since", "until", "event_type", "limit")

	got := w.do("GET", "/v1/deliveries/"+a, w.key, "").is(200)
	shown := `{"number":1,"scheduled_at":"2026-03-20T12:00:00.000Z","started_at":"2026-03-20T12:00:00.000Z","duration_ms":1000,"status_code":200,"error":null,"error_detail":null,"response_body":"ok","response_truncated":false,"response_headers":{}}`
	want := `{"id":"` + a + `","webhook_id":"` + hook + `","event_id":"evt_a","event_type":"invoice.paid","status":"succeeded","attempt_count":1,` +
		`"created_at":"2026-03-20T12:00:00.000Z","next_attempt_at":null,"last_attempt":` + shown + `,"traceparent":null,` +
		`"body":"{\"type\":\"invoice.paid\"}","request_headers":{"X-Token":"********","webhook-id":"evt_a"},"attempts":[` + shown + `]}` + "\n"
	if diff := cmp.Diff(want, got.body); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	pending := w.do("GET", "/v1/deliveries/"+b, w.key, "").is(200)
	last := pending.field("last_attempt").(map[string]any)
	if pending.str("next_attempt_at") != "2026-03-20T13:00:00.000Z" || last["status_code"] != nil || last["error"] != "timeout" {
		t.Errorf("got %s", pending.body)
	}
	failed := w.do("GET", "/v1/deliveries/"+c, w.key, "").is(200)
	if failed.field("next_attempt_at") != nil || failed.field("last_attempt") != nil {
		t.Errorf("got %s", failed.body)
	}
	w.sender.gone = true
	if got := w.do("GET", "/v1/deliveries/"+a, w.key, "").is(200); got.field("body") != nil {
		t.Errorf("got %s", got.body)
	}

	if got := w.do("POST", "/v1/deliveries/"+c+"/replay", w.key, "").is(202); got.str("status") != "pending" || got.str("id") != c {
		t.Errorf("got %s", got.body)
	}
	gone := w.do("POST", "/v1/deliveries/"+b+"/cancel", w.key, "").is(200)
	if last := gone.field("last_attempt").(map[string]any); gone.str("status") != "failed" || last["error"] != "cancelled" {
		t.Errorf("got %s", gone.body)
	}
	w.do("POST", "/v1/deliveries/"+b+"/cancel", w.key, "").problem(409, "delivery-not-pending")
	w.do("POST", "/v1/deliveries/"+a+"/cancel", w.key, "").problem(409, "delivery-not-pending")
	w.do("POST", "/v1/deliveries/"+c+"/cancel", w.other, "").problem(404, "not-found")
}

func TestDeadLetters(t *testing.T) {
	w := newWorld(t)
	w.do("POST", "/v1/dead-letters/redrive", adminKey, `{"max_per_second":501}`).faults("max_per_second")
	w.do("POST", "/v1/dead-letters/redrive", adminKey, `{"max_per_second":0}`).faults("max_per_second")
	w.do("POST", "/v1/dead-letters/redrive", adminKey, `{"max_per_second":10}`).is(202)
	w.do("POST", "/v1/dead-letters/redrive", adminKey, "").problem(409, "redrive-running")
	got := w.do("GET", "/v1/dead-letters", adminKey, "").is(200)
	want := `{"depth":2,"tasks":[{"id":"mv_1","status":"RUNNING","moved":0,"to_move":2,"max_per_second":10,"started_at":"1970-01-01T00:00:00.000Z"}]}` + "\n"
	if got.body != want || w.dead.moves[0].Destination != "delivery" {
		t.Errorf("got %s, want %s", got.body, want)
	}
}

func TestCatalogue(t *testing.T) {
	w := newWorld(t)
	got := w.do("GET", "/v1/event-types", w.other, "").is(200)
	for _, name := range []string{"user.created", "webhook.test", "deployment.registered"} {
		if !slices.Contains(got.ids(), name) {
			t.Errorf("no %s in %q", name, got.ids())
		}
	}
	if !strings.Contains(got.body, `"coming_soon":true`) {
		t.Error("nothing is coming soon")
	}
	if got := w.do("GET", "/v1/dialects", adminKey, "").is(200).ids(); !slices.Contains(got, "standard") {
		t.Errorf("got %q", got)
	}
	if got := w.do("GET", "/v1/dialects/standard@1", adminKey, "").is(200).str("name"); got != "standard" {
		t.Errorf("got %q", got)
	}
}
