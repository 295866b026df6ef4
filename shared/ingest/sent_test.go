package ingest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/eventlog"
	"hookline/shared/faultinject"
	"hookline/shared/ingest"
	"hookline/shared/message"
	"hookline/shared/payload"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// bodyData returns the data in a message's body.
func bodyData(t *testing.T, m message.Message) string {
	t.Helper()
	raw, err := payload.Unpack(m.Body)
	if err != nil {
		t.Fatal(err)
	}
	var body struct{ Data json.RawMessage }
	if err := json.Unmarshal(raw, &body); err != nil {
		t.Fatal(err)
	}
	return string(body.Data)
}

// both runs a test where the stack keeps an event log, and where it does not.
func both(t *testing.T, name string, fn func(t *testing.T, w *world)) {
	t.Helper()
	for _, logging := range []bool{true, false} {
		t.Run(fmt.Sprintf("%s, log %v", name, logging), func(t *testing.T) { fn(t, newWorld(t, logging)) })
	}
}

// TestSameEvent publishes an event again as a client may encode it the second time.
func TestSameEvent(t *testing.T) {
	at := time.Date(2026, 3, 20, 11, 0, 0, 0, time.UTC)
	const first = `{"name":"Zoë","total":1.5,"lines":[{"sku":"a","n":10},{"sku":"b"}]}`
	for name, c := range map[string]struct {
		in   ingest.Input
		want string
	}{
		"byte for byte":        {ingest.Input{Type: "order.placed", Timestamp: at, Data: []byte(first)}, ""},
		"white space":          {ingest.Input{Type: "order.placed", Timestamp: at, Data: []byte(strings.ReplaceAll(first, ",", " ,\n"))}, ""},
		"keys in other order":  {ingest.Input{Type: "order.placed", Timestamp: at, Data: []byte(`{"lines":[{"n":10,"sku":"a"},{"sku":"b"}],"total":1.5,"name":"Zoë"}`)}, ""},
		"escapes":              {ingest.Input{Type: "order.placed", Timestamp: at, Data: []byte(strings.ReplaceAll(first, "ë", `\u00eb`))}, ""},
		"numbers":              {ingest.Input{Type: "order.placed", Timestamp: at, Data: []byte(strings.NewReplacer("1.5", "15e-1", "10", "10.0").Replace(first))}, ""},
		"the time's zone":      {ingest.Input{Type: "order.placed", Timestamp: at.In(time.FixedZone("", 7200)), Data: []byte(first)}, ""},
		"lists in other order": {ingest.Input{Type: "order.placed", Timestamp: at, Data: []byte(`{"name":"Zoë","total":1.5,"lines":[{"sku":"b"},{"sku":"a","n":10}]}`)}, ingest.CodeIDReused},
		"other data":           {ingest.Input{Type: "order.placed", Timestamp: at, Data: []byte(strings.ReplaceAll(first, "1.5", "1.6"))}, ingest.CodeIDReused},
		"text for a number":    {ingest.Input{Type: "order.placed", Timestamp: at, Data: []byte(strings.ReplaceAll(first, "1.5", `"1.5"`))}, ingest.CodeIDReused},
		"another type":         {ingest.Input{Type: "order.paid", Timestamp: at, Data: []byte(first)}, ingest.CodeIDReused},
		"another time":         {ingest.Input{Type: "order.placed", Timestamp: at.Add(1), Data: []byte(first)}, ingest.CodeIDReused},
		"no time":              {ingest.Input{Type: "order.placed", Data: []byte(first)}, ingest.CodeIDReused},
	} {
		both(t, name, func(t *testing.T, w *world) {
			original := ingest.Input{ID: "order-1", Type: "order.placed", Timestamp: at, Data: []byte(first)}
			answer, err := w.Accept(t.Context(), w.tenant, []ingest.Input{original}, nil)
			if err != nil || len(w.messages()) != 1 {
				t.Fatalf("got %v, want it sent", err)
			}
			w.hook("wh_2") // the answer stays what it was
			w.at = w.at.Add(24*time.Hour - time.Millisecond)
			c.in.ID = "order-1"
			again, err := w.Accept(t.Context(), w.tenant, []ingest.Input{c.in}, nil)
			if codeOf(err) != c.want || c.want == "" && !slices.Equal(again, answer) {
				t.Errorf("got %+v, %v, want %q and the answer %+v", again, err, c.want, answer)
			}
			if sent := w.messages(); len(sent) != 0 {
				t.Errorf("it was sent again: %+v", sent)
			}
			w.at = w.at.Add(time.Millisecond)
			if got := w.publish(c.in); got != "" || len(w.messages()) != 2 {
				t.Errorf("a day later: got %q, want it accepted and sent", got)
			}
		})
	}
}

