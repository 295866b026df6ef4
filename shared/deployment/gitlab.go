package deployment

import (
	"net/http"
	"net/url"
	"path"
	"regexp"
	"time"
)

// gitlab is GitLab's project and group webhooks: "Webhooks", Secret token, and "Webhook events", Deployment events,
// https://docs.gitlab.com/user/project/integrations/webhook_events/.
func gitlab() Provider {
	const header = "X-Gitlab-Token"
	return Provider{
		Kind:       "gitlab",
		Carried:    true,
		Credential: header + " must be the source's secret; put it into the webhook's Secret token on GitLab",
		Challenge:  `Token realm="hookline", header="` + header + `"`,
		Verify:     func(h http.Header, _ []byte, secret string) bool { return same(only(h, header), secret) },
		Read:       readGitLab,
		Guide: Guide{
			Product: "GitLab", Intro: "Deployments of GitLab CI/CD jobs that have an environment.",
			Header: header, Format: "{SECRET}",
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
			Hints:     []string{"GitLab sends the secret as it is, in the header: keep the endpoint URL on https.", "Webhooks of groups are a feature of GitLab Premium and Ultimate."},
		},
	}
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
	// Test sends the newest deployment with the time of now, so only its id tells that it is the same. Early ones
	// (13.7) send the id of the job that deployed instead, and no time.
	project := r.first("project/id")
	own := known("deployment", project, r.first("deployment_id"))
	if own == nil {
		own = known("job", project, r.first("deployable_id"))
	}
	var at time.Time
	if r.first("status_changed_at") != "" {
		// Ruby's Time#to_s, by the zone that the instance is set to; RFC 3339 where the page shows newer fields.
		at = r.when([]string{"2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 UTC", time.RFC3339}, "status_changed_at")
	}
	return r.report(Deployed{
		ID: own, At: at,
		Environment: r.text("environment"), CommitSHA: r.check("commit_url", commitOf(r), maxText),
		RepositoryID: r.text("project/id"), RepositoryURL: r.address("project/web_url", r.first("project/web_url")),
	})
}

var sha = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// commitOf returns the commit's whole hash, which stands at the end of its address alone; else the short one.
func commitOf(r *reading) string {
	if u, err := url.Parse(r.first("commit_url")); err == nil && sha.MatchString(path.Base(u.Path)) {
		return path.Base(u.Path)
	}
	return r.first("short_sha")
}
