package deployments_test

import (
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
	"time"

	"hookline/shared/console/consoletest"
	"hookline/shared/webhook"
)

func TestDeployments(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		now := consoletest.Noon()
		w.At = now
		b.Get("/console/deployments").Is(200).Has("No deployments yet", `href="/console/sources"`)
		src := w.Source(key, "custom", "Jenkins")
		const sha = "56e05fced214c44a37559efa2dfc25a65d8ae98d"
		day := 24 * time.Hour
		w.Deployed(webhook.Deployment{DeployedAt: now.Add(-20 * day), Environment: "staging", RepositoryID: "old", CommitSHA: "r41", Source: "src_gone"})
		w.Deployed(webhook.Deployment{DeployedAt: now.Add(-13 * day), Environment: "staging", RepositoryID: "web", CommitSHA: "run:7", Source: "src_gone"})
		w.Deployed(webhook.Deployment{DeployedAt: now.Add(-day), Environment: "production", RepositoryID: "shop", CommitSHA: sha, Source: src.ID, Kind: "custom"})
		last := w.Deployed(webhook.Deployment{DeployedAt: now.Add(-time.Minute), Environment: "production", RepositoryID: "shop", CommitSHA: sha, Source: src.ID, Kind: "custom"})

		p := b.Get("/console/deployments").Is(200).Has("Jenkins", "GitLab", ">56e05fc<", `title="`+sha+`"`, `href="https://git.example.com/acme/shop" rel="noreferrer"`, ">r41<",
			"last 14 days: production 2, staging 1", `datetime="`+last.DeployedAt.Format("2006-01-02T15:04:05.000Z")+`"`)
		if first, second := strings.Index(p.Body, last.ID), strings.Index(p.Body, ">r41<"); first < 0 || first > second {
			t.Error("got the oldest before the newest")
		}
		for day, want := range map[time.Time]string{now: "1</td><td>0", now.Add(-24 * time.Hour): "1</td><td>0", now.Add(-13 * 24 * time.Hour): "0</td><td>1", now.Add(-48 * time.Hour): "0</td><td>0"} {
			p.Has(day.Format("2 Jan 2006") + "</th><td>" + want + "</td>")
		}
		b.Get("/console/deployments?days=30").Is(200).Has("last 30 days: production 2, staging 2")

		tests := map[string]struct {
			query string
			rows  int
			has   string
		}{
			"environment":     {"environment=staging", 2, "staging 1"},
			"repository":      {"repository=shop", 2, "production 2"},
			"both":            {"environment=staging&repository=web", 1, "staging 1"},
			"none":            {"environment=none", 0, "No deployment matches"},
			"a prefix":        {"environment=prod", 0, "No deployment matches"},
			"since":           {"since=" + now.Add(-2*24*time.Hour).Format(time.DateOnly), 2, "production 2"},
			"since the start": {"since=" + now.Add(-20*24*time.Hour).Format(time.DateOnly), 4, "staging 1"},
			"no day":          {"since=yesterday", 4, "Enter a day"},
			"no query":        {"", 4, ""},
		}
		for name, tt := range tests {
			p := b.Get("/console/deployments?" + tt.query).Is(200).Has(tt.has)
			if got := strings.Count(p.Body, `data-label="Commit"`); got != tt.rows {
				t.Errorf("%s: got %d rows, want %d", name, got, tt.rows)
			}
		}
		b.Get("/console/deployments?cursor=made-up").Is(422)
		b.Get("/console/deployments/"+last.ID).Is(200).Has("Deployment to production", sha, "Jenkins", "It is not kept any more.", html.EscapeString(`p is <b>deployed</b>`)).Lacks("<b>deployed")
		b.Get("/console/deployments/dep_none").Is(404)
	})
}

// TestManyDeployments shows that the page says so if there are more deployments than it counts.
func TestManyDeployments(t *testing.T) {
	w := consoletest.New(t)
	b := w.Browser(w.Tenant("acme", "standard"))
	now := consoletest.Noon()
	w.At = now
	for i := range 1000 {
		w.Deployed(webhook.Deployment{DeployedAt: now.Add(-time.Duration(i) * time.Second), Environment: fmt.Sprintf("env-%d", i%9), RepositoryID: "shop", CommitSHA: "c", Source: "src_gone"})
	}
	p := b.Get("/console/deployments").Is(200).Lacks("there are more in these days").Has("4 others")
	if got := strings.Count(p.Body, `data-label="Commit"`); got != 20 {
		t.Errorf("got %d rows, want 20", got)
	}
	if len(p.Body) > 100<<10 {
		t.Errorf("got a page of %d bytes", len(p.Body))
	}
	w.Deployed(webhook.Deployment{DeployedAt: now.Add(-time.Hour), Environment: "env-0", RepositoryID: "shop", CommitSHA: "c", Source: "src_gone"})
	b.Get("/console/deployments").Is(200).Has("there are more in these days")
	_, rest, _ := strings.Cut(p.Body, `href="/console/deployments?days=14&amp;cursor=`)
	cursor, _, _ := strings.Cut(rest, `"`)
	b.Get("/console/deployments?days=14&cursor="+cursor).Is(200).Has("First page", "Next page").Lacks("<figure")
}

func TestDeploymentsOfOthers(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		now := consoletest.Noon()
		w.At = now
		w.Tenant("globex", "standard")
		theirs := w.Deployed(webhook.Deployment{Tenant: "globex", DeployedAt: now.Add(-time.Hour), Environment: "theirs", RepositoryID: "theirs", CommitSHA: "theirs", Source: "src_theirs"})
		b.Get("/console/deployments").Is(200).Has("No deployments yet").Lacks("theirs")
		b.Get("/console/deployments/" + theirs.ID).Is(404).Lacks("theirs")

		odd := w.Deployed(webhook.Deployment{
			DeployedAt: now.Add(-time.Hour), Environment: consoletest.Nasty, RepositoryID: consoletest.Nasty, CommitSHA: consoletest.Nasty, Source: "src_gone",
			RepositoryURL: "javascript:alert(1)//" + consoletest.Nasty,
		})
		for _, at := range []string{"/console/deployments", "/console/deployments/" + odd.ID, "/console/deployments?environment=" + url.QueryEscape(consoletest.Nasty), "/console/deployments?since=" + url.QueryEscape(consoletest.Nasty)} {
			p := b.Get(at).Is(200).Lacks("<script>").Has(html.EscapeString("<script>alert(1)</script>"))
			for _, e := range consoletest.Elements(p.Body) {
				if href := e.Attrs["href"]; href != "" && !strings.HasPrefix(href, "/") && href != "#main" {
					t.Errorf("%s leads to %s", at, href)
				}
			}
		}
		none, _ := w.Scoped(key, "webhooks:read")
		n := w.Browser(none)
		n.HTMX = b.HTMX
		n.Get("/console/deployments").Is(403).Has("sources:read")
		n.Get("/console/deployments/" + odd.ID).Is(403).Has("sources:read")
	})
}
