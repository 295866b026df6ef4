// Package auditlog has the console's pages of the audit log: who changed what, for a tenant's people and for operators.
package auditlog

import (
	"embed"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hookline/shared/api"
	"hookline/shared/audit"
	"hookline/shared/console/page"
)

//go:embed *.html
var templates embed.FS

// Paths of the pages: a tenant's own, and for operators the stack's own and any tenant's.
const (
	own   = "/console/audit-log"
	stack = "/console/admin/audit-log"
)

// Room returns the pages.
func Room() page.Room {
	return page.Room{
		Templates:        templates,
		Sections:         []page.Section{{Name: "audit", Path: own, Label: "Audit log", Scope: "audit:read"}},
		OperatorSections: []page.Section{{Name: "stack-audit", Path: stack, Label: "Audit log"}},
		Pages:            map[string]func(*page.Visit){"GET " + own: ofTenant},
		Operators: map[string]func(*page.Visit){
			"GET " + stack: ofStack,
			"GET /console/admin/tenants/{id}/audit-log": ofTenantForOperators,
		},
	}
}

func ofTenant(v *page.Visit) {
	show(v, "/v1/audit-logs", logPage{Path: own, Section: "audit", Title: "Audit log", About: "Who changed what: keys, people who came by a portal link, and admins."})
}

func ofStack(v *page.Visit) {
	show(v, "/v1/admin/audit-logs", logPage{
		Path: stack, Section: "stack-audit", Title: "Audit log of the stack",
		About: "What belongs to no tenant: dialects, dead letters that were sent again, links to this console. What was done to a tenant is in its own log.",
	})
}

func ofTenantForOperators(v *page.Visit) {
	show(v, "/v1/tenants/"+v.ID()+"/audit-logs", logPage{
		Path: "/console/admin/tenants/" + v.ID() + "/audit-log", Section: "tenants", Title: "Audit log of " + v.R.PathValue("id"), Tenant: v.R.PathValue("id"),
		About: "Who changed what, also before a tenant was deleted.",
	})
}

// logPage is the data of a page of the log.
type logPage struct {
	Path, Section, Title, About string
	Tenant                      string // of an operator's page; "" for others
	Entries                     []entry
	page.Pager
	Actor, Action, Target string
	Actions               []string
	Problem               string
}

// Filtered reports whether the list is of some entries only.
func (p *logPage) Filtered() bool { return p.Actor != "" || p.Action != "" || p.Target != "" }

// entry is one row.
type entry struct {
	api.AuditEntry
	Verb  string // the action in words
	Begun bool   // its outcome is not known
	Href  string // the page of what was changed; "" where there is none
}

// Who is the actor's type in words.
func (e entry) Who() string {
	switch e.Actor.Type {
	case audit.Key:
		return "API key"
	case audit.Portal:
		return "portal visitor"
	}
	return "admin"
}

// actions are those that a filter offers.
func actions() []string {
	return []string{
		"tenant.create", "tenant.update", "tenant.delete", "key.create", "key.delete", "portal_link.create", "webhook.create", "webhook.import",
		"webhook.update", "webhook.rotate_secret", "webhook.delete", "webhook.replay", "delivery.replay", "event.replay", "source.create", "source.delete",
		"dialect.put", "dialect.delete", "dead_letters.redrive", "dead_letters.purge", "admin_link.create",
	}
}

func show(v *page.Visit, calls string, p logPage) {
	asked := v.R.URL.Query()
	query := url.Values{"limit": {strconv.Itoa(page.PerPage)}}
	kept := url.Values{}
	for name, field := range map[string]*string{"actor": &p.Actor, "action": &p.Action, "target": &p.Target} {
		if *field = strings.TrimSpace(asked.Get(name)); *field != "" {
			query.Set(name, *field)
			kept.Set(name, *field)
		}
	}
	if cursor := asked.Get("cursor"); cursor != "" {
		query.Set("cursor", cursor)
	}
	var l api.List[api.AuditEntry]
	if err := v.Get(calls, query, &l); err != nil {
		v.Failed(err)
		return
	}
	p.Actions = slices.Sorted(slices.Values(actions()))
	p.Pager = page.Pager{First: asked.Get("cursor") == ""}
	if l.NextCursor != nil {
		kept.Set("cursor", *l.NextCursor)
		p.Next = page.Address(p.Path, kept)
	}
	for _, e := range l.Data {
		verb, begun := strings.CutSuffix(e.Action, audit.Begun)
		row := entry{AuditEntry: e, Verb: strings.NewReplacer(".", ": ", "_", " ").Replace(verb), Begun: begun}
		if v.Admin == "" && e.Action != "webhook.delete" {
			row.Href = addressOf(e.Target)
		}
		p.Entries = append(p.Entries, row)
	}
	v.Show(http.StatusOK, "audit-log", "list", p.Section, p.Title, &p)
}

// addressOf returns the page of what was changed, as the tenant's console has it.
func addressOf(t api.AuditTarget) string {
	id := url.PathEscape(t.ID)
	switch t.Type {
	case "webhook":
		return "/console/webhooks/" + id
	case "delivery":
		return "/console/deliveries/" + id
	case "event":
		return "/console/events/" + id
	}
	return ""
}
