package browser

import (
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp/kb"
)

// TestBrowserSearch searches letter by letter under a filter: the filter stays, one step back leads to where the search
// began, and ids are found, also those of something else.
func TestBrowserSearch(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	c := s.tenant(t, name("search"), "axiestudio", nil)
	off := c.webhook("/ok", map[string]any{"name": "Invoices off", "active": false}, "user.created")
	on := c.webhook("/ok", map[string]any{"name": "Invoices on"}, "user.created")
	c.webhook("/ok", map[string]any{"name": "Orders", "active": false}, "user.created")
	b := s.tab(t)
	b.open("/")
	b.heading("Sign in") // the root leads to the console
	b.signIn(c)
	b.click("Inactive")
	b.at("/console/webhooks")
	wait(b, "?status=inactive", "location.search")
	wait(b, true, "focusField", "Search")
	for _, part := range []string{"In", "v", "o"} {
		b.keys(part)
		b.paused()
		wait(b, true, `new URLSearchParams(location.search).get("search") === document.getElementById("search").value && P.settled()`)
	}
	b.sees("Invoices off")
	wait(b, false, `P.text().includes("Orders") || P.text().includes("Invoices on")`)
	b.click("Active")
	b.row("Invoices on", "Status", "Active")
	wait(b, false, `P.text().includes("Invoices off")`)
	wait(b, "Invo", `document.getElementById("search").value`)
	get[bool](b, "(history.go(-2), true)")
	wait(b, "?status=inactive", "location.search")
	b.sees("Orders", "Invoices off")

	b.fill("Search", off.ID)
	b.sees("Invoices off")
	wait(b, false, `P.text().includes("Orders")`)
	b.click("All")
	b.fill("Search", on.ID)
	b.sees("Invoices on")
	event := c.publish("user.created", map[string]any{"n": 1})
	b.fill("Search", event)
	b.click("Open " + event)
	b.at("/console/events/" + event)
}

// TestBrowserOffline clicks while there is no network, and again once there is.
func TestBrowserOffline(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	c := s.tenant(t, name("offline"), "axiestudio", nil)
	c.webhook("/ok", nil, "user.created")
	b := s.tab(t)
	b.signIn(c)
	b.idle()
	connected := func(yes bool) {
		b.do(call(network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
			MatchedNetworkConditions: []*network.Conditions{{Offline: !yes, DownloadThroughput: -1, UploadThroughput: -1}},
		}))
	}
	connected(false)
	b.click("Create")
	b.sees("could not be reached")
	connected(true)
	b.click("Create")
	b.dialog("Create Webhook")
	wait(b, true, `document.getElementById("unreached").hidden`)
	connected(false)
	b.fill("Webhook URL", s.hook+"/ok")
	b.click("Create Webhook")
	b.sees("could not be reached")
	connected(true)
	b.forgive("ERR_INTERNET_DISCONNECTED")
	b.forgive("htmx:") // which says in the console what it could not do
	b.look("a form without a network", apart...)
}

// TestBrowserEscape leaves dialogs by Escape: at once where nothing was entered, after a question where something was.
func TestBrowserEscape(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	b := s.tab(t)
	b.signIn(s.tenant(t, name("escape"), "axiestudio", nil))
	b.idle()
	b.click("Create")
	b.dialog("Create Webhook")
	b.keys(kb.Escape)
	b.closed()
	b.click("Create")
	b.dialog("Create Webhook")
	b.fill("Webhook URL", "https://example.com/half")
	b.keys(kb.Escape)
	b.sees("Discard what you entered?")
	b.look("a form that is to be left", apart...)
	b.click("Keep editing")
	wait(b, "https://example.com/half", "value", "Webhook URL")
	wait(b, "url", "document.activeElement.id")
	b.click("Create Webhook")
	b.refused("more_events")
	b.keys(kb.Escape)
	b.sees("Discard what you entered?")
	b.click("Discard")
	b.closed()
}

// TestBrowserImportKeeps gives an import lists that it refuses: what was entered stays in the field, and only there.
func TestBrowserImportKeeps(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	b := s.tab(t)
	b.signIn(s.tenant(t, name("import"), "axiestudio", nil))
	b.open("/console/import")
	const label = "Webhooks, as JSON"
	for _, tt := range []struct{ list, says string }{
		{`[{"url": "` + s.hook + `/moved", "events": ["user.created"], "secret": "an old secret"},`, "This is not JSON"},
		{`[{"url": "not a URL", "events": ["user.created"], "secret": "an old secret"}]`, "Nothing would be made"},
	} {
		b.fill(label, tt.list)
		b.click("See what would happen")
		b.sees(tt.says)
		wait(b, tt.list, "value", label)
		wait(b, true, `P.inView("#outcome h2, #outcome .faults")`)
	}
	b.forgive("422 (Unprocessable Entity)")
	b.lacks("an old secret")
	b.fill(label, `[{"url": "`+s.hook+`/moved", "events": ["user.created"], "secret": "an old secret"}]`)
	b.click("See what would happen")
	b.click("Import 1 webhook")
	b.sees("1 imported")
}
