package browser

import (
	"fmt"
	"maps"
	"testing"
)

// TestBrowserEventOfMany looks at an event that many webhooks got and many did not: by their names, in pages, found by a
// part of a name, and those that did not get it by the reason.
func TestBrowserEventOfMany(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	c := s.tenant(t, name("event"), "standard", nil)
	hook := func(i int, kind string, fields map[string]any) map[string]any {
		in := map[string]any{"url": s.hook + "/ok", "name": fmt.Sprintf("%s %03d", kind, i), "events": []string{"order.created"}}
		maps.Copy(in, fields)
		return in
	}
	for kind, fields := range map[string]map[string]any{
		"Sent": nil, "Off": {"active": false}, "Elsewhere": {"events": []string{"order.paid"}},
	} {
		for from := 0; from < 120; from += 60 {
			var list []map[string]any
			for i := range 60 {
				list = append(list, hook(from+i, kind, fields))
			}
			c.do("POST", "/v1/webhooks/import", list, nil)
		}
	}
	id := c.publish("order.created", map[string]any{"n": 1})
	b := s.tab(t)
	b.signIn(c)
	b.open("/console/events/" + id)
	b.heading("order.created")
	names := `[...document.querySelectorAll("#event td.wide, #event .skipped li")].map(e => P.squash(e.textContent))`
	rows := `(() => { const n = ` + names + `; return n.length > 0 && n.length <= 40 && n.every(t => /^(Sent|Off|Elsewhere) \d{3}$/.test(t)) })()`
	wait(b, true, rows)
	b.sees("Sent to", "Matched 120 webhooks")
	b.look("an event of many", apart...)
	b.click("Next page")
	b.sees("First page")
	wait(b, true, rows)
	b.fill("Search", "Sent 077")
	b.click("Search")
	b.row("Sent 077", "Status", "Succeeded")
	wait(b, "Sent 077", names+`.join()`)
	b.open("/console/events/" + id)
	b.click("Not sent to")
	wait(b, true, rows+` && !P.text().includes("Sent 0")`)
	b.fill("Search", "007")
	b.click("Search")
	b.sees("It is inactive.", "It does not take events of this type.", "Off 007", "Elsewhere 007")
	b.look("webhooks that did not get an event", apart...)
}
