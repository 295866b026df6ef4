package operators_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"hookline/shared/api"
	"hookline/shared/console/consoletest"
	"hookline/shared/webhook"
)

// entries returns the latest entries of the stack's audit log, or of acme's.
func entries(w *consoletest.World, path string) (actions []string) {
	w.T.Helper()
	var got api.List[api.AuditEntry]
	w.Call(200, consoletest.AdminKey, "GET", path, "", &got)
	for _, e := range got.Data {
		if e.Actor.Type != "admin" || e.RequestID == "" || e.IP == nil {
			w.T.Errorf("got the entry %+v, want one of an admin, with a request and an address", e)
		}
		actions = append(actions, e.Action)
	}
	return actions
}

// buried stores a dead letter of acme's: a failed delivery whose last attempt a queue message made.
func buried(w *consoletest.World, hook, event string, reason webhook.AttemptError, code int) string {
	return w.Delivered(hook, event, w.Now, func(d *webhook.Delivery) {
		consoletest.Failing(reason, code)(d)
		d.Owner = "a message"
	})
}

func TestManagedTenants(t *testing.T) {
	w := consoletest.New(t)
	b := operator(w)
	b.Get("/console/admin/").Is(200).Has("No tenants", "New tenant")
	b.Get("/console/admin/tenants/new").Is(200).Has(`value="standard" selected`, "axiestudio")
	form := consoletest.Form("id", "acme", "name", "Acme", "dialect", "standard", "max_webhooks", "many", "retention_days", "0", "notify_email", "nobody", "once", "1")
	p := b.Post("/console/admin/tenants", form).Is(422)
	for _, field := range []string{"max_webhooks", "retention_days", "notify_email"} {
		if p.Problems()[field] == "" {
			t.Errorf("got the problems %v, want one of %s", p.Problems(), field)
		}
	}
	form.Set("max_webhooks", "7")
	form.Set("retention_days", "")
	form.Set("notify_email", "ops@example.com")
	p = b.Post("/console/admin/tenants", form).Is(201).Has("shown only once")
	key := p.Body[strings.Index(p.Body, `data-copy="`)+len(`data-copy="`):]
	key = key[:strings.Index(key, `"`)]
	w.Call(200, key, "GET", "/v1/tenant", "", nil)
	b.Post("/console/admin/tenants", form).Is(201).Has(key) // a second click is the same one
	form.Set("once", "2")
	if got := b.Post("/console/admin/tenants", form).Is(422).Problems()["id"]; got == "" {
		t.Error("an id that exists is not refused beside its field")
	}

	b.Get("/console/admin/tenants/acme/edit").Is(200).Has(`value="7"`, "ops@example.com").Lacks(`name="dialect"`)
	b.Post("/console/admin/tenants/acme", consoletest.Form("name", "")).Is(422)
	b.Post("/console/admin/tenants/acme", consoletest.Form("name", "ACME", "retention_days", "3")).Leads("/console/admin/?search=acme")
	var now api.Tenant
	w.Call(200, key, "GET", "/v1/tenant", "", &now)
	if now.Name != "ACME" || now.NotifyEmail != nil || now.MaxWebhooks != nil || now.RetentionDays == nil || *now.RetentionDays != 3 {
		t.Errorf("got %+v", now)
	}
	b.Get("/console/admin/tenants/absent/edit").Is(404)
	b.Post("/console/admin/tenants/absent", consoletest.Form("name", "x")).Is(404)

	b.Get("/console/admin/tenants/acme/delete").Is(200).Has("type its id")
	for _, typed := range []string{"", "ACME", "acme2"} {
		b.Post("/console/admin/tenants/acme/delete", consoletest.Form("typed", typed)).Is(422).Has("Nothing was deleted")
	}
	w.Call(200, key, "GET", "/v1/tenant", "", nil)
	b.Post("/console/admin/tenants/acme/delete", consoletest.Form("typed", "acme")).Leads("/console/admin/")
	w.Call(401, key, "GET", "/v1/tenant", "", nil)
	b.Post("/console/admin/tenants/acme/delete", consoletest.Form("typed", "acme")).Is(404)
	if got, want := fmt.Sprint(entries(w, "/v1/tenants/acme/audit-logs")), "[tenant.delete tenant.update tenant.create]"; got != want {
		t.Errorf("got the entries %s, want %s", got, want)
	}
}