// TestSameInOtherWords has a publisher that says itself which event it is.
func TestSameInOtherWords(t *testing.T) {
	both(t, "same", func(t *testing.T, w *world) {
		said := func(same string, n int) ingest.Input {
			in := event("dep_1", n)
			in.Same, in.Timestamp = same, w.at
			return in
		}
		if got := w.publish(said("a", 1)); got != "" || len(w.messages()) != 1 {
			t.Fatal(got)
		}
		w.at = w.at.Add(time.Hour)
		if got := w.publish(said("a", 2)); got != "" || len(w.messages()) != 0 {
			t.Errorf("got %q, want it answered and not sent", got)
		}
		if got := w.publish(said("b", 1)); got != ingest.CodeIDReused {
			t.Errorf("another: got %q, want %q", got, ingest.CodeIDReused)
		}
	})
}

// TestClashingBatch has one event of a batch whose id stands for another: nothing is taken, and nothing is left behind.
func TestClashingBatch(t *testing.T) {
	both(t, "used before", func(t *testing.T, w *world) {
		if got := w.publish(event("taken", 1)); got != "" {
			t.Fatal(got)
		}
		w.messages()
		key := &ingest.IdempotencyKey{Scope: "s", Key: "k", Hash: "h"}
		batch := []ingest.Input{event("a", 1), event("taken", 2), event("b", 1), {Type: "order.placed", Data: []byte(`{}`)}}
		_, err := w.Accept(t.Context(), w.tenant, batch, key)
		if codeOf(err) != ingest.CodeIDReused || !webhook.Is(err, webhook.Conflict) || !strings.Contains(err.Error(), "taken") {
			t.Fatalf("got %v, want a conflict that names the id", err)
		}
		if sent := w.messages(); len(sent) != 0 {
			t.Errorf("of a batch that was refused %+v was sent", sent)
		}
		// The ids are free for anything, and so is the Idempotency-Key.
		if _, err := w.Accept(t.Context(), w.tenant, []ingest.Input{event("a", 2), event("b", 2)}, &ingest.IdempotencyKey{Scope: "s", Key: "k", Hash: "other"}); err != nil {
			t.Errorf("got %v, want what was refused to leave no trace", err)
		}
		if sent := w.messages(); len(sent) != 2 || sent[0].delay != 0 {
			t.Errorf("got %+v, want both sent at once", sent)
		}
		if got := w.publish(event("taken", 1)); got != "" || len(w.messages()) != 0 {
			t.Errorf("the first event again: got %q, want it answered and not sent", got)
		}
	})
	both(t, "within the request", func(t *testing.T, w *world) {
		_, err := w.Accept(t.Context(), w.tenant, []ingest.Input{event("a", 1), event("b", 1), event("a", 1), event("b", 2)}, nil)
		refusal, ok := err.(*webhook.Error)
		if !ok || refusal.Kind != webhook.Invalid || len(refusal.Fields) != 1 || refusal.Fields[0].Field != "3.id" {
			t.Errorf("got %v, want 3.id at fault alone", err)
		}
		if got := w.publish(event("a", 2), event("b", 2), event("a", 2)); got != "" {
			t.Errorf("got %q, want the ids free and the same event twice taken once", got)
		}
		if sent := w.messages(); len(sent) != 2 {
			t.Errorf("got %d messages, want one for each event", len(sent))
		}
	})
	both(t, "many", func(t *testing.T, w *world) {
		var first, second []ingest.Input
		for i := range webhook.MaxBatch {
			first, second = append(first, event(fmt.Sprint("id-", i), 1)), append(second, event(fmt.Sprint("id-", i), 2))
		}
		if got := w.publish(first...); got != "" {
			t.Fatal(got)
		}
		_, err := w.Accept(t.Context(), w.tenant, second, nil)
		if codeOf(err) != ingest.CodeIDReused || !strings.Contains(err.Error(), "id-0") || !strings.Contains(err.Error(), "95 more") {
			t.Errorf("got %v, want some of the ids named and the others counted", err)
		}
	})
}

