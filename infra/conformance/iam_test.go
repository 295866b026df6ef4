package conformance

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"hookline/infra/lambda"
	"hookline/shared/httpapi"
	"hookline/shared/message"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

var update = flag.Bool("update", false, "write the golden files")

// callsFile is what the functions were seen to ask of AWS, a line for each function, IAM action and resource.
const callsFile = "testdata/calls.txt"

// TestAWSCalls takes the compiled functions along every path of theirs that needs no fault, and compares the permissions
// that their calls take with those that are on file. Infra/checks compares the file with the policies of template.yaml.
func TestAWSCalls(t *testing.T) {
	s := newStack(t)
	r := &recorder{names: map[string]string{"hookline": "Table", "key-1": "Key", "bus": "Bus"}, stack: "test", sender: "webhooks@example.com"}
	for _, q := range s.queues {
		r.names[q.Name()] = q.Name()
	}
	d := &drive{
		compiled: s, webhooks: s.recorded(r, "webhooks", true), ingest: s.recorded(r, "ingest", false),
		inbound: s.recorded(r, "inbound", false), console: s.recorded(r, "console", true),
		deliver: s.recorded(r, "deliver", true), sweep: s.recorded(r, "sweep", false), driven: make(map[string]bool),
		notify: s.recorded(r, "notify", false), count: s.recorded(r, "count", false),
	}
	d.manage()
	d.describe()
	d.retry()
	d.park()
	d.spill()
	d.pace()
	d.report()
	d.browse()
	d.drop()
	d.recover()
	d.tell()
	d.fanOut()
	d.mail()
	d.tally()
	d.remove()
	for _, route := range httpapi.Routes() {
		if !d.driven[route.Key] {
			t.Errorf("%s was not called: what it asks of AWS is not known", route.Key)
		}
	}

	got, err := r.lines()
	if err != nil {
		t.Error(err)
	}
	if *update {
		if err := os.WriteFile(callsFile, []byte(strings.Join(got, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	onFile, err := os.ReadFile(callsFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(string(onFile)), "\n"), got); diff != "" {
		t.Errorf("calls (-%s +seen; -update writes the file):\n%s", callsFile, diff)
	}
}

// recorded returns a compiled function whose calls are noted.
func (s *compiled) recorded(r *recorder, name string, private bool) *lambda.Environment {
	s.t.Helper()
	sub := *s
	sub.env = slices.Clone(s.env)
	for i, variable := range sub.env {
		if service, upstream, _ := strings.Cut(variable, "="); strings.HasPrefix(service, "AWS_ENDPOINT_URL_") {
			sub.env[i] = service + "=" + r.front(s.t, name, upstream)
		}
	}
	return sub.function(name, private, time.Minute)
}

// drive takes the functions along their paths. Every step leaves the queues that the next ones read empty.
type drive struct {
	*compiled
	webhooks, ingest, deliver, sweep *lambda.Environment
	inbound, notify, console, count  *lambda.Environment

	driven map[string]bool // routes that answered as they should
	acme   string          // a key of the tenant acme, whose dialect is standard
	globex string          // the same of globex, whose dialect, axiestudio, has waits of some seconds
	made   int             // webhooks that the ingest function has not been told of
}

// call makes a request of a route; name stands for the part in braces, and key "" is the admin's. out may be nil.
func (d *drive) call(route, name, key, body string, want int, out any) {
	d.t.Helper()
	d.callOnce(route, name, key, body, "", want, out)
}

// callOnce is call with an Idempotency-Key.
func (d *drive) callOnce(route, name, key, body, once string, want int, out any) {
	d.t.Helper()
	e := d.webhooks
	for _, r := range httpapi.Routes() {
		if r.Key == route && r.Publishes {
			e = d.ingest
		}
	}
	recording := "webhooks/create-tenant" // which IAM authorised
	if key != "" {
		recording = "webhooks/create-webhook"
	}
	d.request(e, recording, func(ev *events.APIGatewayV2HTTPRequest) {
		method, path, _ := strings.Cut(route, " ")
		if before, rest, ok := strings.Cut(path, "{"); ok {
			_, after, _ := strings.Cut(rest, "}")
			path = before + name + after
		}
		ev.RouteKey, ev.RawPath, ev.Body = route, path, body
		ev.RequestContext.RouteKey, ev.RequestContext.HTTP.Method, ev.RequestContext.HTTP.Path = route, method, path
		if key != "" {
			as(key)(ev)
		}
		if once != "" {
			ev.Headers["idempotency-key"] = once
		}
	}, want, out)
	if want < http.StatusBadRequest {
		d.driven[route] = true
	}
}

// hook makes a webhook of a tenant for one event type and returns its id. more are further fields.
func (d *drive) hook(key, path, eventType, more string) string {
	d.t.Helper()
	var made struct{ ID string }
	d.made++
	d.call("POST /v1/webhooks", "", key, fmt.Sprintf(`{"url":%q,"events":[%q]%s}`, d.target+path, eventType, more), http.StatusCreated, &made)
	return made.ID
}

// send publishes n events of one type.
func (d *drive) send(key, eventType string, n int) {
	d.t.Helper()
	entry := fmt.Sprintf(`{"type":%q,"data":{}}`, eventType)
	d.call("POST /v1/events", "", key, "["+strings.Join(slices.Repeat([]string{entry}, n), ",")+"]", http.StatusAccepted, nil)
}

// hand gives a function the messages of a queue, of which there are n, and expects it to report so many of them.
func (d *drive) hand(e *lambda.Environment, setting string, n, reported int) {
	d.t.Helper()
	if got := d.feed(e, setting, n); got != reported {
		d.t.Fatalf("%d messages of %s reported, want %d", got, setting, reported)
	}
}

// manage calls what asks for no delivery in the queues.
func (d *drive) manage() {
	var made struct {
		APIKey string `json:"api_key"`
	}
	d.callOnce("POST /v1/tenants", "", "", `{"id":"acme","name":"Acme","dialect":"standard"}`, "a", http.StatusCreated, &made)
	d.acme = made.APIKey
	d.callOnce("POST /v1/tenants", "", "", `{"id":"acme","name":"Acme","dialect":"standard"}`, "a", http.StatusCreated, nil)
	d.callOnce("POST /v1/tenants", "", "", `{"id":"acme","name":"Acme","dialect":"standard"}`, "b", http.StatusConflict, nil)
	d.call("POST /v1/tenants", "", "", `{"id":"globex","name":"Globex","dialect":"axiestudio"}`, http.StatusCreated, &made)
	d.globex = made.APIKey
	d.call("GET /v1/tenants", "", "", "", http.StatusOK, nil)
	d.call("GET /v1/tenants/{id}", "acme", "", "", http.StatusOK, nil)
	d.call("PATCH /v1/tenants/{id}", "acme", "", `{"name":"ACME"}`, http.StatusOK, nil)
	d.call("GET /v1/tenant", "", d.acme, "", http.StatusOK, nil)
	d.call("PATCH /v1/tenant", "", d.acme, `{"notify_email":"ops@example.com"}`, http.StatusOK, nil)
	d.call("GET /v1/tenants/{id}/usage", "acme", "", "", http.StatusOK, nil)
	d.call("POST /v1/tenants/{id}/keys", "acme", "", `{"name":"second","scopes":["events:write"]}`, http.StatusCreated, nil)
	var key struct{ ID string }
	d.call("POST /v1/keys", "", d.acme, `{"name":"third","scopes":["events:write"]}`, http.StatusCreated, &key)
	d.call("GET /v1/keys", "", d.acme, "", http.StatusOK, nil)
	d.call("DELETE /v1/keys/{id}", key.ID, d.acme, "", http.StatusNoContent, nil)
	for _, route := range []string{"GET /v1/dialects", "GET /v1/dialects/{name}", "GET /openapi.json", "GET /healthz"} {
		d.call(route, "standard", "", "", http.StatusOK, nil)
	}
	d.call("GET /docs", "", "", "", http.StatusOK, nil)
	d.call("GET /docs/{name}", "docs.css", "", "", http.StatusOK, nil)
	d.call("GET /v1/event-types", "", d.acme, "", http.StatusOK, nil)
	d.call("GET /v1/event-types/{name}/preview", "invoice.paid", d.acme, "", http.StatusOK, nil)
	d.call("POST /v1/webhooks/try-filter", "", d.acme, `{"filter":{"paid":[true]},"type":"invoice.paid"}`, http.StatusOK, nil)

	id := d.hook(d.acme, "/ok", "invoice.*", `,"headers":{"X-Token":"t"}`)
	d.call("GET /v1/webhooks", "", d.acme, "", http.StatusOK, nil)
	d.call("GET /v1/webhooks/{id}", id, d.acme, "", http.StatusOK, nil)
	d.call("PATCH /v1/webhooks/{id}", id, d.acme, `{"events":["invoice.paid","invoice.sent"],"headers":{"X-Token":"u"}}`, http.StatusOK, nil)
	d.call("POST /v1/webhooks/{id}/test", id, d.acme, "", http.StatusOK, nil)
	d.callOnce("POST /v1/webhooks/{id}/rotate-secret", id, d.acme, "", "c", http.StatusOK, nil)

	d.call("POST /v1/tenants/{id}/events", "acme", "", `{"type":"invoice.paid","data":{}}`, http.StatusAccepted, nil)
	d.callOnce("POST /v1/events", "", d.acme, `{"id":"given","type":"invoice.paid","data":{}}`, "d", http.StatusAccepted, nil)
	d.hand(d.deliver, "DELIVERY", 2, 0)
	d.call("GET /v1/webhooks/{id}/deliveries", id, d.acme, "", http.StatusOK, nil)
	var list struct{ Data []struct{ ID string } }
	d.call("GET /v1/deliveries", "", d.acme, "", http.StatusOK, &list)
	d.call("GET /v1/deliveries/{id}", list.Data[0].ID, d.acme, "", http.StatusOK, nil)
	d.call("POST /v1/deliveries/{id}/replay", list.Data[0].ID, d.acme, "", http.StatusAccepted, nil)
	d.call("POST /v1/deliveries/{id}/cancel", list.Data[0].ID, d.acme, "", http.StatusOK, nil)
	d.hand(d.deliver, "DELIVERY", 1, 0)
	var job struct {
		ID      string
		Matched int
	}
	for _, of := range []string{"missed", "succeeded"} {
		d.call("POST /v1/webhooks/{id}/replay", id, d.acme, fmt.Sprintf(`{"since":"2026-01-01T00:00:00Z","status":%q}`, of), http.StatusAccepted, &job)
		d.hand(d.deliver, "BULK", 1, 0)
	}
	d.call("GET /v1/replays", "", d.acme, "", http.StatusOK, nil)
	d.call("GET /v1/webhooks/{id}/replays", id, d.acme, "", http.StatusOK, nil)
	d.call("GET /v1/replays/{id}", job.ID, d.acme, "", http.StatusOK, nil)
	d.call("DELETE /v1/replays/{id}", job.ID, d.acme, "", http.StatusNoContent, nil)
	d.hand(d.deliver, "BULK", job.Matched, 0)
	d.call("GET /v1/events", "", d.acme, "", http.StatusOK, nil)
	d.call("GET /v1/events/{id}", "given", d.acme, "", http.StatusOK, nil)
	other := d.hook(d.acme, "/ok", "invoice.sent", "")
	for _, hook := range []string{id, other} { // a new round, and a first attempt
		d.callOnce("POST /v1/events/{id}/replay", "given", d.acme, fmt.Sprintf(`{"webhook_id":%q}`, hook), hook, http.StatusAccepted, nil)
	}
	d.hand(d.deliver, "DELIVERY", 2, 0)
	d.call("DELETE /v1/events/{id}/payload", "given", d.acme, "", http.StatusAccepted, nil)
	d.hand(d.deliver, "BULK", 1, 0)
	d.call("DELETE /v1/webhooks/{id}", other, d.acme, "", http.StatusNoContent, nil)
	d.call("DELETE /v1/webhooks/{id}", id, d.acme, "", http.StatusNoContent, nil)
}

// describe puts a dialect of the deployment's own, speaks it and deletes it.
func (d *drive) describe() {
	var description map[string]any
	d.call("GET /v1/dialects/{name}", "standard", "", "", http.StatusOK, &description)
	put := func(name string, timeout, want int) {
		description["name"], description["timeout_seconds"] = name, timeout
		raw, err := json.Marshal(description)
		if err != nil {
			d.t.Fatal(err)
		}
		d.call("PUT /v1/dialects/{name}", name, "", string(raw), want, nil)
	}
	put("house", 7, http.StatusCreated)
	put("house", 8, http.StatusOK)
	put("house", 8, http.StatusOK)
	d.call("GET /v1/dialects/{name}", "house@1", "", "", http.StatusOK, nil)
	d.callOnce("POST /v1/dialects/{name}/preview", "house", "", `{"type":"invoice.paid"}`, "e", http.StatusOK, nil)
	var made struct {
		APIKey string `json:"api_key"`
	}
	d.call("POST /v1/tenants", "", "", `{"id":"initech","name":"Initech","dialect":"house"}`, http.StatusCreated, &made)
	d.hook(made.APIKey, "/ok", "invoice.paid", "")
	d.send(made.APIKey, "invoice.paid", 1)
	d.hand(d.deliver, "DELIVERY", 1, 0)
	d.call("DELETE /v1/dialects/{name}", "house", "", "", http.StatusConflict, nil)
	d.call("GET /v1/dialects", "", "", "", http.StatusOK, nil)
	put("spare", 7, http.StatusCreated)
	d.call("DELETE /v1/dialects/{name}", "spare", "", "", http.StatusNoContent, nil)
}

// retry has attempts fail: the next one is due soon, late, or never.
func (d *drive) retry() {
	d.hook(d.globex, "/flaky/1", "user.created", "")
	d.send(d.globex, "user.created", 1)
	d.hand(d.deliver, "DELIVERY", 1, 1)
	var back events.SQSEvent
	var handles []string
	for try := 0; len(back.Records) == 0 && try < 10; try++ { // it is hidden for 2 s
		back, handles = d.batch("DELIVERY")
	}
	if failed := d.failures(d.deliver, back); len(back.Records) != 1 || len(failed) != 0 {
		d.t.Fatalf("%d messages came back and %d were reported, want 1 and 0", len(back.Records), len(failed))
	}
	if err := d.queues["DELIVERY"].Delete(d.t.Context(), handles...); err != nil {
		d.t.Fatal(err)
	}

	d.hook(d.acme, "/429/600", "late.event", "")
	d.send(d.acme, "late.event", 1)
	d.hand(d.deliver, "DELIVERY", 1, 0)

	d.hook(d.acme, "/410", "gone.event", "")
	d.send(d.acme, "gone.event", 1)
	d.hand(d.deliver, "DELIVERY", 1, 0)
}

// park has a message of RetryQueue come up before its time, as after the longest delay that SQS knows.
func (d *drive) park() {
	d.hook(d.acme, "/ok", "early.event", "")
	d.send(d.acme, "early.event", 1)
	ev, handles := d.batch("DELIVERY")
	if len(ev.Records) != 1 {
		d.t.Fatalf("DeliveryQueue holds %d messages, want 1", len(ev.Records))
	}
	var m message.Message
	if err := json.Unmarshal([]byte(ev.Records[0].Body), &m); err != nil {
		d.t.Fatal(err)
	}
	m.Due = time.Now().Add(time.Hour).UnixMilli()
	if err := d.queues["RETRY"].Send(d.t.Context(), []queue.Outgoing{m.Outgoing(0)}); err != nil {
		d.t.Fatal(err)
	}
	if err := d.queues["DELIVERY"].Delete(d.t.Context(), handles...); err != nil {
		d.t.Fatal(err)
	}
	d.hand(d.deliver, "RETRY", 1, 1)
}

// spill has a slow receiver fill a batch, and then fail in BulkQueue.
func (d *drive) spill() {
	id := d.hook(d.globex, "/slow/4", "user.updated", "")
	d.send(d.globex, "user.updated", 1)
	d.hand(d.deliver, "DELIVERY", 1, 0)
	d.send(d.globex, "user.updated", 3)
	d.hand(d.deliver, "DELIVERY", 3, 0)
	d.call("PATCH /v1/webhooks/{id}", id, d.globex, fmt.Sprintf(`{"url":%q}`, d.target+"/500"), http.StatusOK, nil)
	ev, handles := d.batch("BULK")
	if failed := d.failures(d.deliver, ev); len(ev.Records) != 1 || len(failed) != 1 {
		d.t.Fatalf("BulkQueue held %d messages and %d were reported, want 1 and 1", len(ev.Records), len(failed))
	}
	if err := d.queues["BULK"].Delete(d.t.Context(), handles...); err != nil { // it would come back in seconds
		d.t.Fatal(err)
	}
}

// pace has a batch hold more than a webhook takes in a second.
func (d *drive) pace() {
	d.hook(d.acme, "/ok", "paced.event", `,"max_per_second":1`)
	d.send(d.acme, "paced.event", 2)
	d.hand(d.deliver, "DELIVERY", 2, 0)
}

// report has each kind of source report a deployment, as its product publishes the payload, and again.
func (d *drive) report() {
	d.hook(d.acme, "/ok", "deployment.registered", "")
	read := func(name string) string {
		raw, err := os.ReadFile("../../shared/deployment/testdata/" + name)
		if err != nil {
			d.t.Fatal(err)
		}
		return string(raw)
	}
	sign := func(body string) string {
		mac := hmac.New(sha256.New, []byte("secret"))
		mac.Write([]byte(body))
		return fmt.Sprintf("sha256=%x", mac.Sum(nil))
	}
	document, status := read("custom/document.json"), read("github/deployment_status.success.json")
	var made struct{ ID, URL string }
	var registered struct{ ID string }
	for _, s := range []struct {
		kind, body string
		headers    map[string]string
	}{
		{"custom", document, map[string]string{"x-axify-deployment-event-signature": sign(document)}},
		{"github", status, map[string]string{"x-hub-signature-256": sign(status), "x-github-event": "deployment_status"}},
		{"gitlab", read("gitlab/deployment.success.json"), map[string]string{"x-gitlab-token": "secret", "x-gitlab-event": "Deployment Hook"}},
		{"azure-devops", read("azure-devops/run.json"), map[string]string{"authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(":secret"))}},
	} {
		d.callOnce("POST /v1/sources", "", d.acme, fmt.Sprintf(`{"kind":%q,"name":"CI","secret":"secret"}`, s.kind), s.kind, http.StatusCreated, &made)
		route := "POST /webhooks/deployments/" + s.kind + "/{id}"
		if got, want := made.URL, "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/webhooks/deployments/"+s.kind+"/"+made.ID; got != want {
			d.t.Errorf("the address of a source is %s, want %s", got, want)
		}
		for _, want := range []int{http.StatusCreated, http.StatusOK} {
			d.request(d.inbound, "inbound/custom", func(ev *events.APIGatewayV2HTTPRequest) {
				path := strings.Replace(route, "{id}", made.ID, 1)[len("POST "):]
				ev.RouteKey, ev.RawPath, ev.Body = route, path, s.body
				ev.RequestContext.RouteKey, ev.RequestContext.HTTP.Path = route, path
				delete(ev.Headers, "x-axify-deployment-event-signature")
				maps.Copy(ev.Headers, s.headers)
			}, want, &registered)
		}
		d.driven[route] = true
	}
	d.hand(d.deliver, "DELIVERY", 4, 0)
	d.call("GET /v1/sources", "", d.acme, "", http.StatusOK, nil)
	d.call("GET /v1/sources/{id}", made.ID, d.acme, "", http.StatusOK, nil)
	d.call("GET /v1/deployments", "", d.acme, "", http.StatusOK, nil)
	d.call("GET /v1/deployments/{id}", registered.ID, d.acme, "", http.StatusOK, nil)
	d.call("DELETE /v1/sources/{id}", made.ID, d.acme, "", http.StatusNoContent, nil)
}

// browse does in the console what its pages offer, first with a key and then by a portal link.
func (d *drive) browse() {
	v := &visitor{compiled: d.compiled, console: d.console}
	v.post("/console/sign-in", http.StatusSeeOther, "key", d.acme)
	v.post("/console/webhooks", http.StatusCreated, "url", d.target+"/ok", "events", "browsed.event", "active", "on")
	d.made++
	var list struct{ Data []struct{ ID string } }
	d.call("GET /v1/webhooks", "", d.acme, "", http.StatusOK, &list)
	at := "/console/webhooks/" + list.Data[0].ID
	v.post(at, http.StatusSeeOther, "url", d.target+"/ok", "events", "browsed.event", "events", "other.event", "active", "on")
	v.post(at+"/test", http.StatusOK)
	v.post(at+"/rotate-secret", http.StatusOK)
	d.call("GET /v1/deliveries", "", d.acme, "", http.StatusOK, &list)
	v.post("/console/deliveries/"+list.Data[0].ID+"/replay", http.StatusSeeOther)
	d.hand(d.deliver, "DELIVERY", 1, 0)
	again := []string{"since", "2026-01-01T00:00", "until", "", "status", "succeeded", "event_type", ""}
	v.post(at+"/replay", http.StatusOK, again...) // counts
	v.post(at+"/replay", http.StatusSeeOther, append(again, "counted", "2026-01-01T00:00||succeeded|")...)
	for range 2 { // the job, then the delivery that it sends again
		d.hand(d.deliver, "BULK", 1, 0)
	}
	for _, page := range []string{
		"/console/webhooks?search=x", "/console/webhooks?status=failing", at, at + "/edit", at + "/test", at + "/deliveries", "/console/deliveries",
		"/console/deliveries/" + list.Data[0].ID, "/console/keys", "/console/keys/new", "/console/settings", "/console/settings/portal-link",
		"/console/sources", "/console/deployments", "/console/event-types", "/console/event-types/webhook.test", "/console/events", "/console/import", "/console/help",
	} {
		v.get(page, http.StatusOK)
	}
	v.post(at+"/delete", http.StatusSeeOther)

	v.post("/console/keys", http.StatusCreated, "name", "browsed", "scopes", "webhooks:read")
	d.call("GET /v1/keys", "", d.acme, "", http.StatusOK, &list)
	v.post("/console/keys/"+list.Data[0].ID+"/delete", http.StatusSeeOther)
	v.post("/console/settings", http.StatusSeeOther, "name", "ACME", "notify_email", "ops@example.com")
	v.post("/console/sources", http.StatusCreated, "kind", "custom", "name", "browsed")
	d.call("GET /v1/sources", "", d.acme, "", http.StatusOK, &list)
	v.post("/console/sources/"+list.Data[0].ID+"/delete", http.StatusSeeOther)

	var link struct{ URL string }
	d.call("POST /v1/tenants/{id}/portal-links", "acme", "", "", http.StatusCreated, &link)
	d.call("POST /v1/portal-links", "", d.acme, "", http.StatusCreated, &link)
	u, err := url.Parse(link.URL)
	if err != nil {
		d.t.Fatal(err)
	}
	guest := &visitor{compiled: d.compiled, console: d.console}
	guest.get(u.RequestURI(), http.StatusSeeOther)
	guest.get("/console/webhooks", http.StatusOK)

	d.call("GET /v1/audit-logs", "", d.acme, "", http.StatusOK, nil)
	d.call("GET /v1/tenants/{id}/audit-logs", "acme", "", "", http.StatusOK, nil)
	d.call("GET /v1/admin/audit-logs", "", "", "", http.StatusOK, nil)
	d.call("POST /v1/admin-links", "", "", "", http.StatusCreated, &link)
	if u, err = url.Parse(link.URL); err != nil {
		d.t.Fatal(err)
	}
	operator := &visitor{compiled: d.compiled, console: d.console}
	operator.get(u.RequestURI(), http.StatusSeeOther)
	for _, path := range []string{
		"", "audit-log", "tenants/acme/audit-log", "tenants/new", "tenants/acme/edit", "tenants/acme/delete", "dead-letters", "dead-letters/purge",
		"queues", "replays",
	} {
		operator.get("/console/admin/"+path, http.StatusOK)
	}
	operator.post("/console/admin/tenants", http.StatusCreated, "id", "browsed", "name", "Browsed", "dialect", "standard")
	operator.post("/console/admin/tenants/browsed", http.StatusSeeOther, "name", "Changed")
	operator.post("/console/admin/tenants/browsed/delete", http.StatusSeeOther, "typed", "browsed")
	for range 2 { // the second purge finds when the first one was
		operator.post("/console/admin/dead-letters/purge", http.StatusSeeOther, "typed", "delete all")
	}
	operator.post("/console/admin/dead-letters/redrive", http.StatusSeeOther, "max_per_second", "500")
	operator.post("/console/admin/tenants/acme/open", http.StatusSeeOther)
	operator.post("/console/admin/sign-out", http.StatusSeeOther)
}

// drop has messages come up that nobody is to get any more, or that are none.
func (d *drive) drop() {
	id := d.hook(d.acme, "/ok", "idle.event", "")
	d.send(d.acme, "idle.event", 1)
	d.call("PATCH /v1/webhooks/{id}", id, d.acme, `{"active":false}`, http.StatusOK, nil)
	d.hand(d.deliver, "DELIVERY", 1, 0)

	id = d.hook(d.acme, "/ok", "removed.event", "")
	d.send(d.acme, "removed.event", 1)
	d.call("DELETE /v1/webhooks/{id}", id, d.acme, "", http.StatusNoContent, nil)
	d.hand(d.deliver, "DELIVERY", 1, 0)

	if failed := d.failures(d.deliver, d.recordedBatch("deliver/poison", "DELIVERY")); len(failed) != 0 {
		d.t.Fatalf("reported %v, want nothing", failed)
	}
}

// recover has the sweeper find what was left behind, and the admin move the dead letters of drop.
func (d *drive) recover() {
	at := time.Now().Add(-3 * time.Hour).UTC().Truncate(time.Millisecond)
	if err := d.store.SaveDelivery(d.t.Context(), webhook.Delivery{
		DeliveryKey: webhook.DeliveryKey{Tenant: "acme", Webhook: "wh_gone", Event: "evt_1", AcceptedAt: at},
		Type:        "invoice.paid", Dialect: "standard@1", Timestamp: "2026-03-20T12:00:00Z",
		Body: webhook.Payload{Inline: []byte("p{}")}, Status: webhook.Pending, Round: 1, NextAt: at, Via: webhook.ViaQueue,
		ExpiresAt: at.AddDate(0, 1, 0),
	}, webhook.Rev{}); err != nil {
		d.t.Fatal(err)
	}
	var event json.RawMessage
	load(d.t, "sweep/schedule", &event)
	var answer struct{ Queued int }
	invoke(d.t, d.sweep, event, &answer)
	if answer.Queued != 1 {
		d.t.Fatalf("%d deliveries swept, want 1", answer.Queued)
	}
	d.hand(d.deliver, "DELIVERY", 1, 0)

	d.call("GET /v1/dead-letters", "", "", "", http.StatusOK, nil)
	d.call("POST /v1/dead-letters/redrive", "", "", `{"max_per_second":100}`, http.StatusAccepted, nil)
	// Both first: handed over one by one, the poison would be back among the dead letters while the task still moves them.
	moved, handles := d.batch("DELIVERY")
	for try := 0; len(handles) < 2 && try < 10; try++ { // the task takes its time
		more, taken := d.batch("DELIVERY")
		moved.Records, handles = append(moved.Records, more.Records...), append(handles, taken...)
	}
	if len(handles) != 2 {
		d.t.Fatalf("%d dead letters came back, want 2", len(handles))
	}
	if failed := d.failures(d.deliver, moved); len(failed) != 0 {
		d.t.Fatalf("reported %v, want nothing", failed)
	}
	if err := d.queues["DELIVERY"].Delete(d.t.Context(), handles...); err != nil {
		d.t.Fatal(err)
	}
}

// tell has the ingest function take all changes of webhooks' states so far.
func (d *drive) tell() {
	d.t.Helper()
	for until := time.Now().Add(time.Minute); ; {
		ev, handles := d.batch("INGEST")
		if len(ev.Records) == 0 && d.made <= 0 {
			return
		}
		if time.Now().After(until) {
			d.t.Fatalf("%d new webhooks are not told of", d.made)
		}
		if len(ev.Records) == 0 {
			continue
		}
		d.failures(d.ingest, ev) // a webhook that is deleted by now is looked for again: reported
		if err := d.queues["INGEST"].Delete(d.t.Context(), handles...); err != nil {
			d.t.Fatal(err)
		}
		for _, m := range ev.Records {
			if strings.Contains(m.Body, `"webhook.created"`) {
				d.made--
			}
		}
	}
}

// fanOut publishes by the bus, and more in one request than it sends itself, with bodies that are kept in the table.
func (d *drive) fanOut() {
	for _, recording := range []string{"ingest/eventbridge-entry", "ingest/eventbridge-bad-entry"} {
		if failed := d.failures(d.ingest, d.recordedBatch(recording, "INGEST")); len(failed) != 0 {
			d.t.Fatalf("%s: reported %v, want nothing", recording, failed)
		}
	}
	const hooks, published = 26, 20
	for range hooks {
		d.hook(d.acme, "/ok", "wide.event", "")
	}
	d.tell()
	var all []string
	for range published {
		noise := make([]byte, 2<<10) // which no compression makes small enough for a message
		_, _ = rand.Read(noise)
		all = append(all, fmt.Sprintf(`{"type":"wide.event","data":{"noise":"%x"}}`, noise))
	}
	d.call("POST /v1/events", "", d.acme, "["+strings.Join(all, ",")+"]", http.StatusAccepted, nil)
	d.hand(d.ingest, "INGEST", queue.MaxBatch, 0)
	d.hand(d.deliver, "DELIVERY", queue.MaxBatch, 0)
}

// mail has a webhook change more often than there are mails in an hour, so that a digest waits.
func (d *drive) mail() {
	ev := d.recordedBatch("notify/webhook-failing", "NOTIFY")
	recorded := ev.Records[0]
	ev.Records = nil
	for i := range 11 {
		m := recorded
		m.MessageId = fmt.Sprint(i)
		// The tenant is younger than the recording.
		m.Body = strings.NewReplacer("evt_failing_1", m.MessageId, "2026-03-20T12:00:00.000Z", time.Now().UTC().Format(time.RFC3339)).Replace(m.Body)
		ev.Records = append(ev.Records, m)
	}
	if failed := d.failures(d.notify, ev); len(failed) != 0 {
		d.t.Fatalf("reported %v, want nothing", failed)
	}
}

// tally has the count function take a batch of the table's stream, and reads what it makes of it.
func (d *drive) tally() {
	var ev json.RawMessage
	load(d.t, "count/stream", &ev)
	for range 2 { // as when it comes again
		invoke(d.t, d.count, ev, &json.RawMessage{})
	}
	d.call("GET /v1/stats", "", d.acme, "", http.StatusOK, nil)
	d.call("GET /v1/webhooks/{id}/stats", d.hook(d.acme, "/ok", "tallied.event", ""), d.acme, "", http.StatusOK, nil)
	one := fmt.Sprintf(`[{"id":"moved","url":%q,"events":["moved.event"],"secret":"whsec_c2hvcnQ="}]`, d.target+"/ok")
	d.call("POST /v1/webhooks/import", "", d.acme, one, http.StatusCreated, nil)
	d.call("POST /v1/webhooks/import", "", d.acme, one, http.StatusConflict, nil)
	d.tell()
}

// remove deletes a tenant that has keys and webhooks.
func (d *drive) remove() {
	d.call("DELETE /v1/tenants/{id}", "acme", "", "", http.StatusNoContent, nil)
}
