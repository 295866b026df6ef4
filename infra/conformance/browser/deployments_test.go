package browser

import (
	"testing"
	"time"
)

// TestBrowserDeployments reports deployments, the last of which happened long before the others. The list is sorted by the
// time that stands first in it, each number beside the chart is at its height and on no bar, and a deployment leads to its
// event and to what was sent.
func TestBrowserDeployments(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	c := s.tenant(t, name("deployed"), "standard", nil)
	w := c.webhook("/ok", map[string]any{"name": "Told of deployments"}, "deployment.registered")
	source := c.source("custom", "Jenkins")
	for range 5 {
		c.deployed(source, "production", "https://git.example.com/shop", 0)
	}
	c.deployed(source, "staging", "https://git.example.com/shop", 48*time.Hour)
	c.settled(w.ID, "succeeded", 6)
	b := s.tab(t)
	b.signIn(c)
	b.open("/console/deployments")
	wait(b, true, `(() => {
		const times = [...document.querySelectorAll("tbody td:first-child time")].map(t => t.dateTime);
		return times.length === 6 && times.every((t, i) => i === 0 || t <= times[i-1]);
	})()`)
	wait(b, "staging", `document.querySelectorAll(".deployed tbody tr:first-child td")[2].textContent.trim()`)
	wait(b, "", `(() => {
		const bars = [...document.querySelectorAll(".plot g")].map(g => ({of: g.querySelector("title").textContent, at: g.querySelector("rect").getBoundingClientRect()}));
		const five = bars.find(b => b.of.includes(": 5 ")).at;
		const ticks = [...document.querySelectorAll(".ticks span")];
		if (ticks.length < 3) return ticks.length + " numbers";
		for (const tick of ticks) {
			const r = tick.getBoundingClientRect(), at = (r.top + r.bottom) / 2, want = five.bottom - five.height / 5 * Number(tick.textContent);
			if (Math.abs(at - want) > 1.5) return tick.textContent + " stands at " + at + ", want " + want;
			if (bars.some(b => r.left < b.at.right && r.right > b.at.left && r.top < b.at.bottom && r.bottom > b.at.top)) return "a bar covers " + tick.textContent;
		}
		return "";
	})()`)
	b.look("deployments", apart...)

	b.press(`(() => { const r = document.querySelector(".deployed tbody a").getBoundingClientRect(); return {x: r.x + 5, y: r.y + 5} })()`)
	b.dialog("Deployment to staging")
	b.sees("sent to 1 webhook")
	b.click("deployment.registered")
	b.heading("deployment.registered")
	b.row("Told of deployments", "Status", "Succeeded")
	b.click("Show delivery to Told of deployments")
	b.sees("Told of deployments", "200")
}
