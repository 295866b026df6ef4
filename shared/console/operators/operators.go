// Package operators has the pages of the operators' console: the tenants and the way into a tenant's own console, dead letters,
// queues and replay jobs.
package operators

import (
	"embed"
	"net/http"
	"net/url"

	"hookline/shared/api"
	"hookline/shared/console/page"
	"hookline/shared/operations"
)

//go:embed *.html
var templates embed.FS

// Home is the address of the first page.
const Home = "/console/admin/"

// room has what the pages show that no call of the API answers.
type room struct{ ops *operations.Service }

// Room returns the pages.
func Room(ops *operations.Service) page.Room {
	r := room{ops}
	return page.Room{
		Templates: templates,
		OperatorSections: []page.Section{
			{Name: "tenants", Path: Home, Label: "Tenants"},
			{Name: "dead-letters", Path: deadPath, Label: "Dead letters"},
			{Name: "queues", Path: "/console/admin/queues", Label: "Queues"},
			{Name: "jobs", Path: jobsPath, Label: "Replay jobs"},
		},
		Operators: map[string]func(*page.Visit){
			"GET " + Home + "{$}":                     r.tenants,
			"GET /console/admin/tenants/new":          newTenant,
			"POST /console/admin/tenants":             createTenant,
			"GET /console/admin/tenants/{id}/edit":    editTenant,
			"POST /console/admin/tenants/{id}":        updateTenant,
			"GET /console/admin/tenants/{id}/delete":  askDeleteTenant,
			"POST /console/admin/tenants/{id}/delete": deleteTenant,
			"POST /console/admin/tenants/{id}/open":   open,
			"GET " + deadPath:                         r.deadLetters,
			"GET " + deadPath + "/list":               listDeadLetters,
			"POST " + deadPath + "/replay":            r.replayPart,
			"POST " + deadPath + "/redrive":           r.redriveAll,
			"GET " + deadPath + "/purge":              r.askPurge,
			"POST " + deadPath + "/purge":             r.purge,
			"GET /console/admin/queues":               r.queues,
			"GET " + jobsPath:                         r.jobs,
			"POST " + jobsPath + "/{id}/cancel":       cancelJob,
		},
	}
}

// Calls returns the keys of the admin's calls that the operators' pages make.
func Calls() []string {
	return []string{
		"GET /v1/tenants", "POST /v1/tenants", "GET /v1/tenants/{id}", "PATCH /v1/tenants/{id}", "DELETE /v1/tenants/{id}",
		"POST /v1/tenants/{id}/portal-links", "GET /v1/tenants/{id}/audit-logs", "GET /v1/admin/audit-logs", "GET /v1/dialects",
		"GET /v1/dead-letters", "POST /v1/dead-letters/redrive",
	}
}

// open leads to the console of a tenant, as its people see it, by a portal link. The audit log has an entry of the link, and
// names the operator for what is changed in the visit.
func open(v *page.Visit) {
	var link api.PortalLink
	if err := v.Send(http.MethodPost, "/v1/tenants/"+v.ID()+"/portal-links", map[string]any{}, &link); err != nil {
		v.Failed(err)
		return
	}
	u, err := url.Parse(link.URL)
	if err != nil {
		v.Failed(err)
		return
	}
	v.Redirect(u.RequestURI())
}
