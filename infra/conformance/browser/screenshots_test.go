package browser

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestScreenshots makes a picture of every page on every screen, in the folder HOOKLINE_SCREENSHOTS: `make screenshots`.
func TestScreenshots(t *testing.T) {
	need(t)
	folder := os.Getenv("HOOKLINE_SCREENSHOTS")
	s := start(t, systems.usual)
	d := lively(t, s)
	b := s.tab(t)
	b.open("/console/sign-in")
	b.picture(folder, "sign-in")
	b.signIn(d.tenant)
	for _, pattern := range slices.Sorted(maps.Keys(pages)) {
		b.open(pages[pattern](d))
		b.picture(folder, strings.Trim(strings.NewReplacer("GET /console/", "", "/", "-", "{$}", "home", "{", "", "}", "").Replace(pattern), "-"))
	}
	down := d.list("/v1/webhooks?search=Legacy")[0].ID
	b.open("/console/webhooks")
	b.readme("webhooks")
	b.open("/console/deliveries/" + d.list("/v1/webhooks/" + down + "/deliveries")[1].ID)
	b.readme("delivery")
	for name, path := range map[string]string{
		"failing": "/console/webhooks/" + down, "failing-deliveries": "/console/webhooks/" + down + "/deliveries",
		"failing-troubleshoot": "/console/webhooks/" + down + "/troubleshoot", "failing-delivery": "/console/deliveries/" + d.list("/v1/webhooks/" + down + "/deliveries")[1].ID,
		"no-match": "/console/webhooks?search=nothing-is-called-so", "nowhere": "/console/nowhere", "docs": "/docs",
	} {
		b.open(path)
		b.picture(folder, name)
	}
	b.takeComplaints() // of the page that is not there
	b.open("/console/webhooks")
	b.click("Create")
	b.dialog("Create Webhook")
	b.picture(folder, "dialog-create")
	b.open("/console/webhooks/" + d.webhook)
	b.click("Test")
	b.dialog("Test CRM sync")
	b.click("Test")
	b.sees("answered")
	b.picture(folder, "dialog-tested")
	b.open("/console/webhooks/" + d.webhook)
	b.click("Rotate Secret")
	wait(b, true, "P.open()")
	b.click("Rotate Secret")
	b.sees("shown only once")
	b.picture(folder, "dialog-secret")
	empty := none(t, s)
	b.open("/console/webhooks")
	b.click("Sign out")
	b.sees("Sign in")
	b.signIn(empty.tenant)
	for _, path := range []string{"webhooks", "deliveries", "sources", "deployments", "mails"} {
		b.open("/console/" + path)
		b.picture(folder, "empty-"+path)
	}
	b.click("Sign out")
	b.sees("Sign in")
	b.operators(folder, d.tenant.id)
}

// operators takes the pictures of the operators' console.
func (b *tab) operators(folder, tenant string) {
	b.t.Helper()
	b.fill("API key", adminKey)
	b.click("Sign in")
	b.at("/console/admin/")
	for name, path := range map[string]string{
		"dead-letters": "/console/admin/dead-letters", "purge": "/console/admin/dead-letters/purge", "queues": "/console/admin/queues",
		"jobs": "/console/admin/replays", "new-tenant": "/console/admin/tenants/new", "tenant-delete": "/console/admin/tenants/" + tenant + "/delete",
		"tenants": "/console/admin/", "dashboard": "/console/admin/dashboard", "stack-audit": "/console/admin/audit-log", "tenant-audit": "/console/admin/tenants/" + tenant + "/audit-log",
		"dialects": "/console/admin/dialects", "dialect": "/console/admin/dialects/axoria", "dialect-new": "/console/admin/new-dialect",
	} {
		b.open(path)
		b.picture(folder, "operators-"+name)
	}
	b.open("/console/admin/?search=" + tenant)
	b.clickIn(tenant, "Open its console")
	b.at("/console/webhooks")
	b.picture(folder, "operators-inside")
}

// picture takes what the tab shows on every screen: the whole page, or what is in sight where a dialog is open or the page is longer than the browser can take.
func (b *tab) picture(folder, name string) {
	b.t.Helper()
	for _, screen := range screens {
		b.screen(screen.width, screen.scheme)
		b.paused()
		take := chromedp.FullScreenshot(100)
		if get[bool](b, "P.open() || document.documentElement.scrollHeight > 16000") {
			take = chromedp.CaptureScreenshot()
		}
		png, err := chromedp.Run(b.ctx, take)
		if err != nil {
			b.t.Fatal(err)
		}
		file := filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", name, screen.width, screen.scheme))
		if err := os.WriteFile(file, png, 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
	b.screen(1440, "light")
}

// readme takes a picture for the README: the whole page on a wide screen, as a small JPEG.
func (b *tab) readme(name string) {
	b.t.Helper()
	b.paused()
	jpeg, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(60))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("../../screenshots", name+".jpg"), jpeg, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// lively is a tenant as one looks after a while.
func lively(t *testing.T, s *system) data {
	t.Helper()
	c := s.tenant(t, "acme", "axiestudio", map[string]any{"name": "Acme GmbH", "notify_email": "platform@acme.example"})
	d := data{tenant: c, otherKey: c.list("/v1/keys")[0].ID, eventType: "user.created"}
	users := []string{"user.created", "user.updated", "user.deleted", "role.changed"}
	d.webhook = c.webhook("/flaky/1", map[string]any{"name": "CRM sync"}, users...).ID
	c.webhook("/ok", map[string]any{"name": "Data warehouse"}, "*")
	c.webhook("/slow/1", map[string]any{"name": "Audit log", "max_per_second": 20}, "role.changed", "settings.updated")
	down := c.webhook("/503", map[string]any{"name": "Legacy billing"}, "user.created", "enterprise.updated").ID
	c.webhook("/ok", map[string]any{"name": "Team channel", "format": "slack"}, "user.created")
	c.webhook("/ok", map[string]any{"name": "Staging", "active": false}, "*")
	for i := range 12 {
		for _, kind := range users {
			d.event = c.publish(kind, map[string]any{
				"userId": fmt.Sprintf("user_%04d", i), "email": "john@company.example", "name": "John Smith", "role": "user",
				"invitedBy": "sarah@company.example", "invitedByEmail": "sarah@company.example",
			})
		}
	}
	c.do(http.MethodPost, "/v1/webhooks/"+down+"/test", map[string]any{}, nil)
	c.settled(d.webhook, "succeeded", 48)
	d.delivery = c.list("/v1/webhooks/" + d.webhook + "/deliveries?event_type=user.created")[0].ID
	d.replay = c.replayed(d.webhook)
	d.source = c.source("custom", "Shop on Jenkins")
	c.source("github", "Main site")
	for i := range 40 {
		c.deployed(d.source, []string{"production", "staging", "production", "preview"}[i%4], "https://git.example.com/acme/shop", time.Duration(i*i/6)*time.Hour)
	}
	d.deployment = c.list("/v1/deployments")[0].ID
	return d
}
