package operators

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"hookline/shared/api"
	"hookline/shared/console/page"
	"hookline/shared/operations"
)

// tenantsPage is the data of the list of tenants.
type tenantsPage struct {
	Rows []tenantRow
	page.Pager
	Search string
}

// tenantRow is a tenant and how it is doing.
type tenantRow struct {
	api.Tenant
	operations.Health
}

// PendingEnd is the end of the hour that the oldest pending delivery is of.
func (t tenantRow) PendingEnd() time.Time { return t.Pending.Add(time.Hour) }

func (r room) tenants(v *page.Visit) {
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
	var l api.List[api.Tenant]
	if err := v.Get("/v1/tenants", query, &l); err != nil {
		v.Failed(err)
		return
	}
	p.Pager = page.Pager{First: cursor == ""}
	if l.NextCursor != nil {
		kept.Set("cursor", *l.NextCursor)
		p.Next = page.Address(Home, kept)
	}
	var ids []string
	for _, t := range l.Data {
		ids = append(ids, t.ID)
	}
	doing, err := r.ops.Tenants(v.R.Context(), ids)
	if err != nil {
		v.Log(err) // the page says what is not known, and is there all the same
	}
	for i, t := range l.Data {
		p.Rows = append(p.Rows, tenantRow{t, doing[i]})
	}
	v.Show(http.StatusOK, "tenants", "list", "tenants", "Tenants", &p)
}

// tenantForm is the data of the form that makes a tenant, or changes one.
type tenantForm struct {
	ID       string // of the tenant that is changed; "" of a new one
	Values   url.Values
	Dialects []api.DialectSummary
	Errors   map[string]string
	Problem  string
}

// Get returns a field's value.
func (f *tenantForm) Get(name string) string { return f.Values.Get(name) }

// Address is where the form is sent.
func (f *tenantForm) Address() string {
	if f.ID == "" {
		return "/console/admin/tenants"
	}
	return "/console/admin/tenants/" + url.PathEscape(f.ID)
}

func showTenantForm(v *page.Visit, status int, f tenantForm) {
	title := "Change " + f.ID
	if f.ID == "" {
		title = "New tenant"
		var l api.List[api.DialectSummary]
		if err := v.Get("/v1/dialects", url.Values{"limit": {"100"}}, &l); err != nil {
			v.Failed(err)
			return
		}
		f.Dialects = l.Data
	}
	v.Show(status, "tenant-form", "panel", "tenants", title, &f)
}

func newTenant(v *page.Visit) {
	showTenantForm(v, http.StatusOK, tenantForm{Values: url.Values{"dialect": {"standard"}}})
}

// number is what a field for a whole number asks for: null where it is empty, and the text where it is none, which the API refuses.
func number(s string) any {
	if s = strings.TrimSpace(s); s == "" {
		return nil
	}
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return s
}

// change is what the form asks for. An empty address clears it.
func (f *tenantForm) change() map[string]any {
	in := map[string]any{
		"name": strings.TrimSpace(f.Get("name")), "retention_days": number(f.Get("retention_days")), "max_webhooks": number(f.Get("max_webhooks")),
		"notify_email": nil,
	}
	if mail := strings.TrimSpace(f.Get("notify_email")); mail != "" {
		in["notify_email"] = mail
	}
	return in
}

// refused shows the form with what the API says of it.
func (f *tenantForm) refused(v *page.Visit, err error) {
	p := v.Refused(err)
	if p == nil {
		return
	}
	if p.Code == "tenant-exists" {
		f.Errors = map[string]string{"id": "A tenant has this id already."}
	} else {
		f.Errors, f.Problem = p.FieldErrors("id", "name", "dialect", "notify_email", "retention_days", "max_webhooks")
	}
	showTenantForm(v, http.StatusUnprocessableEntity, *f)
}

func createTenant(v *page.Visit) {
	values, ok := v.Form()
	if !ok {
		return
	}
	f := tenantForm{Values: values}
	in := f.change()
	in["id"], in["dialect"] = strings.TrimSpace(f.Get("id")), f.Get("dialect")
	var made api.CreatedTenant
	if err := v.Create("/v1/tenants", in, &made); err != nil {
		f.refused(v, err)
		return
	}
	v.Show(http.StatusCreated, "tenant-made", "panel", "tenants", "Tenant made", &made)
}

// tenant asks the API for the tenant that the address names. If that fails it answers the visit.
func tenant(v *page.Visit) (t api.Tenant, ok bool) {
	if err := v.Get("/v1/tenants/"+v.ID(), nil, &t); err != nil {
		v.Failed(err)
		return t, false
	}
	return t, true
}

func editTenant(v *page.Visit) {
	t, ok := tenant(v)
	if !ok {
		return
	}
	f := tenantForm{ID: t.ID, Values: url.Values{"name": {t.Name}}}
	if t.NotifyEmail != nil {
		f.Values.Set("notify_email", *t.NotifyEmail)
	}
	for name, n := range map[string]*int{"retention_days": t.RetentionDays, "max_webhooks": t.MaxWebhooks} {
		if n != nil {
			f.Values.Set(name, strconv.Itoa(*n))
		}
	}
	showTenantForm(v, http.StatusOK, f)
}

func updateTenant(v *page.Visit) {
	values, ok := v.Form()
	if !ok {
		return
	}
	f := tenantForm{ID: v.R.PathValue("id"), Values: values}
	if err := v.Send(http.MethodPatch, "/v1/tenants/"+v.ID(), f.change(), nil); err != nil {
		f.refused(v, err)
		return
	}
	v.Redirect(page.Address(Home, url.Values{"search": {f.ID}}))
}

// tenantQuestion is the data of the page that asks before a tenant is deleted.
type tenantQuestion struct {
	api.Tenant
	Typed, Problem string
}

func askDeleteTenant(v *page.Visit) {
	if t, ok := tenant(v); ok {
		v.Show(http.StatusOK, "tenant-delete", "panel", "tenants", "Delete "+t.ID, &tenantQuestion{Tenant: t})
	}
}

// deleteTenant deletes the tenant whose id was typed.
func deleteTenant(v *page.Visit) {
	t, ok := tenant(v)
	if !ok {
		return
	}
	values, ok := v.Form()
	if !ok {
		return
	}
	if q := (&tenantQuestion{Tenant: t, Typed: strings.TrimSpace(values.Get("typed"))}); q.Typed != t.ID {
		q.Problem = "This is not the tenant’s id. Nothing was deleted."
		v.Show(http.StatusUnprocessableEntity, "tenant-delete", "panel", "tenants", "Delete "+t.ID, q)
		return
	}
	if err := v.Send(http.MethodDelete, "/v1/tenants/"+v.ID(), nil, nil); err != nil {
		v.Failed(err)
		return
	}
	v.Redirect(Home)
}
