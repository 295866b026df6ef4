package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/egress"
	"hookline/shared/format"
	"hookline/shared/payload"
	"hookline/shared/seal"
	"hookline/shared/webhook"
)

// attempt makes the delivery's next attempt: POST, record, next step. A crash before the record repeats the POST; one
// after it leaves the owner of the record to repeat the step.
func (b *batch) attempt(ctx context.Context, it *item) (done bool) {
	m, old, now := it.msg, it.record, b.now()
	var prev webhook.Rev
	var rec webhook.Delivery
	if old == nil {
		rec = m.Record(b.retention())
		if rec.NextAt.After(now) { // it was accepted before the clock was set back
			rec.NextAt = now
		}
	} else {
		rec, prev = *old, old.Rev()
	}
	switch {
	case m.Dead != nil && rec.Round == m.Round:
		rec.Round, rec.Count, rec.NextAt = m.Round+1, 0, now
	case m.Round > rec.Round:
		rec.Round, rec.Count, rec.NextAt = m.Round, 0, now
	}
	rec.Owner = it.ID

	w, ok := b.webhooks[m.Target()]
	if !ok {
		// Nothing is owed to a webhook that is gone; a record that was pending must not look so for ever.
		if old == nil || old.Status != webhook.Pending {
			return true
		}
		rec.Record(webhook.Attempt{ScheduledAt: rec.NextAt, StartedAt: now, Error: webhook.ReasonWebhookDeleted})
		return b.endRound(ctx, it, rec, prev, webhook.Failed)
	}
	if !w.Active {
		rec.Record(webhook.Attempt{ScheduledAt: rec.NextAt, StartedAt: now, Error: webhook.ReasonWebhookInactive})
		return b.endRound(ctx, it, rec, prev, webhook.Failed)
	}
	d, err := b.Dialects.Dialect(ctx, m.Dialect)
	if webhook.Is(err, webhook.NotFound) || errors.Is(err, dialect.ErrUnknown) {
		return b.leaveToLater(ctx, it, err)
	}
	if err != nil {
		b.fault(ctx, "delivery.dialect", m, err)
		return false
	}
	body, err := b.body(ctx, rec)
	if webhook.Is(err, webhook.NotFound) {
		return b.poison(ctx, it, slog.LevelWarn, err) == nil // it has expired: read again it would be no better
	}
	if errors.Is(err, payload.ErrUnknown) {
		return b.leaveToLater(ctx, it, err)
	}
	if err != nil {
		b.fault(ctx, "delivery.body", m, err)
		return false
	}
	a, sent, err := b.send(ctx, it, d, w, rec, body)
	if err != nil {
		b.fault(ctx, "delivery.prepare", m, err)
		return false
	}
	if ctx.Err() != nil {
		return false // we are being stopped: the answer, if any, says nothing of the receiver
	}
	if !sent {
		b.divert(ctx, []*item{it})
		return !it.stays
	}
	rec.Record(a)
	return b.afterPost(ctx, it, rec, prev, d, w)
}

// afterPost decides what an attempt means for its delivery and its webhook, records it, and takes the next step.
func (b *batch) afterPost(ctx context.Context, it *item, rec webhook.Delivery, prev webhook.Rev, d *dialect.Dialect, w webhook.Webhook) (done bool) {
	a := *rec.LastAttempt()
	if a.Error == "" {
		done = b.endRound(ctx, it, rec, prev, webhook.Succeeded)
		b.recovered(ctx, w, rec.Type)
		return done
	}
	wait, more := d.Ladder.Next(rec.Count, a.RetryAfter, b.jitter)
	if more && a.StatusCode != statusGone {
		rec.Status, rec.NextAt = webhook.Pending, b.now().Add(wait)
		rec.Via = b.via(ctx, b.source, wait)
		saved, handled := b.save(ctx, it, rec, prev)
		if saved {
			b.attempted(ctx, rec)
			b.count(ctx, it, rec)
			b.failed(ctx, w, rec)
			return b.schedule(ctx, it, rec)
		}
		return handled
	}
	return b.endRound(ctx, it, rec, prev, webhook.Failed)
}

