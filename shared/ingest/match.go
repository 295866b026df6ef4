package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"hookline/shared/pattern"
	"hookline/shared/webhook"
)

// FilterBudget is the code of the error for events whose filters are more work than a request is given.
const FilterBudget = "filter-budget"

// ErrFilterBudget says that the work of matching ended at the field: the data of one of the events.
func ErrFilterBudget(field string) error {
	return &webhook.Error{
		Kind: webhook.Invalid, Code: FilterBudget,
		Message: "matching this with the webhooks' filters is more work than one request is given",
		Fields: []webhook.FieldError{{
			Field:   field,
			Message: "is where the work ended: publish fewer events at a time, shorten the lists in their data, or make the webhooks' filters fewer or simpler",
		}},
		Cause: pattern.ErrWork,
	}
}

func isBudget(err error) bool { return errors.Is(err, pattern.ErrWork) }

// match finds the webhooks that take each event. The index is read once for each distinct type. All of the events share
// the work of one request.
func (s *Service) match(ctx context.Context, tenant string, pubs []*publication) error {
	byType := make(map[string][]candidate)
	m := s.matcher(ctx)
	for i, p := range pubs {
		if p.unpublished {
			continue
		}
		candidates, ok := byType[p.Type]
		if !ok {
			subs, err := s.subscriptions(ctx, tenant, p.Type)
			if err != nil {
				return err
			}
			candidates = m.candidates(subs)
			byType[p.Type] = candidates
		}
		p.to = without(m.matching(candidates, &document{data: p.Data}), p.except)
		p.matched = len(p.to)
		if err := m.err(i); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) subscriptions(ctx context.Context, tenant, eventType string) ([]webhook.Subscription, error) {
	var all []webhook.Subscription
	page := webhook.Page{Limit: 100}
	for {
		list, err := s.Store.Subscriptions(ctx, tenant, webhook.Patterns(eventType), page)
		if err != nil {
			return nil, err
		}
		all = append(all, list.Items...)
		if page.Cursor = list.Next; page.Cursor == "" {
			return all, nil
		}
	}
}

// without returns the subscriptions of all webhooks but one.
func without(subs []webhook.Subscription, except string) []webhook.Subscription {
	if except == "" {
		return subs
	}
	var out []webhook.Subscription
	for _, sub := range subs {
		if sub.Webhook != except {
			out = append(out, sub)
		}
	}
	return out
}

// matcher decides which subscriptions take an event, as far as the work of one request goes. After it has ended, what it
// answers is not to be used: see err.
type matcher struct {
	work    *pattern.Work
	filters map[string]*filter // by their text: webhooks made by one template share theirs
}

// filter is a filter that is parsed once, and asked once for each event.
type filter struct {
	pattern *pattern.Pattern  // nil: it is no filter any more; it was one when the webhook was stored
	asked   *pattern.Document // for the last time
	takes   bool              // that document
}

// candidate is a subscription whose filter, if it has one, decides.
type candidate struct {
	webhook.Subscription
	filter *filter
}

func (s *Service) matcher(ctx context.Context) *matcher {
	return &matcher{work: pattern.NewWork(ctx, s.MatchWork), filters: make(map[string]*filter)}
}

// err returns why the work ended before it was known what takes an event; nil if it did not.
func (m *matcher) err(event int) error {
	err := m.work.Err()
	if errors.Is(err, pattern.ErrWork) {
		return ErrFilterBudget(fmt.Sprintf("%d.data", event))
	}
	return err
}

func (m *matcher) candidates(subs []webhook.Subscription) []candidate {
	out := make([]candidate, len(subs))
	for i, sub := range subs {
		out[i] = candidate{sub, m.filter(sub.Filter)}
	}
	return out
}

func (m *matcher) filter(raw json.RawMessage) *filter {
	if len(raw) == 0 {
		return nil
	}
	f, ok := m.filters[string(raw)]
	if !ok {
		f = &filter{pattern: m.work.Parse(raw)}
		m.filters[string(raw)] = f
	}
	return f
}

// document is an event's data, decoded when the first filter asks for it.
type document struct {
	data    json.RawMessage
	decoded *pattern.Document
}

// matching returns the subscriptions whose filter the data passes.
func (m *matcher) matching(candidates []candidate, d *document) []webhook.Subscription {
	var out []webhook.Subscription
	for _, c := range candidates {
		if c.filter == nil || m.takes(c.filter, d) {
			out = append(out, c.Subscription)
		}
	}
	return out
}

func (m *matcher) takes(f *filter, d *document) bool {
	if m.work.Err() != nil {
		return false
	}
	if d.decoded == nil {
		d.decoded = pattern.Decode(d.data)
	}
	if f.asked != d.decoded {
		f.asked, f.takes = d.decoded, f.pattern != nil && f.pattern.Match(d.decoded, m.work)
	}
	return f.takes
}
