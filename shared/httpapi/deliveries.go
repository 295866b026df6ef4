package httpapi

import (
	"net/http"
	"strings"

	"hookline/shared/api"
	"hookline/shared/audit"
	"hookline/shared/input"
	"hookline/shared/webhook"
)

func (a *API) findDelivery(c *call) (err error) {
	key, ok := webhook.ParseDeliveryID(c.tenant.ID, c.name)
	if !ok {
		return webhook.ErrNotFound("delivery")
	}
	c.record, err = a.Store.Delivery(c.ctx(), key)
	return err
}

// listDeliveries lists the deliveries of the webhook that the path names, or all deliveries of the tenant.
func (a *API) listDeliveries(c *call) (answer, error) {
	q := &c.query
	want := webhook.DeliveryQuery{
		Webhook: c.webhook.ID, Page: q.page(), Type: q.eventType("event_type"), Since: q.time("since"), Until: q.time("until"),
		Status: webhook.DeliveryStatus(q.oneOf("status", string(webhook.Pending), string(webhook.Succeeded), string(webhook.Failed))),
	}
	if err := q.faults.Err(); err != nil {
		return answer{}, err
	}
	l, err := a.Store.Deliveries(c.ctx(), c.tenant.ID, want)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, api.ListOf(l, api.DeliveryOf))
}

func (a *API) showDelivery(c *call) (answer, error) {
	out := api.DeliveryDetail{
		Delivery: api.DeliveryOf(c.record), RequestHeaders: map[string]string{}, Attempts: api.Each(c.record.Attempts, api.AttemptOf),
	}
	body, headers, err := a.Deliverer.Sent(c.ctx(), c.record)
	switch {
	case err != nil && !webhook.Is(err, webhook.NotFound): // the body may be gone before the record is
		return answer{}, err
	case err == nil:
		out.Body = new(strings.ToValidUTF8(string(body), "\uFFFD"))
	}
	for _, h := range headers {
		if earlier, ok := out.RequestHeaders[h.Name]; ok {
			h.Value = earlier + ", " + h.Value
		}
		out.RequestHeaders[h.Name] = h.Value
	}
	return reply(http.StatusOK, out)
}

func (a *API) cancelDelivery(c *call) (answer, error) {
	var faults input.Faults
	input.Body(c.body, &api.None{}, &faults)
	if err := faults.Err(); err != nil {
		return answer{}, err
	}
	d, err := a.Deliverer.Cancel(c.ctx(), c.record.DeliveryKey)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, api.DeliveryOf(d))
}

func (a *API) replayDelivery(c *call) (answer, error) {
	var faults input.Faults
	input.Body(c.body, &api.None{}, &faults)
	if err := faults.Err(); err != nil {
		return answer{}, err
	}
	var d webhook.Delivery
	err := a.recorded(c, c.tenant.ID, audit.Target{Type: "delivery", ID: c.record.ID()}, func() (err error) {
		d, err = a.Deliverer.Replay(c.ctx(), c.record.DeliveryKey)
		return err
	})
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusAccepted, api.DeliveryOf(d))
}
