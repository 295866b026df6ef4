package httpapi

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hookline/shared/input"
	"hookline/shared/store/cursor"
	"hookline/shared/webhook"
)

const (
	defaultLimit = 20
	maxLimit     = 100
)

// query reads a call's parameters. Mistakes go to faults. Of a parameter that is given twice the first counts.
type query struct {
	values url.Values
	faults input.Faults
}

// readQuery reads the query and refuses the parameters that the route does not have. Where the route has some, its handler
// adds their faults, so that all are in one answer. Routes that are open to anyone (pages, the document, receivers of
// reports) take any query: a proxy or a product that leads there may add parameters of its own, which mean nothing here.
func (c *call) readQuery() error {
	q := query{}
	var err error
	if q.values, err = url.ParseQuery(c.request.URL.RawQuery); c.route.scope == anyone {
		return nil
	}
	if err != nil {
		q.faults.Add("query", "must be name=value pairs with & between them, percent-encoded")
	}
	known := c.route.parameters()
	for _, name := range slices.Sorted(maps.Keys(q.values)) {
		if !slices.Contains(known, name) && !(c.route.scope == admin && isSigV4(name)) {
			q.faults.Add(cmp.Or(input.Shown(name), "query"), "is not a parameter of this call")
		}
	}
	c.query = q
	if len(known) > 0 {
		return nil
	}
	return q.faults.Err()
}

// isSigV4 reports whether a parameter is part of a presigned request to AWS, which has its signature in the query.
func isSigV4(name string) bool { return strings.HasPrefix(name, "X-Amz-") }

func (q *query) page() webhook.Page {
	p := webhook.Page{Cursor: q.values.Get("cursor")}
	p.Limit = q.number("limit", defaultLimit, 1, maxLimit)
	if q.values.Has("cursor") && p.Cursor == "" {
		q.faults.Add("cursor", "must be the next_cursor of the page before")
	}
	return p
}

// number reads a whole number. It returns usual when the parameter is not given.
func (q *query) number(name string, usual, least, most int) int {
	if !q.values.Has(name) {
		return usual
	}
	n, err := strconv.Atoi(q.values.Get(name))
	if err != nil || n < least || n > most {
		q.faults.Add(name, fmt.Sprintf("must be a whole number from %d to %d", least, most))
	}
	return n
}

// oneOf reads a parameter that is one of a few values. It returns "" when the parameter is not given.
func (q *query) oneOf(name string, values ...string) string {
	v := q.values.Get(name)
	if q.values.Has(name) && !slices.Contains(values, v) {
		q.faults.Add(name, "must be one of "+strings.Join(values, ", "))
	}
	return v
}

func (q *query) eventType(name string) string {
	v := q.values.Get(name)
	if q.values.Has(name) && !webhook.ValidType(v) {
		q.faults.Add(name, webhook.TypeRule)
	}
	return v
}

// text reads a parameter that filters by a text. It returns "" when the parameter is not given.
func (q *query) text(name string) string {
	v := q.values.Get(name)
	if q.values.Has(name) && v == "" {
		q.faults.Add(name, "must not be empty; leave it out for all")
	}
	return v
}

// time reads a time of RFC 3339. It returns the zero time when the parameter is not given.
func (q *query) time(name string) time.Time {
	if !q.values.Has(name) {
		return time.Time{}
	}
	t, ok := input.Time(q.values.Get(name))
	if !ok {
		q.faults.Add(name, "must be "+input.TimeRule+"; a + of an offset is written %2B")
	}
	return input.Since1970(t)
}

// pageOf returns a page of a list that is in memory. A cursor is the name of the last item of the page before.
func pageOf[T any](items []T, p webhook.Page, name func(T) string) (webhook.List[T], error) {
	start := 0
	if p.Cursor != "" {
		start = 1 + slices.IndexFunc(items, func(item T) bool { return name(item) == p.Cursor })
		if start == 0 {
			return webhook.List[T]{}, cursor.Invalid()
		}
	}
	out := webhook.List[T]{Items: items[start:min(start+p.Limit, len(items))]}
	if n := len(out.Items); start+n < len(items) {
		out.Next = name(out.Items[n-1])
	}
	return out, nil
}
