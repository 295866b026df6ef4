package httpapi

import (
	"encoding/json"
	"net/http"
	"time"

	"hookline/shared/api"
	"hookline/shared/management"
	"hookline/shared/webhook"
)

// moment reads a time in RFC 3339. All before 1970 is the same to us.
func (f fields) moment(name string) management.Field[time.Time] {
	return as(f, name, "a time of RFC 3339, as 2026-03-20T12:00:00Z", func(raw json.RawMessage) (t time.Time, ok bool) {
		s, _ := text(raw)
		if t, ok = rfc3339(s); !ok {
			return time.Time{}, false
		}
		if epoch := time.Unix(0, 0); t.Before(epoch) {
			t = epoch
		}
		return t.UTC().Truncate(time.Millisecond), true
	})
}

// replayInput reads what a job is to take of the webhook that the path names.
func (a *API) replayInput(c *call) (r webhook.Replay, dryRun bool, err error) {
	var faults management.Faults
	f := object(c.body, whole, "", &faults)
	since, until, of, eventType, dry := f.moment("since"), f.moment("until"), f.text("status"), f.text("event_type"), f.boolean("dry_run")
	f.rest("id", "matched")
	r = webhook.Replay{
		Tenant: c.tenant.ID, Webhook: c.webhook.ID, Of: webhook.ReplayFailed, Since: since.Value, Until: until.Value, Type: eventType.Value,
	}
	if raw := f.take("since"); !raw.Set || raw.Null {
		faults.Add("since", "is required: deliveries accepted at that time or later are taken")
	}
	if since.Value.After(a.now()) {
		faults.Add("since", "must not be in the future")
	}
	if until.Set && since.Set && !until.Value.IsZero() && !until.Value.After(since.Value) {
		faults.Add("until", "must be later than since")
	}
	if of.Set && !of.Null {
		switch r.Of = webhook.ReplayOf(of.Value); r.Of {
		case webhook.ReplayFailed, webhook.ReplaySucceeded, webhook.ReplayMissed:
		case webhook.ReplayOf(webhook.Pending):
			faults.Add("status", "must be one of failed, succeeded, missed; pending deliveries are on their way already")
		default:
			faults.Add("status", "must be one of failed, succeeded, missed")
		}
	}
	if eventType.Set && !eventType.Null && !webhook.ValidType(eventType.Value) {
		faults.Add("event_type", webhook.TypeRule)
	}
	return r, dry.Value, faults.Err()
}

// replayWebhook starts a job, or with dry_run says what it would take.
func (a *API) replayWebhook(c *call) (answer, error) {
	r, dryRun, err := a.replayInput(c)
	if err != nil {
		return answer{}, err
	}
	if dryRun {
		matched, more, err := a.Replays.Count(c.ctx(), r)
		if err != nil {
			return answer{}, err
		}
		return reply(http.StatusAccepted, api.ReplayStarted{Matched: matched, More: more})
	}
	if r, err = a.Replays.Start(c.ctx(), r); err != nil {
		return answer{}, err
	}
	return reply(http.StatusAccepted, api.ReplayStarted{ID: &r.ID, Matched: r.Matched, More: r.More})
}

func (a *API) findReplay(c *call) (err error) {
	if !webhook.ValidGivenID(c.name) {
		return webhook.ErrNotFound("replay")
	}
	c.replay, err = a.Store.Replay(c.ctx(), c.tenant.ID, c.name)
	return err
}

func (a *API) showReplay(c *call) (answer, error) {
	return reply(http.StatusOK, api.ReplayOf(c.replay))
}

func (a *API) cancelReplay(c *call) (answer, error) {
	return noContent(a.Replays.Cancel(c.ctx(), c.tenant.ID, c.replay.ID))
}
