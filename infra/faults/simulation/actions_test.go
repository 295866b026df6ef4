package simulation

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hookline/shared/api"
	"hookline/shared/queue"
	"hookline/shared/stack"
	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// client is what a tenant's client knows.
type client struct {
	tenant string
	key    string
	hooks  []string // ids of webhooks that it made
	events []string // ids of events that were answered 202
}

// How much a client and the admin do in one run. In a small one, and under the race detector, it is a tenth.
const (
	clientActions = 45
	adminActions  = 6
)

func (w *world) light(n int) int {
	if w.small || testing.Short() {
		return max(n/10, 1)
	}
	return n
}

// types are the events' types, which webhooks choose among.
var types = []string{"order.placed", "order.paid", "user.left"}

// describe describes a version of the dialect that tenants have.
func describe(c chance, version int) string {
	ladder := []string{`"5s","1m","6m"`, `"2s","20m"`, `"30s","40s","3h"`, `"1s","13h"`, `"10s"`}[c.pick("ladder", 5)]
	return fmt.Sprintf(`{
		"product": "Simulation", "envelope": {"id": "{id}", "type": "{type}", "data": "{data}", "version": %d}, "body": "plain",
		"headers": {"X-Tenant": "{tenant}", "X-Webhook": "{webhook}", "X-Signature": "{unix},{signature}"},
		"signature": {"signed": "{id}.{unix}.{body}", "encoding": "hex", "join": ","},
		"secret": {"key": "utf8", "prefix": "s_", "min": 8, "made_bytes": 16}, "rotation_overlap_seconds": 120,
		"ladder": [%s], "success": "2xx", "timeout_seconds": 10, "failing_when_exhausted": true,
		"url": {"schemes": ["https"]}, "content_types": ["application/json"], "catalogue": {"open": true, "events": []}
	}`, version, ladder)
}

const dialectName = "simulation"

// setUp makes the tenants and their first webhooks.
func (w *world) setUp() {
	c := w.turns.wait("set up", 0)
	w.must(c, stacktest.AdminKey, "PUT", "/v1/dialects/"+dialectName, describe(c, 1))
	for i := range w.clients {
		cl := &w.clients[i]
		cl.tenant = fmt.Sprint("t", i)
		w.makeTenant(c, cl)
		for n := range 1 + c.pick("hooks", 3) {
			w.makeHook(c.of(fmt.Sprint("hook", i, n)), cl)
		}
		answer := w.must(c, cl.key, "POST", "/v1/webhooks", `{"url":"https://r.test/system/ok","events":["webhook.*","delivery.failed"],"name":"system"}`)
		var made api.CreatedWebhook
		w.read(answer, &made)
	}
}

