package replay

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"

	"hookline/shared/pattern"
	"hookline/shared/webhook"
)

// taker is what of the log a webhook, as it is now, takes.
type taker struct {
	webhook  string
	patterns []string
	filter   *pattern.Pattern // nil for none
}

// takerOf reads a webhook, which may be inactive. Since when it takes what it takes makes no difference: what it did not
// take then is what a job is asked for.
func takerOf(w webhook.Webhook) taker {
	t := taker{webhook: w.ID, patterns: webhook.Disjoint(w.Events)}
	if len(w.Filter) > 0 {
		t.filter, _ = pattern.Parse(w.Filter) // checked when the webhook was stored
	}
	return t
}

// takes says no when the work ends.
func (t taker) takes(ev webhook.Event, w *pattern.Work) bool {
	if !slices.ContainsFunc(webhook.Patterns(ev.Type), func(p string) bool { return slices.Contains(t.patterns, p) }) {
		return false
	}
	if webhook.IsSystemType(ev.Type) {
		var about struct {
			Webhook string `json:"webhook_id"`
		}
		if json.Unmarshal(ev.Data, &about) != nil || about.Webhook == t.webhook {
			return false // a webhook is told nothing about itself
		}
	}
	return t.filter == nil || t.filter.Match(pattern.Decode(ev.Data), w)
}

// missed returns what of one page of the log the webhook would take and has no delivery of, and where the next page
// begins. An event that it took when it was accepted has no record before its first attempt, and is left to that. What the job
// itself has started is among them: it may be left to queue. A page ends early where its work does; an event that is too
// much of it alone is left out, as it would be refused if it were published now.
func (s *Service) missed(ctx context.Context, r webhook.Replay, t taker, limit int) (events []webhook.Event, next string, err error) {
	list, taken, err := s.taken(ctx, r, t, limit)
	if err != nil {
		return nil, "", err
	}
	key := func(ev webhook.Event) webhook.DeliveryKey {
		return webhook.DeliveryKey{Tenant: r.Tenant, Webhook: r.Webhook, Event: ev.ID, AcceptedAt: ev.AcceptedAt}
	}
	fresh := s.Now().Add(-webhook.Overdue)
	var keys []webhook.DeliveryKey
	for i, ev := range list.Items {
		_, matched := slices.BinarySearch(ev.Matched, r.Webhook)
		if matched && ev.AcceptedAt.After(fresh) || !taken[i] {
			continue
		}
		events, keys = append(events, ev.Event), append(keys, key(ev.Event))
	}
	_, records, err := s.Store.Load(ctx, nil, keys)
	if err != nil {
		return nil, "", err
	}
	return slices.DeleteFunc(events, func(ev webhook.Event) bool {
		rec, got := records[key(ev)]
		return got && (r.ID == "" || rec.Job != r.ID)
	}), list.Next, nil
}

// taken reads one page of the log, at most so long, and which of its events the webhook takes: as many as can be matched
// within the work of one request.
func (s *Service) taken(ctx context.Context, r webhook.Replay, t taker, limit int) (webhook.List[webhook.LoggedEvent], []bool, error) {
	for {
		list, err := s.Events.Events(ctx, r.Tenant, webhook.EventQuery{
			Type: r.Type, Since: r.Since, Until: r.Until, Page: webhook.Page{Limit: limit, Cursor: r.Cursor},
		})
		if err != nil {
			return list, nil, err
		}
		work := pattern.NewWork(ctx, s.MatchWork)
		taken := make([]bool, len(list.Items))
		known := 0
		for ; known < len(taken); known++ {
			ev := list.Items[known].Event
			if taken[known] = ev.ErasedAt.IsZero() && t.takes(ev, work); work.Err() != nil {
				break
			}
		}
		switch {
		case known == len(taken):
			return list, taken, nil
		case !errors.Is(work.Err(), pattern.ErrWork):
			return list, nil, work.Err()
		case len(taken) == 1:
			s.log(ctx, slog.LevelWarn, "replay.over_budget", r, slog.String("event", list.Items[0].ID))
			return list, taken, nil
		}
		limit = max(1, known)
	}
}

// logged refuses a job that the event log would be needed for, where there is none.
func (s *Service) logged(r webhook.Replay) error {
	if r.Of == webhook.ReplayMissed && s.Events == nil {
		return &webhook.Error{Kind: webhook.NotFound, Code: "event-log-off", Message: "this stack keeps no event log; its parameter EventLog turns it on"}
	}
	return nil
}
