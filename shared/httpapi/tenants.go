package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"hookline/shared/api"
	"hookline/shared/audit"
	"hookline/shared/input"
	"hookline/shared/webhook"
)

// noContent is the answer of a call that is done and has nothing to show.
func noContent(err error) (answer, error) {
	return answer{Status: http.StatusNoContent}, err
}

func (a *API) findTenant(c *call) (err error) {
	if !webhook.ValidGivenID(c.name) {
		return webhook.ErrNotFound("tenant")
	}
	c.tenant, err = a.Store.Tenant(c.ctx(), c.name)
	return err
}

func (a *API) createTenant(c *call) (answer, error) {
	var faults input.Faults
	var in api.NewTenant
	input.Body(c.body, &in, &faults, "created_at", "updated_at")
	t, key, err := a.management().CreateTenant(c.ctx(), in.TenantInput, faults)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusCreated, api.CreatedTenant{ID: t.ID, Name: t.Name, Dialect: t.Dialect, APIKey: key})
}

func (a *API) listTenants(c *call) (answer, error) {
	q := &c.query
	page, search := q.page(), strings.ToLower(q.values.Get("search"))
	if err := q.faults.Err(); err != nil {
		return answer{}, err
	}
	var l webhook.List[webhook.Tenant]
	for looked := 0; len(l.Items) == 0 && looked < maxLooked; looked += page.Limit {
		var err error
		if l, err = a.Store.Tenants(c.ctx(), page); err != nil {
			return answer{}, err
		}
		l.Items = slices.DeleteFunc(l.Items, func(t webhook.Tenant) bool {
			return !strings.Contains(strings.ToLower(t.ID), search) && !strings.Contains(strings.ToLower(t.Name), search)
		})
		if page.Cursor = l.Next; l.Next == "" {
			break
		}
	}
	return reply(http.StatusOK, api.ListOf(l, api.TenantOf))
}

func (a *API) showTenant(c *call) (answer, error) {
	return reply(http.StatusOK, api.TenantOf(c.tenant))
}

func (a *API) updateTenant(c *call) (answer, error) {
	var faults input.Faults
	var in api.TenantChange
	input.Body(c.body, &in, &faults, "created_at", "updated_at")
	if !c.admin {
		for field, set := range map[string]bool{"retention_days": in.RetentionDays.Set, "max_webhooks": in.MaxWebhooks.Set} {
			if set {
				faults.Add(field, "is the operator's to change")
			}
		}
	}
	t, err := a.management().UpdateTenant(c.ctx(), c.tenant.ID, in.TenantInput, faults)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, api.TenantOf(t))
}

func (a *API) deleteTenant(c *call) (answer, error) {
	id := c.tenant.ID
	return noContent(a.recorded(c, id, audit.Target{Type: "tenant", ID: id}, func() error {
		if err := a.Erasures.Tenant(c.ctx(), c.tenant); err != nil {
			return err
		}
		return a.management().DeleteTenant(c.ctx(), id)
	}))
}

func (a *API) createKey(c *call) (answer, error) {
	maker := c.key.Scopes
	if c.admin {
		maker = webhook.Scopes()
	}
	var faults input.Faults
	var in api.NewKey
	input.Body(c.body, &in, &faults, "id", "key", "created_at")
	k, key, err := a.management().CreateKey(c.ctx(), c.tenant.ID, maker, in.KeyInput, faults)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusCreated, api.CreatedKey{ID: k.ID, Name: k.Name, Scopes: k.Scopes, Key: key})
}

func (a *API) listKeys(c *call) (answer, error) {
	q := &c.query
	page := q.page()
	if err := q.faults.Err(); err != nil {
		return answer{}, err
	}
	l, err := a.Store.Keys(c.ctx(), c.tenant.ID, page)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, api.ListOf(l, api.KeyOf))
}

func (a *API) deleteKey(c *call) (answer, error) {
	if !webhook.ValidGivenID(c.name) {
		return answer{}, webhook.ErrNotFound("key")
	}
	return noContent(a.management().DeleteKey(c.ctx(), c.tenant.ID, c.name))
}
