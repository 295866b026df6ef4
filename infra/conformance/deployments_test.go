package conformance

import (
	"net/http"
	"strings"
	"testing"
)

// TestAxifysCommands signs and reports a deployment as Axify's document does, with its secret; then with one space more.
func TestAxifysCommands(t *testing.T) {
	t.Parallel()
	program(t, "openssl")
	s := startSystem(t, t.TempDir(), nil)
	acme := s.tenant("acme", "standard")
	var src struct{ URL string }
	acme.do(http.StatusCreated, "POST", "/v1/sources", map[string]any{"kind": "custom", "name": "Jenkins", "secret": "secret"}, &src)

	const signature = "94849743b7c6c5772dcd0abb37b37e9834062b0639ca1fcd69678bd7526816d7"
	if got := command(t, "axify-sign.sh"); !strings.HasSuffix(got, signature) {
		t.Errorf("the signature is %s, the document has %s", got, signature)
	}
	const theirs = "https://api.axify.io/webhooks/deployments/custom/123"
	var first, again, refused struct{ ID, Detail string }
	called(t, "201", "axify-register.sh", &first, theirs, src.URL)
	called(t, "200", "axify-register.sh", &again, theirs, src.URL)
	if first.ID == "" || again.ID != first.ID {
		t.Errorf("got ids %q and %q, want the same", first.ID, again.ID)
	}
	called(t, "401", "axify-register.sh", &refused, theirs, src.URL, `"production", `, `"production",  `)
	if !strings.Contains(refused.Detail, "byte for byte") {
		t.Errorf("a space more is answered %q", refused.Detail)
	}
}
