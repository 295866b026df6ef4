package browser

import "testing"

// TestBrowserOperators visits the operators' pages, with everything that they show, and goes on to a tenant's console.
func TestBrowserOperators(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	d := one(t, s)
	b := s.tab(t)
	b.open("/console/sign-in")
	b.fill("API key", adminKey)
	b.click("Sign in")
	b.at("/console/admin/")
	b.heading("Tenants")
	b.look("the tenants", screens...)
	b.open("/console/admin/?search=nothing-is-called-so")
	b.look("no tenant", apart...)
	b.open("/console/admin/audit-log")
	b.look("the stack's audit log", screens...)
	b.open("/console/admin/tenants/" + d.tenant.id + "/audit-log")
	b.look("a tenant's audit log", screens...)
	b.open("/console/admin/?search=" + d.tenant.id)
	b.click("Open its console")
	b.at("/console/webhooks")
	b.look("a tenant's console, for an operator", screens...)
}
