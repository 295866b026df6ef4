package browser

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp/kb"
)

// TestBrowserAnswers looks at what forms answer, as pages and in dialogs: refusals, results, and secrets.
func TestBrowserAnswers(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	d := one(t, s)
	b := s.tab(t)
	b.signIn(d.tenant)
	for _, dialog := range []bool{true, false} {
		from := func(link, path string) {
			if b.open("/console/webhooks/" + d.webhook); link == "Create" {
				b.open("/console/webhooks")
			}
			if dialog {
				b.click(link)
				wait(b, true, "P.open()")
			} else {
				b.open(path)
			}
		}
		at := "/console/webhooks/" + d.webhook
		from("Create", "/console/webhooks/new")
		b.fill("Webhook URL", "not a URL")
		b.click("Create Webhook")
		b.refused("url")
		b.look("a refused webhook", apart...)
		b.fill("Webhook URL", s.hook+"/ok")
		b.tick("user.created")
		b.click("Create Webhook")
		b.secret()
		b.look("a new webhook's secret", apart...)

		from("Edit", at+"/edit")
		b.fill("Webhook URL", "")
		b.click("Save")
		b.refused("url")
		b.look("a refused change", apart...)

		from("Test", at+"/test")
		b.click("Test")
		b.sees("answered 500")
		b.look("a test's result", apart...)

		from("Rotate Secret", at+"/rotate-secret")
		b.click("Rotate Secret")
		b.secret()
		b.look("a rotated secret", apart...)
	}
}

// TestBrowserOnItsWay enters something into a form that was just sent: the answer takes the form's place, so it takes
// nothing; where the answer is a part of the form, the rest of it does. The focus is where it was once there is an answer.
func TestBrowserOnItsWay(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	b := s.tab(t)
	b.signIn(s.tenant(t, name("hasty"), "axiestudio", nil))
	b.open("/console/webhooks/new")
	if get[bool](b, `(document.querySelector("form.hook").requestSubmit(), P.focusField("Secret"))`) {
		t.Error("a form that is on its way takes what will be gone")
	}
	b.refused("url")
	b.fill("Secret", "a secret of mine")

	get[bool](b, `(document.querySelector("details:has(#try)").open = true)`)
	press := `(document.getElementById("try").focus(), document.getElementById("try").click(), `
	if get[bool](b, press+`P.focusField("Example data"))`) {
		t.Error("a part of a form that is on its way takes what will be gone")
	}
	wait(b, "try", "document.activeElement.id")
	b.sees("There is no filter")
	wait(b, true, "P.settled()")
	if !get[bool](b, press+`P.focusField("Name"))`) {
		t.Error("the rest of the form takes nothing while a part of it is on its way")
	}
}

// stop is an element that has the focus.
type stop struct {
	What, Tag, ID, Type, Href string
	Names                     []string
	Outlined, Shown, Inside   bool
}

// tabbing goes on with the Tab key until it comes to what has a name, and holds every stop to what a person at a keyboard
// needs: the focus is to be seen, and stays in an open dialog.
func (b *tab) tabbing(name string) stop {
	b.t.Helper()
	for range 200 {
		b.keys(kb.Tab)
		at := get[stop](b, "P.focused()")
		if at.What == "" { // around the end, through the browser's own
			continue
		}
		if !at.Outlined && at.Tag != "H2" { // a script put it on what is new; nobody can act on it
			b.t.Errorf("the focus on %s is not to be seen", at.What)
		}
		if !at.Shown {
			b.t.Errorf("%s has the focus and is out of sight", at.What)
		}
		if !at.Inside {
			b.t.Errorf("the focus leaves the dialog, to %s", at.What)
		}
		if slices.ContainsFunc(at.Names, func(n string) bool { return n == name || strings.HasPrefix(n, name+" ") }) {
			return at
		}
	}
	b.t.Fatalf("no Tab leads to %q: %s", name, b.shown())
	return stop{}
}

// enter tabs to something and presses Enter.
func (b *tab) enter(name string) {
	b.t.Helper()
	b.tabbing(name)
	b.keys(kb.Enter)
}

// TestBrowserKeyboard does everything with Tab, Enter, Space and Escape.
func TestBrowserKeyboard(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	c := s.tenant(t, name("keyboard"), "axiestudio", nil)
	b := s.tab(t)
	b.open("/console/")
	b.heading("Sign in")
	wait(b, "INPUT", "document.activeElement.tagName") // the field has the focus, once the styles are there
	b.keys(c.key, kb.Enter)
	b.at("/console/webhooks")

	b.enter("Create")
	b.dialog("Create Webhook")
	b.keys(kb.Escape)
	b.closed()
	if at := get[stop](b, "P.focused()"); !slices.Contains(at.Names, "Create") {
		t.Errorf("after the dialog the focus is on %s, want what opened it", at.What)
	}
	b.keys(kb.Enter)
	b.dialog("Create Webhook")
	if at := get[stop](b, "P.focused()"); at.ID != "url" {
		t.Errorf("in the dialog the focus is on %s, want the first field", at.What)
	}
	b.keys(s.hook + "/ok")
	b.tabbing("user.created")
	b.keys(" ")
	wait(b, true, "checked", "user.created")
	b.tabbing("Name")
	b.keys("By keyboard")
	b.enter("Create Webhook")
	b.secret()
	b.enter("Done")
	b.closed()
	b.heading("By keyboard")

	b.enter("Test")
	b.dialog("Test By keyboard")
	b.enter("Test")
	b.sees("answered 200")
	b.enter("Done")
	b.closed()

	id := c.list("/v1/webhooks")[0].ID
	b.enter("View History")
	b.at("/console/webhooks/" + id + "/deliveries")
	b.sees("webhook.test")
	b.enter("webhook.test")
	b.sees("By keyboard")
	b.enter("Replay")
	b.sees("new round")

	b.open("/console/webhooks/" + id)
	b.enter("Rotate Secret")
	b.dialog("Rotate Secret of By keyboard?")
	b.enter("Rotate Secret")
	b.secret()
	b.enter("Done")
	b.closed()

	b.enter("Delete")
	b.dialog("Delete By keyboard?")
	b.enter("Delete")
	b.at("/console/webhooks")
	b.sees("No webhooks yet")
}

