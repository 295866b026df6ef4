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

// catalogueEntry is an event type, and who takes it.
type catalogueEntry struct {
	api.EventType
	Active, Inactive int // webhooks that take it; a failing one is active
}

// Path is the address of its page.
func (e *catalogueEntry) Path() string { return "/console/event-types/" + url.PathEscape(e.Name) }

// Create is the address of the form for a webhook that takes it.
func (e *catalogueEntry) Create() string {
	return page.Address("/console/webhooks/new", url.Values{"events": {e.Name}})
}

type catalogueGroup struct {
	Name    string
	Entries []catalogueEntry
}

// taken is what is known of the webhooks that take events.
type taken struct {
	May  bool // the key may see webhooks
	Seen int  // webhooks looked at
	More bool // there are more than that
}

type cataloguePage struct {
	api.List[catalogueEntry]
	page.Pager
	taken
	Groups   []catalogueGroup
	Open     bool // any dotted name can be published beside these
	MayWrite bool
}

// perCatalogue is how many event types a page shows.
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
	if p.taken, err = takers(v, p.Data, nil); err != nil {
		v.Failed(err)
		return
	}
	p.Groups = catalogueGroups(p.Data)
	v.Show(http.StatusOK, "catalogue", "list", "catalogue", "Event types", &p)
}

// catalogueGroups puts entries under their headings, in their order. Those without one have none to be under unless others do.
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

// systemEvents are those that the catalogue does not list, and that webhooks take all the same.
func systemEvents(d *dialect.Dialect) []catalogueEntry {
	var out []catalogueEntry
	for _, name := range webhook.SystemTypes() {
		if e, ok := d.EventType(name); ok {
			out = append(out, catalogueEntry{EventType: api.EventTypeOf(e)})
		}
	}
	return out
}

// takerPages bounds how many webhooks are looked at for who takes an event: so many calls of 100.
const takerPages = 10

// takers goes through the webhooks once and counts for each entry those that take it. each, if it is not nil, gets them
// one by one.
func takers(v *page.Visit, entries []catalogueEntry, each func(e catalogueEntry, w record.Webhook)) (taken, error) {
	if !v.Key.Grants("webhooks:read") {
		return taken{}, nil
	}
	out := taken{May: true}
	query := url.Values{"limit": {"100"}}
	for calls := 0; ; calls++ {
		if calls == takerPages {
			out.More = true
			return out, nil
		}
		var l api.List[record.Webhook]
		if err := v.Get("/v1/webhooks", query, &l); err != nil {
			return taken{}, err
		}
		out.Seen += len(l.Data)
		for _, w := range l.Data {
			for i, e := range entries {
				if !takes(w.Events, e.Name) {
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

// takes reports whether one of the patterns covers a type.
func takes(patterns []string, eventType string) bool {
	return slices.ContainsFunc(webhook.Patterns(eventType), func(p string) bool { return slices.Contains(patterns, p) })
}

// maxTakers is how many webhooks the page of an event type names.
const maxTakers = 20

type eventTypePage struct {
	taken
	Entry    catalogueEntry
	Takers   []record.Webhook // the first of them
	Headers  []dialect.Header
	Body     string // as it is sent, "" where there is no example
	System   bool
	MayWrite bool
}

// Others is how many take the event beside those that are named.
func (p *eventTypePage) Others() int { return p.Entry.Active + p.Entry.Inactive - len(p.Takers) }

// Example is for people.
func (p *eventTypePage) Example() layout.Text {
	return layout.Readable(p.Entry.Example, layout.MaxBytes)
}

// Schema is for people.
func (p *eventTypePage) Schema() layout.Text { return layout.Readable(p.Entry.Schema, layout.MaxBytes) }

// Sent is the body as it is sent.
func (p *eventTypePage) Sent() layout.Text { return layout.Cut(p.Body, layout.MaxBytes) }

// entry returns the entry that the address names; false where the visitor was answered that there is none to see.
func entry(v *page.Visit) (catalogueEntry, bool) {
	// The catalogue is in the visitor's dialect already; whether the key may see it is for the API to say.
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
	p.taken, err = takers(v, entries, func(_ catalogueEntry, w record.Webhook) {
		if len(p.Takers) < maxTakers {
			p.Takers = append(p.Takers, w)
		}
	})
	if err == nil {
		p.Entry = entries[0]
		err = sample(v, &p)
	}
	if err != nil {
		v.Failed(err)
		return
	}
	v.Show(http.StatusOK, "event-type", "panel", "catalogue", e.Name, &p)
}

// sample writes the example as it would be sent now. It is signed with a secret that is made for it and forgotten.
func sample(v *page.Visit, p *eventTypePage) error {
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

// downloadExample and downloadSchema are those of an event type, as the dialect has them.
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
