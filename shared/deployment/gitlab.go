package deployment

import (
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"hookline/shared/signature"
)

const (
	gitlabToken     = "X-Gitlab-Token" //nolint:gosec // a header's name
	gitlabSignature = "webhook-signature"
	// signingPrefix begins GitLab's signing tokens, which are keys in the form of Standard Webhooks.
	signingPrefix = "whsec_"
	// minSigningKey is the shortest key that Standard Webhooks allows, in bytes. GitLab makes keys of 32.
	minSigningKey = 24
	// signedWithin is how far a signed timestamp can be from now in either direction, as in the libraries of Standard Webhooks.
	signedWithin = 5 * time.Minute
)

// gitlab reads GitLab's project and group webhooks, as documented in "Webhooks", Signing tokens and Secret token, and in
// "Webhook events", Deployment events, https://docs.gitlab.com/user/project/integrations/webhooks/.
func gitlab() Provider {
	return Provider{
		Kind:    "gitlab",
		Carried: true,
		Credential: gitlabToken + " must be the source's secret; put it into the webhook's Secret token on GitLab. Where the secret is GitLab's signing token (" + signingPrefix + "…), " +
			gitlabSignature + " must be that of webhook-id, webhook-timestamp (at most 5 minutes ago) and the body, byte for byte",
		Challenge: `Token realm="hookline", header="` + gitlabToken + `"`,
		Verify:    verifyGitLab,
		Read:      readGitLab,
		Guide: Guide{
			Product: "GitLab", Intro: "Deployments of GitLab CI/CD jobs that have an environment.",
			Header: gitlabToken, Format: "{SECRET}",
			Page: "https://docs.gitlab.com/user/project/integrations/webhooks/",
			Steps: []string{
				"On GitLab, open the project, or the group for all its projects, and choose **Settings**, **Webhooks**, **Add new webhook**.",
				"Paste the endpoint URL into **URL**.",
				"Paste the secret into **Secret token**.",
				"Under **Trigger**, clear **Push events** and tick **Deployment events**.",
				"Leave **Enable SSL verification** ticked and choose **Add webhook**.",
				"To try it, choose **Test**, **Deployment events**: GitLab sends the newest deployment once more, with the time of now. If it succeeded it is registered, unless it is already.",
			},
			Registers: "A deployment whose status becomes `success`. Other states and events are answered 202 and left alone.",
			Hints: []string{
				"GitLab 19 can sign instead, and advises it: when you add the webhook, choose **Generate signing token**, copy the token (`whsec_…`), and create a source here with it as the secret. Leave **Secret token** empty then.",
				"GitLab sends the secret as it is, in the header: keep the endpoint URL on https.",
				"Webhooks of groups are a feature of GitLab Premium and Ultimate.",
			},
		},
	}
}

// verifyGitLab accepts the secret itself or, if the secret is a signing token, a signature. If a request has a signature,
// only the signature counts, as GitLab's page says: the token beside it proves nothing about the body.
func verifyGitLab(header http.Header, body []byte, secret string, now time.Time) bool {
	scheme := signature.Scheme{
		Signed: "{id}.{unix}.{body}", Encoding: signature.Base64, Prefix: "v1,", Join: " ",
		Key: signature.Key{Encoding: signature.Base64, Prefix: signingPrefix},
	}
	key, err := scheme.Key.Bytes(secret)
	if err != nil || len(key) < minSigningKey || !strings.HasPrefix(secret, signingPrefix) || len(header.Values(gitlabSignature)) == 0 {
		return same(only(header, gitlabToken), secret)
	}
	id := only(header, "webhook-id")
	unix, err := strconv.ParseInt(only(header, "webhook-timestamp"), 10, 64)
	at := time.Unix(unix, 0)
	return err == nil && id != "" && now.Sub(at).Abs() <= signedWithin &&
		scheme.Verify(only(header, gitlabSignature), signature.Message{ID: id, Time: at, Body: body}, secret)
}

func readGitLab(header http.Header, body []byte) (Report, error) {
	r, err := read(body)
	switch {
	case err != nil:
		return Report{}, err
	case only(header, "X-Gitlab-Event") != "Deployment Hook" || !r.is("deployment", "object_kind"):
		return Report{Reason: "only deployment events register a deployment"}, nil
	case !r.is("success", "status"):
		return Report{Reason: "only the status success registers a deployment"}, nil
	}
	// The Test button sends the newest deployment with the current time, so that only the id identifies it. Early versions
	// (13.7) send the id of the job that deployed instead, and no time.
	project := r.first("project/id")
	own := known("deployment", project, r.first("deployment_id"))
	if own == nil {
		own = known("job", project, r.first("deployable_id"))
	}
	var at time.Time
	if r.first("status_changed_at") != "" {
		// GitLab writes Ruby's Time#to_s in the instance's time zone. The page shows newer fields in RFC 3339.
		at = r.when([]string{"2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 UTC", time.RFC3339}, "status_changed_at")
	}
	return r.report(Deployed{
		ID: own, At: at,
		Environment: r.text("environment"), CommitSHA: r.check("commit_url", commitOf(r), maxText),
		RepositoryID: r.text("project/id"), RepositoryURL: r.address("project/web_url", r.first("project/web_url")),
	})
}

// isHash reports whether s is a whole hash of a commit, of SHA-1 or SHA-256.
func isHash(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

// commitOf returns the commit's whole hash, which only the end of its address contains, or the short one if there is no address.
func commitOf(r *reading) string {
	if u, err := url.Parse(r.first("commit_url")); err == nil && isHash(path.Base(u.Path)) {
		return path.Base(u.Path)
	}
	return r.first("short_sha")
}
