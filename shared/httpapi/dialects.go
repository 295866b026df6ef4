package httpapi

import (
	"net/http"
	"strings"

	"hookline/shared/api"
	"hookline/shared/input"
	"hookline/shared/webhook"
)

func (a *API) listDialects(c *call) (answer, error) {
	q := &c.query
	page := q.page()
	if err := q.faults.Err(); err != nil {
		return answer{}, err
	}
	all, err := a.Dialects.Names(c.ctx())
	if err != nil {
		return answer{}, err
	}
	names, err := pageOf(all, page, func(name string) string { return name })
	if err != nil {
		return answer{}, err
	}
	out := webhook.List[api.DialectSummary]{Next: names.Next}
	for _, name := range names.Items {
		d, err := a.Dialects.Dialect(c.ctx(), name)
		if err != nil {
			return answer{}, err
		}
		out.Items = append(out.Items, api.DialectSummary{Name: d.Name, Version: d.Version, Product: d.Product, BuiltIn: a.Dialects.BuiltIn(name)})
	}
	return reply(http.StatusOK, api.ListOf(out, func(d api.DialectSummary) api.DialectSummary { return d }))
}

// findDialect finds a dialect by its name, or one version by a reference. A deleted dialect is found by references alone.
func (a *API) findDialect(c *call) (err error) {
	if strings.Contains(c.name, "@") {
		c.shown, err = a.Dialects.Dialect(c.ctx(), c.name)
		return err
	}
	c.shown, err = a.Dialects.Offered(c.ctx(), c.name)
	return err
}

// showDialect answers with the description that the dialect was made from.
func (a *API) showDialect(c *call) (answer, error) {
	if err := a.findDialect(c); err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, c.shown.Description)
}

func (a *API) putDialect(c *call) (answer, error) {
	var faults input.Faults
	input.Read(c.body, input.Whole, "", &faults)
	if err := faults.Err(); err != nil { // it is no object, or has a field twice; from here on "body" is a field
		return answer{}, err
	}
	d, created, err := a.management().PutDialect(c.ctx(), c.name, c.body)
	if err != nil {
		return answer{}, err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return reply(status, d.Description)
}

func (a *API) deleteDialect(c *call) (answer, error) {
	return noContent(a.management().DeleteDialect(c.ctx(), c.name))
}
