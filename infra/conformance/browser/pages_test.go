package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"hookline/infra/figures"
	"hookline/shared/console"
)

const axeFile = "../node_modules/axe-core/axe.min.js"

var axe = sync.OnceValues(func() (string, error) {
	b, err := os.ReadFile(axeFile)
	return string(b), err
})

// screen is a width and a scheme that pages are looked at on.
type screen struct {
	width  int64
	scheme string
}

var (
	screens = []screen{{1440, "light"}, {1440, "dark"}, {390, "light"}, {390, "dark"}}
	// apart differ in both, for what was seen on every screen with other data.
	apart = []screen{{1440, "light"}, {390, "dark"}}
)

// everywhere is all screens in `make conformance-full`, else two that have each width and each scheme.
func everywhere() []screen {
	if figures.Full() {
		return screens
	}
	return apart
}

// look holds what the tab shows to the rules of every page, on screens.
func (b *tab) look(what string, screens ...screen) {
	b.t.Helper()
	b.idle()
	source, err := axe()
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.ctx, 10*patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](source)); err != nil {
		b.t.Fatal(err)
	}
	for _, screen := range screens {
		b.screen(screen.width, screen.scheme)
		b.paused()
		at := fmt.Sprintf("%s at %d px, %s", what, screen.width, screen.scheme)
		if got := get[string](b, "P.overflow()"); got != "" {
			b.t.Errorf("%s overflows: %s", at, got)
		}
		raw, err := chromedp.Run(ctx, chromedp.Evaluate[string](`axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(
			r.violations.map(v => v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + " (" + (n.any[0] || n.all[0] || n.none[0] || {message: ""}).message + ")").join(" | "))))`,
			chromedp.EvalAwaitPromise))
		if err != nil {
			b.t.Fatalf("%s: axe: %v", at, err)
		}
		var violations []string
		if err := json.Unmarshal([]byte(raw), &violations); err != nil {
			b.t.Fatal(err)
		}
		for _, v := range violations {
			b.t.Errorf("%s: axe: %s", at, v)
		}
	}
	b.screen(1440, "light")
	for _, c := range b.takeComplaints() {
		b.t.Errorf("%s: %s", what, c)
	}
}

// data is what a tenant has that pages show: ids, "" for what it has none of.
type data struct {
	tenant
	webhook, delivery, event, source, deployment, replay, otherKey, eventType string
}

// at returns a way to the page below a thing of the tenant's, which is to be left out where it has none.
func at(id func(data) string, path string) func(data) string {
	return func(d data) string {
		if id(d) == "" {
			return ""
		}
		return fmt.Sprintf(path, id(d))
	}
}

func page(path string) func(data) string { return func(data) string { return path } }

func webhookID(d data) string    { return d.webhook }
func deliveryID(d data) string   { return d.delivery }
func eventID(d data) string      { return d.event }
func sourceID(d data) string     { return d.source }
func deploymentID(d data) string { return d.deployment }
func replayID(d data) string     { return d.replay }
func keyID(d data) string        { return d.otherKey }
func typeName(d data) string     { return d.eventType }

// pages says, for each of the console's pages, where it is.
var pages = map[string]func(data) string{
	"GET /console/{$}":                         page("/console/"),
	"GET /console/webhooks":                    page("/console/webhooks"),
	"GET /console/webhooks/new":                page("/console/webhooks/new"),
	"GET /console/webhooks/{id}":               at(webhookID, "/console/webhooks/%s"),
	"GET /console/webhooks/{id}/edit":          at(webhookID, "/console/webhooks/%s/edit"),
	"GET /console/webhooks/{id}/delete":        at(webhookID, "/console/webhooks/%s/delete"),
	"GET /console/webhooks/{id}/rotate-secret": at(webhookID, "/console/webhooks/%s/rotate-secret"),
	"GET /console/webhooks/{id}/test":          at(webhookID, "/console/webhooks/%s/test"),
	"GET /console/webhooks/{id}/deliveries":    at(webhookID, "/console/webhooks/%s/deliveries"),
	"GET /console/webhooks/{id}/recent":        at(webhookID, "/console/webhooks/%s/recent"),
	"GET /console/webhooks/{id}/troubleshoot":  at(webhookID, "/console/webhooks/%s/troubleshoot"),
	"GET /console/deliveries":                  page("/console/deliveries"),
	"GET /console/deliveries/{id}":             at(deliveryID, "/console/deliveries/%s"),
	"GET /console/sources":                     page("/console/sources"),
	"GET /console/sources/new":                 page("/console/sources/new"),
	"GET /console/sources/{id}":                at(sourceID, "/console/sources/%s"),
	"GET /console/sources/{id}/delete":         at(sourceID, "/console/sources/%s/delete"),
	"GET /console/deployments":                 page("/console/deployments"),
	"GET /console/deployments/{id}":            at(deploymentID, "/console/deployments/%s"),
	"GET /console/keys":                        page("/console/keys"),
	"GET /console/keys/new":                    page("/console/keys/new"),
	"GET /console/keys/{id}/delete":            at(keyID, "/console/keys/%s/delete"),
	"GET /console/settings":                    page("/console/settings"),
	"GET /console/settings/portal-link":        page("/console/settings/portal-link"),
	"GET /console/mails":                       page("/console/mails"),
	"GET /console/webhooks/{id}/verify":        at(webhookID, "/console/webhooks/%s/verify"),
	"GET /console/webhooks/{id}/replay":        at(webhookID, "/console/webhooks/%s/replay"),
	"GET /console/replays/{id}":                at(replayID, "/console/replays/%s"),
	"GET /console/events":                      page("/console/events"),
	"GET /console/events/{id}":                 at(eventID, "/console/events/%s"),
	"GET /console/import":                      page("/console/import"),
	"GET /console/help":                        page("/console/help"),
	"GET /console/help/integrations":           page("/console/help/integrations"),
	"GET /console/help/best-practices":         page("/console/help/best-practices"),
	"GET /console/help/troubleshooting":        page("/console/help/troubleshooting"),
	"GET /console/event-types":                 page("/console/event-types"),
	"GET /console/audit-log":                   page("/console/audit-log"),
	"GET /console/event-types/{name}":          at(typeName, "/console/event-types/%s"),
}