// endRound records the round's last attempt, and does what follows.
func (b *batch) endRound(ctx context.Context, it *item, rec webhook.Delivery, prev webhook.Rev, status webhook.DeliveryStatus) (done bool) {
	rec.Status, rec.NextAt, rec.Via = status, time.Time{}, ""
	saved, handled := b.save(ctx, it, rec, prev)
	if !saved {
		return handled
	}
	b.attempted(ctx, rec)
	b.count(ctx, it, rec)
	return status != webhook.Failed || b.afterFailedRound(ctx, rec, false)
}

// Writes of a record that met a passing fault are tried again this often, at first this far apart and then twice as
// far each time, while the batch has time left.
const (
	saveTries = 6
	saveWait  = 50 * time.Millisecond
)

// save writes the record, and reports whether it is this message's now. One that lost the race for it is handled if by
// what is stored it has nothing more to do; else it comes back. A write that was persisted although its answer was lost
// is found to be ours.
func (b *batch) save(ctx context.Context, it *item, rec webhook.Delivery, prev webhook.Rev) (saved, handled bool) {
	var err error
	for try := range saveTries {
		if err = b.Store.SaveDelivery(ctx, rec, prev); err == nil {
			return true, false
		}
		if !webhook.Is(err, webhook.Unavailable) || !pause(ctx, saveWait<<try) {
			break
		}
	}
	if !webhook.Is(err, webhook.Conflict) {
		b.fault(ctx, "delivery.record", it.msg, err)
		return false, false
	}
	now, ok, err := b.reload(ctx, rec.DeliveryKey)
	if err != nil || !ok {
		return false, false
	}
	if now.Owner == it.ID && now.Rev() == rec.Rev() {
		return true, false
	}
	return false, decide(it.msg, it.ID, &now, b.now()) == drop
}

func pause(ctx context.Context, span time.Duration) bool {
	select {
	case <-time.After(span):
		return true
	case <-ctx.Done():
		return false
	}
}

// post sends one request, within the webhook's timeout and limit, and turns what came of it into an attempt. An error
// is ours, not the receiver's.
func (d *Deliverer) post(ctx context.Context, dl *dialect.Dialect, w webhook.Webhook, rec webhook.Delivery, body []byte, limit time.Duration) (webhook.Attempt, error) {
	started, sent := d.now(), time.Now().Truncate(time.Second)
	secrets, version, err := d.secrets(ctx, w, started)
	if err != nil {
		return webhook.Attempt{}, err
	}
	wire := dialect.Wire(body, rec.ContentType)
	headers, err := d.headers(dl, rec, body, sent, secrets)
	if err != nil {
		return webhook.Attempt{}, err
	}
	custom, err := d.customHeaders(ctx, w)
	if err != nil {
		return webhook.Attempt{}, err
	}
	// The dialect's version may be newer than the webhook, and set a header that was free.
	custom = slices.DeleteFunc(custom, func(h dialect.Header) bool { return dl.Owns(h.Name) })
	req := egress.Request{URL: w.URL, Body: wire, Timeout: dl.Timeout}
	if w.TimeoutSeconds > 0 {
		req.Timeout = time.Duration(w.TimeoutSeconds) * time.Second
	}
	req.Timeout = min(req.Timeout, limit)
	req.Headers = make([]egress.Header, 0, len(headers)+len(custom))
	for _, list := range [][]dialect.Header{headers, custom} {
		for _, h := range list {
			req.Headers = append(req.Headers, egress.Header(h))
		}
	}
	resp := d.Poster.Post(ctx, req)
	a := webhook.Attempt{
		ScheduledAt: rec.NextAt, StartedAt: started, SentAt: sent, Duration: resp.Duration, StatusCode: resp.Status,
		Error: resp.Err, ResponseBody: resp.Body, Truncated: resp.Truncated, RetryAfter: resp.RetryAfter, Secret: version,
		ErrorDetail: resp.ErrDetail,
	}
	switch {
	case format.Of(rec.Format).Succeeded(dl, resp.Status):
		a.Error = ""
		if len(a.ResponseBody) > webhook.MaxResponseSucceeded {
			a.ResponseBody, a.Truncated = strings.ToValidUTF8(a.ResponseBody[:webhook.MaxResponseSucceeded], ""), true
		}
	case a.Error == "":
		a.Error = webhook.ReasonBadStatus
	}
	if a.Error != "" && resp.Headers != nil {
		a.ResponseHeaders = resp.Headers()
	}
	return a, nil
}

