package access

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"hookline/shared/console"
	"hookline/shared/console/consoletest"

	"hookline/infra/figures"
)

// TestOperatorsForms sends every form of the operators' console from elsewhere, and without or with a tenant's session. Then it
// makes each visit of that console so.
func TestOperatorsForms(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	inhabit(w, key)
	w.Call(201, consoletest.AdminKey, "PUT", "/v1/dialects/own", w.Description("axoria"), nil)
	b := w.Operator()
	strangers := map[string]*consoletest.Browser{"nobody": w.Stranger(), "a tenant's key": w.Browser(key), "a guest": w.Guest(w.PortalLink(key, ""))}
	left := w.Operator()
	kept := *left.Admin
	left.Post("/console/admin/sign-out", nil).Leads("/console/sign-in")
	left.Admin = &kept
	strangers["a session that was left"] = left
	before := w.Rows()
	pages, all := crawl(b, "/console/admin/")
	var forms []form
	for _, f := range all {
		if strings.HasPrefix(f.action, "/console/admin/") { // not the sign-in, which anybody may send
			forms = append(forms, f)
		}
	}
	if len(pages) < 10 {
		t.Fatalf("%d pages seen, want all", len(pages))
	}
	if got := w.Rows(); got != before {
		t.Errorf("looking at pages changes what is stored: got\n%s\nwant\n%s", got, before)
	}
	found := func(path string) bool { // an address of the pattern's form
		parts := strings.Split(path, "/")
		for _, f := range forms {
			action, _, _ := strings.Cut(f.action, "?")
			given := strings.Split(action, "/")
			same := len(given) == len(parts)
			for i := range parts {
				same = same && (given[i] == parts[i] || strings.HasPrefix(parts[i], "{"))
			}
			if same {
				return true
			}
		}
		return false
	}
	visits := 0
	for _, pattern := range (&console.Console{}).OperatorPages() {
		method, path, _ := strings.Cut(pattern, " ")
		queues := strings.HasPrefix(path, "/console/admin/dead-letters/") // their page needs a queue, which this world does not have
		if method == http.MethodPost && !queues && !found(path) {
			t.Errorf("no form was found that leads to %s: a page needs to show one", path)
		}
		path = strings.NewReplacer("{$}", "", "{id}", "acme", "{name}", "own").Replace(path)
		for name, who := range strangers {
			visits++
			if p := who.Do(method, path, url.Values{}, "Sec-Fetch-Site", "same-origin"); p.Status != 303 || !strings.HasPrefix(p.Header.Get("Location"), "/console/sign-in") {
				t.Errorf("%s, %s: got %d to %q, want to be led to the sign-in", name, pattern, p.Status, p.Header.Get("Location"))
			}
		}
	}
	sent := 0
	for _, f := range forms {
		for _, headers := range [][]string{
			{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
		} {
			sent++
			if p := b.Do(http.MethodPost, f.action, f.fields, headers...); p.Status != 403 {
				t.Errorf("%s from %s, %v: got %d", f.action, f.at, headers, p.Status)
			}
		}
		for name, who := range strangers {
			sent++
			if p := who.Post(f.action, f.fields); p.Status != 303 || !strings.HasPrefix(p.Header.Get("Location"), "/console/sign-in") {
				t.Errorf("%s from %s by %s: got %d to %q", f.action, f.at, name, p.Status, p.Header.Get("Location"))
			}
		}
	}
	if got := w.Rows(); got != before {
		t.Errorf("a refused form changes what is stored: got\n%s\nwant\n%s", got, before)
	}
	for _, f := range forms { // from here each is taken: that was not what refused them
		visitor := *b
		if strings.HasSuffix(f.action, "/sign-out") { // what ends a session ends it for all who have it
			continue
		}
		if p := visitor.Post(f.action, f.fields); p.Status == 403 || strings.HasPrefix(p.Header.Get("Location"), "/console/sign-in?") {
			t.Errorf("%s from %s: got %d to %q", f.action, f.at, p.Status, p.Header.Get("Location"))
		}
	}
	figures.Note(t, "operators' visits and forms by others / let in", fmt.Sprintf("%d and %d, of %d forms / 0", visits, sent, len(forms)))
}
