package access

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"hookline/shared/console"
	"hookline/shared/console/consoletest"
	"hookline/shared/payload"
	"hookline/shared/webhook"

	"hookline/infra/figures"
)

// form is a form of the console's that somebody could send.
type form struct {
	at     string // the page that has it
	action string
	fields url.Values
}

// crawl visits all that a visitor can reach, from the first page on, and returns the pages and their forms.
func crawl(b *consoletest.Browser, from ...string) (pages []consoletest.Page, forms []form) {
	seen := map[string]bool{}
	queue := append([]string{"/console/"}, from...)
	for ; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if seen[at] || len(seen) > 400 {
			continue
		}
		seen[at] = true
		p := b.Get(at)
		pages = append(pages, p)
		next := []string{p.Header.Get("Location")}
		for _, e := range consoletest.Elements(p.Body) {
			next = append(next, e.Attrs["href"], e.Attrs["hx-get"])
			actions := []string{e.Attrs["formaction"], e.Attrs["hx-post"]}
			if e.Name == "form" && e.Attrs["method"] == "post" {
				actions = append(actions, e.Attrs["action"])
			}
			for _, action := range actions {
				if action != "" && !slices.ContainsFunc(forms, func(f form) bool { return f.action == action }) {
					forms = append(forms, form{at, action, p.Filled()})
				}
			}
		}
		for _, to := range next {
			if to, _, _ = strings.Cut(to, "#"); strings.HasPrefix(to, "/console/") {
				queue = append(queue, to)
			}
		}
	}
	return pages, forms
}

// inhabit gives acme one of everything, and returns pages that no link leads to.
func inhabit(w *consoletest.World, key string) (from []string) {
	w.T.Helper()
	hook := w.Webhook(key, `"name":"Billing"`, `"headers":{"X-Token":"t0ken"}`)
	w.Delivered(hook, "evt_failed", consoletest.Began(), func(d *webhook.Delivery) {
		consoletest.Failing(webhook.ReasonBadStatus, 500)(d)
		d.Owner = "a message" // so there is a dead letter of it
	})
	w.Delivered(hook, "evt_fine", consoletest.Began(), nil)
	w.Delivered(hook, "evt_waits", consoletest.Began(), func(d *webhook.Delivery) {
		consoletest.Failing(webhook.ReasonBadStatus, 500)(d)
		d.Status, d.Via, d.NextAt = webhook.Pending, webhook.ViaQueue, consoletest.Began().Add(time.Hour)
	})
	w.Publish(key, "order.created", `"data":{"n":1}`)
	source := w.Source(key, "custom", "Shop")
	w.Deployed(webhook.Deployment{DeployedAt: consoletest.Began(), Environment: "live", RepositoryID: "shop", CommitSHA: "c0ffee", Source: source.ID})
	w.Scoped(key, "webhooks:read")
	var job struct{ ID string }
	w.Call(202, key, "POST", "/v1/webhooks/"+hook+"/replay", `{"since":"2000-01-01T00:00:00Z","status":"failed"}`, &job)
	return []string{"/console/replays/" + job.ID, "/console/sign-in", w.PortalLink(key, "")}
}

