package httpapi

import (
	"net/http"
	"strings"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/ingest"
	"hookline/shared/management"
	"hookline/shared/webhook"
)

func (a *API) listDialects(c *call) (answer, error) {
	q := queryOf(c)
	page := q.page()
	if err := q.faults.Err(); err != nil {
		return answer{}, err
	}
	all, err := a.Dialects.Names(c.ctx())
	if err != nil {
		return answer{}, err
	}
	names, err := pageOf(all, page, func(name string) string { return name })
	if err != nil {
		return answer{}, err
	}
	out := webhook.List[dialectJSON]{Next: names.Next}
	for _, name := range names.Items {
		d, err := a.Dialects.Dialect(c.ctx(), name)
		if err != nil {
			return answer{}, err
		}
		out.Items = append(out.Items, dialectJSON{Name: d.Name, Version: d.Version, Product: d.Product, BuiltIn: a.Dialects.BuiltIn(name)})
	}
	return reply(http.StatusOK, listOf(out, func(d dialectJSON) dialectJSON { return d }))
}

// findDialect finds a dialect by name, or a version of one by reference; a deleted name is only found by reference.
func (a *API) findDialect(c *call) (err error) {
	if strings.Contains(c.name, "@") {
		c.shown, err = a.Dialects.Dialect(c.ctx(), c.name)
		return err
	}
	c.shown, err = a.Dialects.Offered(c.ctx(), c.name)
	return err
}

// showDialect answers with the description that the dialect was made from.
func (a *API) showDialect(c *call) (answer, error) {
	if err := a.findDialect(c); err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, c.shown.Description)
}

func (a *API) putDialect(c *call) (answer, error) {
	var faults management.Faults
	object(c.body, whole, "", &faults)
	if err := faults.Err(); err != nil { // no object, or a field twice; in what follows "body" is a field
		return answer{}, err
	}
	d, created, err := a.management().PutDialect(c.ctx(), c.name, c.body)
	if err != nil {
		return answer{}, err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return reply(status, d.Description)
}

func (a *API) deleteDialect(c *call) (answer, error) {
	return noContent(a.management().DeleteDialect(c.ctx(), c.name))
}

// previewTenant is the tenant that a preview is for.
const previewTenant = "acme"

// previewDialect shows what a webhook would get for an event, one request for each content type.
func (a *API) previewDialect(c *call) (answer, error) {
	d := c.shown
	var faults management.Faults
	f := object(c.body, whole, "", &faults)
	eventType, data, secret := f.text("type"), f.take("data"), f.text("secret")
	f.rest()
	now := time.Now().UTC() // real: it is signed
	ev := webhook.Event{
		Tenant: previewTenant, ID: webhook.NewID(webhook.EventPrefix, now), Type: eventType.Value, AcceptedAt: now,
		Timestamp: now.Format(webhook.BodyTimeFormat), Data: data.Value,
	}
	if !data.Set || data.Null {
		ev.Data = d.Example(ev.Type)
	}
	for _, e := range ingest.Check(d, ingest.Input{Type: ev.Type, Data: ev.Data}) {
		faults.Add(e.Field, e.Message)
	}
	out := previewJSON{Dialect: d.Ref(), Type: ev.Type, EventID: ev.ID, Tenant: ev.Tenant, Timestamp: ev.Timestamp, Secret: secret.Value}
	if out.Secret == "" {
		out.Secret = d.NewSecret()
	} else if problem := d.CheckImportedSecret(out.Secret); problem != "" {
		faults.Add("secret", problem)
	}
	if err := faults.Err(); err != nil {
		return answer{}, err
	}
	if ingest.TooLarge(ingest.Input{Data: ev.Data}) {
		return answer{}, &webhook.Error{Kind: webhook.TooLarge, Message: "an event's data is over 256 KiB"}
	}
	body, err := d.Body(ev)
	if err != nil {
		return answer{}, err
	}
	hook := webhook.NewID(webhook.WebhookPrefix, now)
	m := dialect.Message{
		EventID: ev.ID, Type: ev.Type, Tenant: ev.Tenant, Webhook: hook, Timestamp: ev.Timestamp, Sent: now, Body: body, Secrets: []string{out.Secret},
		Delivery: webhook.DeliveryKey{Webhook: hook, Event: ev.ID, AcceptedAt: now}.ID(),
	}
	for _, m.ContentType = range d.ContentTypes {
		headers, err := d.Headers(m)
		if err != nil {
			return answer{}, err
		}
		out.Requests = append(out.Requests, requestJSON{
			ContentType: m.ContentType, Headers: headersJSON(headers), Body: string(dialect.Wire(body, m.ContentType)),
		})
	}
	out.requestJSON = out.Requests[0]
	return reply(http.StatusOK, out)
}
