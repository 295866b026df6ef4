// Package feed is the lists of what happened, deliveries and events: the newest first, with a filter. A list's first page
// asks again and again for what is new, and is answered 204 as long as nothing is, so that nothing moves under the reader's
// hands.
package feed

import (
	"embed"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"hookline/shared/api"
	"hookline/shared/console/page"
	"hookline/shared/console/record"
)

//go:embed feed.html
var parts embed.FS

// Parts are the files of the templates "sieve", which is the filter's form, and "pulse", which turns the asking on and off.
func Parts() fs.FS { return parts }

// List is a page of a list, without its rows.
type List struct {
	Path    string // of the list
	Filter  Filter
	Types   []string // of the catalogue
	Periods []Period
	First   bool
	Paused  bool
	Next    string // the address of the next page, "" at the end
	Poll    string // where to ask for what is new, "" for not at all
	Said    string // what a screen reader says of the list when it has changed
}

// New returns the page of the list at path that the visitor asks for.
func New(v *page.Visit, path string) List {
	asked := v.R.URL.Query()
	return List{
		Path: path, Filter: filterOf(asked), Types: v.EventNames(), Periods: periods(), First: asked.Get("cursor") == "", Paused: asked.Get("live") == "off",
	}
}

// Live and Pause turn the asking for what is new on and off.
func (l *List) Live() string { return l.Filter.address(l.Path) }

// Pause is the other of the two.
func (l *List) Pause() string { return l.Filter.address(l.Path, "live", "off") }

// reads is how often Read goes on where pages of the API come short.
const reads = 4

// Read reads the rows, unless the filter is at fault. more asks the API for the rows that a query selects, adds them to
// those that are there, and returns how many these are now and where the API's list goes on. typeField is the API's
// parameter for the event type. Pages of the API may be short under a filter; a page here is short at the list's end or
// after a long stretch that does not match.
func (l *List) Read(v *page.Visit, typeField string, more func(query url.Values) (rows int, next *string, err error)) error {
	query := l.Filter.query(v.Now(), typeField)
	if cursor := v.R.URL.Query().Get("cursor"); cursor != "" {
		query.Set("cursor", cursor)
	}
	rows := 0
	for i := 0; i < reads && rows < page.PerPage && len(l.Filter.faults) == 0; i++ {
		query.Set("limit", strconv.Itoa(page.PerPage-rows))
		n, next, err := more(query)
		if p, ok := errors.AsType[*page.Problem](err); ok && p.Status == http.StatusUnprocessableEntity && len(p.Errors) > 0 && p.Errors[0].Field == typeField {
			l.Filter.faults["event_type"] = "The event type " + p.Errors[0].Message + "."
			return nil
		}
		if err != nil {
			return err
		}
		if next == nil {
			l.Next = ""
			return nil
		}
		rows = n
		query.Set("cursor", *next)
		l.Next = l.Filter.address(l.Path, "cursor", *next)
	}
	return nil
}

// Finish readies the list to be shown, and returns the status to show it with. mark is the page's; it has so many rows,
// which are called thing or things; newest says what the first is.
func (l *List) Finish(mark string, rows int, thing, things, newest string) int {
	l.Said = strconv.Itoa(rows) + " " + things + " listed."
	if rows == 1 {
		l.Said = "1 " + thing + " listed."
	}
	if rows > 0 {
		l.Said += " The newest: " + newest + "."
	}
	if len(l.Filter.faults) > 0 {
		return http.StatusUnprocessableEntity
	}
	if l.First && !l.Paused {
		l.Poll = l.Filter.address(l.Path, "seen", mark)
	}
	return http.StatusOK
}

// Names returns what webhooks are called, by id; those that are gone have no name. Of more than a page's worth it looks
// up the tenant's newest hundred, and the others go by their ids.
func Names(v *page.Visit, ids []string) (map[string]string, error) {
	out := map[string]string{}
	if !v.Key.Grants("webhooks:read") {
		return out, nil
	}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	if len(ids) <= page.PerPage {
		for _, id := range ids {
			var w record.Webhook
			err := v.Get("/v1/webhooks/"+url.PathEscape(id), nil, &w)
			if page.Answered(err, http.StatusNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			out[id] = w.Label()
		}
		return out, nil
	}
	var l api.List[record.Webhook]
	if err := v.Get("/v1/webhooks", url.Values{"limit": {"100"}}, &l); err != nil {
		return nil, err
	}
	for _, w := range l.Data {
		out[w.ID] = w.Label()
	}
	return out, nil
}
