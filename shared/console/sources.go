package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"hookline/shared/deployment"
)

// sourceView is a source as the API shows it; Secret is there when it was made just now.
type sourceView struct {
	ID        string `json:"id"`
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	URL       string `json:"url"`
	CreatedAt string `json:"created_at"`
	Secret    string `json:"secret"`
}

// Guide is how the source's product is set up.
func (s sourceView) Guide() deployment.Guide {
	p, _ := deployment.ProviderOf(s.Kind)
	return p.Guide
}

// Commands are for a shell, with the secret in them where it is shown anyway; "" where the product sends.
func (s sourceView) Commands() string {
	if g := s.Guide(); g.Commands != nil {
		return g.Commands(s.URL, s.Secret)
	}
	return ""
}

type sourcesPage struct {
	list[sourceView]
	Next     string // the address of the next page, "" at the end
	First    bool
	MayWrite bool
}

func (v *visit) sources() {
	cursor := v.r.URL.Query().Get("cursor")
	p := sourcesPage{First: cursor == "", MayWrite: v.key.Grants("sources:write")}
	query := url.Values{"limit": {strconv.Itoa(perPage)}}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	if err := v.get("/v1/sources", query, &p); err != nil {
		v.failed(err)
		return
	}
	if p.NextCursor != nil {
		p.Next = address("/console/sources", url.Values{"cursor": {*p.NextCursor}})
	}
	v.show(http.StatusOK, "sources", "list", "deployments", "Sources", p)
}

// sourceForm is what the form for a new source shows.
type sourceForm struct {
	Providers []deployment.Provider
	Values    url.Values
	Errors    map[string]string
	Problem   string
}

// Get returns a field's value.
func (f sourceForm) Get(name string) string { return f.Values.Get(name) }

func (v *visit) sourceForm(status int, f sourceForm) {
	f.Providers = deployment.Providers()
	v.show(status, "source-form", "panel", "deployments", "Create source", f)
}

func (v *visit) newSource() {
	v.sourceForm(http.StatusOK, sourceForm{Values: url.Values{"kind": {deployment.Kinds()[0]}}})
}

func (v *visit) createSource() {
	if err := v.r.ParseForm(); err != nil {
		v.sorry(http.StatusBadRequest, "The form is not readable", "Please go back and try again.")
		return
	}
	values := v.r.PostForm
	in := map[string]string{"kind": values.Get("kind"), "name": strings.TrimSpace(values.Get("name")), "secret": values.Get("secret")}
	var made sourceView
	err := v.create("/v1/sources", in, &made)
	if err == nil {
		v.show(http.StatusCreated, "source", "panel", "deployments", "Source created", made)
		return
	}
	p := v.refused(err)
	if p == nil {
		return
	}
	f := sourceForm{Values: values, Errors: make(map[string]string)}
	for _, e := range p.Errors {
		f.Errors[e.Field] = strings.ToUpper(e.Message[:1]) + e.Message[1:] + "."
	}
	if len(f.Errors) == 0 {
		f.Problem = p.Detail
	}
	if in["secret"] != "" && f.Errors["secret"] == "" {
		f.Errors["secret"] = "Enter it again: no page shows a secret that was entered."
	}
	v.sourceForm(http.StatusUnprocessableEntity, f)
}

func (v *visit) source() { v.showSource("source", "Usage guide") }

func (v *visit) askDeleteSource() { v.showSource("source-delete", "Delete source") }

func (v *visit) showSource(page, title string) {
	var s sourceView
	if err := v.get("/v1/sources/"+url.PathEscape(v.r.PathValue("id")), nil, &s); err != nil {
		v.failed(err)
		return
	}
	v.show(http.StatusOK, page, "panel", "deployments", title, s)
}

func (v *visit) deleteSource() {
	if err := v.send(http.MethodDelete, "/v1/sources/"+url.PathEscape(v.r.PathValue("id")), nil, nil); err != nil {
		v.failed(err)
		return
	}
	v.redirect("/console/sources")
}
