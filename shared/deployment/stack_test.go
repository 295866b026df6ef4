package deployment_test

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/faultinject"
	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// TestDeployments has a deployment reported, in every dialect: its webhook gets it once, however often the sender tries.
// A first try may find its record lost, or written and unheard of.
func TestDeployments(t *testing.T) {
	const (
		document  = `{ "deployed_at": "2023-10-27T00:00:00Z", "environment": "production", "commit_sha": "56e05fced214c44a37759efa2dfc25a65d8ae98d", "repository_id": "123", "repository_url": "https://git.scm-provider.ca/my-project/my-repo" }`
		signature = "sha256=94849743b7c6c5772dcd0abb37b37e9834062b0639ca1fcd69678bd7526816d7"
	)
	dialects, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	fault := webhook.ErrUnavailable(errors.New("out of order"))
	for name, faults := range map[string]func(once func(string) error) faultinject.StoreFaults{
		"in order": func(func(string) error) faultinject.StoreFaults { return faultinject.StoreFaults{} },
		"lost":     func(once func(string) error) faultinject.StoreFaults { return faultinject.StoreFaults{Before: once} },
		"unheard":  func(once func(string) error) faultinject.StoreFaults { return faultinject.StoreFaults{After: once} },
	} {
		for _, d := range dialects.Names() {
			t.Run(name+" "+d, func(t *testing.T) {
				t.Parallel()
				var failed atomic.Bool
				r := &stacktest.Receiver{}
				stacktest.World{Receiver: r, LogsErrors: name != "in order", StoreFaults: faults(func(call string) error {
					if call != "CreateDeployment" || failed.Swap(true) {
						return nil
					}
					return fault
				})}.Run(t, func(t *testing.T, s *stacktest.Stack) {
					acme := s.Tenant("acme", d)
					acme.Webhook(stacktest.Hook("deployment.registered"))
					var src struct{ ID, URL string }
					acme.Do(http.StatusCreated, "POST", "/v1/sources", map[string]any{"kind": "custom", "name": "Jenkins", "secret": "secret"}, &src)
					if want := acme.Base + "/webhooks/deployments/custom/" + src.ID; src.URL != want {
						t.Errorf("got address %s, want %s", src.URL, want)
					}
					var got struct{ ID string }
					for range 4 {
						answer, err := acme.As("").Try("POST", strings.TrimPrefix(src.URL, acme.Base), document, &got, "X-Axify-Deployment-Event-Signature", signature)
						if err != nil || answer.Status > 201 && answer.Status != 503 {
							t.Errorf("got %d %s, %v", answer.Status, answer.Body, err)
						}
						stacktest.Pass(20 * time.Minute)
					}
					if failed.Load() == (name == "in order") {
						t.Errorf("the fault was injected: %t", failed.Load())
					}
					if sent := r.ByID(); len(sent) != 1 || sent[got.ID] != 1 {
						t.Errorf("got %v, want %s sent once", sent, got.ID)
					}
					var l struct{ Data []struct{ ID string } }
					acme.Do(http.StatusOK, "GET", "/v1/deployments?environment=production", nil, &l)
					if len(l.Data) != 1 || l.Data[0].ID != got.ID {
						t.Errorf("got deployments %v, want %s", l.Data, got.ID)
					}
				})
			})
		}
	}
}
