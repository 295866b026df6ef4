package httpapi

import (
	"net/http"

	"hookline/shared/dialect"
	"hookline/shared/webhook"
)

func (a *API) listEventTypes(c *call) (answer, error) {
	d, err := a.dialect(c)
	if err != nil {
		return answer{}, err
	}
	q := queryOf(c)
	page := q.page()
	if err := q.faults.Err(); err != nil {
		return answer{}, err
	}
	l, err := pageOf(d.EventTypes(), page, func(e dialect.EventType) string { return e.Name })
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, listOf(l, eventTypeOf))
}

func (a *API) listDialects(c *call) (answer, error) {
	q := queryOf(c)
	page := q.page()
	if err := q.faults.Err(); err != nil {
		return answer{}, err
	}
	names, err := pageOf(a.Dialects.Names(), page, func(name string) string { return name })
	if err != nil {
		return answer{}, err
	}
	out := webhook.List[*dialect.Dialect]{Next: names.Next}
	for _, name := range names.Items {
		d, err := a.Dialects.Dialect(c.ctx(), name)
		if err != nil {
			return answer{}, err
		}
		out.Items = append(out.Items, d)
	}
	return reply(http.StatusOK, listOf(out, dialectOf))
}

// showDialect answers with the description that the dialect was made from.
func (a *API) showDialect(c *call) (answer, error) {
	d, err := a.Dialects.Dialect(c.ctx(), c.name)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, d.Description)
}
