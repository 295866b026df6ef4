package browser

import (
	"strings"
	"testing"
)

// TestBrowserForms sends the forms that are not a webhook's, and looks at what they answer.
func TestBrowserForms(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	d := one(t, s)
	b := s.tab(t)
	b.signIn(d.tenant)

	b.open("/console/keys/new")
	b.click("Create API key")
	b.refused("name")
	b.look("a refused key", apart...)
	b.fill("Name", "Reports")
	b.tick("webhooks:read")
	b.click("Create API key")
	key := b.secret()
	b.look("a new key", apart...)
	b.open("/console/keys")
	b.sees("Reports")
	b.lacks(key)

	b.open("/console/settings")
	b.fill("Mail address", "no address")
	b.click("Save")
	b.refused("notify_email")
	b.look("refused settings", apart...)
	b.fill("Mail address", "somebody@example.com")
	b.click("Save")
	b.sees("Saved.")
	b.look("saved settings", apart...)

	b.open("/console/settings/portal-link")
	b.click("Make a portal link")
	link := b.secret()
	b.look("a portal link", apart...)
	guest := s.tab(t)
	path, ok := strings.CutPrefix(link, s.base)
	if !ok {
		t.Fatalf("portal link: got %s, want one of %s", link, s.base)
	}
	guest.open(path)
	guest.look("a portal", apart...)

	b.open("/console/sources/new")
	b.fill("Name", "Deploys")
	b.click("Create source")
	secret := b.secret()
	b.look("a new source", apart...)
	b.open("/console/sources")
	b.sees("Deploys")
	b.lacks(secret)

	b.open("/console/events/" + d.event)
	b.click("Replay")
	b.sees("What comes of it shows here by itself") // that it was sent before stands there all along
	b.look("an event that was replayed", apart...)

	b.open("/console/webhooks/" + d.webhook + "/replay")
	b.click("Count first")
	b.sees("No delivery matches")
	b.look("a replay that was counted", apart...)

	b.open("/console/import")
	b.fill("Webhooks, as JSON", `[{"url": "`+s.hook+`/moved", "events": ["user.created"], "name": "Moved in", "secret": "an old secret, shorter"}]`)
	b.click("See what would happen")
	b.sees("One webhook would be made")
	b.look("an import that was checked", apart...)
	b.click("Import 1 webhook")
	b.sees("1 imported")
	b.look("an import", apart...)
	b.lacks("an old secret, shorter")
}
