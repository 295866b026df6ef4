package browser

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestBrowserFormBegins sends a form whose answer is longer than the window, as a dialog and as a page. A refused one
// comes back at its first wrong field, which has the focus, with what is wrong beside it; a taken one at the heading of
// what was made.
func TestBrowserFormBegins(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	c := s.tenant(t, name("focus"), "axiestudio", nil)
	b := s.tab(t)
	b.signIn(c)
	for _, dialog := range []bool{true, false} {
		if b.open("/console/webhooks"); dialog {
			b.click("Create")
			b.dialog("Create Webhook")
		} else {
			b.open("/console/webhooks/new")
		}
		refused := func(field, message string) {
			t.Helper()
			b.click("Create Webhook")
			b.sees(message)
			b.forgive("422 (Unprocessable Entity)")
			wait(b, field, "document.activeElement.name")
			wait(b, true, "inView", "#"+field+"-problem")
			wait(b, true, `(() => { const r = document.activeElement.getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight })()`)
		}
		b.fill("Webhook URL", s.hook+"/ok")
		refused("events", "Must name at least one event type")
		b.tick("user.created")
		b.click("More Headers, timeout, rate and metadata")
		b.fill("Timeout", "31")
		refused("timeout_seconds", "Must be 1 to 30")
		b.fill("Timeout", "3")
		b.click("Create Webhook")
		b.secret()
		wait(b, true, "inView", ".panel h2")
		wait(b, "H2", "document.activeElement.tagName")
	}
}

// TestBrowserListIsFresh changes webhooks while their list is open: what is made in its dialog stands there also if the
// dialog is left by Escape, and what somebody else makes, and its totals, come by themselves.
func TestBrowserListIsFresh(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	c := s.tenant(t, name("fresh"), "axiestudio", nil)
	b := s.tab(t)
	b.signIn(c)
	b.sees("Webhooks 0", "No webhooks yet")
	for _, made := range []string{"The first one", "The second one"} {
		b.click("Create")
		b.dialog("Create Webhook")
		b.fill("Webhook URL", s.hook+"/ok")
		b.fill("Name", made)
		b.tick("user.created")
		b.click("Create Webhook")
		b.secret()
		b.keys(kb.Escape)
		b.closed()
		b.row(made, "Status", "Active")
		b.idle() // the first of them has the page loaded anew
	}
	b.sees("Webhooks 2", "Total 2", "Updates by itself")
	wait(b, true, `document.getElementById("search") !== null`)
	c.webhook("/off", map[string]any{"name": "Made elsewhere", "active": false}, "user.created")
	b.row("Made elsewhere", "Status", "Inactive")
	b.sees("Webhooks 3", "Total 3", "Inactive 1")
	b.look("a list that was updated", apart...)

	b.click("Pause")
	b.sees("Paused.")
	c.webhook("/ok", map[string]any{"name": "Not yet"}, "user.created")
	b.click("Resume")
	b.row("Not yet", "Status", "Active")
}