// TestHealth shows how tenants are doing, and that the page is there when that is not known.
func TestHealth(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	hook := w.Webhook(key)
	b := operator(w)
	b.Get("/console/admin/").Is(200).Has("no deliveries", "none")
	w.Publish(key, "order.created", `"data":{"n":1}`)
	w.Now = w.Now.Add(5 * time.Hour)
	buried(w, hook, "evt_old", webhook.ReasonBadStatus, 500)
	w.Now = w.Now.Add(3 * time.Hour)
	for i := range 3 {
		w.Delivered(hook, fmt.Sprint("evt_fine", i), w.Now, nil)
	}
	w.Delivered(hook, "evt_waits", w.Now, func(d *webhook.Delivery) {
		consoletest.Failing(webhook.ReasonBadStatus, 500)(d)
		d.Status, d.Via, d.NextAt = webhook.Pending, webhook.ViaQueue, w.Now.Add(time.Hour)
	})
	b.Get("/console/admin/").Is(200).Has("25 %</strong> of 4", "40 %</strong> of 5", "1 <small class=\"muted\">today", "20:00 to 21:00").Lacks(`">not known`)
	w.Faults.Read = func(call string) error {
		if call == "Tallies" {
			return webhook.ErrUnavailable(nil)
		}
		return nil
	}
	b.Get("/console/admin/").Is(200).Has(`">not known`, "acme")
}

func TestDeadLetters(t *testing.T) {
	w := consoletest.New(t)
	key, other := w.Tenant("acme", "standard"), w.Tenant("globex", "standard")
	hook, second := w.Webhook(key), w.Webhook(key)
	w.Webhook(other)
	b := operator(w)
	b.Get("/console/admin/dead-letters").Is(200).Has("No failed deliveries")
	w.Now = w.Now.Add(time.Minute)
	var ids []string
	for i := range 3 {
		ids = append(ids, buried(w, hook, fmt.Sprint("evt_", i), webhook.ReasonBadStatus, 500+i))
	}
	slow := buried(w, hook, "evt_slow", webhook.ReasonTimeout, 0)
	buried(w, second, "evt_other", webhook.ReasonBadStatus, 500)
	w.Delivered(hook, "evt_test", w.Now, consoletest.Failing(webhook.ReasonBadStatus, 500))
	w.Now = w.Now.Add(time.Minute)

	part := "acme/" + hook + "/bad_status"
	b.Get("/console/admin/dead-letters").Is(200).Has("5 deliveries", `value="`+part+`"`, "acme/"+hook+"/timeout", "acme/"+second+"/bad_status")
	b.Get("/console/admin/dead-letters?tenant=globex").Is(200).Has("Of the tenant").Lacks(part)
	list := b.Get("/console/admin/dead-letters/list?" + url.Values{"tenant": {"acme"}, "webhook": {hook}, "reason": {"bad_status"}}.Encode()).Is(200)
	list.Has("evt_0", "evt_2", "502").Lacks("evt_slow", "evt_other")
	for _, query := range []string{"", "?tenant=absent&webhook=" + hook, "?tenant=globex&webhook=" + hook + "&reason=timeout", "?tenant=%00&webhook=x"} {
		b.Get("/console/admin/dead-letters/list" + query).Is(404)
	}
	b.Get("/console/admin/dead-letters/list?tenant=acme&webhook=" + hook + "&reason=timeout&cursor=x").Is(422)

	replay := "/console/admin/dead-letters/replay"
	b.Post(replay, nil).Is(422).Has("Please choose")
	b.Post(replay, consoletest.Form("part", "acme/x/y")).Is(422).Has("Please choose")
	many := url.Values{}
	for i := range 21 {
		many.Add("part", fmt.Sprint(i))
	}
	b.Post(replay, many).Is(422).Has("20 rows at most")
	sent := len(w.Bulk.Sent)
	p := b.Post(replay, consoletest.Form("part", part)).Is(200).Has("3 deliveries</strong> will be sent again", "Nothing has been sent yet")
	form := p.Filled()
	bad := p.Filled()
	bad.Set("since", "2999-01-01T00:00")
	if got := b.Post(replay, bad).Is(422).Problems()["since"]; got == "" {
		t.Error("a time to come is not refused beside its field")
	}
	narrow := p.Filled()
	narrow.Set("until", w.Now.Add(-time.Hour).Format("2006-01-02T15:04:05"))
	narrow.Set("since", w.Now.Add(-2*time.Hour).Format("2006-01-02T15:04:05"))
	narrow.Set("start", "1")
	b.Post(replay, narrow).Is(200).Has("Nothing is left to be sent") // it was not counted so, and is counted again
	form.Set("start", "1")
	if got := entries(w, "/v1/tenants/acme/audit-logs?action=webhook.replay"); len(w.Bulk.Sent) != sent || got != nil {
		t.Errorf("counting sent %d jobs and made the entries %v", len(w.Bulk.Sent)-sent, got)
	}
	for range 2 { // a second click starts nothing more
		b.Post(replay, form).Leads("/console/admin/replays")
	}
	if got := entries(w, "/v1/tenants/acme/audit-logs?action=webhook.replay"); len(w.Bulk.Sent) != sent+1 || len(got) != 1 {
		t.Errorf("got %d jobs and the entries %v, want one of each", len(w.Bulk.Sent)-sent, got)
	}
	var job api.List[api.Replay]
	w.Call(200, key, "GET", "/v1/replays", "", &job)
	if j := job.Data[0]; j.Matched != len(ids) || j.Selection.Error == nil || *j.Selection.Error != "bad_status" || j.WebhookID != hook {
		t.Errorf("got the job %+v", j)
	}
	b.Get("/console/admin/replays").Is(200).Has(job.Data[0].ID, "acme", "running", "0 of 3 deliveries", "bad_status")
	b.Get("/console/admin/replays?cursor=x").Is(422)
	for _, tenant := range []string{"globex", "absent", "", "%00"} {
		b.Post("/console/admin/replays/"+job.Data[0].ID+"/cancel", consoletest.Form("tenant", tenant)).Is(404)
	}
	b.Post("/console/admin/replays/"+job.Data[0].ID+"/cancel", consoletest.Form("tenant", "acme")).Leads("/console/admin/replays")
	b.Get("/console/admin/replays").Is(200).Has("cancelled").Lacks("/cancel\"")

	w.Call(200, key, "PATCH", "/v1/webhooks/"+hook, `{"active":false}`, nil)
	form = b.Post(replay, consoletest.Form("part", "acme/"+hook+"/timeout")).Is(200).Filled()
	form.Set("start", "1")
	b.Post(replay, form).Is(200).Has("inactive")
	w.Call(204, key, "DELETE", "/v1/webhooks/"+hook, "", nil)
	b.Post(replay, consoletest.Form("part", "acme/"+hook+"/timeout")).Is(200).Has("The webhook is gone")
	w.Call(200, key, "GET", "/v1/deliveries/"+slow, "", nil)
}