// death is a place where a request can die, and what that leaves.
type death struct {
	arm   func(w *world)
	queue bool // its messages are queued
	sent  bool // that is known
}

// deaths returns all places, of a request without an Idempotency-Key or with one, which is pinned before the events.
func deaths(logging, keyed bool) map[string]death {
	pins := 1
	if keyed {
		pins++
	}
	last, nth := "PutLogItem", 1
	if !logging {
		last, nth = "Pins", pins+1 // the mark
	}
	return map[string]death{
		"after the pins":          {func(w *world) { w.faults.After = faultinject.Nth(pins, "Pins") }, false, false},
		"before the messages":     {func(w *world) { w.delivery.Down = true }, false, false},
		"after the messages":      {func(w *world) { w.delivery.Lost = true }, true, false},
		"before what tells of it": {func(w *world) { w.faults.Before = faultinject.Nth(nth, last) }, true, false},
		"after all, unanswered":   {func(w *world) { w.faults.After = faultinject.Nth(nth, last) }, true, true},
	}
}

// TestDiedThenRepeated has a client try again after a request that died: what was not sent for sure is sent, within 30
// seconds, into the same delivery.
func TestDiedThenRepeated(t *testing.T) {
	for _, logging := range []bool{true, false} {
		for _, key := range []*ingest.IdempotencyKey{nil, {Scope: "s", Key: "k", Hash: "h"}} {
			for name, c := range deaths(logging, key != nil) {
				t.Run(fmt.Sprintf("%s, log %v, key %v", name, logging, key != nil), func(t *testing.T) {
					w := newWorld(t, logging)
					batch := []ingest.Input{event("order-1", 1)}
					if key != nil { // which is what an event without an id is known by
						batch = append(batch, ingest.Input{Type: "order.placed", Data: []byte(`{}`)})
					}
					c.arm(w)
					if _, err := w.Accept(t.Context(), w.tenant, batch, key); codeOf(err) != "unavailable" {
						t.Fatalf("got %v, want the request to fail", err)
					}
					w.revive()
					before := w.messages()
					if (len(before) > 0) != c.queue {
						t.Fatalf("got %d messages, want some: %v", len(before), c.queue)
					}
					accepted := w.at
					w.at = w.at.Add(3 * time.Second)
					if _, err := w.Accept(t.Context(), w.tenant, batch, key); err != nil {
						t.Fatal(err)
					}
					again := w.messages()
					if c.sent != (len(again) == 0) {
						t.Fatalf("got %d messages, want none: %v", len(again), c.sent)
					}
					for i, m := range again {
						if m.delay <= 0 || m.delay >= 30*time.Second || m.AcceptedAt != accepted.UnixMilli() {
							t.Errorf("got a message after %v for a delivery of %v, want it within 30 s and of %v", m.delay, m.AcceptedAt, accepted.UnixMilli())
						}
						if c.queue && m.Key() != before[i].Key() {
							t.Errorf("got the delivery %+v, want that of the first try, %+v", m.Key(), before[i].Key())
						}
					}
					w.at = w.at.Add(time.Hour)
					if _, err := w.Accept(t.Context(), w.tenant, batch, key); err != nil || len(w.messages()) != 0 {
						t.Errorf("a third time: got %v, want it answered and not sent", err)
					}
				})
			}
		}
	}
}

