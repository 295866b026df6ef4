package deployments

import (
	"net/http"
	"net/url"
	"strings"

	"hookline/shared/api"
	"hookline/shared/console/page"
	"hookline/shared/deployment"
)

// source is a source. It has its secret only just after it was made.
type source struct{ api.CreatedSource }

// Guide describes how to set the source's product up.
func (s *source) Guide() deployment.Guide {
	p, _ := deployment.ProviderOf(s.Kind)
	return p.Guide
}

// Commands are shell commands that report a deployment, with the secret if the page shows it. They are "" if the product
// itself reports.
func (s *source) Commands() string {
	if g := s.Guide(); g.Commands != nil {
		return g.Commands(s.URL, s.Secret)
	}
	return ""
}

// sourcesPage is a page of the list of sources.
type sourcesPage struct {
	api.List[source]
	page.Pager
	MayWrite bool
}

func listSources(v *page.Visit) {
	p := sourcesPage{MayWrite: v.Key.Grants("sources:write")}
	if err := v.List("/v1/sources", page.PerPage, &p.List); err != nil {
		v.Failed(err)
		return
	}
	p.Pager = v.Pager("/console/sources", p.NextCursor)
	v.Show(http.StatusOK, "sources", "list", "deployments", "Sources", &p)
}

// sourceForm is the data of the form that makes a source.
type sourceForm struct {
	Providers []deployment.Provider
	Values    url.Values
	Errors    map[string]string
	Problem   string
}

// Get returns a field's value.
func (f *sourceForm) Get(name string) string { return f.Values.Get(name) }

func showSourceForm(v *page.Visit, status int, f sourceForm) {
	f.Providers = deployment.Providers()
	v.Show(status, "source-form", "panel", "deployments", "Create source", &f)
}

func newSource(v *page.Visit) {
	showSourceForm(v, http.StatusOK, sourceForm{Values: url.Values{"kind": {deployment.Kinds()[0]}}})
}

func createSource(v *page.Visit) {
	values, ok := v.Form()
	if !ok {
		return
	}
	in := map[string]string{"kind": values.Get("kind"), "name": strings.TrimSpace(values.Get("name")), "secret": values.Get("secret")}
	var made source
	err := v.Create("/v1/sources", in, &made)
	if err == nil {
		v.Show(http.StatusCreated, "source", "panel", "deployments", "Source created", &made)
		return
	}
	p := v.Refused(err)
	if p == nil {
		return
	}
	f := sourceForm{Values: values}
	f.Errors, f.Problem = p.FieldErrors("kind", "name", "secret")
	if in["secret"] != "" && f.Errors["secret"] == "" {
		f.Errors["secret"] = "Enter it again: no page shows a secret that was entered."
	}
	showSourceForm(v, http.StatusUnprocessableEntity, f)
}

func showGuide(v *page.Visit) { showSource(v, "source", "Usage guide") }

func askDeleteSource(v *page.Visit) { showSource(v, "source-delete", "Delete source") }

func showSource(v *page.Visit, template, title string) {
	var s source
	if err := v.Get("/v1/sources/"+v.ID(), nil, &s); err != nil {
		v.Failed(err)
		return
	}
	v.Show(http.StatusOK, template, "panel", "deployments", title, &s)
}

func deleteSource(v *page.Visit) {
	if err := v.Send(http.MethodDelete, "/v1/sources/"+v.ID(), nil, nil); err != nil {
		v.Failed(err)
		return
	}
	v.Redirect("/console/sources")
}
