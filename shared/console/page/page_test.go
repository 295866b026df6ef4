package page_test

import (
	"errors"
	"strings"
	"testing"

	"hookline/shared/console/consoletest"
	"hookline/shared/faultinject"
	"hookline/shared/webhook"
)

// TestNothingKept shows that htmx keeps no page, and so no secret, in the browser's storage: a browser that goes back asks
// again.
func TestNothingKept(t *testing.T) {
	w := consoletest.New(t)
	b := w.Browser(w.Tenant("acme", "standard"))
	p := b.Get("/console/webhooks").Is(200)
	for _, e := range consoletest.Elements(p.Body) {
		if e.Attrs["name"] == "htmx-config" && strings.Contains(e.Attrs["content"], `"historyCacheSize":0`) && strings.Contains(e.Attrs["content"], `"allowEval":false`) {
			b.HTMX = true
			b.Get("/console/webhooks", "HX-History-Restore-Request", "true").Is(200).Has("<html")
			return
		}
	}
	t.Error("got a page whose htmx keeps history or evaluates text")
}

func TestFirstPageIsSmall(t *testing.T) {
	const most = 100 << 10
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	for range 25 {
		w.Webhook(key, `"name":"`+strings.Repeat("n", 60)+`"`)
	}
	b := w.Browser(key)
	p := b.Get("/console/webhooks").Is(200)
	total := len(p.Body)
	for _, e := range consoletest.Elements(p.Body) {
		if at := e.Attrs["src"] + e.Attrs["href"]; strings.HasPrefix(at, "/console/assets/") && e.Name != "use" {
			total += len(b.Get(at, "Accept-Encoding", "gzip").Is(200).Body) // as every browser has it
		}
	}
	if total > most || total < 30_000 {
		t.Errorf("got %d bytes, want the page with all it loads to be at most %d", total, most)
	}
	t.Logf("%d bytes, %d of them the page with its rows", total, len(p.Body))
}

func TestAssets(t *testing.T) {
	w := consoletest.New(t)
	s := w.Stranger()
	p := s.Get("/console/sign-in").Is(200)
	_, rest, _ := strings.Cut(p.Body, `href="/console/assets/`)
	hash, _, _ := strings.Cut(rest, "/")
	a := s.Get("/console/assets/" + hash + "/console.css").Is(200)
	if got, want := a.Header.Get("Cache-Control"), "public, max-age=31536000, immutable"; got != want {
		t.Errorf("got Cache-Control %q, want %q", got, want)
	}
	if strings.Contains(a.Body, "@import") || strings.Contains(a.Body, "url(") {
		t.Error("the stylesheet loads something")
	}
	for _, at := range []string{"/console/assets/", "/console/assets/" + hash, "/console/assets/" + hash + "/", "/console/assets/" + hash + "/none.css", "/console/assets/000000000000/console.css"} {
		s.Get(at).Is(404)
	}
}

// TestFaults shows that an error of ours is logged as one, and that the visitor is not told its cause.
func TestFaults(t *testing.T) {
	const cause = "the disk is on fire"
	tests := map[string]struct {
		broken error // what the store answers to those who sign in
		locked error // what the keyring does, which opens sessions
		faults faultinject.StoreFaults
		status int
	}{
		"nobody can be found":      {broken: errors.New(cause), status: 500},
		"nobody can be found yet":  {broken: webhook.ErrUnavailable(errors.New(cause)), status: 503},
		"no session can be opened": {locked: webhook.ErrUnavailable(errors.New(cause)), status: 503},
		"nothing can be saved yet": {faults: faultinject.StoreFaults{Before: func(string) error { return errors.New(cause) }}, status: 503},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, _ string, b *consoletest.Browser) {
				w.Broken, w.Locked, w.Faults = tt.broken, tt.locked, tt.faults
				b.Post("/console/webhooks", consoletest.Form("url", "https://example.com", "events", "*")).Is(tt.status).Lacks(cause)
				w.Broken, w.Locked, w.Faults = nil, nil, faultinject.StoreFaults{}
				logged := false
				for line := range strings.Lines(w.Log.String()) {
					logged = logged || strings.Contains(line, `"level":"ERROR"`) && strings.Contains(line, cause)
				}
				if !logged {
					t.Errorf("got log %s, want an ERROR with the cause", w.Log.String())
				}
			})
		})
	}
	t.Run("no link can be opened", func(t *testing.T) {
		w := consoletest.New(t)
		link := w.PortalLink(w.Tenant("acme", "standard"), "")
		w.Locked = webhook.ErrUnavailable(errors.New(cause))
		w.Stranger().Get(link, consoletest.Going("document")...).Is(503).Lacks(cause)
		if !strings.Contains(w.Log.String(), cause) {
			t.Errorf("got log %s, want the cause in it", w.Log.String())
		}
		w.Locked = nil
		w.Guest(link)
	})
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	w.Broken = errors.New(cause)
	s := w.Stranger()
	s.Post("/console/sign-in", consoletest.Form("key", key)).Is(500).Lacks(cause)
	if s.Cookie != nil {
		t.Errorf("got cookie %v, want none", s.Cookie)
	}
}
