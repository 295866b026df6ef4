package deployment

import (
	"net/http"
	"time"
)

// custom reads reports of tools that have no provider of their own, such as Jenkins, in the form of Axify's document "custom
// webhook". The signature is over the body as it came. Its hex can be in upper case, because the document does not say.
func custom() Provider {
	const header = "X-Axify-Deployment-Event-Signature"
	return Provider{
		Kind:       "custom",
		Credential: header + " must be sha256= and the hex HMAC-SHA256 of the body with the source's secret; the body must arrive byte for byte as it was signed, without a space, tab or line break more or less",
		Challenge:  `HMAC-SHA256 realm="hookline", header="` + header + `"`,
		Verify:     signed(header),
		Read:       readCustom,
		Guide: Guide{
			Product: "Custom", Intro: "Any tool that can send a request: Jenkins, Travis CI, Bamboo, GoCD, a script.",
			Header: header, Format: "sha256={SIGNATURE}",
			Registers: "Every request that is signed and complete: 201 with the deployment's id, and 200 when it was registered before.",
			// The fields and hints come from the document.
			Fields: []Field{
				{"deployed_at", "The moment when the deployment has successfully occurred, as in `2023-10-27T00:00:00Z`"},
				{"environment", "The environment of the deployment"},
				{"commit_sha", "The associated repository commit SHA"},
				{"repository_id", "The target repository ID for your project"},
				{"repository_url", "The repository URL"},
			},
			Hints: []string{
				"The signature is the HMAC hex digest of the request body, made with SHA-256 and the secret.",
				"The header must have the name `" + header + "`.",
				"The signature always starts with `sha256=`.",
				"The body must not change after it was signed. A common mistake is **extra spaces or tab characters** that get into it when it is sent: sign and send the same bytes.",
			},
			Commands: customCommands(header),
		},
	}
}

// customCommands returns the document's example with OpenSSL and cURL for a source's address and secret. The commands contain the
// secret only right after it was made. Later they take it from a variable of the shell.
func customCommands(header string) func(url, secret string) string {
	return func(url, secret string) string {
		value := `"${SECRET:?set it to the secret of this source}"`
		if secret != "" {
			value = quoted(secret)
		}
		return "SECRET=" + value + `
URL=` + quoted(url) + `
BODY=$(printf '{ "deployed_at": "%s", "environment": "production", "commit_sha": "56e05fced214c44a37759efa2dfc25a65d8ae98d", "repository_id": "123", "repository_url": "https://git.scm-provider.ca/my-project/my-repo" }' "$(date -u +%Y-%m-%dT%H:%M:%SZ)")
SIGNATURE=$(printf '%s' "$BODY" | openssl sha256 -hex -mac HMAC -macopt key:"$SECRET" | awk '{print $NF}')
curl --location "$URL" --header "` + header + `: sha256=$SIGNATURE" --header 'Content-Type: application/json' --data "$BODY"
`
	}
}

// readCustom reads the five fields, which must be strings. It ignores other fields.
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
