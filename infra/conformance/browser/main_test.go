package browser

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestMain leaves pictures to `make screenshots`, and ends what the tests share.
func TestMain(m *testing.M) {
	flag.Parse()
	set := map[string]string{"test.skip": "^TestScreenshots$", "test.parallel": "3"}
	if os.Getenv("HOOKLINE_SCREENSHOTS") != "" {
		set = nil
	} else if os.Getenv("HOOKLINE_CONFORMANCE") != "1" && os.Getenv("CI") != "" {
		set["test.skip"] = "^Test(Browser|Screenshots)" // `make conformance` is another step of the same run
	}
	for name, value := range set {
		if err := flag.Set(name, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	code := m.Run()
	for _, end := range endings.all {
		end()
	}
	os.Exit(code)
}

// endings end what the tests share.
var endings struct {
	mu  sync.Mutex
	all []func()
}

// atEnd has something done once all tests have run.
func atEnd(do func()) {
	endings.mu.Lock()
	defer endings.mu.Unlock()
	endings.all = append(endings.all, do)
}

// need skips a test at a desk, where it was not asked for, and fails it where all has to be there.
func need(t *testing.T) {
	t.Helper()
	if os.Getenv("HOOKLINE_CONFORMANCE") != "1" {
		t.Skip("needs Chromium and two minutes (make conformance has both)")
	}
	for _, file := range []string{axeFile} {
		if _, err := os.Stat(file); err != nil {
			t.Fatalf("%s is not installed (make conformance-tools)", file)
		}
	}
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Fatal("Chromium is not installed (make conformance-tools)")
	}
}

// chromium is the one browser.
var chromium = sync.OnceValues(func() (context.Context, error) {
	ctx, cancel := chromedp.NewContext(context.Background(), chromedp.WithAllocatorOptions(
		chromedp.NoSandbox, // it visits our own pages only, and Debian's starts as root in no other way
		chromedp.Flag("force-prefers-reduced-motion", true),
	))
	atEnd(cancel)
	return ctx, chromedp.Do(ctx)
})
