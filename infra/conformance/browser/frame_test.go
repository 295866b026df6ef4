package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// embedded opens a page of another origin that shows a tenant's console in a frame, and returns that page's origin.
func (b *tab) embedded(c tenant) string {
	b.t.Helper()
	var link string
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,"><iframe src=%q width="800" height="700"></iframe>`, link) // a browser that is gone needs no page
	}))
	b.t.Cleanup(host.Close)
	base, err := url.Parse(b.s.base)
	if err != nil {
		b.t.Fatal(err)
	}
	own, err := url.Parse(host.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	origin := "http://" + base.Hostname() + ":" + own.Port()
	c.do("PATCH", "/v1/tenant", map[string]any{"frame_ancestors": []string{origin}}, nil)
	var made struct{ URL string }
	c.do("POST", "/v1/portal-links", map[string]any{}, &made)
	link = made.URL
	b.idle()
	b.do(chromedp.Navigate(origin + "/"))
	b.forgive("a request leaves the origin: " + origin)
	return origin
}

// framed evaluates an expression in the page's frame. It is an error while the frame is not there, or loads.
func framed[T any](b *tab, expression string) (answer T, err error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	err = chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		tree, err := cdp.Call(ctx, target, cdppage.GetFrameTree, cdp.Empty{})
		if err != nil {
			return err
		}
		if len(tree.FrameTree.ChildFrames) == 0 {
			return errors.New("the page has no frame")
		}
		world, err := cdp.Call(ctx, target, cdppage.CreateIsolatedWorld, cdppage.CreateIsolatedWorldParams{FrameID: tree.FrameTree.ChildFrames[0].Frame.ID})
		if err != nil {
			return err
		}
		byValue := true
		got, err := cdp.Call(ctx, target, runtime.Evaluate, runtime.EvaluateParams{
			Expression: expression, ContextID: world.ExecutionContextID, ReturnByValue: &byValue,
		})
		if err != nil {
			return err
		}
		if got.ExceptionDetails != nil {
			return errors.New(got.ExceptionDetails.Text)
		}
		return json.Unmarshal([]byte(got.Result.Value), &answer)
	}))
	return answer, err
}

// TestBrowserFrame goes, in a frame of another site, everywhere that the first page leads: each page can be shown there, or
// its link opens outside. The API reference that opens has no calls of admins.
func TestBrowserFrame(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	d := one(t, s)
	b := s.tab(t)
	b.embedded(d.tenant)
	var links []struct{ Href, Target string }
	within(t, func() error {
		raw, err := framed[string](b, `document.querySelector("h1") && document.readyState === "complete" ?
			JSON.stringify([...document.querySelectorAll("a[href]")].map(a => ({href: a.href, target: a.target}))) : ""`)
		if err == nil && raw == "" {
			err = errors.New("the frame shows nothing")
		}
		if err == nil {
			err = json.Unmarshal([]byte(raw), &links)
		}
		return err
	})
	outside := ""
	for _, l := range links {
		if path := strings.TrimPrefix(l.Href, s.base); l.Target == "_blank" {
			outside = path
		} else if !strings.HasPrefix(path, "/console/") {
			t.Errorf("%s is to be shown in the frame, which no page but the console's can be", l.Href)
		}
	}
	if len(links) < 10 || outside == "" {
		t.Fatalf("got %d links and %q outside the frame, want the API reference among them", len(links), outside)
	}
	b.open(outside)
	b.heading("Hookline API")
	b.sees("Make a webhook")
	b.lacks("Make a tenant", "$ADMIN", "The admin’s credential", `id="adminKey"`)
}
