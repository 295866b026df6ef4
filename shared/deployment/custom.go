package deployment

import (
	"net/http"
	"time"
)

// custom is for tools that no other provider knows: Axify's document "custom webhook", which Jenkins and the like are
// pointed at. The signature is over the body as it comes; its hex may be in upper case, which the document leaves open.
func custom() Provider {
	const header = "X-Axify-Deployment-Event-Signature"
	return Provider{
		Kind:       "custom",
		Credential: header + " must be sha256= and the hex HMAC-SHA256 of the body with the source's secret; the body must arrive byte for byte as it was signed, without a space, tab or line break more or less",
		Challenge:  `HMAC-SHA256 realm="hookline", header="` + header + `"`,
		Verify:     signed(header),
		Read:       readCustom,
	}
}

// readCustom takes all five fields as strings, and whatever comes beside them.
func readCustom(_ http.Header, body []byte) (Report, error) {
	r, err := read(body)
	if err != nil {
		return Report{}, err
	}
	for _, name := range []string{"deployed_at", "environment", "commit_sha", "repository_id", "repository_url"} {
		if _, isText := r.at(name).(string); !isText && r.at(name) != nil {
			r.fault(name, "must be a string")
		}
	}
	return r.report(Deployed{
		At: r.when([]string{time.RFC3339}, "deployed_at"), Environment: r.text("environment"), CommitSHA: r.text("commit_sha"),
		RepositoryID: r.text("repository_id"), RepositoryURL: r.address("repository_url", r.first("repository_url")),
	})
}