// more are pages that no route of their own shows: with filters, at the end of a list, and those for nobody in particular.
var more = map[string]func(data) string{
	"a filter without a match":   page("/console/webhooks?search=nothing-is-called-so&status=failing"),
	"a page that is not there":   page("/console/nowhere"),
	"deliveries without a match": page("/console/deliveries?status=failed&event_type=no.such&within=1h"),
}

// answers are the forms and the files to download, and the test that asks for each and holds what is answered.
var answers = map[string]string{
	"POST /console/webhooks":                    "TestBrowserAnswers",
	"POST /console/webhooks/{id}":               "TestBrowserAnswers",
	"POST /console/webhooks/{id}/delete":        "TestBrowserKeyboard",
	"POST /console/webhooks/{id}/rotate-secret": "TestBrowserAnswers",
	"POST /console/webhooks/{id}/test":          "TestBrowserAnswers",
	"POST /console/deliveries/{id}/replay":      "TestBrowserKeyboard",
	"POST /console/deliveries/{id}/cancel":      "TestCancelled",
	"POST /console/sources":                     "TestBrowserForms",
	"POST /console/sources/{id}/delete":         "TestSources",
	"POST /console/keys":                        "TestBrowserForms",
	"POST /console/keys/{id}/delete":            "TestKeysPages",
	"POST /console/settings":                    "TestBrowserForms",
	"POST /console/settings/portal-link":        "TestBrowserForms",
	"POST /console/webhooks/{id}/replay":        "TestBrowserForms",
	"POST /console/replays/{id}/cancel":         "TestReplayManyCancelled",
	"POST /console/events/{id}/replay":          "TestBrowserForms",
	"POST /console/import":                      "TestBrowserForms",
	"POST /console/webhook-form":                "TestTrial",
	"GET /console/deployments/{id}/report":      "TestDownloads",
	"GET /console/events/{id}/data":             "TestDownloads",
	"GET /console/deliveries/{id}/body":         "TestDownloads",
	"GET /console/event-types/{name}/example":   "TestDownloads",
	"GET /console/event-types/{name}/schema":    "TestDownloads",
}

// operators are the pages and forms of the operators' console, and the test that visits each.
var operators = map[string]string{
	"GET /console/admin/{$}":                     "TestBrowserOperators",
	"GET /console/admin/dashboard":               "TestBrowserOperators",
	"GET /console/admin/audit-log":               "TestBrowserOperators",
	"GET /console/admin/tenants/{id}/audit-log":  "TestBrowserOperators",
	"GET /console/admin/tenants/new":             "TestBrowserOperators",
	"POST /console/admin/tenants":                "TestBrowserOperators",
	"GET /console/admin/tenants/{id}/edit":       "TestBrowserOperators",
	"POST /console/admin/tenants/{id}":           "TestBrowserOperators",
	"GET /console/admin/tenants/{id}/delete":     "TestBrowserOperators",
	"POST /console/admin/tenants/{id}/delete":    "TestBrowserOperators",
	"POST /console/admin/tenants/{id}/open":      "TestBrowserOperators",
	"GET /console/admin/queues":                  "TestBrowserOperators",
	"GET /console/admin/replays":                 "TestBrowserOperators",
	"GET /console/admin/dead-letters":            "TestBrowserMend",
	"GET /console/admin/dead-letters/list":       "TestBrowserMend",
	"POST /console/admin/dead-letters/replay":    "TestBrowserMend",
	"POST /console/admin/dead-letters/redrive":   "TestBrowserMend",
	"GET /console/admin/dead-letters/purge":      "TestBrowserMend",
	"POST /console/admin/dead-letters/purge":     "TestBrowserMend",
	"POST /console/admin/replays/{id}/cancel":    "TestDeadLetters",
	"GET /console/admin/dialects":                "TestBrowserDialects",
	"GET /console/admin/new-dialect":             "TestBrowserDialects",
	"POST /console/admin/new-dialect":            "TestBrowserDialects",
	"GET /console/admin/dialects/{name}":         "TestBrowserDialects",
	"POST /console/admin/dialects/{name}":        "TestBrowserDialects",
	"GET /console/admin/dialects/{name}/delete":  "TestBrowserDialects",
	"POST /console/admin/dialects/{name}/delete": "TestBrowserDialects",
}