// must makes a call that has to succeed, because there are no faults.
func (w *world) must(c chance, key, method, path, body string) []byte {
	status, answer := w.request(c, key, method, path, body)
	if status >= 300 {
		w.t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	return answer
}

func (w *world) read(answer []byte, into any) {
	if err := json.Unmarshal(answer, into); err != nil {
		w.t.Errorf("%s: %v", answer, err)
	}
}

func (w *world) makeTenant(c chance, cl *client) bool {
	body := fmt.Sprintf(`{"id":%q,"name":"Tenant","dialect":%q,"notify_email":"owner@example.com"}`, cl.tenant, dialectName)
	status, answer := w.request(c, stacktest.AdminKey, "POST", "/v1/tenants", body)
	if status != http.StatusCreated {
		return false
	}
	var made api.CreatedTenant
	w.read(answer, &made)
	cl.key, cl.hooks, cl.events = made.APIKey, nil, nil
	return true
}

// fields returns a webhook's settings.
func fields(c chance) string {
	set := []string{fmt.Sprintf(`"url":"https://r.test/%d/%s"`, c.pick("host", 1000), kindNames[c.pick("kind", len(kindNames))])}
	events := []string{`"*"`, `"order.*"`, `"order.placed"`, `"order.paid"`, `"user.left"`}[c.pick("events", 5)]
	set = append(set, `"events":[`+events+`]`)
	if c.hits("filter", 0.2) {
		set = append(set, `"filter":{"kind":["a"]}`)
	}
	if c.hits("pace", 0.1) {
		set = append(set, fmt.Sprintf(`"max_per_second":%d`, 1+c.pick("rate", 5)))
	}
	return strings.Join(set, ",")
}

func (w *world) makeHook(c chance, cl *client) {
	status, answer := w.request(c, cl.key, "POST", "/v1/webhooks", "{"+fields(c)+"}")
	if status == http.StatusCreated {
		var made api.CreatedWebhook
		w.read(answer, &made)
		cl.hooks = append(cl.hooks, made.ID)
		w.mu.Lock()
		w.seen.made = append(w.seen.made, webhook.Ref{Tenant: cl.tenant, ID: made.ID})
		w.mu.Unlock()
	}
}

// client acts as a tenant's client.
func (w *world) client(i int) {
	cl := &w.clients[i]
	for n := range w.light(clientActions) {
		c := w.turns.wait("client "+cl.tenant, 0)
		c = w.turns.wait("client "+cl.tenant, c.span("thinks", []time.Duration{time.Second, 20 * time.Second, 10 * time.Minute}[c.pick("how long", 3)]))
		if w.broken() {
			return
		}
		w.act(c, cl, n)
	}
}

// act does one thing.
func (w *world) act(c chance, cl *client, n int) {
	hook := "none"
	if len(cl.hooks) > 0 {
		hook = cl.hooks[c.pick("hook", len(cl.hooks))]
	}
	ask := func(method, path, body string, headers ...string) int {
		status, _ := w.request(c, cl.key, method, path, body, headers...)
		return status
	}
	switch k := c.pick("action", 100); {
	case k < 60:
		w.publish(c, cl, n)
	case k < 65:
		w.makeHook(c, cl)
	case k < 72:
		ask("PATCH", "/v1/webhooks/"+hook, "{"+fields(c)+"}")
	case k < 75:
		ask("PATCH", "/v1/webhooks/"+hook, `{"active":false}`)
	case k < 79:
		ask("PATCH", "/v1/webhooks/"+hook, `{"active":true}`)
	case k < 81:
		if ask("DELETE", "/v1/webhooks/"+hook, "") == http.StatusNoContent {
			cl.hooks = slices.DeleteFunc(cl.hooks, func(id string) bool { return id == hook })
		}
	case k < 85:
		ask("POST", "/v1/webhooks/"+hook+"/rotate-secret", fmt.Sprintf(`{"overlap_seconds":%d}`, c.pick("overlap", 3)*100))
	case k < 87:
		w.imports(c, cl, n)
	case k < 91:
		status := []string{"failed", "succeeded", "missed"}[c.pick("of", 3)]
		since := time.Now().Add(-c.span("since", time.Hour)).UTC().Format(time.RFC3339)
		w.replayMany(c, cl, hook, fmt.Sprintf(`{"since":%q,"status":%q}`, since, status))
	case k < 95:
		w.replaySome(c, cl)
	case k < 97 && len(cl.events) > 0:
		id := cl.events[c.pick("event", len(cl.events))]
		w.mu.Lock()
		w.seen.asked(cl.tenant, id, 1)
		w.mu.Unlock()
		ask("POST", "/v1/events/"+id+"/replay", fmt.Sprintf(`{"webhook_id":%q}`, hook))
	case k < 99:
		w.entry(c, cl, n)
	default:
		ask("POST", "/v1/webhooks/"+hook+"/test", "")
	}
}

// publish publishes some events. A client that gets no answer asks again in the same words if that is safe.
func (w *world) publish(c chance, cl *client, n int) {
	count := []int{1, 5, 10, 20, 20}[c.pick("count", 5)]
	own := c.hits("own ids", 0.3)
	var headers []string
	if !own && c.hits("key", 0.3) {
		headers = []string{"Idempotency-Key", fmt.Sprint("key-", cl.tenant, "-", n)}
	}
	var list []string
	for i := range count {
		id := ""
		if own {
			id = fmt.Sprintf(`"id":"own-%d-%d",`, n, i)
		}
		filler := ""
		if c.hits("large", 0.03) {
			filler = fmt.Sprintf(`,"filler":%q`, noise(c, 3000))
		}
		list = append(list, fmt.Sprintf(`{%s"type":%q,"data":{"n":%d,"kind":%q%s}}`,
			id, types[c.of(fmt.Sprint(i)).pick("type", len(types))], n, []string{"a", "b"}[c.of(fmt.Sprint(i)).pick("kind", 2)], filler))
	}
	body := "[" + strings.Join(list, ",") + "]"
	begun := time.Now()
	for try := range 4 {
		status, answer := w.request(c, cl.key, "POST", "/v1/events", body, headers...)
		w.mu.Lock()
		if status == http.StatusAccepted {
			var made api.Results[api.EventResult]
			w.read(answer, &made)
			for i, ev := range made.Data {
				cl.events = append(cl.events, ev.ID)
				w.seen.accepted(cl.tenant, ev.ID, list[i], begun)
				w.seen.asked(cl.tenant, ev.ID, try)
			}
		}
		for i := range list {
			if own && status != http.StatusAccepted {
				w.seen.asked(cl.tenant, fmt.Sprintf("own-%d-%d", n, i), try)
			}
		}
		w.mu.Unlock()
		again := status != http.StatusAccepted || c.of(fmt.Sprint(try)).hits("once more", 0.1)
		if !again || !own && headers == nil || status >= 400 && status < 500 {
			return
		}
		c = w.turns.wait("client "+cl.tenant, c.span("before it asks again", 40*time.Second))
	}
}

// noise is text that cannot be compressed.
func noise(c chance, n int) string {
	var b strings.Builder
	for i := range n / 16 {
		fmt.Fprintf(&b, "%016x", uint64(c.of(fmt.Sprint("noise", i))))
	}
	return b.String()
}

// imports imports two webhooks, and again if the answer is lost.
func (w *world) imports(c chance, cl *client, n int) {
	body := fmt.Sprintf(`[{"id":"imported-%d",%s,"secret":"s_imported_%d"},{%s}]`, n, fields(c.of("1")), n, fields(c.of("2")))
	for range 2 {
		status, answer := w.request(c, cl.key, "POST", "/v1/webhooks/import", body)
		if status == http.StatusCreated {
			var made api.Results[api.CreatedWebhook]
			w.read(answer, &made)
			for _, m := range made.Data {
				cl.hooks = append(cl.hooks, m.ID)
			}
		}
		if status != 0 && status != http.StatusServiceUnavailable {
			return
		}
		c = w.turns.wait("client "+cl.tenant, time.Second)
	}
}

// replayMany starts a replay job.
func (w *world) replayMany(c chance, cl *client, hook, body string) {
	status, answer := w.request(c, cl.key, "POST", "/v1/webhooks/"+hook+"/replay", body)
	if status != http.StatusAccepted {
		return
	}
	var job api.ReplayStarted
	w.read(answer, &job)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen.jobs = append(w.seen.jobs, event{cl.tenant, *job.ID})
}

// replaySome replays one of the latest deliveries.
func (w *world) replaySome(c chance, cl *client) {
	status, answer := w.request(c, cl.key, "GET", "/v1/deliveries?limit=20", "")
	if status != http.StatusOK {
		return
	}
	var list api.List[api.Delivery]
	w.read(answer, &list)
	if len(list.Data) > 0 {
		w.request(c, cl.key, "POST", "/v1/deliveries/"+list.Data[c.pick("delivery", len(list.Data))].ID+"/replay", "")
	}
}

// entry has an event come over the event bus, which hands it to the queue until that has it.
func (w *world) entry(c chance, cl *client, n int) {
	id := fmt.Sprintf("entry-%d", n)
	event := fmt.Sprintf(`{"type":%q,"data":{"n":%d,"kind":"a"}}`, types[0], n)
	body := fmt.Sprintf(`{"id":%q,"detail-type":%q,"source":"shop","time":%q,"detail":{"tenant":%q,"data":{"n":%d,"kind":"a"}}}`,
		id, types[0], time.Now().UTC().Format(time.RFC3339), cl.tenant, n)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.queues[stack.IngestQueue].Send(w.t.Context(), []queue.Outgoing{{Body: body, Group: cl.tenant}}); err != nil {
		w.t.Error(err)
		return
	}
	w.wake(stack.IngestQueue, 0)
	w.logf("the bus hands over %s", id)
	w.seen.handed(cl.tenant, id, event)
}

// admin changes dialects, redrives dead letters, and sometimes deletes a tenant and makes it again.
func (w *world) admin() {
	deletes := chance(mix(w.seed)).hits("delete a tenant", 0.3)
	for n := range w.light(adminActions) {
		c := w.turns.wait("admin", 0)
		c = w.turns.wait("admin", c.span("thinks", 20*time.Minute))
		switch k := c.pick("action", 10); {
		case k < 4:
			w.request(c, stacktest.AdminKey, "PUT", "/v1/dialects/"+dialectName, describe(c, n+2))
		case k < 8:
			w.request(c, stacktest.AdminKey, "POST", "/v1/dead-letters/redrive", "")
		case deletes:
			deletes = false
			w.replaceTenant(c, &w.clients[1])
		}
	}
}

// replaceTenant deletes a tenant and makes another of its id.
func (w *world) replaceTenant(c chance, cl *client) {
	w.request(c, stacktest.AdminKey, "DELETE", "/v1/tenants/"+cl.tenant, "")
	for range 5 {
		c = w.turns.wait("admin", c.span("waits", time.Minute))
		if w.makeTenant(c, cl) {
			return
		}
	}
}