func (d *Deliverer) headers(dl *dialect.Dialect, rec webhook.Delivery, body []byte, sent time.Time, secrets []string) ([]dialect.Header, error) {
	return dl.Headers(dialect.Message{
		EventID: rec.Event, Type: rec.Type, Tenant: rec.Tenant, Webhook: rec.Webhook, Delivery: rec.ID(),
		Timestamp: rec.Timestamp, Sent: sent, Body: body, ContentType: rec.ContentType, Secrets: secrets,
		Unsigned: len(secrets) == 0 || !format.Of(rec.Format).Signed(),
	})
}

// secrets returns the secrets that sign at now, the newest first, and the newest one's version.
func (d *Deliverer) secrets(ctx context.Context, w webhook.Webhook, now time.Time) ([]string, int, error) {
	var out []string
	version := 0
	for _, s := range w.LiveSecrets(now) {
		plain, err := d.Box.Open(ctx, s.Sealed, seal.SecretPlace(w.Ref, s.Version))
		if err != nil {
			return nil, 0, fmt.Errorf("secret %d: %w", s.Version, err)
		}
		out = append(out, string(plain))
		version = max(version, s.Version)
	}
	return out, version, nil
}

func (d *Deliverer) customHeaders(ctx context.Context, w webhook.Webhook) ([]dialect.Header, error) {
	if len(w.Headers) == 0 {
		return nil, nil
	}
	plain, err := d.Box.Open(ctx, w.Headers, seal.HeadersPlace(w.Ref))
	if err != nil {
		return nil, fmt.Errorf("headers: %w", err)
	}
	var values map[string]string
	if err := json.Unmarshal(plain, &values); err != nil {
		return nil, fmt.Errorf("headers: %w", err)
	}
	var out []dialect.Header
	for _, name := range w.HeaderNames {
		out = append(out, dialect.Header{Name: name, Value: values[name]})
	}
	return out, nil
}

// body returns the delivery's JSON body.
func (b *batch) body(ctx context.Context, rec webhook.Delivery) ([]byte, error) {
	if rec.Body.Ref != "" {
		if packed, ok := b.bodies[rec.Tenant][rec.Body.Ref]; ok {
			return payload.Unpack(packed)
		}
	}
	return b.Deliverer.body(ctx, rec)
}

// body returns a delivery's JSON body, or webhook.NotFound where it is no longer kept or was erased.
func (d *Deliverer) body(ctx context.Context, rec webhook.Delivery) ([]byte, error) {
	if !rec.ErasedAt.IsZero() {
		return nil, webhook.ErrNotFound("body")
	}
	packed := rec.Body.Inline
	if rec.Body.Ref != "" {
		found, err := d.Store.Payloads(ctx, rec.Tenant, []string{rec.Body.Ref})
		if err != nil {
			return nil, err
		}
		if packed = found[rec.Body.Ref]; packed == nil {
			return nil, webhook.ErrNotFound("body")
		}
	}
	return payload.Unpack(packed)
}

// attempted is the one line an attempt leaves in the log.
func (d *Deliverer) attempted(ctx context.Context, rec webhook.Delivery) {
	a := rec.LastAttempt()
	level := slog.LevelDebug
	if a.Error != "" {
		level = slog.LevelInfo
	}
	attrs := []slog.Attr{
		slog.String("tenant", rec.Tenant), slog.String("webhook", rec.Webhook), slog.String("event", rec.Event),
		slog.String("type", rec.Type), slog.Int("round", rec.Round), slog.Int("attempt", rec.Count),
		slog.String("status", string(rec.Status)), slog.Int("code", a.StatusCode), slog.String("error", string(a.Error)), slog.String("detail", string(a.ErrorDetail)),
		slog.Duration("took", a.Duration), slog.Time("next", rec.NextAt),
	}
	if rec.TraceParent != "" {
		attrs = append(attrs, slog.String("traceparent", rec.TraceParent))
	}
	d.Log.LogAttrs(ctx, level, "delivery.attempted", attrs...)
}
