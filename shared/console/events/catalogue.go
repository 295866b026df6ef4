package events

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"hookline/shared/api"
	"hookline/shared/console/page"
	"hookline/shared/console/record"
	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/layout"
	"hookline/shared/webhook"
)

// catalogueEntry is an event type with the number of its webhooks.
type catalogueEntry struct {
	api.EventType
	Active, Inactive int // webhooks that are subscribed to it; a failing one is active
}

// Path is the address of its page.
func (e *catalogueEntry) Path() string { return "/console/event-types/" + url.PathEscape(e.Name) }

// Create is the address of the form for a webhook that is subscribed to it.
func (e *catalogueEntry) Create() string {
	return page.Address("/console/webhooks/new", url.Values{"events": {e.Name}})
}

type catalogueGroup struct {
	Name    string
	Entries []catalogueEntry
}

// subscribed says how many webhooks were counted.
type subscribed struct {
	May  bool // the visitor's key may read webhooks
	Seen int  // webhooks that were counted
	More bool // there are more than that
}

type cataloguePage struct {
	api.List[catalogueEntry]
	page.Pager
	subscribed
	Groups   []catalogueGroup
	Open     bool // the catalogue is open: any valid type can be published
	MayWrite bool
}

// perCatalogue is the number of event types on a page.
const perCatalogue = 50

func catalogue(v *page.Visit) {
	p := cataloguePage{MayWrite: v.Key.Grants("webhooks:write"), Open: v.Dialect.Knows("any.name.of.yours")}
	if err := v.List("/v1/event-types", perCatalogue, &p.List); err != nil {
		v.Failed(err)
		return
	}
	if p.Pager = v.Pager("/console/event-types", p.NextCursor); p.Next == "" {
		p.Data = append(p.Data, systemEvents(v.Dialect)...)
	}
	var err error
	if p.subscribed, err = countSubscribed(v, p.Data, nil); err != nil {
		v.Failed(err)
		return
	}
	p.Groups = catalogueGroups(p.Data)
	v.Show(http.StatusOK, "catalogue", "list", "catalogue", "Event types", &p)
}

// catalogueGroups groups entries by their headings and keeps their order. Entries without a heading get one if others have
// one.
func catalogueGroups(entries []catalogueEntry) []catalogueGroup {
	rest := ""
	if slices.ContainsFunc(entries, func(e catalogueEntry) bool { return e.Group != "" }) {
		rest = "Other events"
	}
	var out []catalogueGroup
	for _, e := range entries {
		name := cmp.Or(e.Group, rest)
		if webhook.IsSystemType(e.Name) {
			name = "About your webhooks"
		}
		i := slices.IndexFunc(out, func(g catalogueGroup) bool { return g.Name == name })
		if i < 0 {
			i = len(out)
			out = append(out, catalogueGroup{Name: name})
		}
		out[i].Entries = append(out[i].Entries, e)
	}
	return out
}

// systemEvents are the event types that webhooks can subscribe to although the catalogue does not list them.
func systemEvents(d *dialect.Dialect) []catalogueEntry {
	var out []catalogueEntry
	for _, name := range webhook.SystemTypes() {
		if e, ok := d.EventType(name); ok {
			out = append(out, catalogueEntry{EventType: api.EventTypeOf(e)})
		}
	}
	return out
}

// subscriberPages bounds the webhooks that are counted: that many requests of 100 each.
const subscriberPages = 10

// countSubscribed counts for each entry the webhooks that are subscribed to it. It calls each, unless that is nil, with every
// one of them.
func countSubscribed(v *page.Visit, entries []catalogueEntry, each func(e catalogueEntry, w record.Webhook)) (subscribed, error) {
	if !v.Key.Grants("webhooks:read") {
		return subscribed{}, nil
	}
	out := subscribed{May: true}
	query := url.Values{"limit": {"100"}}
	for calls := 0; ; calls++ {
		if calls == subscriberPages {
			out.More = true
			return out, nil
		}
		var l api.List[record.Webhook]
		if err := v.Get("/v1/webhooks", query, &l); err != nil {
			return subscribed{}, err
		}
		out.Seen += len(l.Data)
		for _, w := range l.Data {
			for i, e := range entries {
				if !covers(w.Events, e.Name) {
					continue
				}
				if w.Status == webhook.Inactive {
					entries[i].Inactive++
				} else {
					entries[i].Active++
				}
				if each != nil {
					each(e, w)
				}
			}
		}
		if l.NextCursor == nil {
			return out, nil
		}
		query.Set("cursor", *l.NextCursor)
	}
}

