package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"hookline/shared/api"
	"hookline/shared/dialect"
	"hookline/shared/format"
	"hookline/shared/ingest"
	"hookline/shared/input"
	"hookline/shared/pattern"
	"hookline/shared/webhook"
)

// previewTenant is the tenant that an admin's preview is for.
const previewTenant = "acme"

// previewDialect shows an event as a webhook would get it, with one request for each content type.
func (a *API) previewDialect(c *call) (answer, error) {
	var faults input.Faults
	var in api.NewPreview
	input.Body(c.body, &in, &faults)
	p := preview{dialect: c.shown, tenant: previewTenant, eventType: in.Type.Value, format: in.Format.Value, secret: in.Secret.Value, faults: faults}
	if in.Data.Given() {
		p.data = in.Data.Value
	}
	return p.answer()
}

// previewEventType shows a tenant an event as its webhooks would get it, with the data of the type's example. The secret is
// made for it and belongs to no webhook.
func (a *API) previewEventType(c *call) (answer, error) {
	d, err := a.dialect(c)
	if err != nil {
		return answer{}, err
	}
	if _, listed := d.EventType(c.name); !listed || !d.Knows(c.name) { // open catalogues know types that they do not list
		return answer{}, webhook.ErrNotFound("event type")
	}
	q := &c.query
	format := q.oneOf("format", format.Names()...)
	return preview{dialect: d, tenant: c.tenant.ID, eventType: c.name, format: format, faults: q.faults}.answer()
}

// preview is an event that nobody published. Without data it has the example of its type; the format "" is JSON.
type preview struct {
	dialect                           *dialect.Dialect
	tenant, eventType, format, secret string
	data                              json.RawMessage
	faults                            input.Faults
}

// PreviewOf shows an event of a type with the data of its example, as a webhook of a dialect's would get it. It refuses what
// could not be published.
func PreviewOf(d *dialect.Dialect, eventType string) (api.Preview, error) {
	return preview{dialect: d, tenant: previewTenant, eventType: eventType}.made()
}

func (p preview) answer() (answer, error) {
	out, err := p.made()
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, out)
}

func (p preview) made() (api.Preview, error) {
	d, faults := p.dialect, p.faults
	now := time.Now().UTC() // real: it is signed
	ev := webhook.Event{
		Tenant: p.tenant, ID: webhook.NewID(webhook.EventPrefix, now), Type: p.eventType, AcceptedAt: now,
		Timestamp: now.Format(webhook.TimeFormat), Data: p.data,
	}
	if ev.Data == nil {
		ev.Data = d.Example(ev.Type)
	}
	checked, wrong := ingest.Check(d, ingest.Input{Type: ev.Type, Data: ev.Data})
	for _, e := range wrong {
		faults.Add(e.Field, e.Message)
	}
	out := api.Preview{Dialect: d.Ref(), Type: ev.Type, EventID: ev.ID, Tenant: ev.Tenant, Timestamp: webhook.InSeconds(ev.Timestamp), Format: p.format, Secret: p.secret}
	if out.Format == "" {
		out.Format = webhook.FormatJSON
	} else if problem := format.Check(out.Format); problem != "" {
		faults.Add("format", problem)
	}
	if out.Secret == "" {
		out.Secret = d.NewSecret()
	} else if problem := d.CheckImportedSecret(out.Secret); problem != "" {
		faults.Add("secret", problem)
	}
	if err := faults.Err(); err != nil {
		return api.Preview{}, err
	}
	if ingest.TooLarge(ingest.Input{Data: ev.Data}) {
		return api.Preview{}, &webhook.Error{Kind: webhook.TooLarge, Message: "an event's data is over 256 KiB"}
	}
	form := format.Of(out.Format)
	body, err := form.Body(d, ev, checked.Content())
	if err != nil {
		return api.Preview{}, err
	}
	hook := webhook.NewID(webhook.WebhookPrefix, now)
	m := dialect.Message{
		EventID: ev.ID, Type: ev.Type, Tenant: ev.Tenant, Webhook: hook, Timestamp: ev.Timestamp, Sent: now, Body: body, Secrets: []string{out.Secret},
		Delivery: webhook.DeliveryKey{Webhook: hook, Event: ev.ID, AcceptedAt: now}.ID(), Unsigned: !form.Signed(),
	}
	for _, m.ContentType = range form.ContentTypes(d) {
		headers, err := d.Headers(m)
		if err != nil {
			return api.Preview{}, err
		}
		out.Requests = append(out.Requests, api.PreviewRequest{
			ContentType: m.ContentType, Headers: api.Headers(headers), Body: string(dialect.Wire(body, m.ContentType)),
		})
	}
	out.PreviewRequest = out.Requests[0]
	return out, nil
}

// tryFilter says whether a filter takes an event's data, or the example of an event type.
func (a *API) tryFilter(c *call) (answer, error) {
	d, err := a.dialect(c)
	if err != nil {
		return answer{}, err
	}
	var faults input.Faults
	var in api.FilterTrial
	input.Body(c.body, &in, &faults)
	if !in.Filter.Given() {
		faults.Add("filter", input.Required)
	}
	out := api.TriedFilter{Data: in.Data.Value}
	switch eventType := in.Type; {
	case eventType.Given() && !webhook.ValidType(eventType.Value):
		faults.Add("type", webhook.TypeRule)
	case in.Data.Given():
		input.Read(in.Data.Value, "data", "data.", &faults) // as an event's data has to be
	case !eventType.Given():
		faults.Add("data", "is required where no type is given")
	case !webhook.IsSystemType(eventType.Value) && !d.Knows(eventType.Value):
		faults.Add("type", "is not in this dialect's catalogue; GET /v1/event-types lists it")
	default:
		out.Data = d.Example(eventType.Value)
	}
	if in.Filter.Given() {
		p, problems := pattern.Check(in.Filter.Value)
		for _, e := range problems {
			faults.Add(e.Field, e.Message)
		}
		if p != nil {
			work := pattern.NewWork(c.ctx(), a.MatchWork)
			if out.Matches = p.Match(pattern.Decode(out.Data), work); errors.Is(work.Err(), pattern.ErrWork) {
				return answer{}, ingest.ErrFilterBudget("data")
			} else if work.Err() != nil {
				return answer{}, work.Err()
			}
		}
	}
	if err := faults.Err(); err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, out)
}