// TestPagesAreKnown keeps the tables above whole: a new page has to be visited too. One that is no longer there is found
// by the visit.
func TestPagesAreKnown(t *testing.T) {
	for _, pattern := range (&console.Console{}).Pages() {
		test, form := answers[pattern]
		if pages[pattern] == nil && !form {
			t.Errorf("no test visits %s", pattern)
		}
		if form && !slices.Contains(tests(t), test) {
			t.Errorf("%s: there is no %s", pattern, test)
		}
	}
	for _, pattern := range (&console.Console{}).OperatorPages() {
		if !slices.Contains(tests(t), operators[pattern]) {
			t.Errorf("no test visits %s", pattern)
		}
	}
}

// TestBrowserPages visits every page, with no, one and thousands of rows.
func TestBrowserPages(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	for name, set := range map[string]struct {
		seed    func(*testing.T, *system) data
		screens []screen
	}{"none": {none, apart}, "one": {one, everywhere()}, "many": {many, apart}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := set.seed(t, s)
			b := s.tab(t)
			b.open("/console/sign-in")
			b.look("the sign-in", set.screens...)
			b.signIn(d.tenant)
			visited := 0
			for _, pattern := range slices.Sorted(maps.Keys(pages)) {
				if path := pages[pattern](d); path != "" {
					b.open(path)
					b.look(pattern, set.screens...)
					visited++
				}
			}
			for _, what := range slices.Sorted(maps.Keys(more)) {
				b.open(more[what](d))
				b.forgive("404 (Not Found)")
				b.look(what, set.screens...)
			}
			t.Attr("pages", fmt.Sprint(visited))
			if name == "one" && visited != len(pages) {
				t.Errorf("visited %d of %d pages", visited, len(pages))
			}
		})
	}
}

// TestBrowserDocs visits the page of the API's document, and the files that come with it. The page is as wide as all of
// it; axe takes minutes for that much, and sees the introduction, the first call of each group and the first schemas.
func TestBrowserDocs(t *testing.T) {
	need(t)
	t.Parallel()
	b := start(t, systems.usual).tab(t)
	b.open("/docs")
	b.heading("Hookline API")
	for _, screen := range everywhere() {
		b.screen(screen.width, screen.scheme)
		if got := get[string](b, "P.overflow()"); got != "" {
			b.t.Errorf("/docs at %d px, %s overflows: %s", screen.width, screen.scheme, got)
		}
	}
	shown := `[...document.querySelectorAll("article")].filter(a => a.checkVisibility()).length`
	all := get[int](b, shown)
	b.fill("Search the calls and schemas", "rotate-secret")
	wait(b, true, fmt.Sprintf("%s > 0 && %s < %d", shown, shown, all/4))
	get[int](b, cut("article[hidden], li[hidden]"))
	b.look("/docs, searched", apart...)

	b.open("/docs")
	left := get[int](b, cut("article + article, li[data-find] + li + li"))
	t.Attr("sections", fmt.Sprintf("%d of %d", left, all))
	b.look("/docs", everywhere()...)
	for _, file := range []string{"docs.css", "docs.js"} {
		if !slices.Contains(b.addresses(), b.s.base+"/docs/"+file) {
			t.Errorf("the page does not ask for %s: %q", file, b.addresses())
		}
		b.open("/docs/" + file)
		wait(b, true, "document.body.innerText.length > 500")
	}
	b.open("/docs/nothing")
	b.sees("not-found")
	b.forgive("404 (Not Found)")
}

// cut removes parts of a page, and says how many articles are left.
func cut(parts string) string {
	return `(document.querySelectorAll(` + quote(parts) + `).forEach(el => el.remove()), document.querySelectorAll("article").length)`
}

// TestBrowserDialogs opens every dialog that the webhooks and a webhook's page offer.
func TestBrowserDialogs(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	d := one(t, s)
	b := s.tab(t)
	b.signIn(d.tenant)
	for _, path := range []string{"/console/webhooks", "/console/webhooks/" + d.webhook} {
		b.open(path)
		links := strings.Split(get[string](b, `[...document.querySelectorAll("a[data-dialog]")].map(a => a.getAttribute("href")).join(" ")`), " ")
		slices.Sort(links)
		for _, link := range slices.Compact(links) {
			b.open(path)
			get[bool](b, `(document.querySelector("a[data-dialog][href=" + JSON.stringify(`+quote(link)+`) + "]").click(), true)`)
			wait(b, true, "P.open()")
			b.look("the dialog "+link, apart...)
		}
	}
}
