package account

import (
	"net/http"
	"slices"
	"strings"

	"hookline/shared/api"
	"hookline/shared/console/page"
	"hookline/shared/webhook"
)

// keysPage is a page of the list of keys.
type keysPage struct {
	api.List[api.Key]
	page.Pager
	Writes bool // the visitor may make and delete keys
}

// All reports whether a key has every scope.
func (*keysPage) All(k api.Key) bool { return len(k.Scopes) == len(webhook.Scopes()) }

func listKeys(v *page.Visit) {
	p := keysPage{Writes: v.Key.Grants("keys:write")}
	if err := v.List("/v1/keys", page.PerPage, &p.List); err != nil {
		v.Failed(err)
		return
	}
	p.Pager = v.Pager("/console/keys", p.NextCursor)
	v.Show(http.StatusOK, "keys", "list", "keys", "API keys", &p)
}

// keyForm is the data of the form that makes a key.
type keyForm struct {
	Name    string
	Chosen  []string
	Groups  []scopeGroup
	Errors  map[string]string
	Problem string
}

// Has reports whether a scope is chosen.
func (f *keyForm) Has(scope string) bool { return slices.Contains(f.Chosen, scope) }

// scopeGroup is the scopes of one resource.
type scopeGroup struct {
	About  string
	Scopes []string
}

// about describes resources, by the first part of their scopes.
func about() map[string]string {
	return map[string]string{
		"tenant": "This account and its portal", "keys": "API keys", "webhooks": "Webhooks",
		"deliveries": "Deliveries; writing is replaying", "events": "Events; writing is publishing",
		"sources": "Sources of deployments",
	}
}

// grantable returns the scopes that a key can give to another, in groups.
func grantable(k webhook.Key) []scopeGroup {
	var out []scopeGroup
	for _, scope := range webhook.Scopes() {
		if !k.Grants(scope) {
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

func showKeyForm(v *page.Visit, status int, f keyForm) {
	f.Groups = grantable(v.Key)
	v.Show(status, "key-form", "panel", "keys", "Create API key", &f)
}

func newKey(v *page.Visit) { showKeyForm(v, http.StatusOK, keyForm{}) }

func createKey(v *page.Visit) {
	values, ok := v.Form()
	if !ok {
		return
	}
	f := keyForm{Name: strings.TrimSpace(values.Get("name")), Chosen: append([]string{}, values["scopes"]...)}
	var made api.CreatedKey
	if err := v.Create("/v1/keys", map[string]any{"name": f.Name, "scopes": f.Chosen}, &made); err != nil {
		if p := v.Refused(err); p != nil {
			f.Errors, f.Problem = p.FieldErrors("name", "scopes")
			showKeyForm(v, http.StatusUnprocessableEntity, f)
		}
		return
	}
	v.Show(http.StatusCreated, "key", "panel", "keys", "API key created", &made)
}

// keyQuestion is the data of the dialog that asks before a key is deleted. The API has no call for one key, so the link to the
// dialog carries its name.
type keyQuestion struct{ ID, Name string }

func askDeleteKey(v *page.Visit) {
	q := keyQuestion{ID: v.R.PathValue("id"), Name: v.R.URL.Query().Get("name")}
	if q.Name == "" {
		q.Name = q.ID
	}
	v.Show(http.StatusOK, "key-delete", "panel", "keys", "Delete API key", &q)
}

func deleteKey(v *page.Visit) {
	if err := v.Send(http.MethodDelete, "/v1/keys/"+v.ID(), nil, nil); err != nil {
		v.Failed(err)
		return
	}
	v.Redirect("/console/keys")
}
