package httpapi

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"hookline/shared/api"
	"hookline/shared/audit"
	"hookline/shared/webhook"
)

// ip returns the address that the request came from, "" where it is not known.
func (c *call) ip() string {
	host, _, err := net.SplitHostPort(c.request.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

// recorded makes a change that is not one transaction of the store, and has it in the audit log (audit.Record).
func (a *API) recorded(c *call, tenant string, on audit.Target, change func() error, fields ...string) error {
	e, _ := audit.Complete(c.ctx(), a.now(), tenant, on, fields...)
	err, unrecorded := audit.Record(c.ctx(), a.Store, e, change)
	if unrecorded != nil { // the change is made, or was refused, and the answer says so
		a.log(c, slog.Any("error", fmt.Errorf("recording the outcome of %s: %w", e.Action, unrecorded)))
	}
	return err
}

// findLogged finds the tenant that the path names, also one that was deleted, as long as its audit log has entries.
func (a *API) findLogged(c *call) error {
	err := a.findTenant(c)
	if !webhook.Is(err, webhook.NotFound) || !webhook.ValidGivenID(c.name) {
		return err
	}
	l, failed := a.Store.AuditEntries(c.ctx(), c.name, audit.Query{Page: webhook.Page{Limit: 1}})
	if failed != nil {
		return failed
	}
	if len(l.Items) == 0 {
		return err
	}
	c.tenant = webhook.Tenant{ID: c.name}
	return nil
}

// listAudit lists the entries of the call's tenant, or the stack's own where the call names none. A tenant does not see
// those of an earlier tenant with its id.
func (a *API) listAudit(c *call) (answer, error) {
	q := &c.query
	want := audit.Query{
		Page: q.page(), Since: q.time("since"), Until: q.time("until"), Actor: q.text("actor"), Action: q.text("action"), Target: q.text("target"),
	}
	if err := q.faults.Err(); err != nil {
		return answer{}, err
	}
	if !c.admin && want.Since.Before(c.tenant.CreatedAt) {
		want.Since = c.tenant.CreatedAt
	}
	l, err := a.Store.AuditEntries(c.ctx(), c.tenant.ID, want)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, api.ListOf(l, api.AuditEntryOf))
}
