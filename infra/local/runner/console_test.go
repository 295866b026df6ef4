package runner

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"hookline/infra/local/process"
)

// The console is on the API's port: the ready-made tenant's key signs in, and what the API made is there.
func TestConsole(t *testing.T) {
	p := process.Start(t, t.TempDir(), nil)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	visit := &http.Client{Jar: jar}
	page := func(resp *http.Response, err error) (at, body string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.Request.URL.Path, string(b)
	}
	if at, _ := page(visit.Get(p.Base + "/console")); at != "/console/sign-in" {
		t.Errorf("got %s, want the sign-in first", at)
	}
	p.Client().Webhook(map[string]any{"url": "http://127.0.0.1:9/", "events": []string{"*"}, "name": "Billing"})
	if at, body := page(visit.PostForm(p.Base+"/console/sign-in", url.Values{"key": {p.Key}})); at != "/console/webhooks" || !strings.Contains(body, "Billing") {
		t.Errorf("got %s %s, want the webhooks", at, body)
	}
}
