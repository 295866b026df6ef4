package deployment

import (
	"encoding/json"
	"io/fs"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/events"
	"hookline/shared/webhook"
)

// TestExample compares the catalogue's example with the event for the document's report, including the id. If ids were derived in
// another way, every report that comes again would be registered once more.
func TestExample(t *testing.T) {
	want, err := fs.ReadFile(events.FS(), "standard/deployment.registered.json")
	if err != nil {
		t.Fatal(err)
	}
	src := webhook.Source{Tenant: "acme", ID: "src_01KM5HVQG04BKB18Z1AGVE4WKE", Kind: "custom"}
	got, err := dataOf(deploymentOf(src, Deployed{
		At: time.Date(2023, 10, 27, 2, 0, 0, 0, time.FixedZone("", 7200)), Environment: "production",
		CommitSHA: "56e05fced214c44a37759efa2dfc25a65d8ae98d", RepositoryID: "123", RepositoryURL: "https://git.scm-provider.ca/my-project/my-repo",
	}, time.Time{}))
	if err != nil {
		t.Fatal(err)
	}
	var indented []byte
	if indented, err = json.MarshalIndent(json.RawMessage(got), "", "  "); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(indented)+"\n"); diff != "" {
		t.Errorf("-example +made\n%s", diff)
	}
}