func TestPurge(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	hook := w.Webhook(key)
	b := operator(w)
	w.Now = w.Now.Add(time.Minute)
	buried(w, hook, "evt_1", webhook.ReasonTLS, 0)
	b.Get("/console/admin/dead-letters").Is(200).Has("1 delivery", "TLS failed")
	purge := "/console/admin/dead-letters/purge"
	b.Get(purge).Is(200).Has("type <code>delete all</code>")
	for _, typed := range []string{"", "delete", "DELETE ALL"} {
		b.Post(purge, consoletest.Form("typed", typed)).Is(422).Has("Nothing was deleted")
	}
	if got := entries(w, "/v1/admin/audit-logs"); got != nil {
		t.Errorf("a question made the entries %v", got)
	}
	w.Now = w.Now.Add(time.Minute)
	for i := range 2 {
		b.Post(purge, consoletest.Form("typed", "delete all")).Leads("/console/admin/dead-letters")
		if got := entries(w, "/v1/admin/audit-logs"); len(got) != i+1 || got[0] != "dead_letters.purge" {
			t.Errorf("got the entries %v, want one of each purge", got)
		}
		w.Now = w.Now.Add(time.Minute)
	}
	b.Get("/console/admin/dead-letters").Is(200).Has("0 deliveries", "All dead letters were deleted").Lacks("TLS failed")
	b.Get("/console/admin/audit-log?action=dead_letters.purge").Is(200).Has("dead letters: purge")
	buried(w, hook, "evt_2", webhook.ReasonDNS, 0)
	b.Get("/console/admin/dead-letters").Is(200).Has("1 delivery", "host name not found").Lacks("TLS failed")
	w.Now = w.Now.Add(15 * 24 * time.Hour) // longer than the queue keeps messages
	b = operator(w)
	b.Get("/console/admin/dead-letters").Is(200).Has("0 deliveries").Lacks("were deleted")
}

func TestRedrive(t *testing.T) {
	w := consoletest.New(t)
	b := operator(w)
	if got := b.Post("/console/admin/dead-letters/redrive", consoletest.Form("max_per_second", "501")).Is(422).Problems()["max_per_second"]; got == "" {
		t.Error("a rate is not refused beside its field")
	}
	b.Post("/console/admin/dead-letters/redrive", consoletest.Form("max_per_second", "x")).Is(422)
	b.Post("/console/admin/dead-letters/redrive", consoletest.Form("max_per_second", " 5 ", "once", "a")).Leads("/console/admin/dead-letters")
	if got := fmt.Sprint(entries(w, "/v1/admin/audit-logs")); got != "[dead_letters.redrive]" {
		t.Errorf("got the entries %s", got)
	}
	p := b.Get("/console/admin/queues").Is(200)
	for _, name := range []string{"DeliveryQueue", "RetryQueue", "BulkQueue", "DeadLetterQueue", "IngestQueue", "IngestDeadLetterQueue", "NotifyQueue", "NotifyDeadLetterQueue"} {
		p.Has(name)
	}
}
