package eventlog

import (
	"context"
	"errors"
	"slices"

	"hookline/shared/store/cursor"
	"hookline/shared/webhook"
)

// maxScanned bounds the data that is read for one page, in bytes.
const maxScanned = 16 << 20

// maxRead bounds how many items are read at a time.
const maxRead = 100

// Events lists a tenant's events by their acceptance, newest first or oldest first. Events of one request are in its order,
// or in the reverse. Each event is whole, with its data. A page may be short, even empty, and still have a Next: it ends when
// 16 MiB of data have been read for it. A cursor belongs to one tenant and direction, and is valid under any filter.
func (l *Log) Events(ctx context.Context, tenant string, q webhook.EventQuery) (webhook.List[webhook.LoggedEvent], error) {
	none := webhook.List[webhook.LoggedEvent]{}
	list := "events/" + tenant
	if q.OldestFirst {
		list += "/oldest"
	}
	at, err := cursor.Read(list, q.Page.Cursor, 1)
	if err != nil {
		return none, err
	}
	r := webhook.LogRange{OldestFirst: q.OldestFirst}
	if !q.Since.IsZero() {
		r.From = webhook.FirstEntry(q.Since)
	}
	if !q.Until.IsZero() {
		r.Before = webhook.FirstEntry(q.Until)
	}
	last := ""
	if at != nil {
		last = at[0]
		request, _, ok := webhook.EntryRequest(last)
		if !ok {
			return none, cursor.Invalid()
		}
		if q.OldestFirst {
			r.From = max(r.From, request)
		} else if r.Before == "" || last < r.Before {
			r.Before = last // it sorts after the request's key, unless the request is finished
		}
	}
	p := cursor.NewPage[webhook.LoggedEvent](q.Page)
	scanned := 0
	each := func(ev webhook.LoggedEvent) bool {
		if last != "" && (q.OldestFirst && ev.Entry <= last || !q.OldestFirst && ev.Entry >= last) {
			return true
		}
		if p.Full() {
			return false
		}
		if scanned >= maxScanned {
			p.List.Next = cursor.Make(list, last)
			return false
		}
		last = ev.Entry
		scanned += len(ev.Data)
		p.Saw(func() string { return cursor.Make(list, ev.Entry) })
		if matches(q, ev) {
			p.List.Items = append(p.List.Items, ev)
		}
		return true
	}
	r.Limit = min(p.Limit+1, maxRead)
	for {
		items, more, err := l.Store.LogItems(ctx, tenant, r)
		if err != nil {
			return none, err
		}
		for _, it := range items {
			events, err := l.open(ctx, it)
			if errors.Is(err, errGone) {
				continue
			}
			if err != nil {
				return none, err
			}
			if !q.OldestFirst {
				slices.Reverse(events)
			}
			for _, ev := range events {
				if !each(ev) {
					return p.List, nil
				}
			}
		}
		if !more || len(items) == 0 {
			return p.List, nil
		}
		if end := items[len(items)-1].Request; q.OldestFirst {
			r.From = end + "~" // it sorts right after that key
		} else {
			r.Before = end
		}
	}
}

func matches(q webhook.EventQuery, ev webhook.LoggedEvent) bool {
	return (q.Type == "" || q.Type == ev.Type) && (q.Matched == nil || *q.Matched == (len(ev.Matched) > 0))
}