// TestForms sends every form of the console from elsewhere, and without or with somebody else's session. Forms need no token:
// browsers say where one comes from.
func TestForms(t *testing.T) {
	w := consoletest.New(t)
	key, other := w.Tenant("acme", "standard"), w.Tenant("globex", "standard")
	from := inhabit(w, key)
	w.Call(200, other, "PATCH", "/v1/tenant", `{"frame_ancestors":["https://app.example.com"]}`, nil)
	b, stranger, foreign := w.Browser(key), w.Stranger(), w.Browser(other)
	guest := w.Guest(w.PortalLink(key, ""))
	before := w.Rows()
	pages, forms := crawl(b, from...)
	for _, p := range pages {
		p.Lacks(key, webhook.HashAPIKey(key), "t0ken", "s3cret of the source")
		for _, address := range []string{p.What, p.Header.Get("Location")} {
			if strings.Contains(address, key) {
				t.Errorf("an address has the key: %s", address)
			}
		}
	}
	if got := w.Rows(); got != before {
		t.Errorf("looking at pages changes what is stored: got\n%s\nwant\n%s", got, before)
	}
	actions := map[string]bool{} // with {id} for ids
	for _, f := range forms {
		parts := strings.Split(f.action, "/")
		for i, part := range parts {
			if strings.Contains(part, "_") {
				parts[i] = "{id}"
			}
		}
		actions[strings.Join(parts, "/")] = true
	}
	for _, pattern := range append((&console.Console{}).Pages(), "POST /console/sign-in", "POST /console/sign-out", "POST /console/portal") {
		if path, ok := strings.CutPrefix(pattern, "POST "); ok && !actions[path] {
			t.Errorf("no form was found that leads to %s: a page needs to show one", path)
		}
	}
	sent, through := 0, 0
	refused := func(f form, how string, status int, ok bool) {
		t.Helper()
		if sent++; !ok {
			through++
			t.Errorf("%s from %s, %s: got %d", f.action, f.at, how, status)
		}
	}
	for _, f := range forms {
		for how, headers := range map[string][]string{
			"cross-site": {"Sec-Fetch-Site", "cross-site"}, "same-site": {"Sec-Fetch-Site", "same-site"},
			"from another origin":           {"Origin", "https://evil.example"},
			"from a host that begins alike": {"Origin", "http://127.0.0.1:8080.evil.example"},
			"from another port":             {"Origin", "http://127.0.0.1:8081"},
			"from no origin":                {"Origin", "null"},
			"from no origin, cross-site":    {"Origin", "null", "Sec-Fetch-Site", "cross-site"},
			"cross-site, as from here":      {"Origin", "http://127.0.0.1:8080", "Sec-Fetch-Site", "cross-site"},
		} {
			for _, who := range []*consoletest.Browser{b, guest} {
				if testing.Short() && who == guest { // under the race detector
					continue
				}
				p := who.Do(http.MethodPost, f.action, f.fields, headers...)
				refused(f, how, p.Status, p.Status == 403)
			}
		}
		open := f.action == "/console/sign-in" || f.action == "/console/portal" || f.action == "/console/sign-out"
		if !open {
			p := stranger.Post(f.action, f.fields)
			refused(f, "without a session", p.Status, strings.HasPrefix(p.Header.Get("Location"), "/console/sign-in"))
		}
		for _, id := range []string{"wh_", "dlv_", "src_", "key_", "rpl_"} {
			if strings.Contains(f.action, "/"+id) {
				p := foreign.Post(f.action, f.fields)
				refused(f, "with another tenant's session", p.Status, p.Status == 404)
				break
			}
		}
		if got := w.Rows(); got != before {
			through++
			t.Errorf("%s from %s: a refused form changes what is stored: got\n%s\nwant\n%s", f.action, f.at, got, before)
			before = got
		}
	}
	for _, f := range forms { // from here each is taken: that was not what refused them
		visitor := *b // forms change who is signed in
		if p := visitor.Post(f.action, f.fields); p.Status == 403 {
			t.Errorf("%s from %s: got 403 %s", f.action, f.at, p.Body)
		}
	}
	figures.Note(t, "forms sent from elsewhere / let through", fmt.Sprintf("%d, of %d forms / %d", sent, len(forms), through))
}

