package httpapi

import (
	"net/http"

	"hookline/shared/api"
	"hookline/shared/dialect"
)

func (a *API) listEventTypes(c *call) (answer, error) {
	d, err := a.dialect(c)
	if err != nil {
		return answer{}, err
	}
	q := &c.query
	page := q.page()
	if err := q.faults.Err(); err != nil {
		return answer{}, err
	}
	l, err := pageOf(d.EventTypes(), page, func(e dialect.EventType) string { return e.Name })
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, api.ListOf(l, api.EventTypeOf))
}
