package browser

import "testing"

// TestBrowserSearchAndUpdate has a list ask for what is new while a search is on its way: the answer to the search is shown.
// Both swap the list, and the search once found it gone.
func TestBrowserSearchAndUpdate(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	c := s.tenant(t, "live-race", "standard", nil)
	c.webhook("/ok", map[string]any{"name": "First of two"}, "*")
	c.webhook("/ok", map[string]any{"name": "Second of two"}, "*")
	b := s.tab(t)
	b.signIn(c)
	b.open("/console/webhooks")
	b.sees("First of two")
	// The list's own answer comes after the search has been sent and before it is answered.
	get[bool](b, `(() => {
		const send = XMLHttpRequest.prototype.send;
		XMLHttpRequest.prototype.send = function (...args) {
			const wait = this.searching ? 1500 : 800;
			setTimeout(() => send.apply(this, args), wait);
		};
		const open = XMLHttpRequest.prototype.open;
		XMLHttpRequest.prototype.open = function (method, url, ...rest) {
			this.searching = url.includes("search=Second");
			return open.call(this, method, url.replace(/seen=[^&]*/, "seen=old"), ...rest);
		};
		htmx.trigger("#list", "fresh");
		return true;
	})()`)
	b.fill("Search", "Second")
	wait(b, false, `P.text().includes("First of two")`)
	b.sees("Second of two")
}
