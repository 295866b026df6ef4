package httpapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"hookline/shared/api"
	"hookline/shared/audit"
	"hookline/shared/ingest"
	"hookline/shared/input"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

const (
	// maxShown bounds the deliveries that one event shows, and the webhooks that it did not go to.
	maxShown = 100
	// maxLooked bounds how many of the tenant's webhooks are read to find the latter.
	maxLooked = 1000
)

func errLogOff() error {
	return &webhook.Error{Kind: webhook.NotFound, Code: "event-log-off", Message: "this stack keeps no event log; its parameter EventLog turns it on"}
}

func (a *API) listEvents(c *call) (answer, error) {
	if a.Events == nil {
		return answer{}, errLogOff()
	}
	q := &c.query
	want := webhook.EventQuery{Page: q.page(), Type: q.eventType("type"), Since: q.time("since"), Until: q.time("until")}
	switch q.oneOf("matched", "true", "false") {
	case "true":
		want.Matched = new(true)
	case "false":
		want.Matched = new(false)
	}
	if err := q.faults.Err(); err != nil {
		return answer{}, err
	}
	l, err := a.Events.Events(c.ctx(), c.tenant.ID, want)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, api.ListOf(l, api.EventOf))
}

func (a *API) findEvent(c *call) (err error) {
	if a.Events == nil {
		return errLogOff()
	}
	if !webhook.ValidGivenID(c.name) {
		return webhook.ErrNotFound("event")
	}
	c.event, err = a.Events.Event(c.ctx(), c.tenant.ID, c.name)
	return err
}

func (a *API) showEvent(c *call) (answer, error) {
	out := api.EventDetail{Event: api.EventOf(c.event), Data: c.event.Data, Deliveries: []api.Delivery{}, Skipped: []api.SkippedWebhook{}}
	if at := c.event.ErasedAt; !at.IsZero() {
		out.Data, out.ErasedAt = json.RawMessage("{}"), &api.Time{Time: at}
	}
	matched, others, next, err := a.hooksOf(c)
	if err != nil {
		return answer{}, err
	}
	if out.Truncated = next != ""; out.Truncated && len(c.query.values) > 0 {
		out.NextCursor = &next
	}
	keyOf := func(hook string) webhook.DeliveryKey {
		return webhook.DeliveryKey{Tenant: c.tenant.ID, Webhook: hook, Event: c.event.ID, AcceptedAt: c.event.AcceptedAt}
	}
	var refs []webhook.Ref
	var keys []webhook.DeliveryKey
	for _, hook := range matched {
		refs = append(refs, webhook.Ref{Tenant: c.tenant.ID, ID: hook})
		keys = append(keys, keyOf(hook))
	}
	for _, w := range others { // a replay may have sent the event to them
		keys = append(keys, keyOf(w.ID))
	}
	hooks, records, err := a.Store.Load(c.ctx(), refs, keys)
	if err != nil {
		return answer{}, err
	}
	for i, hook := range matched {
		rec, recorded := records[keys[i]]
		_, there := hooks[refs[i]]
		switch {
		case recorded:
			out.Deliveries = append(out.Deliveries, api.DeliveryOf(rec))
		case there: // its first attempt is still to come, or under way
			out.Deliveries = append(out.Deliveries, api.DeliveryOf(webhook.Delivery{
				DeliveryKey: keys[i], Type: c.event.Type, Status: webhook.Pending,
			}))
		default:
			out.Skipped = append(out.Skipped, api.SkippedWebhook{WebhookID: hook, Reason: api.SkippedDeleted})
		}
	}
	reasons := ingest.Why(c.ctx(), others, c.event.Event)
	for i, w := range others {
		if rec, sent := records[keyOf(w.ID)]; sent {
			out.Deliveries = append(out.Deliveries, api.DeliveryOf(rec))
		} else {
			out.Skipped = append(out.Skipped, api.SkippedWebhook{WebhookID: w.ID, Reason: string(reasons[i])})
		}
	}
	return reply(http.StatusOK, out)
}

