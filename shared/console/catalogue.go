package console

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/layout"
	"hookline/shared/webhook"
)

// catalogueEntry is an event type as the API shows it, and who takes it.
type catalogueEntry struct {
	Name        string          `json:"name"`
	WireName    string          `json:"wire_name"`
	Description string          `json:"description"`
	Group       string          `json:"group"`
	ComingSoon  bool            `json:"coming_soon"`
	Example     json.RawMessage `json:"example"`
	Schema      json.RawMessage `json:"schema"`

	Active, Inactive int // webhooks that take it; a failing one is active
}

// Path is the address of its page.
func (e catalogueEntry) Path() string { return "/console/event-types/" + url.PathEscape(e.Name) }

// Create is the address of the form for a webhook that takes it.
func (e catalogueEntry) Create() string {
	return address("/console/webhooks/new", url.Values{"events": {e.Name}})
}

func entryOf(e dialect.EventType) catalogueEntry {
	return catalogueEntry{
		Name: e.Name, WireName: e.WireName, Description: e.Description, Group: e.Group, ComingSoon: e.ComingSoon, Example: e.Example, Schema: e.Schema,
	}
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
	list[catalogueEntry]
	taken
	Groups   []catalogueGroup
	Open     bool // any dotted name can be published beside these
	Next     string
	First    bool
	MayWrite bool
}

// perCatalogue is how many event types a page shows.
const perCatalogue = 50

func (v *visit) catalogue() {
	cursor := v.r.URL.Query().Get("cursor")
	p := cataloguePage{First: cursor == "", MayWrite: v.key.Grants("webhooks:write"), Open: v.dialect.Knows("any.name.of.yours")}
	query := url.Values{"limit": {strconv.Itoa(perCatalogue)}}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	if err := v.get("/v1/event-types", query, &p); err != nil {
		v.failed(err)
		return
	}
	if p.NextCursor != nil {
		p.Next = address("/console/event-types", url.Values{"cursor": {*p.NextCursor}})
	} else {
		p.Data = append(p.Data, v.systemEvents()...)
	}
	var err error
	if p.taken, err = v.takers(p.Data, nil); err != nil {
		v.failed(err)
		return
	}
	p.Groups = catalogueGroups(p.Data)
	v.show(http.StatusOK, "catalogue", "list", "catalogue", "Event types", p)
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
func (v *visit) systemEvents() []catalogueEntry {
	var out []catalogueEntry
	for _, name := range webhook.SystemTypes() {
		if e, ok := v.dialect.EventType(name); ok {
			out = append(out, entryOf(e))
		}
	}
	return out
}

// takerPages bounds how many webhooks are looked at for who takes an event: so many calls of 100.
const takerPages = 10

// takers goes through the webhooks once and counts for each entry those that take it. each, if it is not nil, gets them
// one by one.
func (v *visit) takers(entries []catalogueEntry, each func(e catalogueEntry, w webhookView)) (taken, error) {
	if !v.key.Grants("webhooks:read") {
		return taken{}, nil
	}
	out := taken{May: true}
	query := url.Values{"limit": {"100"}}
	for page := 0; ; page++ {
		if page == takerPages {
			out.More = true
			return out, nil
		}
		var l list[webhookView]
		if err := v.get("/v1/webhooks", query, &l); err != nil {
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
	Takers   []webhookView // the first of them
	Headers  []dialect.Header
	Body     string // as it is sent, "" where there is no example
	System   bool
	MayWrite bool
}

// Others is how many take the event beside those that are named.
func (p eventTypePage) Others() int { return p.Entry.Active + p.Entry.Inactive - len(p.Takers) }

// Example is for people.
func (p eventTypePage) Example() layout.Text { return pretty(p.Entry.Example) }

// Schema is for people.
func (p eventTypePage) Schema() layout.Text { return pretty(p.Entry.Schema) }

// Sent is the body as it is sent.
func (p eventTypePage) Sent() layout.Text { return layout.Cut(p.Body, layout.MaxBytes) }

// entry returns the entry that the address names; false where the visitor was answered that there is none to see.
func (v *visit) entry() (catalogueEntry, bool) {
	// The catalogue is in the visitor's dialect already; whether the key may see it is for the API to say.
	if err := v.get("/v1/event-types", url.Values{"limit": {"1"}}, nil); err != nil {
		v.failed(err)
		return catalogueEntry{}, false
	}
	e, ok := v.dialect.EventType(v.r.PathValue("name"))
	if !ok {
		v.notFound()
	}
	return entryOf(e), ok
}

func (v *visit) eventType() {
	e, ok := v.entry()
	if !ok {
		return
	}
	entries := []catalogueEntry{e}
	p := eventTypePage{System: webhook.IsSystemType(e.Name), MayWrite: v.key.Grants("webhooks:write")}
	var err error
	p.taken, err = v.takers(entries, func(_ catalogueEntry, w webhookView) {
		if len(p.Takers) < maxTakers {
			p.Takers = append(p.Takers, w)
		}
	})
	if err == nil {
		p.Entry = entries[0]
		err = v.sample(&p)
	}
	if err != nil {
		v.failed(err)
		return
	}
	v.show(http.StatusOK, "event-type", "panel", "catalogue", e.Name, p)
}

// sample writes the example as it would be sent now. It is signed with a secret that is made for it and forgotten.
func (v *visit) sample(p *eventTypePage) error {
	if len(p.Entry.Example) == 0 || string(p.Entry.Example) == "null" {
		return nil
	}
	now := v.now()
	ev := webhook.Event{
		Tenant: v.tenant.ID, ID: webhook.NewID(webhook.EventPrefix, now), Type: p.Entry.Name, AcceptedAt: now,
		Timestamp: now.Format(webhook.TimeFormat),
	}
	hook := webhook.NewID(webhook.WebhookPrefix, now)
	m := dialect.Message{
		EventID: ev.ID, Type: ev.Type, Tenant: ev.Tenant, Webhook: hook, Timestamp: ev.Timestamp, Sent: now, Secrets: []string{v.dialect.NewSecret()},
		Delivery: webhook.DeliveryKey{Webhook: hook, Event: ev.ID, AcceptedAt: now}.ID(), ContentType: v.dialect.ContentTypes[0],
	}
	example, err := ecmajson.Read(p.Entry.Example)
	if err != nil {
		return err
	}
	if m.Body, err = v.dialect.Body(ev, example); err != nil {
		return err
	}
	if p.Headers, err = v.dialect.Headers(m); err != nil {
		return err
	}
	p.Body = string(dialect.Wire(m.Body, m.ContentType))
	return nil
}