// TestClockSetBack: when the clock was set back since the webhooks were made, or the tenant, an event goes to all of them, also
// if it takes two tries, and is found and known by its id afterwards.
func TestClockSetBack(t *testing.T) {
	for name, since := range map[string]time.Duration{"before a webhook was made": 10 * time.Minute, "before the tenant was made": -5 * time.Hour} {
		both(t, name, func(t *testing.T, w *world) {
			w.hookSince("wh_2", w.tenant.CreatedAt.Add(30*time.Minute))
			w.at = w.tenant.CreatedAt.Add(since)
			batch := []ingest.Input{event("order-1", 1)}
			w.delivery.Down = true
			if _, err := w.Accept(t.Context(), w.tenant, batch, nil); codeOf(err) != "unavailable" {
				t.Fatalf("got %v, want the request to fail", err)
			}
			w.revive()
			w.at = w.at.Add(3 * time.Second)
			if _, err := w.Accept(t.Context(), w.tenant, batch, nil); err != nil {
				t.Fatal(err)
			}
			if sent := w.messages(); len(sent) != 2 {
				t.Errorf("got %+v, want one message for each webhook", sent)
			}
			if w.Events != nil {
				if list, err := (&eventlog.Log{Store: w.store}).Events(t.Context(), "acme", webhook.EventQuery{Page: webhook.Page{Limit: 10}}); err != nil || len(list.Items) != 1 {
					t.Errorf("got %+v, %v in the log, want the event once", list.Items, err)
				}
			}
			if _, err := w.Accept(t.Context(), w.tenant, []ingest.Input{event("order-1", 2)}, nil); codeOf(err) != ingest.CodeIDReused {
				t.Errorf("got %v for another event of that id, want it refused", err)
			}
		})
	}
}

// versions are a dialect's, of which the last is the tenant's.
type versions []*dialect.Dialect

func (v versions) Dialect(_ context.Context, nameOrRef string) (*dialect.Dialect, error) {
	for _, d := range v {
		if d.Ref() == nameOrRef {
			return d, nil
		}
	}
	return v[len(v)-1], nil
}

// TestDiedThenRepeatedInAnother: what a client asks for again after its dialect has a new version is sent in the version of the
// first try, whose message may have been sent already: all bodies under an id are one.
func TestDiedThenRepeatedInAnother(t *testing.T) {
	for _, key := range []*ingest.IdempotencyKey{nil, {Scope: "s", Key: "k", Hash: "h"}} {
		w := newWorld(t, true)
		batch := []ingest.Input{event("order-1", 1)}
		if key != nil {
			batch = append(batch, ingest.Input{Type: "order.placed", Data: []byte(`{}`)})
		}
		old, err := w.Dialects.Dialect(t.Context(), "standard")
		if err != nil {
			t.Fatal(err)
		}
		next := *old
		next.Version++
		w.delivery.Lost = true
		if _, err := w.Accept(t.Context(), w.tenant, batch, key); codeOf(err) != "unavailable" {
			t.Fatalf("got %v, want the request to fail", err)
		}
		w.revive()
		first := w.messages()
		w.Dialects = versions{old, &next}
		if _, err := w.Accept(t.Context(), w.tenant, batch, key); err != nil {
			t.Fatal(err)
		}
		for i, m := range w.messages() {
			if m.Dialect != old.Ref() || m.Dialect != first[i].Dialect {
				t.Errorf("got a message in %s, want %s, as the first was", m.Dialect, old.Ref())
			}
		}
		if w.publish(event("order-2", 1)); w.messages()[0].Dialect != next.Ref() {
			t.Errorf("a new event is not in %s", next.Ref())
		}
	}
}

