package operators_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"hookline/shared/api"
	"hookline/shared/console/consoletest"
)

// operator returns a browser that is signed in with the admin key.
func operator(w *consoletest.World) *consoletest.Browser {
	w.T.Helper()
	b := w.Stranger()
	b.Post("/console/sign-in", consoletest.Form("key", consoletest.AdminKey)).Leads("/console/admin/")
	return b
}

func TestTenants(t *testing.T) {
	w := consoletest.New(t)
	w.Tenant("acme", "standard")
	w.Tenant("globex", "axiestudio")
	w.Call(201, consoletest.AdminKey, "POST", "/v1/tenants", `{"id":"odd","name":"<script>alert(1)</script>","dialect":"standard"}`, nil)
	b := operator(w)
	b.Get("/console/admin/").Is(200).Has("Tenants", "acme", "globex", "axiestudio", "Open its console").Lacks("<script>alert")
	b.Get("/console/admin/?search=GLO").Is(200).Has("globex").Lacks("acme")
	b.Get("/console/admin/?search=zzz").Is(200).Has("No tenants", "/console/admin/tenants/zzz/audit-log")
	b.Get("/console/admin/?cursor=x").Is(422)
	b.Get("/console/admin/nothing").Is(404)
	for i := range 25 {
		w.Tenant("t-"+string(rune('a'+i)), "standard")
	}
	p := b.Get("/console/admin/").Is(200).Has("Next page")
	next := p.Body[strings.Index(p.Body, "/console/admin/?cursor="):]
	b.Get(next[:strings.Index(next, `"`)]).Is(200).Has("t-y", "First page")
}

// TestOpen shows that an operator sees a tenant's console as its people see it, that the page says so, and that the audit log
// names the operator.
func TestOpen(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	hook := w.Webhook(key)
	b := operator(w)
	b.Post("/console/admin/tenants/acme/open", nil, "Sec-Fetch-Site", "cross-site").Is(403)
	b.Post("/console/admin/tenants/absent/open", nil).Is(404)
	p := b.Post("/console/admin/tenants/acme/open", nil).Is(303)
	b.Get(p.Header.Get("Location"), consoletest.Going("document")...).Leads("/console/webhooks")
	b.Get("/console/webhooks").Is(200).Has("as its people see it", `href="/console/admin/"`, hook)
	b.Post("/console/webhooks/"+hook+"/delete", nil).Is(303)
	b.Get("/console/admin/").Is(200) // it is still open

	var got api.List[api.AuditEntry]
	w.Call(200, key, "GET", "/v1/audit-logs?limit=2", "", &got)
	for i, want := range []string{"webhook.delete", "portal_link.create"} {
		if e := got.Data[i]; e.Action != want || e.Actor != (api.AuditActor{Type: "admin", ID: "admin", Name: "admin"}) {
			t.Errorf("got %+v, want %s by the admin", e, want)
		}
	}
	// What a tenant's product makes for its own people says nothing of operators.
	w.Guest(w.PortalLink(consoletest.AdminKey, "")).Get("/console/webhooks").Is(200).Lacks("as its people see it")
}

func TestAuditPages(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	hook := w.Webhook(key)
	w.Call(200, key, "PATCH", "/v1/webhooks/"+hook, `{"name":"N","headers":{"X-Token":"sesame"}}`, nil)
	tenant, b := w.Browser(key), operator(w)
	w.AdminLink()
	tenant.Get("/console/audit-log").Is(200).Has("webhook: update", "headers", hook, "default", "API key").Lacks("sesame")
	tenant.Get("/console/audit-log?action=tenant.create").Is(200).Has("tenant: create").Lacks(hook)
	tenant.Get("/console/audit-log?target=absent").Is(200).Has("No entries")
	few, _ := w.Scoped(key, "webhooks:read")
	w.Browser(few).Get("/console/audit-log").Is(403)
	w.Browser(few).Get("/console/webhooks").Is(200).Lacks("/console/audit-log")

	b.Get("/console/admin/tenants/acme/audit-log").Is(200).Has("webhook: update", "Audit log of acme").Lacks("sesame", `href="/console/webhooks/`)
	b.Get("/console/admin/tenants/absent/audit-log").Is(404)
	b.Get("/console/admin/audit-log").Is(200).Has("admin link: create").Lacks(hook)
	w.Call(204, consoletest.AdminKey, "DELETE", "/v1/tenants/acme", "", nil)
	b.Get("/console/admin/tenants/acme/audit-log?action=tenant.delete").Is(200).Has("tenant: delete").Lacks("begun")
}

