package browser

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

//go:embed testdata/page.js
var pageJS string

// tab is a window of the browser: cookies and cache are its own. It complains of what no page may do: requests that
// leave the origin, errors in the console, and what the Content-Security-Policy refused.
type tab struct {
	t   testing.TB
	s   *system
	ctx context.Context

	mu         sync.Mutex
	complaints []string
	asked      []string // addresses requested
	received   float64  // bytes over the network
	loading    bool     // a page is on its way
}

// tab opens one. The test fails when pages in it did what none may do.
func (s *system) tab(t testing.TB) *tab {
	t.Helper()
	parent, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithNewBrowserContext())
	b := &tab{t: t, s: s, ctx: ctx}
	t.Cleanup(func() {
		cancel()
		for _, c := range b.takeComplaints() {
			t.Error(c)
		}
	})
	if err := chromedp.Listen(ctx, b.heard); err != nil {
		t.Fatal(err)
	}
	b.do(
		call(network.Enable, network.EnableParams{}),
		call(cdplog.Enable, cdp.Empty{}),
		call(runtime.Enable, cdp.Empty{}),
	)
	b.screen(1440, "light")
	return b
}

// call makes a command of the protocol an action.
func call[P, R any](cmd cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, cmd, params)
		return err
	})
}

// heard is called for each event of the tab, in the loop that reads them: it must not wait.
func (b *tab) heard(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		to := ev.Request.URL
		b.asked = append(b.asked, to)
		if !strings.HasPrefix(to, b.s.base+"/") && !strings.HasPrefix(to, "data:") && to != "about:blank" {
			b.complaints = append(b.complaints, "a request leaves the origin: "+to)
		}
	case *cdppage.EventFrameStartedLoading:
		b.loading = true
	case *cdppage.EventFrameStoppedLoading:
		b.loading = false
	case *network.EventLoadingFinished:
		b.received += ev.EncodedDataLength
	case *runtime.EventConsoleAPICalled:
		if ev.Type == runtime.ConsoleAPICalledTypeError || ev.Type == runtime.ConsoleAPICalledTypeWarning {
			b.complaints = append(b.complaints, "the page says in the console: "+spell(ev.Args))
		}
	case *runtime.EventExceptionThrown:
		what := ev.ExceptionDetails.Text
		if ev.ExceptionDetails.Exception != nil {
			what += " " + ev.ExceptionDetails.Exception.Description
		}
		b.complaints = append(b.complaints, "a script fails: "+what)
	case *cdplog.EventEntryAdded:
		if ev.Entry.Level == "error" || ev.Entry.Level == "warning" {
			b.complaints = append(b.complaints, fmt.Sprintf("the browser says of %s: %s %s", ev.Entry.URL, ev.Entry.Source, ev.Entry.Text))
		}
	}
}

func spell(args []*runtime.RemoteObject) string {
	raw, err := json.Marshal(args)
	return errors.Join(errors.New(string(raw)), err).Error()
}

// takeComplaints returns them and forgets them.
func (b *tab) takeComplaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := b.complaints
	b.complaints = nil
	return taken
}

// forgive drops complaints that have a text: refused forms and pages that are gone are answered 4xx.
func (b *tab) forgive(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = slices.DeleteFunc(b.complaints, func(c string) bool { return strings.Contains(c, text) })
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 2*patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// screen sets the width, and light or dark.
func (b *tab) screen(width int64, scheme string) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, 900), call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	}))
}

// ask evaluates a function of page.js, or an expression over it as P.
func ask[T any](b *tab, expression string, args ...any) (T, error) {
	var params []string
	for _, a := range args {
		raw, err := json.Marshal(a)
		if err != nil {
			return *new(T), err
		}
		params = append(params, string(raw))
	}
	if args != nil {
		expression = "P." + expression + "(" + strings.Join(params, ",") + ")"
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T]("(() => { const P = "+strings.TrimSuffix(strings.TrimSpace(pageJS), ";")+"; return "+expression+" })()"))
}

// get is ask without a doubt.
func get[T any](b *tab, expression string, args ...any) T {
	b.t.Helper()
	v, err := ask[T](b, expression, args...)
	if err != nil {
		b.t.Fatalf("%s%v: %v", expression, args, err)
	}
	return v
}

// wait repeats a question until its answer is want. A page that is just being left answers nothing.
func wait[T comparable](b *tab, want T, expression string, args ...any) {
	b.t.Helper()
	within(b.t, func() error {
		got, err := ask[T](b, expression, args...)
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("%s%v: got %v, want %v\n%s", expression, args, got, want, b.shown())
		}
		return nil
	})
}

// shown is where the tab is and what is to be read there, for messages.
func (b *tab) shown() string {
	at, _ := ask[string](b, "location.href")
	text, _ := ask[string](b, "P.text()")
	return at + ": " + text[:min(len(text), 1500)]
}

// open goes to a path of the system, once the page that is on its way is there: what a link or form began would end this
// as ERR_ABORTED, or be taken for it. A test that pressed one waits first for what that shows.
func (b *tab) open(path string) {
	b.t.Helper()
	b.idle()
	b.do(chromedp.Navigate(b.s.base + path))
}

// idle waits until no page is on its way.
func (b *tab) idle() {
	b.t.Helper()
	within(b.t, func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.loading {
			return errors.New("a page goes on loading")
		}
		return nil
	})
}

// signIn signs a tenant's key in.
func (b *tab) signIn(c tenant) {
	b.t.Helper()
	b.open("/console/")
	b.heading("Sign in")
	b.fill("API key", c.key)
	b.click("Sign in")
	b.at("/console/webhooks")
}