// TestEndedVisits makes every visit of the console with sessions that have ended.
func TestEndedVisits(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	visitors := map[string]*consoletest.Browser{"nobody": w.Stranger(), "garbage": w.Stranger()}
	visitors["garbage"].Cookie = &http.Cookie{Name: "hookline_session", Value: "AQIDBA"}
	visitors["garbage"].Portal = &http.Cookie{Name: "hookline_portal", Value: "AQIDBA"}
	scoped, id := w.Scoped(key, webhook.Scopes()...)
	visitors["a deleted key's session"] = w.Browser(scoped)
	visitors["a link's session whose key was deleted"] = w.Guest(w.PortalLink(scoped, ""))
	w.Call(204, key, "DELETE", "/v1/keys/"+id, "", nil)
	for name, b := range map[string]*consoletest.Browser{"a key's session that was left": w.Browser(key), "a link's session that was left": w.Guest(w.PortalLink(key, ""))} {
		kept := w.Stranger()
		kept.Cookie, kept.Portal = b.Cookie, b.Portal
		b.Post("/console/sign-out", nil).Leads("/console/sign-in")
		visitors[name] = kept
	}
	link := w.PortalLink(key, "")
	visitors["a link as a cookie"] = w.Stranger()
	visitors["a link as a cookie"].Portal = &http.Cookie{Name: "hookline_portal", Value: strings.TrimPrefix(link, "/console/portal?link=")}
	gone := w.Tenant("gone", "standard")
	visitors["a deleted tenant's session"] = w.Browser(gone)
	w.Call(204, consoletest.AdminKey, "DELETE", "/v1/tenants/gone", "", nil)
	before := w.Rows()
	visits := 0
	for name, b := range visitors {
		cookie, portal := b.Cookie, b.Portal
		for _, pattern := range (&console.Console{}).Pages() {
			method, path, _ := strings.Cut(pattern, " ")
			path = strings.NewReplacer("{$}", "", "{id}", "wh_1", "{name}", "order.created").Replace(path)
			b.Cookie, b.Portal = cookie, portal
			visits++
			if p := b.Do(method, path, url.Values{}, "Sec-Fetch-Site", "same-origin"); p.Status != 303 || !strings.HasPrefix(p.Header.Get("Location"), "/console/sign-in") {
				t.Errorf("%s, %s: got %d to %q, want to be led to the sign-in", name, pattern, p.Status, p.Header.Get("Location"))
			}
		}
	}
	if w.Rows() != before {
		t.Error("a visit without a session changes what is stored")
	}
	figures.Note(t, "visits with ended sessions / let in", fmt.Sprintf("%d / 0", visits))
}

// kinds is how many kinds of plants there are.
const kinds = 11

// plant is a text that becomes an element or an attribute of these names, or an address that runs, where it is not escaped.
func plant(n int) string {
	texts := [kinds]string{
		`<plant-x%d plant-y=1>`, `"><plant-x%d><a plant-y='`, `' plant-y='%d`, `" plant-y="%d`, ` plant-y=%d `, `</textarea></title></script><plant-x%d>`,
		`--><plant-x%d><!--`, `javascript:plant(%d)`, `{{.}}<plant-x%d/>`, "`${plant(%d)}`<plant-x>", `&lt;plant-x%d&gt;<plant-x>`,
	}
	return fmt.Sprintf(texts[n%kinds], n)
}

