// Package feed has the common parts of the lists of deliveries and of events. They show the newest first and have a filter.
// The first page polls for news and is answered 204 while there are none, so that nothing moves while somebody reads.
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
	"hookline/shared/console/words"
)

//go:embed feed.html
var parts embed.FS

// Parts are the files of the templates "filter", the fields of the filter's form, and "live", which turns polling on and off.
func Parts() fs.FS { return parts }

// List is a page of a list, without its rows.
type List struct {
	Path         string // of the list
	Filter       Filter
	Types        []string // of the catalogue
	Periods      []Period
	First        bool
	Paused       bool
	Next         string // the address of the next page, "" at the end
	Poll         string // the address to poll, "" if the page does not poll
	Announcement string // a screen reader announces it when the list has changed
}

// New returns the page of the list at path that the visitor asks for.
func New(v *page.Visit, path string) List {
	asked := v.R.URL.Query()
	return List{
		Path: path, Filter: filterOf(asked), Types: v.EventNames(), Periods: periods(), First: asked.Get("cursor") == "", Paused: asked.Get("live") == "off",
	}
}

// Live returns the address of the list that polls.
func (l *List) Live() string { return l.Filter.address(l.Path) }

// Pause returns the address of the list that does not poll.
func (l *List) Pause() string { return l.Filter.address(l.Path, "live", "off") }

// reads bounds the requests of Read.
const reads = 4

// Read fills the page with rows, unless there is a problem with the filter. It calls more with a query for the API; more adds
// the rows of the answer to the page and returns their number so far and the cursor of the answer. typeField is the API's
// name for the event type. With a filter, the API's pages can be short, so Read goes on until the page is full, the list
// ends, or it has called more a few times.
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

// Finish sets Poll and Announcement, and returns the status of the answer. digest is that of the page, thing and things name
// its rows, and newest describes the first.
func (l *List) Finish(mark string, rows int, thing, things, newest string) int {
	l.Announcement = words.Grouped(rows) + " " + things + " listed."
	if rows == 1 {
		l.Announcement = "1 " + thing + " listed."
	}
	if rows > 0 {
		l.Announcement += " The newest: " + newest + "."
	}
	if len(l.Filter.faults) > 0 {
		return http.StatusUnprocessableEntity
	}
	if l.First && !l.Paused {
		l.Poll = l.Filter.address(l.Path, "seen", mark)
	}
	return http.StatusOK
}

// Names returns the labels of webhooks by their ids. Deleted webhooks are missing. Of more webhooks than fit on a page it
// knows the tenant's newest hundred only.
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
