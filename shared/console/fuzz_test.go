package console_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"hookline/shared/console"
	"hookline/shared/console/consoletest"
	"hookline/shared/webhook"
)

// FuzzForms sends arbitrary forms and queries to every page of the console, signed in and not. Every answer is a page, a
// download or a redirect within the console, and never an error of ours.
func FuzzForms(f *testing.F) {
	c := &console.Console{}
	routes := append(slices.Concat(c.Pages(), c.OperatorPages()), "GET /console/sign-in", "POST /console/sign-in")
	for i := range routes {
		f.Add(uint8(i), "", "", "", true)
		f.Add(
			uint8(i), "", "status=failed&type=*&cursor=e30&limit=1&since=2026-03-01T00:00&until=x",
			"name=a&url=http%3A%2F%2F%5B%3A%3A1&events=*&events=%00&active=on&filter=%7B&header_name=a&header_value=%0d%0a", true,
		)
		f.Add(uint8(i), "\x00", "%zz&;=", "%zz&webhooks=%5B%7B%22url%22%3A1%7D%5D&secret=whsec_%00&expires_in=1e9&scopes=*&kind=gitlab", false)
		f.Add(
			uint8(i), "", "back=//evil.example&next=%2F%2Fevil.example",
			"url=https%3A%2F%2Fexample.com%2Fhook&events=invoice.paid&name=n&kind=custom&secret=long+enough+for+all&id=other&dialect=standard", true,
		)
		f.Add(
			uint8(i), "", "tenant=acme&webhook=wh_1&reason=timeout&search=%00",
			"typed=delete+all&tenant=acme&part=acme%2Fwh_1%2Ftimeout&max_per_second=500&since=2026-03-01T00%3A00&counted=x&start=1", true,
		)
		f.Add(uint8(i), "", "from=axoria&version=1&before=2", "do=save&name=x&version=1&description=%7B%22headers%22%3A%7B%22a.b%22%3A1%7D%2C%22headers%22%3A%5B%5D%7D", true)
	}
	var w *consoletest.World
	var b, operator *consoletest.Browser
	var ids map[string]string
	visits := 0
	end := func() {}
	renew := func(t testing.TB) {
		end()
		w, end = consoletest.Lasting(t)
		visits = 0
		key := w.Tenant("acme", "standard")
		b = w.Browser(key)
		operator = w.Operator()
		w.Call(201, consoletest.AdminKey, "PUT", "/v1/dialects/own", w.Description("axoria"), nil)
		hook := w.Webhook(key)
		event := w.Publish(key, "invoice.paid", `"data":{"amount":1}`)
		_, scoped := w.Scoped(key, "events:read")
		ids = map[string]string{
			"webhooks": hook, "events": event, "keys": scoped, "event-types": "invoice.paid", "sources": w.Source(key, "gitlab", "one").ID,
			"deliveries":     w.Delivered(hook, event, consoletest.Began(), consoletest.Failing("timeout", 0)),
			"deployments":    w.Deployed(webhook.Deployment{Environment: "live", DeployedAt: consoletest.Began()}).ID,
			"admin/dialects": "own", "admin/tenants": "acme",
		}
		var job struct{ ID string }
		w.Call(202, key, "POST", "/v1/webhooks/"+hook+"/replay", `{"since":"2026-03-01T00:00:00Z","status":"failed"}`, &job)
		ids["replays"] = job.ID
		ids["admin/replays"], ids["admin/tenants"] = job.ID, "acme"
	}
	renew(f)
	f.Fuzz(func(t *testing.T, which uint8, id, query, form string, signedIn bool) {
		if visits++; visits > 300 { // some of them delete what the others are about
			renew(t)
		}
		method, path, _ := strings.Cut(strings.TrimSuffix(routes[int(which)%len(routes)], "{$}"), " ")
		if before, after, ok := strings.Cut(path, "{"); ok {
			_, after, _ = strings.Cut(after, "}")
			path = before + "x" + after
			if id == "" {
				id = ids[strings.Trim(strings.TrimPrefix(before, "/console"), "/")]
			}
		}
		r := httptest.NewRequestWithContext(t.Context(), method, b.Origin+path, strings.NewReader(form))
		if id != "" {
			r.URL.Path = strings.Replace(path, "/x", "/"+id, 1)
		}
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		if signedIn {
			r.AddCookie(&http.Cookie{Name: b.Cookie.Name, Value: b.Cookie.Value})
			r.AddCookie(&http.Cookie{Name: operator.Admin.Name, Value: operator.Admin.Value})
		}
		w.Log.Reset()
		rec := httptest.NewRecorder()
		w.Console.ServeHTTP(rec, r)
		if rec.Code >= 500 || rec.Code == 0 {
			t.Fatalf("%s %q?%q: got %d, having logged %s", method, r.URL.Path, query, rec.Code, w.Log.String())
		}
		if to := rec.Header().Get("Location"); to != "" && !strings.HasPrefix(to, "/console") {
			t.Errorf("%s %q?%q leads to %q", method, r.URL.Path, query, to)
		}
		if got := rec.Header().Get("Content-Security-Policy"); got == "" {
			t.Errorf("%s %q?%q: got no policy", method, r.URL.Path, query)
		}
	})
}
