package console_test

import (
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
	"time"

	"hookline/shared/console"
	"hookline/shared/dialect"
	"hookline/shared/payload"
	"hookline/shared/seal"
	"hookline/shared/webhook"
)

// at sets the console's clock.
func (w *world) at(now time.Time) {
	w.t.Helper()
	set, err := builtin()
	if err != nil {
		w.t.Fatal(err)
	}
	files, err := readFiles()
	if err != nil {
		w.t.Fatal(err)
	}
	w.console, err = (&console.Console{
		Files: files,
		API:   w.api, Store: keys{w.store, w}, Dialects: &dialect.Library{Builtin: set, Store: w.store},
		Box: seal.Box{Keys: seal.NewStatic("of this deployment")}, Now: func() time.Time { return now },
	}).Handler()
	if err != nil {
		w.t.Fatal(err)
	}
}

// deployed registers a deployment of the tenant acme, unless d says another.
func (w *world) deployed(d webhook.Deployment) webhook.Deployment {
	w.t.Helper()
	if d.Tenant == "" {
		d.Tenant = "acme"
	}
	if d.RepositoryURL == "" {
		d.RepositoryURL = "https://git.example.com/acme/shop"
	}
	if d.RegisteredAt.IsZero() {
		d.RegisteredAt = d.DeployedAt
	}
	if d.Kind == "" {
		d.Kind = "gitlab"
	}
	d.ID = fmt.Sprintf("dep_%x", len(d.Environment)+int(d.RegisteredAt.UnixNano()))
	d.ExpiresAt = d.RegisteredAt.Add(400 * 24 * time.Hour)
	d.Payload = payload.Pack([]byte(`{"note":"` + d.Environment[:1] + ` is <b>deployed</b>"}`))
	if _, _, err := w.store.CreateDeployment(w.t.Context(), d); err != nil {
		w.t.Fatal(err)
	}
	return d
}

// noon is in the middle of a day that comes after all that the test made.
func noon() time.Time {
	return time.Now().UTC().Truncate(24 * time.Hour).Add(60*24*time.Hour + 12*time.Hour)
}

func TestDeployments(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
		now := noon()
		w.at(now)
		b.get("/console/deployments").is(200).has("No deployments yet", `href="/console/sources"`)
		src := w.source(key, "custom", "Jenkins")
		const sha = "56e05fced214c44a37559efa2dfc25a65d8ae98d"
		day := 24 * time.Hour
		w.deployed(webhook.Deployment{DeployedAt: now.Add(-20 * day), Environment: "staging", RepositoryID: "old", CommitSHA: "r41", Source: "src_gone"})
		w.deployed(webhook.Deployment{DeployedAt: now.Add(-13 * day), Environment: "staging", RepositoryID: "web", CommitSHA: "run:7", Source: "src_gone"})
		w.deployed(webhook.Deployment{DeployedAt: now.Add(-day), Environment: "production", RepositoryID: "shop", CommitSHA: sha, Source: src.ID, Kind: "custom"})
		last := w.deployed(webhook.Deployment{DeployedAt: now.Add(-time.Minute), Environment: "production", RepositoryID: "shop", CommitSHA: sha, Source: src.ID, Kind: "custom"})

		p := b.get("/console/deployments").is(200).has("Jenkins", "GitLab", ">56e05fc<", `title="`+sha+`"`, `href="https://git.example.com/acme/shop" rel="noreferrer"`, ">r41<",
			"last 14 days: production 2, staging 1", `datetime="`+last.DeployedAt.Format("2006-01-02T15:04:05.000Z")+`"`)
		if first, second := strings.Index(p.body, last.ID), strings.Index(p.body, ">r41<"); first < 0 || first > second {
			t.Error("got the oldest before the newest")
		}
		for day, want := range map[time.Time]string{now: "1</td><td>0", now.Add(-24 * time.Hour): "1</td><td>0", now.Add(-13 * 24 * time.Hour): "0</td><td>1", now.Add(-48 * time.Hour): "0</td><td>0"} {
			p.has(day.Format("2 Jan 2006") + "</th><td>" + want + "</td>")
		}
		b.get("/console/deployments?days=30").is(200).has("last 30 days: production 2, staging 2")

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
			p := b.get("/console/deployments?" + tt.query).is(200).has(tt.has)
			if got := strings.Count(p.body, `data-label="Commit"`); got != tt.rows {
				t.Errorf("%s: got %d rows, want %d", name, got, tt.rows)
			}
		}
		b.get("/console/deployments?cursor=made-up").is(422)
		b.get("/console/deployments/"+last.ID).is(200).has("Deployment to production", sha, "Jenkins", html.EscapeString(`p is <b>deployed</b>`)).lacks("<b>deployed")
		b.get("/console/deployments/dep_none").is(404)
	})
}

