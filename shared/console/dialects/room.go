// Package dialects has the operators' pages of dialects: which there are and who uses them, and an editor for the deployment's
// own, which shows what a description makes of each event's example before it is saved.
package dialects

import (
	"context"
	"embed"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/url"

	"hookline/shared/api"
	"hookline/shared/console/page"
	"hookline/shared/console/receiver"
	"hookline/shared/dialect"
	"hookline/shared/egress"
	"hookline/shared/management"
	"hookline/shared/webhook"
)

//go:embed *.html
var templates embed.FS

const (
	home  = "/console/admin/dialects"
	fresh = "/console/admin/new-dialect" // no dialect can have this address
)

// Service is the part of management.Service that the pages use beside the API, which has no call that checks a description
// without storing it. It changes nothing.
type Service interface {
	CheckDialect(ctx context.Context, name string, description json.RawMessage) (*dialect.Dialect, error)
	DialectVersions(ctx context.Context, name string, before, most int) ([]management.DialectVersion, error)
	TenantsByDialect(ctx context.Context, most int) (map[string][]webhook.Tenant, bool, error)
	BuiltIn(name string) bool
}

// Poster sends one HTTP request, and guards against targets that no webhook may have.
type Poster interface {
	Post(ctx context.Context, r egress.Request) egress.Response
}

// Room returns the pages. allowPrivate admits http and private targets, as for webhooks.
func Room(s Service, p Poster, allowPrivate bool) page.Room {
	r := room{s, p, allowPrivate}
	return page.Room{
		Templates:        templates,
		Parts:            []fs.FS{receiver.Parts()},
		OperatorSections: []page.Section{{Name: "dialects", Path: home, Label: "Dialects"}},
		Operators: map[string]func(*page.Visit){
			"GET " + home:                     r.list,
			"GET " + fresh:                    r.blank,
			"POST " + fresh:                   r.create,
			"GET " + home + "/{name}":         r.show,
			"POST " + home + "/{name}":        r.edit,
			"GET " + home + "/{name}/delete":  r.askDelete,
			"POST " + home + "/{name}/delete": r.remove,
		},
	}
}

// Calls returns the keys of the admin's calls that the pages make.
func Calls() []string {
	return []string{"GET /v1/dialects", "GET /v1/dialects/{name}", "PUT /v1/dialects/{name}", "DELETE /v1/dialects/{name}"}
}

type room struct {
	service      Service
	poster       Poster
	allowPrivate bool
}

// maxTenants bounds the tenants that are looked at, and maxListed those that a page names.
const (
	maxTenants = 5000
	maxListed  = 20
)

// users are the tenants with a dialect.
type users struct {
	Tenants []webhook.Tenant
	More    bool // not all tenants of the stack were looked at
}

// Listed are the first of them.
func (u users) Listed() []webhook.Tenant { return u.Tenants[:min(len(u.Tenants), maxListed)] }

// Others is the number of those that are not listed.
func (u users) Others() int { return len(u.Tenants) - len(u.Listed()) }

// Some are the first few, for a table.
func (u users) Some() []webhook.Tenant { return u.Tenants[:min(len(u.Tenants), 3)] }

// Further is the number of those that are not among the few.
func (u users) Further() int { return len(u.Tenants) - len(u.Some()) }

// Looked is the number of tenants that were looked at if there are more.
func (u users) Looked() int { return maxTenants }

// row is a dialect of the list.
type row struct {
	api.DialectSummary
	users
}

type listPage struct {
	Rows []row
	page.Pager
}

func (r room) list(v *page.Visit) {
	var l api.List[api.DialectSummary]
	if err := v.List("/v1/dialects", page.PerPage, &l); err != nil {
		v.Failed(err)
		return
	}
	tenants, more, err := r.service.TenantsByDialect(v.R.Context(), maxTenants)
	if err != nil {
		v.Failed(err)
		return
	}
	p := listPage{Pager: v.Pager(home, l.NextCursor)}
	for _, d := range l.Data {
		p.Rows = append(p.Rows, row{d, users{tenants[d.Name], more}})
	}
	v.Show(http.StatusOK, "dialects", "", "dialects", "Dialects", &p)
}

// path returns the address of a dialect's page.
func path(name string) string { return home + "/" + url.PathEscape(name) }

// deletion asks whether a dialect is to be deleted.
type deletion struct {
	Name, Path string
	users
	Problem string
}

func (r room) askDelete(v *page.Visit) {
	name := v.R.PathValue("name")
	_, err := described(v, name)
	if err != nil {
		v.Failed(err)
		return
	}
	r.showDelete(v, http.StatusOK, "")
}

func (r room) showDelete(v *page.Visit, status int, problem string) {
	name := v.R.PathValue("name")
	tenants, more, err := r.service.TenantsByDialect(v.R.Context(), maxTenants)
	if err != nil {
		v.Failed(err)
		return
	}
	v.Show(status, "dialect-delete", "panel", "dialects", "Delete dialect", &deletion{name, path(name), users{tenants[name], more}, problem})
}

func (r room) remove(v *page.Visit) {
	err := v.Send(http.MethodDelete, "/v1/dialects/"+url.PathEscape(v.R.PathValue("name")), nil, nil)
	switch {
	case page.Answered(err, http.StatusConflict):
		if p := v.Refused(err); p != nil {
			r.showDelete(v, http.StatusConflict, "It cannot be deleted: "+p.Detail+".")
		}
	case err != nil:
		v.Failed(err)
	default:
		v.Redirect(home)
	}
}
