package events

import (
	"net/http"
	"net/url"

	"hookline/shared/api"
	"hookline/shared/console/feed"
	"hookline/shared/console/page"
)

// showNoLog answers the visit if the API says that there is no event log, and reports whether it did.
func showNoLog(v *page.Visit, err error) bool {
	if !page.NoEventLog(err) {
		return false
	}
	v.Show(http.StatusNotFound, "events-off", "list", "events", "Events", nil)
	return true
}

// listPage is a page of the list of events.
type listPage struct {
	feed.List
	Data []api.Event
}

func list(v *page.Visit) {
	p := listPage{List: feed.New(v, "/console/events")}
	p.Filter.Status = "" // only deliveries have it
	err := p.Read(v, "type", func(query url.Values) (int, *string, error) {
		var got api.List[api.Event]
		err := v.Get("/v1/events", query, &got)
		p.Data = append(p.Data, got.Data...)
		return len(p.Data), got.NextCursor, err
	})
	if err != nil {
		if !showNoLog(v, err) {
			v.Failed(err)
		}
		return
	}
	mark := page.Digest(p.Data, p.Filter)
	if v.Unchanged(mark) {
		return
	}
	newest := ""
	if len(p.Data) > 0 {
		newest = p.Data[0].Type
	}
	status := p.Finish(mark, len(p.Data), "event", "events", newest)
	v.Show(status, "events", "list", "events", "Events", &p)
}
