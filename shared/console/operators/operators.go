// Package operators has the pages of the operators' console: the tenants, and the way into a tenant's own console.
package operators

import (
	"embed"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"hookline/shared/api"
	"hookline/shared/console/page"
)

//go:embed *.html
var templates embed.FS

// Home is the address of the first page.
const Home = "/console/admin/"

// Room returns the pages.
func Room() page.Room {
	return page.Room{
		Templates:        templates,
		OperatorSections: []page.Section{{Name: "tenants", Path: Home, Label: "Tenants"}},
		Operators: map[string]func(*page.Visit){
			"GET " + Home + "{$}":                   tenants,
			"POST /console/admin/tenants/{id}/open": open,
		},
	}
}

// Calls returns the keys of the admin's calls that the operators' pages make.
func Calls() []string {
	return []string{
		"GET /v1/tenants", "POST /v1/tenants/{id}/portal-links", "GET /v1/tenants/{id}/audit-logs", "GET /v1/admin/audit-logs",
	}
}

// tenantsPage is the data of the list of tenants.
type tenantsPage struct {
	api.List[api.Tenant]
	page.Pager
	Search string
}

func tenants(v *page.Visit) {
	p := tenantsPage{Search: strings.TrimSpace(v.R.URL.Query().Get("search"))}
	query := url.Values{"limit": {strconv.Itoa(page.PerPage)}}
	kept := url.Values{}
	if p.Search != "" {
		query.Set("search", p.Search)
		kept.Set("search", p.Search)
	}
	cursor := v.R.URL.Query().Get("cursor")
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	if err := v.Get("/v1/tenants", query, &p.List); err != nil {
		v.Failed(err)
		return
	}
	p.Pager = page.Pager{First: cursor == ""}
	if p.NextCursor != nil {
		kept.Set("cursor", *p.NextCursor)
		p.Next = page.Address(Home, kept)
	}
	v.Show(http.StatusOK, "tenants", "list", "tenants", "Tenants", &p)
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