// TestBrowserWithoutScript goes the same way by links and forms alone.
func TestBrowserWithoutScript(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	c := s.tenant(t, name("plain"), "axiestudio", nil)
	b := s.tab(t)
	b.do(call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	b.signIn(c)
	wait(b, true, `typeof htmx === "undefined"`)

	b.click("Create")
	b.at("/console/webhooks/new")
	b.click("Create Webhook")
	b.at("/console/webhooks")
	b.refused("url")
	b.fill("Webhook URL", s.hook+"/ok")
	b.tick("user.created")
	b.fill("Name", "By hand")
	b.click("Create Webhook")
	b.secret()
	b.click("Done")
	b.heading("By hand")
	id := c.list("/v1/webhooks")[0].ID

	b.click("Edit")
	b.at("/console/webhooks/" + id + "/edit")
	b.fill("Name", "Another name")
	b.click("Save")
	b.heading("Another name")

	b.click("Test")
	b.at("/console/webhooks/" + id + "/test")
	b.click("Test")
	b.sees("answered 200")
	b.click("Done")
	b.heading("Another name")

	b.click("View History")
	b.at("/console/webhooks/" + id + "/deliveries")
	b.row("webhook.test", "Status", "Success")
	b.click("webhook.test")
	b.sees("webhook.test", "Another name")
	b.click("Replay")
	b.sees("new round")

	b.open("/console/webhooks")
	b.fill("Search", "nothing is called so")
	b.click("Search")
	b.sees("No webhook matches")
	b.open("/console/webhooks/" + id)
	b.click("Rotate Secret")
	b.at("/console/webhooks/" + id + "/rotate-secret")
	b.click("Rotate Secret")
	b.secret()
	b.click("Done")
	b.click("Delete")
	b.at("/console/webhooks/" + id + "/delete")
	b.click("Delete")
	b.at("/console/webhooks")
	b.sees("No webhooks yet")
	b.click("Sign out")
	b.heading("Sign in")
}

// TestBrowserSecrets follows the secrets of a webhook, made, entered and rotated, of a source and of keys: after the one
// time they are on no page, in no address, in no cookie and in no line that the system logged.
func TestBrowserSecrets(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	d := one(t, s)
	b := s.tab(t)
	b.signIn(d.tenant)
	secrets := []string{d.key, "hunter2-hunter2-hunter2-hunter2-hunter2"}
	shown := func() {
		t.Helper()
		secrets = append(secrets, b.secret())
	}
	b.open("/console/webhooks/new")
	b.fill("Webhook URL", s.hook+"/ok")
	b.fill("Secret", secrets[1])
	b.tick("user.created")
	b.click("Create Webhook")
	shown()
	b.open("/console/webhooks/new")
	b.fill("Webhook URL", "no URL")
	b.fill("Secret", secrets[1])
	b.click("Create Webhook")
	b.refused("url")
	b.lacks(secrets...)
	b.open("/console/webhooks/" + d.webhook + "/rotate-secret")
	b.click("Rotate Secret")
	shown()
	d.publish("user.created", map[string]any{"n": 2})

	for _, pattern := range slices.Sorted(maps.Keys(pages)) {
		if path := pages[pattern](d); path != "" {
			b.open(path)
			b.lacks(secrets...)
		}
	}
	everywhere := map[string]string{"the log": s.log.String(), "a cookie": strings.Join(b.cookies(), "\n"), "an address": strings.Join(b.addresses(), "\n")}
	for where, text := range everywhere {
		for _, secret := range secrets {
			if strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) {
				t.Errorf("%s has the secret %s", where, secret)
			}
		}
	}
	if len(b.cookies()) == 0 || len(b.addresses()) < len(pages) {
		t.Errorf("looked at %d cookies and %d addresses", len(b.cookies()), len(b.addresses()))
	}
}

// TestBrowserFirstPage weighs what comes over the network until the first page stands.
func TestBrowserFirstPage(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	d := one(t, s)
	for i := range 25 {
		d.tenant.webhook("/ok", map[string]any{"name": "Webhook " + strings.Repeat("x", i)}, "user.created", "user.deleted")
	}
	b := s.tab(t)
	b.signIn(d.tenant)
	b.paused()
	const most = 100_000
	b.mu.Lock()
	got := int(b.received)
	b.mu.Unlock()
	t.Attr("first-page", fmt.Sprintf("%d bytes", got))
	if got > most || got < 10_000 {
		t.Errorf("signing in and the first page took %d bytes, want at most %d", got, most)
	}
}