// covers reports whether one of the patterns matches a type.
func covers(patterns []string, eventType string) bool {
	return slices.ContainsFunc(webhook.Patterns(eventType), func(p string) bool { return slices.Contains(patterns, p) })
}

// maxSubscribed bounds the webhooks that the page of an event type lists.
const maxSubscribed = 20

type eventTypePage struct {
	subscribed
	Entry      catalogueEntry
	Subscribed []record.Webhook // the first of them
	Headers    []dialect.Header
	Body       string // as it is sent, "" if there is no example
	System     bool
	MayWrite   bool
}

// Others is the number of webhooks that are subscribed and not listed.
func (p *eventTypePage) Others() int { return p.Entry.Active + p.Entry.Inactive - len(p.Subscribed) }

// Example is the example laid out.
func (p *eventTypePage) Example() layout.Text {
	return layout.Readable(p.Entry.Example, layout.MaxBytes)
}

// Schema is the schema laid out.
func (p *eventTypePage) Schema() layout.Text { return layout.Readable(p.Entry.Schema, layout.MaxBytes) }

// Sent is the body as it is sent.
func (p *eventTypePage) Sent() layout.Text { return layout.Cut(p.Body, layout.MaxBytes) }

// entry returns the entry that the address names. If there is none, or the visitor may not see it, entry answers the visit and
// returns false.
func entry(v *page.Visit) (catalogueEntry, bool) {
	// The visitor's dialect already has the catalogue. The API decides whether the key may read it.
	if err := v.Get("/v1/event-types", url.Values{"limit": {"1"}}, nil); err != nil {
		v.Failed(err)
		return catalogueEntry{}, false
	}
	e, ok := v.Dialect.EventType(v.R.PathValue("name"))
	if !ok {
		v.NotFound()
	}
	return catalogueEntry{EventType: api.EventTypeOf(e)}, ok
}

func showType(v *page.Visit) {
	e, ok := entry(v)
	if !ok {
		return
	}
	entries := []catalogueEntry{e}
	p := eventTypePage{System: webhook.IsSystemType(e.Name), MayWrite: v.Key.Grants("webhooks:write")}
	var err error
	p.subscribed, err = countSubscribed(v, entries, func(_ catalogueEntry, w record.Webhook) {
		if len(p.Subscribed) < maxSubscribed {
			p.Subscribed = append(p.Subscribed, w)
		}
	})
	if err == nil {
		p.Entry = entries[0]
		err = addSample(v, &p)
	}
	if err != nil {
		v.Failed(err)
		return
	}
	v.Show(http.StatusOK, "event-type", "panel", "catalogue", e.Name, &p)
}

// addSample adds the example as it would be sent now, signed with a secret that is made for it and thrown away.
func addSample(v *page.Visit, p *eventTypePage) error {
	if len(p.Entry.Example) == 0 || string(p.Entry.Example) == "null" {
		return nil
	}
	now := v.Now()
	ev := webhook.Event{
		Tenant: v.Tenant.ID, ID: webhook.NewID(webhook.EventPrefix, now), Type: p.Entry.Name, AcceptedAt: now,
		Timestamp: now.Format(webhook.TimeFormat),
	}
	hook := webhook.NewID(webhook.WebhookPrefix, now)
	m := dialect.Message{
		EventID: ev.ID, Type: ev.Type, Tenant: ev.Tenant, Webhook: hook, Timestamp: ev.Timestamp, Sent: now, Secrets: []string{v.Dialect.NewSecret()},
		Delivery: webhook.DeliveryKey{Webhook: hook, Event: ev.ID, AcceptedAt: now}.ID(), ContentType: v.Dialect.ContentTypes[0],
	}
	example, err := ecmajson.Read(p.Entry.Example)
	if err != nil {
		return err
	}
	if m.Body, err = v.Dialect.Body(ev, example); err != nil {
		return err
	}
	if p.Headers, err = v.Dialect.Headers(m); err != nil {
		return err
	}
	p.Body = string(dialect.Wire(m.Body, m.ContentType))
	return nil
}

// downloadExample and downloadSchema answer with those of an event type, as the dialect has them.
func downloadExample(v *page.Visit) {
	download(v, "example", func(e catalogueEntry) json.RawMessage { return e.Example })
}

func downloadSchema(v *page.Visit) {
	download(v, "schema", func(e catalogueEntry) json.RawMessage { return e.Schema })
}

func download(v *page.Visit, name string, part func(catalogueEntry) json.RawMessage) {
	e, ok := entry(v)
	if !ok {
		return
	}
	if raw := part(e); raw != nil {
		v.Download(e.Name+"."+name+".json", page.JSON, raw)
		return
	}
	v.NotFound()
}