// TestPlanted stores texts that would be code wherever a text can be stored, and looks at every page.
func TestPlanted(t *testing.T) {
	planted := 0
	seen := map[string]bool{}
	for shift := range kinds { // each place gets each kind in its turn
		if !figures.Full() && shift > 0 {
			break
		}
		w := consoletest.New(t)
		n := shift
		next := func() string { n++; return plant(n) }
		quoted := func() string { return fmt.Sprintf("%q", next()) }
		words := ""
		for i, word := range []string{"title", "create", "url", "events"} {
			words += fmt.Sprintf(`%s%q:%s`, map[bool]string{true: ","}[i > 0], word, quoted())
		}
		w.Call(201, consoletest.AdminKey, "PUT", "/v1/dialects/house", `{"product":`+quoted()+`,"words":{`+words+`},"envelope":{"type":"{type}","data":"{data}"},"body":"plain",
			"headers":{"X-House":"{signature}"},"signature":{"signed":"{body}","encoding":"hex"},"secret":{"key":"utf8","min":8,"made_bytes":32},
			"rotation_overlap_seconds":0,"ladder":["1m"],"success":"2xx","timeout_seconds":10,"url":{"schemes":["https"]},"content_types":["application/json"],
			"catalogue":{"events":[{"name":"order.created","description":`+quoted()+`,"schema":{"type":"object","title":`+quoted()+`},"example":{"x":`+quoted()+`}}]}}`, nil)
		key := w.Tenant("acme", "house")
		w.Call(200, key, "PATCH", "/v1/tenant", `{"name":`+quoted()+`}`, nil)
		hook := w.Webhook(key, `"name":`+quoted(), `"metadata":{"k":`+quoted()+`}`, `"headers":{"X-Token":"<plant-x plant-y=1>"}`, `"filter":{"x":[`+quoted()+`]}`)
		w.Call(201, key, "POST", "/v1/webhooks", `{"url":"https://example.com/?q='onload='plant-y&r=<plant-x>","events":["*"],"name":"u"}`, nil)
		w.Publish(key, "order.created", `"data":{"a":`+quoted()+`,`+quoted()+`:1}`)
		w.Delivered(hook, "evt_failed", consoletest.Began(), func(d *webhook.Delivery) {
			d.Dialect, d.Status = "house@1", webhook.Failed
			d.Body = webhook.Payload{Inline: payload.Pack([]byte(`{"data":{"x":` + quoted() + `}}`))}
			d.Record(webhook.Attempt{
				ScheduledAt: d.AcceptedAt, StartedAt: d.AcceptedAt, SentAt: d.AcceptedAt, StatusCode: 500, Error: webhook.ReasonBadStatus,
				ErrorDetail: webhook.ErrorDetail(next()), ResponseBody: next(), ResponseHeaders: map[string]string{"Server": next(), next(): "x"},
			})
		})
		var source struct{ ID string }
		w.Call(201, key, "POST", "/v1/sources", `{"kind":"custom","name":`+quoted()+`,"secret":"s3cret of the source"}`, &source)
		w.Deployed(webhook.Deployment{
			DeployedAt: consoletest.Began(), Environment: next(), RepositoryID: next(), CommitSHA: next(), Source: source.ID, Kind: "custom", RepositoryURL: "javascript:plant-y()",
		})
		w.Call(201, key, "POST", "/v1/keys", `{"name":`+quoted()+`,"scopes":["webhooks:read"]}`, nil)
		w.Mails["acme"] = []console.Mail{{To: next(), Subject: next(), Text: next(), At: w.Now}}
		planted += n - shift
		b := w.Browser(key)
		pages, _ := crawl(b, w.PortalLink(key, ""), "/console/webhooks?search="+url.QueryEscape(next()), "/console/sign-in?to="+url.QueryEscape("/console/"+next()), "/console/mails")
		operators, _ := crawl(w.Operator(), "/console/admin/", "/console/admin/?search="+url.QueryEscape(next()))
		if len(pages) < 40 || len(operators) < 10 {
			t.Errorf("%d pages and %d of operators seen, want all", len(pages), len(operators))
		}
		pages = append(pages, operators...)
		for _, p := range pages {
			if !strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
				if p.Body != "" && !strings.HasPrefix(p.Header.Get("Content-Disposition"), "attachment") && !strings.Contains(p.What, "/console/assets/") {
					t.Errorf("%s: shown as %s", p.What, p.Header.Get("Content-Type"))
				}
				continue
			}
			escaped(t, p, seen)
		}
	}
	if len(seen) < 15 {
		t.Errorf("%d places show a planted text: too few to show anything", len(seen))
	}
	figures.Note(t, "texts planted / become code", fmt.Sprintf("%d, seen %d times / 0", planted, len(seen)))
}

// escaped checks that no element, attribute or running address of a page came from data, and notes the texts that it shows.
func escaped(t *testing.T, p consoletest.Page, seen map[string]bool) {
	t.Helper()
	for z := html.NewTokenizer(strings.NewReader(p.Body)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			return
		}
		token := z.Token()
		switch kind {
		case html.TextToken:
			if strings.Contains(token.Data, "plant") {
				seen[token.Data] = true
			}
		case html.CommentToken:
			t.Errorf("%s: has a comment %q", p.What, token.Data)
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			if strings.Contains(token.Data, "plant") {
				t.Errorf("%s: a text became the element %s", p.What, token)
			}
			for _, a := range token.Attr {
				key, value := strings.ToLower(a.Key), strings.ToLower(strings.TrimSpace(a.Val))
				if strings.Contains(key, "plant") || strings.HasPrefix(key, "on") || strings.HasPrefix(key, "hx-on") || key == "style" || key == "srcdoc" {
					t.Errorf("%s: a text became an attribute: %s", p.What, token)
				}
				address := slices.Contains([]string{"href", "src", "action", "formaction", "hx-get", "hx-post", "data", "poster"}, key)
				u, err := url.Parse(value)
				if address && (err != nil || !slices.Contains([]string{"", "http", "https"}, u.Scheme)) {
					t.Errorf("%s: an address runs: %s", p.What, token)
				}
				if strings.Contains(value, "plant") {
					seen[key+value] = true
				}
			}
		}
	}
}