// TestDiedThenReplaced has a client give the id of an event whose request died to another: it is taken where the first
// was not sent, as soon as that is certain.
func TestDiedThenReplaced(t *testing.T) {
	for _, logging := range []bool{true, false} {
		for name, c := range deaths(logging, false) {
			t.Run(fmt.Sprintf("%s, log %v", name, logging), func(t *testing.T) {
				w := newWorld(t, logging)
				c.arm(w)
				if got := w.publish(event("order-1", 1), event("order-2", 1)); got != "unavailable" {
					t.Fatalf("got %q, want the request to fail", got)
				}
				w.revive()
				for _, m := range w.messages() {
					w.attempted(m)
				}
				w.at = w.at.Add(time.Minute) // it may still be under way
				if got := w.publish(event("order-1", 2)); got != ingest.CodeIDReused {
					t.Errorf("after a minute: got %q, want %q", got, ingest.CodeIDReused)
				}
				w.at = w.at.Add(time.Millisecond)
				got, sent := w.publish(event("order-1", 2)), w.messages()
				if c.queue {
					if got != ingest.CodeIDReused || len(sent) != 0 {
						t.Errorf("got %q and %d messages, want the first event to keep its id", got, len(sent))
					}
					return
				}
				if got != "" || len(sent) != 1 || sent[0].data != `{"n":2}` || sent[0].delay != 0 || sent[0].AcceptedAt != w.at.UnixMilli() {
					t.Fatalf("got %q and %+v, want the other event sent at once", got, sent)
				}
				if got := w.publish(event("order-1", 1)); got != ingest.CodeIDReused {
					t.Errorf("the first event: got %q, want the other to have the id now", got)
				}
				if got := w.publish(event("order-1", 2)); got != "" || len(w.messages()) != 0 {
					t.Errorf("the other again: got %q, want it answered and not sent", got)
				}
				if got, sent := w.publish(event("order-2", 1)), w.messages(); got != "" || len(sent) != 1 || sent[0].delay == 0 {
					t.Errorf("the rest of the batch again: got %q and %+v, want it sent", got, sent)
				}
			})
		}
	}
}

// TestReplacedByMany has several events come for an id that is to be had: one gets it.
func TestReplacedByMany(t *testing.T) {
	both(t, "a race", func(t *testing.T, w *world) {
		w.delivery.Down = true
		if got := w.publish(event("order-1", 1)); got != "unavailable" {
			t.Fatal(got)
		}
		w.revive()
		w.at = w.at.Add(time.Hour)
		// Another request is quicker, between this one's look and its write.
		armed := true
		w.faults.Before = func(call string) error {
			if call == "Repin" && armed {
				armed = false
				if got := w.publish(event("order-1", 2)); got != "" {
					t.Errorf("the quicker one: got %q", got)
				}
			}
			return nil
		}
		if got := w.publish(event("order-1", 3)); got != ingest.CodeIDReused {
			t.Errorf("got %q, want the quicker one to have the id", got)
		}
		if sent := w.messages(); len(sent) != 1 || sent[0].data != `{"n":2}` {
			t.Errorf("got %+v, want the quicker one sent alone", sent)
		}
	})
}

// TestMarkOfARequest shows that a mark stands for what its own request sent: not for the rest of a batch that died, of
// which a client tries again a part.
func TestMarkOfARequest(t *testing.T) {
	both(t, "a part", func(t *testing.T, w *world) {
		w.delivery.Down = true
		if got := w.publish(event("a", 1), event("b", 1), event("c", 1)); got != "unavailable" {
			t.Fatal(got)
		}
		w.revive()
		for _, id := range []string{"a", "c", "b"} {
			for n := range 2 {
				if got, sent := w.publish(event(id, 1)), w.messages(); got != "" || len(sent) != 1-n {
					t.Errorf("%s: got %q and %d messages the time %d", id, got, len(sent), n)
				}
			}
		}
	})
}

// TestRepeatOfMany has the queue fan out an event whose first request died: it waits once.
func TestRepeatOfMany(t *testing.T) {
	both(t, "501 webhooks", func(t *testing.T, w *world) {
		for i := range ingest.MaxInline {
			w.hook(fmt.Sprint("wh_many_", i))
		}
		w.queue.Down = true
		if got := w.publish(event("order-1", 1)); got != "unavailable" {
			t.Fatal(got)
		}
		w.revive()
		if got := w.publish(event("order-1", 1)); got != "" || len(w.queue.Sent) != 1 {
			t.Fatalf("got %q and %d messages, want one to fan out", got, len(w.queue.Sent))
		}
		if d := w.queue.Sent[0].Delay; d <= 0 || d >= 30*time.Second {
			t.Errorf("it waits for %v, want it sent within 30 s", d)
		}
		w.handle(w.queue.Sent[0].Body)
		sent := w.messages()
		if len(sent) != ingest.MaxInline+1 || sent[0].delay != 0 {
			t.Errorf("got %d messages, the first after %v, want one for each webhook at once", len(sent), sent[0].delay)
		}
	})
}

