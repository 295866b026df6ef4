package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"hookline/shared/metrics"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// Handle takes a batch of messages from the ingest queue: events to fan out, changes of webhooks' states, and entries of
// the event bus. An entry that is no event, has the id of another, or is too much work for its tenant's filters, goes to the
// refused queue with the reason; only passing faults, a change that is not made yet, and an id of which it is not known yet
// whether it stands for another event, make a message stay and come back.
func (s *Service) Handle(ctx context.Context, msgs []queue.Received) (stays []string, err error) {
	for _, m := range msgs {
		err := s.handle(ctx, m.Body)
		if refusal, ok := errors.AsType[*webhook.Error](err); ok && refusal.Kind != webhook.Unavailable && refusal.Kind != webhook.Internal && !errors.Is(err, errUnsure) {
			err = s.refuse(ctx, m.Body, refusal)
		}
		if err != nil {
			if !errors.Is(err, errAwaited) && !errors.Is(err, errUnsure) {
				s.Log.ErrorContext(ctx, "ingest.failed", "message_id", m.ID, "err", err)
			}
			stays = append(stays, m.ID)
		}
	}
	return stays, nil
}

func (s *Service) handle(ctx context.Context, body string) error {
	var e envelope
	err := json.Unmarshal([]byte(body), &e)
	switch {
	case err == nil && e.Fanout != nil:
		return s.fanOut(ctx, *e.Fanout)
	case err == nil && e.System != nil:
		return s.change(ctx, *e.System)
	}
	return s.entry(ctx, body)
}

// Entry is an event as EventBridge hands it to a rule's target. Its detail says whose it is.
type Entry struct {
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Time       time.Time       `json:"time"`
	Detail     json.RawMessage `json:"detail"`
}

// Detail is the detail of an entry that Hookline takes.
type Detail struct {
	Tenant    string          `json:"tenant"`
	Data      json.RawMessage `json:"data"`
	ID        string          `json:"id"`
	Timestamp time.Time       `json:"timestamp"`
}

func (s *Service) entry(ctx context.Context, body string) error {
	var e Entry
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		return &webhook.Error{Kind: webhook.Malformed, Code: "malformed", Message: "the entry is not an event bus's JSON", Cause: err}
	}
	var d Detail
	if err := json.Unmarshal(e.Detail, &d); err != nil {
		return webhook.ErrInvalid(webhook.FieldError{Field: "detail", Message: `must be {"tenant", "data", "id"?, "timestamp"?}: ` + err.Error()})
	}
	if d.Tenant == "" {
		return webhook.ErrInvalid(webhook.FieldError{Field: "detail.tenant", Message: "is required"})
	}
	t, err := s.Store.Tenant(ctx, d.Tenant)
	if webhook.Is(err, webhook.NotFound) {
		return webhook.ErrInvalid(webhook.FieldError{Field: "detail.tenant", Message: "there is no such tenant"})
	} else if err != nil {
		return err
	}
	in := Input{ID: d.ID, Type: e.DetailType, Data: d.Data, Timestamp: d.Timestamp, Carried: e.Time}
	if in.ID == "" {
		in.ID = e.ID // the same at every hand-off of this entry
	}
	if TooLarge(in) {
		return &webhook.Error{Kind: webhook.TooLarge, Code: "too-large", Message: "detail.data is over 256 KiB"}
	}
	_, err = s.Accept(ctx, t, []Input{in}, nil)
	return err
}

// reasonBudget is the reason of entries whose filters are too much work. All others have the error's message.
const reasonBudget = "filter_budget"

// refused is an entry in the refused queue.
type refused struct {
	Reason string               `json:"reason"`
	Errors []webhook.FieldError `json:"errors,omitempty"`
	At     time.Time            `json:"at"`
	Entry  string               `json:"entry"` // as it came
}

func (s *Service) refuse(ctx context.Context, body string, why *webhook.Error) error {
	s.Log.WarnContext(ctx, "ingest.refused", "reason", why.Error())
	if len(body) > queue.MaxBytes/2 {
		body = body[:queue.MaxBytes/2] // the reason must fit beside it
	}
	reason := why.Message
	if why.Code == FilterBudget {
		reason = reasonBudget
	}
	b, err := json.Marshal(refused{Reason: reason, Errors: why.Fields, At: s.now(), Entry: body})
	if err != nil {
		return err
	}
	if err := queue.SendAll(ctx, s.Refused, []queue.Outgoing{{Body: string(b)}}); err != nil {
		return err
	}
	metrics.Add(ctx, metrics.RefusedEntries, 1)
	return nil
}
