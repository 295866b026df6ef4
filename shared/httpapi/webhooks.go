package httpapi

import (
	"net/http"

	"hookline/shared/api"
	"hookline/shared/dialect"
	"hookline/shared/input"
	"hookline/shared/management"
	"hookline/shared/webhook"
)

func (a *API) findWebhook(c *call) (err error) {
	if !webhook.ValidGivenID(c.name) {
		return webhook.ErrNotFound("webhook")
	}
	c.webhook, err = a.Store.Webhook(c.ctx(), webhook.Ref{Tenant: c.tenant.ID, ID: c.name})
	return err
}

// webhookFieldsOfOurs are the fields of a webhook that a request cannot set.
func webhookFieldsOfOurs() []string {
	return []string{"id", "status", "created_at", "updated_at", "failing_since"}
}

func (a *API) createWebhook(c *call) (answer, error) {
	d, err := a.dialect(c)
	if err != nil {
		return answer{}, err
	}
	var faults input.Faults
	var in api.NewWebhook
	input.Body(c.body, &in, &faults, webhookFieldsOfOurs()...)
	made, err := a.ownManagement(c).CreateWebhook(c.ctx(), d, c.tenant.ID, in.WebhookInput, faults)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusCreated, created(d, made))
}

func created(d *dialect.Dialect, made management.Created) api.CreatedWebhook {
	return api.CreatedWebhook{Webhook: api.WebhookOf(d, made.Webhook), Secret: made.Secret, Warnings: management.Warnings(d, made.Webhook)}
}

func (a *API) listWebhooks(c *call) (answer, error) {
	d, err := a.dialect(c)
	if err != nil {
		return answer{}, err
	}
	q := &c.query
	want := webhook.WebhookQuery{
		Page: q.page(), Search: q.values.Get("search"),
		Status: webhook.Status(q.oneOf("status", string(webhook.Active), string(webhook.Inactive), string(webhook.Failing))),
	}
	withStats := q.oneOf("stats", "true", "false") == "true"
	if err := q.faults.Err(); err != nil {
		return answer{}, err
	}
	l, err := a.Store.Webhooks(c.ctx(), c.tenant.ID, want)
	if err != nil {
		return answer{}, err
	}
	n, err := a.Store.WebhookCounts(c.ctx(), c.tenant.ID)
	if err != nil {
		return answer{}, err
	}
	var day tallies
	if withStats && len(l.Items) > 0 {
		if day, err = a.lastHours(c, dayHours); err != nil {
			return answer{}, err
		}
	}
	return reply(http.StatusOK, api.WebhookList{
		List: api.ListOf(l, func(w webhook.Webhook) api.ListedWebhook {
			out := api.ListedWebhook{Webhook: api.WebhookOf(d, w)}
			if withStats {
				out.Stats = new(day.of(w.ID))
			}
			return out
		}),
		WebhookCounts: api.WebhookCounts(n),
	})
}

func (a *API) showWebhook(c *call) (answer, error) {
	d, err := a.dialect(c)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, api.WebhookOf(d, c.webhook))
}

func (a *API) updateWebhook(c *call) (answer, error) {
	d, err := a.dialect(c)
	if err != nil {
		return answer{}, err
	}
	var faults input.Faults
	var in api.WebhookChange
	input.Body(c.body, &in, &faults, webhookFieldsOfOurs()...)
	w, err := a.management().UpdateWebhook(c.ctx(), d, c.webhook.Ref, in.WebhookInput, faults)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, api.ChangedWebhook{Webhook: api.WebhookOf(d, w), Warnings: management.Warnings(d, w)})
}

func (a *API) deleteWebhook(c *call) (answer, error) {
	return noContent(a.management().DeleteWebhook(c.ctx(), c.webhook.Ref))
}

func (a *API) testWebhook(c *call) (answer, error) {
	d, err := a.dialect(c)
	if err != nil {
		return answer{}, err
	}
	var faults input.Faults
	var in api.NewTest
	input.Body(c.body, &in, &faults)
	eventType := webhook.TestType
	if in.EventType.Given() {
		if eventType = in.EventType.Value; !webhook.ValidType(eventType) || !d.Knows(eventType) && !webhook.IsSystemType(eventType) {
			faults.Add("event_type", "is not in this dialect's catalogue, which GET /v1/event-types lists, and no system event")
		}
	}
	if err := faults.Err(); err != nil {
		return answer{}, err
	}
	sent, err := a.Deliverer.Test(c.ctx(), c.tenant, d, c.webhook, eventType)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, api.TestResultOf(sent))
}

func (a *API) rotateSecret(c *call) (answer, error) {
	d, err := a.dialect(c)
	if err != nil {
		return answer{}, err
	}
	var faults input.Faults
	var in api.Rotation
	input.Body(c.body, &in, &faults)
	out, err := a.management().RotateSecret(c.ctx(), d, c.webhook.Ref, in.RotateInput, faults)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, api.Rotated{Secret: out.Secret, PreviousSecretExpiresAt: api.TimeOrNull(out.PreviousExpiresAt)})
}