// TestClock waits in real time for requests that may be under way, however fast the deployment's clock runs.
func TestClock(t *testing.T) {
	both(t, "fast", func(t *testing.T, w *world) {
		w.Span = func(real time.Duration) time.Duration { return 10 * real }
		w.delivery.Down = true
		if got := w.publish(event("order-1", 1)); got != "unavailable" {
			t.Fatal(got)
		}
		w.revive()
		w.at = w.at.Add(10 * time.Minute)
		if got := w.publish(event("order-1", 2)); got != ingest.CodeIDReused {
			t.Errorf("after a minute: got %q, want %q", got, ingest.CodeIDReused)
		}
		if got, sent := w.publish(event("order-1", 1)), w.messages(); got != "" || len(sent) != 1 || sent[0].delay != 200*time.Second {
			t.Errorf("got %q and %+v, want it sent after 20 s of real time", got, sent)
		}
	})
}

// TestEarlyPins repeats an event that a release before accepted, whose log says nothing of whether it was sent.
func TestEarlyPins(t *testing.T) {
	both(t, "early", func(t *testing.T, w *world) {
		if got := w.publish(event("order-1", 1)); got != "" || len(w.messages()) != 1 {
			t.Fatal(got)
		}
		pin, err := w.store.FindPin(t.Context(), "acme", "event", "order-1")
		if err != nil {
			t.Fatal(err)
		}
		pin.Hash = strings.TrimPrefix(pin.Hash, "2:")
		if err := w.store.Repin(t.Context(), pin, pin.At); err != nil {
			t.Fatal(err)
		}
		if got, sent := w.publish(event("order-1", 1)), w.messages(); got != "" || len(sent) != 1 || sent[0].delay == 0 {
			t.Errorf("got %q and %+v, want it sent once more, late", got, sent)
		}
	})
}

// handle gives a message to the ingest queue's handler, and reports whether it is done with.
func (w *world) handle(body string) bool {
	w.t.Helper()
	stays, err := w.Handle(w.t.Context(), []queue.Received{{ID: "m", Body: body}})
	if err != nil {
		w.t.Fatal(err)
	}
	return len(stays) == 0
}

// TestEntryReused hands in entries of the event bus. The bus gives the same event another time when it is put again.
func TestEntryReused(t *testing.T) {
	entry := func(at string, n int) string {
		return fmt.Sprintf(`{"id": "e-%s-%d", "detail-type": "order.placed", "time": "2026-03-20T%s:00Z", "detail": {"tenant": "acme", "id": "order-1", "data": {"n": %d}}}`, at, n, at, n)
	}
	both(t, "sent", func(t *testing.T, w *world) {
		if !w.handle(entry("12:00", 1)) || len(w.messages()) != 1 {
			t.Fatal("the first entry is not sent")
		}
		if !w.handle(entry("12:01", 1)) || len(w.messages()) != 0 || len(w.refused.Sent) != 0 {
			t.Errorf("put again: got %d refused, want it dropped", len(w.refused.Sent))
		}
		if !w.handle(entry("12:02", 2)) || len(w.messages()) != 0 {
			t.Error("another event of the id is sent, or comes back")
		}
		if len(w.refused.Sent) != 1 || !strings.Contains(w.refused.Sent[0].Body, "order-1 was used for another event") {
			t.Errorf("got %+v, want it refused with the reason", w.refused.Sent)
		}
	})
	both(t, "died", func(t *testing.T, w *world) {
		w.delivery.Down = true
		if w.handle(entry("12:00", 1)) {
			t.Fatal("an entry that is not queued is done with")
		}
		w.revive()
		w.at = w.at.Add(time.Minute)
		if w.handle(entry("12:01", 2)) || len(w.refused.Sent) != 0 {
			t.Errorf("got %+v, want another event of the id to come back: the first may yet be sent", w.refused.Sent)
		}
		w.at = w.at.Add(time.Second)
		if !w.handle(entry("12:01", 2)) || len(w.messages()) != 1 || len(w.refused.Sent) != 0 {
			t.Errorf("got %+v, want the other event sent", w.refused.Sent)
		}
	})
}