// hooksOf returns the ids of webhooks that the event matched and webhooks that it did not: a page of them if one is asked for,
// and otherwise the first. next is not "" if there are more.
func (a *API) hooksOf(c *call) (matched []string, others []webhook.Webhook, next string, err error) {
	q := &c.query
	sent, want := q.oneOf("sent", "true", "false"), webhook.WebhookQuery{Page: q.page(), Search: q.text("search")}
	if err := q.faults.Err(); err != nil {
		return nil, nil, "", err
	}
	all := c.event.Matched // in the order of the ids
	switch {
	case len(q.values) == 0:
		if matched = all; len(all) > maxShown {
			matched, next = all[:maxShown], more
		}
		others, there, err := a.unmatched(c)
		if there {
			next = more
		}
		return matched, others, next, err
	case sent == "true" && want.Search == "":
		l, err := pageOf(all, want.Page, func(id string) string { return id })
		return l.Items, nil, l.Next, err
	}
	for looked := 0; looked < maxLooked && len(matched)+len(others) < want.Page.Limit; {
		l, err := a.Store.Webhooks(c.ctx(), c.tenant.ID, want)
		if err != nil {
			return nil, nil, "", err
		}
		for _, w := range l.Items {
			switch _, match := slices.BinarySearch(all, w.ID); {
			case match && sent != "false":
				matched = append(matched, w.ID)
			case !match && sent != "true":
				others = append(others, w)
			}
		}
		if next, want.Page.Cursor = l.Next, l.Next; next == "" {
			break
		}
		looked += max(len(l.Items), 1)
	}
	return matched, others, next, nil
}

// more is the cursor where no page was asked for.
const more = "more"

// unmatched returns webhooks of the tenant that the event did not match, the newest first, and whether there are more.
func (a *API) unmatched(c *call) (out []webhook.Webhook, more bool, err error) {
	q := webhook.WebhookQuery{Page: webhook.Page{Limit: maxShown}}
	for looked := 0; ; {
		l, err := a.Store.Webhooks(c.ctx(), c.tenant.ID, q)
		if err != nil {
			return nil, false, err
		}
		for _, w := range l.Items {
			if _, matched := slices.BinarySearch(c.event.Matched, w.ID); matched {
				continue
			}
			if len(out) == maxShown {
				return out, true, nil
			}
			out = append(out, w)
		}
		if looked += len(l.Items); l.Next == "" || looked >= maxLooked {
			return out, l.Next != "", nil
		}
		q.Page.Cursor = l.Next
	}
}

func (a *API) replayEvent(c *call) (answer, error) {
	var faults input.Faults
	var in api.EventReplay
	input.Body(c.body, &in, &faults)
	id := in.WebhookID
	w, err := a.recipient(c, id.Value)
	switch { // the first fault of a field stays
	case err != nil && !webhook.Is(err, webhook.NotFound):
		return answer{}, err
	case err != nil && id.Value != "":
		faults.Add("webhook_id", "there is no such webhook")
	case err != nil:
		faults.Add("webhook_id", input.Required)
	}
	if err := faults.Err(); err != nil {
		return answer{}, err
	}
	var d webhook.Delivery
	err = a.recorded(c, c.tenant.ID, audit.Target{Type: "event", ID: c.event.ID}, func() (err error) {
		d, err = a.Deliverer.SendTo(c.ctx(), c.tenant, c.event.Event, w)
		return err
	})
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusAccepted, api.DeliveryOf(d))
}

// backupsKept is how long the back-ups of a stack go back.
const backupsKept = 35 * 24 * time.Hour

func (a *API) erasePayload(c *call) (answer, error) {
	now := a.now()
	err := a.recorded(c, c.tenant.ID, audit.Target{Type: "event", ID: c.event.ID}, func() error {
		return a.Erasures.Event(c.ctx(), c.event)
	})
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusAccepted, api.Erasure{
		EventID: c.event.ID, QueuesUntil: api.Time{Time: now.Add(queue.MaxRetention)}, BackupsUntil: api.Time{Time: now.Add(backupsKept)},
	})
}

// recipient finds the webhook with the id that a body names.
func (a *API) recipient(c *call, id string) (webhook.Webhook, error) {
	if !webhook.ValidGivenID(id) {
		return webhook.Webhook{}, webhook.ErrNotFound("webhook")
	}
	return a.Store.Webhook(c.ctx(), webhook.Ref{Tenant: c.tenant.ID, ID: id})
}