// at waits until the page's path is path.
func (b *tab) at(path string) {
	b.t.Helper()
	wait(b, true, `document.readyState !== "loading" && location.pathname === `+quote(path))
}

func quote(s string) string {
	raw, err := json.Marshal(s)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// path returns the page's path.
func (b *tab) path() string {
	b.t.Helper()
	return get[string](b, "location.pathname")
}

// heading waits for the heading of the dialog, or of the page where none is open.
func (b *tab) heading(want string) {
	b.t.Helper()
	wait(b, want, "P.heading()")
}

// dialog waits until a dialog is open, with a heading.
func (b *tab) dialog(heading string) {
	b.t.Helper()
	wait(b, true, "P.open()")
	b.heading(heading)
}

// closed waits until no dialog is open, and what was in it is gone: a moment later, as its close event says.
func (b *tab) closed() {
	b.t.Helper()
	wait(b, false, `P.open() || document.querySelector("dialog > *") !== null`)
}

// sees waits until all the texts are to be read.
func (b *tab) sees(texts ...string) {
	b.t.Helper()
	within(b.t, func() error {
		got, err := ask[string](b, "P.text()")
		if err != nil {
			return err
		}
		for _, want := range texts {
			if !strings.Contains(got, want) {
				return fmt.Errorf("want %q in %s", want, b.shown())
			}
		}
		return nil
	})
}

// lacks fails the test when a text is in the page, to be read or not.
func (b *tab) lacks(texts ...string) {
	b.t.Helper()
	html := get[string](b, "document.documentElement.outerHTML")
	for _, text := range texts {
		if strings.Contains(html, text) {
			b.t.Errorf("%s has %q", b.path(), text)
		}
	}
}

// refused waits until a form came back with a complaint about a field. Its hint may have said the same all along.
func (b *tab) refused(id string) {
	b.t.Helper()
	wait(b, true, `document.querySelector("#`+id+`[aria-invalid=true]") !== null`)
	b.forgive("422 (Unprocessable Entity)")
}

// secret waits for a page or dialog that shows a secret, and returns it.
func (b *tab) secret() string {
	b.t.Helper()
	wait(b, true, `((document.querySelector("dialog[open]") || document).querySelector(".copy code") || {textContent: ""}).textContent.trim().length >= 8`)
	return get[string](b, `P.squash((document.querySelector("dialog[open]") || document).querySelector(".copy code").textContent)`)
}

type point struct{ X, Y float64 }

// press clicks where a question says, once it does and what is there stands still.
func (b *tab) press(question string, args ...any) {
	b.t.Helper()
	var last point
	within(b.t, func() error {
		p, err := ask[*point](b, question, args...)
		if err != nil {
			return err
		}
		if p == nil {
			return fmt.Errorf("%s%q is not there: %s", question, args, b.shown())
		}
		if still := math.Abs(p.X-last.X)+math.Abs(p.Y-last.Y) < 1; !still {
			last = *p
			return errors.New("it moves")
		}
		return nil
	})
	b.do(chromedp.MouseClickXY(last.X, last.Y))
}

// click presses a button or link by its name, also by the part of it that is to be seen.
func (b *tab) click(name string) {
	b.t.Helper()
	b.press("point", name)
}

// clickIn does so in the row, card or region that has a text.
func (b *tab) clickIn(text, name string) {
	b.t.Helper()
	b.press("point", name, text)
}

// fill writes into the field with a label, in the place of what is there.
func (b *tab) fill(label, value string) {
	b.t.Helper()
	wait(b, true, "focusField", label)
	b.do(call(input.InsertText, input.InsertTextParams{Text: value}))
	wait(b, value, "value", label)
}

// tick clicks a checkbox.
func (b *tab) tick(label string) {
	b.t.Helper()
	b.press("fieldPoint", label)
}

// choose picks an option.
func (b *tab) choose(label, option string) {
	b.t.Helper()
	wait(b, true, "choose", label, option)
}

// keys presses keys, one after the other.
func (b *tab) keys(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		b.do(chromedp.KeyEvent(k))
	}
}

// cookies returns the values of the tab's cookies.
func (b *tab) cookies() []string {
	b.t.Helper()
	var values []string
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		got, err := cdp.Call(ctx, target, network.GetCookies, network.GetCookiesParams{URLs: []string{b.s.base + "/console/"}})
		for _, c := range got.Cookies {
			values = append(values, c.Value)
		}
		return err
	}))
	return values
}

// paused waits until the page asks for nothing more.
func (b *tab) paused() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](
		"new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))", chromedp.EvalAwaitPromise)); err != nil {
		b.t.Fatal(err)
	}
}

// addresses returns what the tab asked for, in order.
func (b *tab) addresses() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.asked)
}

// row waits until a row of the table that has a text shows want in a column.
func (b *tab) row(text, column, want string) {
	b.t.Helper()
	within(b.t, func() error {
		got, err := ask[*string](b, "cell", text, column)
		if err != nil {
			return err
		}
		if got == nil || !strings.Contains(*got, want) {
			return fmt.Errorf("%s of %s: got %s, want %s: %s", column, text, spelled(got), want, b.shown())
		}
		return nil
	})
}

func spelled(s *string) string {
	if s == nil {
		return "no such cell"
	}
	return *s
}

// columns holds the table's headings to want, among others.
func (b *tab) columns(want ...string) {
	b.t.Helper()
	got := get[[]string](b, "P.columns()")
	for _, c := range want {
		if !slices.Contains(got, c) {
			b.t.Errorf("columns: got %q, want %s among them", got, c)
		}
	}
}
