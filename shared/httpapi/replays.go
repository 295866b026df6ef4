package httpapi

import (
	"net/http"
	"slices"

	"hookline/shared/api"
	"hookline/shared/audit"
	"hookline/shared/input"
	"hookline/shared/webhook"
)

// replayInput reads which deliveries a job takes, of the webhook that the path names.
func (a *API) replayInput(c *call) (r webhook.Replay, dryRun bool, err error) {
	var faults input.Faults
	var in api.NewReplay
	input.Body(c.body, &in, &faults, "id", "matched")
	since, until := in.Since.Value, in.Until.Value
	r = webhook.Replay{
		Tenant: c.tenant.ID, Webhook: c.webhook.ID, Of: webhook.ReplayFailed, Since: since, Until: until, Type: in.EventType.Value,
	}
	if !in.Since.Given() { // a text that is no time has a fault already, which stays
		faults.Add("since", "is required: deliveries accepted at that time or later are taken")
	}
	if since.After(a.now()) {
		faults.Add("since", "must not be in the future")
	}
	if in.Until.Set && in.Since.Set && !until.IsZero() && !until.After(since) {
		faults.Add("until", "must be later than since")
	}
	if in.Status.Given() {
		switch r.Of = webhook.ReplayOf(in.Status.Value); r.Of {
		case webhook.ReplayFailed, webhook.ReplaySucceeded, webhook.ReplayMissed:
		case webhook.ReplayOf(webhook.Pending):
			faults.Add("status", "must be one of failed, succeeded, missed; pending deliveries are on their way already")
		default:
			faults.Add("status", "must be one of failed, succeeded, missed")
		}
	}
	if r.Reason = webhook.AttemptError(in.Error.Value); in.Error.Given() {
		switch {
		case !slices.Contains(webhook.DeadReasons(), r.Reason):
			faults.Add("error", "must be one of the errors that an attempt can end with")
		case r.Of != webhook.ReplayFailed:
			faults.Add("error", "is of the status failed alone")
		}
	}
	if in.EventType.Given() && !webhook.ValidType(in.EventType.Value) {
		faults.Add("event_type", webhook.TypeRule)
	}
	return r, in.DryRun.Value, faults.Err()
}

// replayWebhook starts a job, or in a dry run counts what the job would take.
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
	if err := a.recorded(c, c.tenant.ID, audit.Target{Type: "webhook", ID: c.webhook.ID}, func() (err error) {
		r, err = a.Replays.Start(c.ctx(), r)
		return err
	}); err != nil {
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

// listReplays lists the jobs of the webhook that the path names, or all jobs of the tenant.
func (a *API) listReplays(c *call) (answer, error) {
	page := c.query.page()
	if err := c.query.faults.Err(); err != nil {
		return answer{}, err
	}
	l, err := a.Store.Replays(c.ctx(), c.tenant.ID, c.webhook.ID, page)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, api.ListOf(l, api.ReplayOf))
}

func (a *API) showReplay(c *call) (answer, error) {
	return reply(http.StatusOK, api.ReplayOf(c.replay))
}

func (a *API) cancelReplay(c *call) (answer, error) {
	return noContent(a.Replays.Cancel(c.ctx(), c.tenant.ID, c.replay.ID))
}
