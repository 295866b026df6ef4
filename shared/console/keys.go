package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hookline/shared/webhook"
)

// keyView is an API key as the API shows it.
type keyView struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Scopes    []string `json:"scopes"`
	CreatedAt string   `json:"created_at"`
	Key       string   `json:"key"` // only when it was made
}

// All reports whether the key can do everything.
func (k keyView) All() bool { return len(k.Scopes) == len(webhook.Scopes()) }

type keysPage struct {
	list[keyView]
	Next   string // the address of the next page, "" at the end
	First  bool   // it is the first page
	Writes bool   // the visitor may make and delete keys
}

func (v *visit) keys() {
	cursor := v.r.URL.Query().Get("cursor")
	p := keysPage{First: cursor == "", Writes: v.key.Grants("keys:write")}
	query := url.Values{"limit": {strconv.Itoa(perPage)}}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	if err := v.get("/v1/keys", query, &p); err != nil {
		v.failed(err)
		return
	}
	if p.NextCursor != nil {
		p.Next = address("/console/keys", url.Values{"cursor": {*p.NextCursor}})
	}
	v.show(http.StatusOK, "keys", "list", "keys", "API keys", p)
}

// keyForm is what the form to make a key shows.
type keyForm struct {
	Name    string
	Chosen  []string
	Groups  []scopeGroup
	Errors  map[string]string
	Problem string
}

// Has reports whether a scope is chosen.
func (f keyForm) Has(scope string) bool { return slices.Contains(f.Chosen, scope) }

// scopeGroup is the scopes about one kind of thing.
type scopeGroup struct {
	About  string
	Scopes []string
}

// about says what the scopes are about, by their first part.
func about() map[string]string {
	return map[string]string{
		"tenant": "This account and its portal", "keys": "API keys", "webhooks": "Webhooks",
		"deliveries": "Deliveries; writing is replaying", "events": "Events; writing is publishing",
		"sources": "Sources of deployments",
	}
}

// grantable are the scopes that the visitor's key can hand on, in groups.
func (v *visit) grantable() []scopeGroup {
	var out []scopeGroup
	for _, scope := range webhook.Scopes() {
		if !v.key.Grants(scope) {
			continue
		}
		kind, _, _ := strings.Cut(scope, ":")
		if len(out) == 0 || out[len(out)-1].About != about()[kind] {
			out = append(out, scopeGroup{About: about()[kind]})
		}
		last := &out[len(out)-1]
		last.Scopes = append(last.Scopes, scope)
	}
	return out
}

func (v *visit) keyForm(status int, f keyForm) {
	f.Groups = v.grantable()
	v.show(status, "key-form", "panel", "keys", "Create API key", f)
}

func (v *visit) newKey() { v.keyForm(http.StatusOK, keyForm{}) }

func (v *visit) createKey() {
	if err := v.r.ParseForm(); err != nil {
		v.sorry(http.StatusBadRequest, "The form is not readable", "Please go back and try again.")
		return
	}
	f := keyForm{Name: strings.TrimSpace(v.r.PostForm.Get("name")), Chosen: append([]string{}, v.r.PostForm["scopes"]...)}
	var made keyView
	if err := v.create("/v1/keys", map[string]any{"name": f.Name, "scopes": f.Chosen}, &made); err != nil {
		if p := v.refused(err); p != nil {
			f.Errors, f.Problem = besides(p, "name", "scopes")
			v.keyForm(http.StatusUnprocessableEntity, f)
		}
		return
	}
	v.show(http.StatusCreated, "key", "panel", "keys", "API key created", made)
}

// besides returns what is wrong with each of a form's fields, and what is wrong with anything else.
func besides(p *problem, fields ...string) (errors map[string]string, rest string) {
	errors = make(map[string]string)
	for _, e := range p.Errors {
		field, _, _ := strings.Cut(e.Field, ".")
		switch {
		case !slices.Contains(fields, field):
			rest = p.Detail
		case errors[field] == "":
			errors[field] = strings.ToUpper(e.Message[:1]) + e.Message[1:] + "."
		}
	}
	if len(p.Errors) == 0 {
		rest = p.Detail
	}
	return errors, rest
}

// keyQuestion asks before a key is deleted. The API has no call for one key, so the list's link brings its name.
type keyQuestion struct{ ID, Name string }

func (v *visit) askDeleteKey() {
	q := keyQuestion{ID: v.r.PathValue("id"), Name: v.r.URL.Query().Get("name")}
	if q.Name == "" {
		q.Name = q.ID
	}
	v.show(http.StatusOK, "key-delete", "panel", "keys", "Delete API key", q)
}

func (v *visit) deleteKey() {
	if err := v.send(http.MethodDelete, "/v1/keys/"+url.PathEscape(v.r.PathValue("id")), nil, nil); err != nil {
		v.failed(err)
		return
	}
	v.redirect("/console/keys")
}