// What the page does not count it says.
func TestManyDeployments(t *testing.T) {
	w := newWorld(t)
	b := w.browser(w.tenant("acme", "standard"))
	now := noon()
	w.at(now)
	for i := range 1000 {
		w.deployed(webhook.Deployment{DeployedAt: now.Add(-time.Duration(i) * time.Second), Environment: fmt.Sprintf("env-%d", i%9), RepositoryID: "shop", CommitSHA: "c", Source: "src_gone"})
	}
	p := b.get("/console/deployments").is(200).lacks("there are more in these days").has("4 others")
	if got := strings.Count(p.body, `data-label="Commit"`); got != 20 {
		t.Errorf("got %d rows, want 20", got)
	}
	if len(p.body) > 100<<10 {
		t.Errorf("got a page of %d bytes", len(p.body))
	}
	w.deployed(webhook.Deployment{DeployedAt: now.Add(-time.Hour), Environment: "env-0", RepositoryID: "shop", CommitSHA: "c", Source: "src_gone"})
	b.get("/console/deployments").is(200).has("there are more in these days")
	_, rest, _ := strings.Cut(p.body, `href="/console/deployments?days=14&amp;cursor=`)
	cursor, _, _ := strings.Cut(rest, `"`)
	b.get("/console/deployments?days=14&cursor="+cursor).is(200).has("First page", "Next page").lacks("<figure")
}

func TestDeploymentsOfOthers(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
		now := noon()
		w.at(now)
		w.tenant("globex", "standard")
		theirs := w.deployed(webhook.Deployment{Tenant: "globex", DeployedAt: now.Add(-time.Hour), Environment: "theirs", RepositoryID: "theirs", CommitSHA: "theirs", Source: "src_theirs"})
		b.get("/console/deployments").is(200).has("No deployments yet").lacks("theirs")
		b.get("/console/deployments/" + theirs.ID).is(404).lacks("theirs")

		odd := w.deployed(webhook.Deployment{
			DeployedAt: now.Add(-time.Hour), Environment: nasty, RepositoryID: nasty, CommitSHA: nasty, Source: "src_gone",
			RepositoryURL: "javascript:alert(1)//" + nasty,
		})
		for _, at := range []string{"/console/deployments", "/console/deployments/" + odd.ID, "/console/deployments?environment=" + url.QueryEscape(nasty), "/console/deployments?since=" + url.QueryEscape(nasty)} {
			p := b.get(at).is(200).lacks("<script>").has(html.EscapeString("<script>alert(1)</script>"))
			for _, e := range elements(p.body) {
				if href := e.attrs["href"]; href != "" && !strings.HasPrefix(href, "/") && href != "#main" {
					t.Errorf("%s leads to %s", at, href)
				}
			}
		}
		none, _ := w.scoped(key, "webhooks:read")
		n := w.browser(none)
		n.htmx = b.htmx
		n.get("/console/deployments").is(403).has("sources:read")
		n.get("/console/deployments/" + odd.ID).is(403).has("sources:read")
	})
}
