package deployment

import (
	"mime"
	"net/http"
	"net/url"
	"time"

	"hookline/shared/webhook"
)

// github reads GitHub's repository, organization and app webhooks, as documented in "Validating webhook deliveries" (the signature
// is over the body as it comes, in both content types) and in "Webhook events and payloads", deployment_status and ping,
// https://docs.github.com/webhooks.
func github() Provider {
	const header = "X-Hub-Signature-256"
	return Provider{
		Kind:       "github",
		Credential: header + " must be sha256= and the hex HMAC-SHA256 of the body with the source's secret; put the secret into the webhook's Secret on GitHub, and let nothing on the way change the body, byte for byte",
		Challenge:  `HMAC-SHA256 realm="hookline", header="` + header + `"`,
		Verify:     signed(header),
		Read:       readGitHub,
		Guide: Guide{
			Product: "GitHub", Intro: "Deployments that GitHub Actions or another tool reports to GitHub's deployments API.",
			Header: header, Format: "sha256={SIGNATURE}",
			// These steps are from "Creating webhooks", and for the secret and the ping from "Validating" and "Testing webhooks".
			Page: "https://docs.github.com/webhooks/using-webhooks/creating-webhooks",
			Steps: []string{
				"On GitHub, open the repository, or the organization for all its repositories, and choose **Settings**, **Webhooks**, **Add webhook**.",
				"Paste the endpoint URL into **Payload URL** and choose the **Content type** `application/json`.",
				"Paste the secret into **Secret**.",
				"Choose **Let me select individual events**, tick **Deployment statuses**, and clear **Pushes**.",
				"Leave **Active** ticked and choose **Add webhook**. GitHub sends a ping at once: **Recent Deliveries** shows that it was answered with 200.",
			},
			Registers: "A deployment status `success`. Other states and events are answered 202 and left alone.",
			Hints:     []string{"GitHub signs each request with the secret by itself. Nothing on the way may change the body.", "GitHub does not send again by itself: use **Redeliver** in **Recent Deliveries**."},
		},
	}
}

func readGitHub(header http.Header, body []byte) (Report, error) {
	body, err := payloadOf(header, body)
	if err != nil {
		return Report{}, err
	}
	r, err := read(body)
	if err != nil {
		return Report{}, err
	}
	switch event := only(header, "X-GitHub-Event"); {
	case event == "ping":
		return Report{Ping: true}, nil
	case event != "deployment_status":
		return Report{Reason: "only the event deployment_status registers a deployment"}, nil
	case !r.is("success", "deployment_status/state"):
		return Report{Reason: "only the state success registers a deployment"}, nil
	}
	return r.report(Deployed{
		// A deployment can have several statuses success: Actions sets one, and users of the API can set others.
		ID: known("deployment", r.first("repository/id"), r.first("deployment/id")),
		// A status is created when its state is reached. The deployment's own times say when it was requested.
		At:          r.when([]string{time.RFC3339}, "deployment_status/created_at", "deployment_status/updated_at"),
		Environment: r.text("deployment_status/environment", "deployment/environment"), CommitSHA: r.text("deployment/sha"),
		RepositoryID: r.text("repository/id"), RepositoryURL: r.address("repository/html_url", r.first("repository/html_url")),
	})
}

// payloadOf returns the JSON of a body in either of the content types that GitHub offers.
func payloadOf(header http.Header, body []byte) ([]byte, error) {
	media, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	if media != "application/x-www-form-urlencoded" {
		return body, nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || !form.Has("payload") {
		return nil, &webhook.Error{Kind: webhook.Malformed, Message: "the body is not a form with the field payload; choose the content type application/json"}
	}
	return []byte(form.Get("payload")), nil
}