// TestSessions shows who gets into the operators' console.
func TestSessions(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	paths := []string{"/console/admin/", "/console/admin/audit-log", "/console/admin/tenants/acme/audit-log", "/console/admin/nothing"}
	for name, b := range map[string]*consoletest.Browser{"nobody": w.Stranger(), "a key": w.Browser(key), "a guest": w.Guest(w.PortalLink(key, ""))} {
		for _, path := range paths {
			b.Get(path).Leads("/console/sign-in?" + url.Values{"to": {path}}.Encode())
		}
		if p := b.Post("/console/admin/tenants/acme/open", nil).Is(303); !strings.HasPrefix(p.Header.Get("Location"), "/console/sign-in") {
			t.Errorf("%s is led to %s", name, p.Header.Get("Location"))
		}
	}
	w.Stranger().Post("/console/sign-in", consoletest.Form("key", consoletest.AdminKey+"x")).Is(401)
	w.Stranger().Post("/console/sign-in", consoletest.Form("key", key, "to", "/console/admin/audit-log")).Leads("/console/webhooks")
	w.Stranger().Post("/console/sign-in", consoletest.Form("key", consoletest.AdminKey, "to", "/console/admin/audit-log")).Leads("/console/admin/audit-log")

	b := operator(w)
	if c := b.Admin; !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/console/" {
		t.Errorf("got the cookie %v", c)
	}
	kept := *b.Admin
	b.Get("/console/webhooks").Leads("/console/sign-in?to=%2Fconsole%2Fwebhooks") // an operator has no tenant
	b.Post("/console/admin/sign-out", nil, "Sec-Fetch-Site", "cross-site").Is(403)
	b.Post("/console/admin/sign-out", nil).Leads("/console/sign-in")
	b.Admin = &kept
	b.Get("/console/admin/").Leads("/console/sign-in?to=%2Fconsole%2Fadmin%2F") // a copy of it is of no use
	b = operator(w)
	b.Cookie, b.Portal, b.Admin = nil, &http.Cookie{Name: "hookline_portal", Value: b.Admin.Value}, nil
	b.Get("/console/webhooks").Is(303) // nor is it a portal's

	b = operator(w)
	w.Now = w.Now.Add(13 * time.Hour)
	b.Get("/console/admin/").Is(303)
}

func TestLinks(t *testing.T) {
	w := consoletest.New(t)
	link := w.AdminLink()
	b := w.Stranger()
	p := b.Get(link, "User-Agent", "Slackbot 1.0").Is(200).Has("Open the operators")
	b.Post("/console/admin/link", p.Filled(), "Sec-Fetch-Site", "cross-site").Is(403)
	if b.Admin != nil {
		t.Error("a program that looks ahead is let in")
	}
	b.Post("/console/admin/link", p.Filled()).Leads("/console/admin/")
	b.Get("/console/admin/").Is(200)
	w.Stranger().Get(link, consoletest.Going("document")...).Is(410).Has("has been used")
	w.Now = w.Now.Add(time.Hour)
	b.Get("/console/admin/").Is(303)

	late := w.AdminLink()
	w.Now = w.Now.Add(time.Hour)
	w.Stranger().Get(late, consoletest.Going("document")...).Is(410).Has("time is over")

	key := w.Tenant("acme", "standard")
	portal := w.PortalLink(key, "")
	for name, forged := range map[string]string{
		"nothing": "", "a portal link": strings.TrimPrefix(portal, "/console/portal?link="),
	} {
		b := w.Stranger()
		b.Get("/console/admin/link?"+url.Values{"link": {forged}}.Encode(), consoletest.Going("document")...).Is(404)
		if b.Admin != nil {
			t.Errorf("%s let somebody in", name)
		}
	}
	ours := w.AdminLink()
	w.Stranger().Get("/console/portal?"+ours[strings.Index(ours, "?")+1:], consoletest.Going("document")...).Is(404)
	w.Call(422, consoletest.AdminKey, "POST", "/v1/admin-links", `{"x":1}`, nil)
	w.Call(403, key, "POST", "/v1/admin-links", ``, nil)
}
