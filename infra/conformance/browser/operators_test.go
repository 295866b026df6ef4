package browser

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestBrowserOperators visits the operators' pages, with everything that they show, and goes on to a tenant's console.
func TestBrowserOperators(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	d := one(t, s)
	b := s.tab(t)
	b.signInOperator()
	b.heading("Tenants")
	b.look("the tenants", everywhere()...)
	b.open("/console/admin/?search=nothing-is-called-so")
	b.look("no tenant", apart...)
	b.open("/console/admin/audit-log")
	b.look("the stack's audit log", everywhere()...)
	b.open("/console/admin/tenants/" + d.tenant.id + "/audit-log")
	b.look("a tenant's audit log", everywhere()...)
	b.open("/console/admin/queues")
	b.sees("DeadLetterQueue")
	b.look("the queues", everywhere()...)
	b.open("/console/admin/dashboard")
	b.sees("What waits?")
	b.look("the dashboard", everywhere()...)
	b.open("/console/admin/replays")
	b.sees(d.replay)
	b.look("the replay jobs", everywhere()...)
	b.open("/console/admin/dead-letters")
	b.look("the dead letters, of which there are none", apart...)

	b.open("/console/admin/tenants/new")
	b.fill("Id", d.tenant.id)
	b.fill("Name", "Another")
	b.click("Make the tenant")
	b.refused("id")
	b.forgive("422 (Unprocessable Entity)")
	b.look("a tenant refused", everywhere()...)
	id := name("made")
	b.fill("Id", id)
	b.click("Make the tenant")
	b.heading("Another is there")
	b.sees("hk_")
	b.look("a tenant made", everywhere()...)
	b.open("/console/admin/tenants/" + id + "/edit")
	b.fill("Webhooks at most", "7")
	b.look("a tenant's form", apart...)
	b.click("Save")
	b.at("/console/admin/")
	b.open("/console/admin/tenants/" + id + "/delete")
	b.fill("To delete it, type its id: "+id, "another")
	b.click("Delete the tenant")
	b.refused("typed")
	b.forgive("422 (Unprocessable Entity)")
	b.look("the question before a tenant is deleted", apart...)
	b.fill("To delete it, type its id: "+id, id)
	b.click("Delete the tenant")
	b.at("/console/admin/")
	b.open("/console/admin/?search=" + id)
	b.sees("No tenants")

	b.open("/console/admin/?search=" + d.tenant.id)
	b.click("Open its console")
	b.at("/console/webhooks")
	b.look("a tenant's console, for an operator", everywhere()...)
}

// signInOperator signs in with the admin key.
func (b *tab) signInOperator() {
	b.t.Helper()
	b.open("/console/sign-in")
	b.fill("API key", adminKey)
	b.click("Sign in")
	b.at("/console/admin/")
}

// dead gives a tenant a webhook whose deliveries have become dead letters, and returns its id.
func (c tenant) dead(deliveries int) string {
	c.t.Helper()
	id := c.webhook("/500", map[string]any{"name": "Down"}, "user.created").ID
	for range deliveries {
		c.publish("user.created", map[string]any{"n": 1})
	}
	c.settled(id, "failed", deliveries)
	return id
}

// TestBrowserMend mends dead letters with the keyboard alone: some of them, then all.
func TestBrowserMend(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.brisk)
	c := s.tenant(t, name("dead"), "axiestudio", map[string]any{"name": "Dead " + hostile})
	id := c.dead(3)
	b := s.tab(t)
	b.signInOperator()
	b.open("/console/admin/dead-letters")
	b.sees("answered with an error")
	b.look("the dead letters", everywhere()...)
	b.clickIn(id, "List")
	b.sees("user.created", "500")
	b.look("the list of dead letters", everywhere()...)
	b.open("/console/admin/dead-letters")
	b.enter("Count the chosen ones")
	b.sees("Please choose")
	b.forgive("422 (Unprocessable Entity)")
	b.tabbing("Choose " + id + " of " + c.id + ": answered with an error")
	b.keys(" ")
	b.enter("Count the chosen ones")
	b.heading("Send again")
	b.sees("3 deliveries will be sent again, and no others")
	b.look("the question before dead letters are sent again", everywhere()...)
	c.do(http.MethodPatch, "/v1/webhooks/"+id, map[string]any{"url": s.hook + "/ok"}, nil)
	b.enter("Send 3 deliveries again")
	b.at("/console/admin/replays")
	b.sees("3 of 3 deliveries", "bad_status")
	b.look("the replay jobs, with one of dead letters", apart...)
	c.settled(id, "succeeded", 3)

	b.open("/console/admin/dead-letters/purge")
	b.tabbing("To delete them, type delete all")
	b.keys("a", "l", "l", kb.Enter)
	b.refused("typed")
	b.forgive("422 (Unprocessable Entity)")
	b.look("the question before a purge", everywhere()...)
	b.fill("To delete them, type delete all", "delete all")
	b.enter("Delete all dead letters")
	b.at("/console/admin/dead-letters")
	b.sees("0 messages", "All dead letters were deleted")
	b.tabbing("Deliveries a second")
	b.keys("9", "9", "9", kb.Enter)
	b.refused("max_per_second")
	b.forgive("422 (Unprocessable Entity)")
	b.look("a redrive refused", apart...)
}
