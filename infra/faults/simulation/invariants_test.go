package simulation

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"hookline/shared/eventlog"
	"hookline/shared/message"
	"hookline/shared/queue"
	"hookline/shared/stack"
	"hookline/shared/systemevent"
	"hookline/shared/webhook"
)

// Invariants that the table has a line of.
const (
	everyEvent     = "every accepted event ended"
	nothingPending = "nothing stays pending"
	notEarly       = "no attempt before its time"
	notTooMany     = "attempts exceed the ladder's by crashes and doubles at most"
)

// invariants are what holds when all is quiet. Those of the attempts themselves are checked as they are made (seen.saved,
// seen.posted).
var invariants = map[string]func(*seen) []string{
	everyEvent:     (*seen).ended,
	nothingPending: (*seen).stuck,
	"a delivery out of attempts has a dead letter": (*seen).buried,
	notTooMany: (*seen).exceeding,
	"no chain of copies outlives its delivery":     (*seen).copies,
	"system events are told once and only if true": (*seen).told,
	"mails are sent once and only if true":         (*seen).written,
	"statistics equal the records":                 (*seen).counted,
	"the log has each accepted event once":         (*seen).logged,
	"replay jobs end":                              (*seen).replayed,
}

// check checks all invariants.
func (w *world) check() []fault {
	for _, name := range slices.Sorted(maps.Keys(invariants)) {
		for _, text := range invariants[name](w.seen) {
			w.seen.broken(name, "%s", text)
		}
	}
	return w.seen.faults
}

func (s *seen) pairs() []pair {
	return slices.SortedFunc(maps.Keys(s.latest), func(a, b pair) int {
		return slices.Compare([]string{a.tenant, a.webhook, a.event}, []string{b.tenant, b.webhook, b.event})
	})
}

func (s *seen) refs() []webhook.Ref {
	return slices.SortedFunc(maps.Keys(s.hooks), func(a, b webhook.Ref) int {
		return slices.Compare([]string{a.Tenant, a.ID}, []string{b.Tenant, b.ID})
	})
}

// now returns a webhook as it is at the end.
func (s *seen) now(ref webhook.Ref) state {
	all := s.hooks[ref]
	return all[len(all)-1]
}

// ended: every event answered 202, and every one that the bus has handed over, has ended for each webhook that took such
// events all the while that its webhooks were being looked for. It succeeded, or failed, or went with its webhook. Those that
// are still pending are found by another invariant.
func (s *seen) ended() (out []string) {
	accepted := make(map[event]time.Time)
	for _, ev := range s.log() {
		accepted[event{ev.Tenant, ev.ID}] = ev.AcceptedAt
	}
	for ev, p := range s.events {
		from, to := p.begun, p.ended
		if p.entry {
			at, ok := accepted[ev]
			if !ok {
				continue // that it is missing is found by another invariant
			}
			from, to = at.Add(-stack.FunctionTimeout), at.Add(stack.FunctionTimeout)
		}
		for _, ref := range s.refs() {
			if ref.Tenant != ev.tenant || s.hooks[ref][0].at.After(from) || s.now(ref).gone {
				continue
			}
			if slices.ContainsFunc(s.during(ref, from, to), func(st state) bool { return !takes(st, p) }) {
				continue
			}
			if _, ok := s.latest[pair{ev.tenant, ref.ID, ev.id}]; !ok {
				out = append(out, fmt.Sprintf("%v never came to %s", ev, ref.ID))
			}
		}
	}
	slices.Sort(out)
	return out
}

// takes reports whether a webhook takes an event. The filter is the one that clients set.
func takes(st state, p *promise) bool {
	return !st.gone && st.hook.Active && (len(st.hook.Filter) == 0 || p.kind == "a") &&
		slices.ContainsFunc(webhook.Patterns(p.typ), func(pattern string) bool { return slices.Contains(st.hook.Events, pattern) })
}

// stuck: nothing is pending after its ladder, the hour after which a message counts as lost, and the sweeper's turn.
func (s *seen) stuck() (out []string) {
	for _, p := range s.pairs() {
		if d := s.records[s.latest[p]]; d.Status == webhook.Pending && !s.now(webhook.Ref{Tenant: p.tenant, ID: p.webhook}).gone {
			out = append(out, fmt.Sprintf("%v is pending, due %v, after attempt %d of round %d", p, d.NextAt, d.Count, d.Round))
		}
	}
	return out
}

// exhausted returns the deliveries that ran out of attempts.
func (s *seen) exhausted() (out []webhook.Delivery) {
	for _, p := range s.pairs() {
		d := s.records[s.latest[p]]
		a := d.LastAttempt()
		if d.Status != webhook.Failed || d.Type == webhook.TestType || s.now(webhook.Ref{Tenant: p.tenant, ID: p.webhook}).gone {
			continue
		}
		if a.Error != webhook.ReasonWebhookInactive && a.Error != webhook.ReasonWebhookDeleted && a.StatusCode != 410 {
			out = append(out, d)
		}
	}
	return out
}

// buried: a delivery that ran out of attempts has a dead letter of its round.
func (s *seen) buried() (out []string) {
	rounds := make(map[pair]int)
	for _, m := range s.drain(stack.DeadQueue) {
		if m, err := message.Parse(m.Body); err == nil {
			p := pair{m.Tenant, m.Webhook, m.Event}
			rounds[p] = max(rounds[p], m.Round)
		}
	}
	for _, d := range s.exhausted() {
		if got := rounds[pair{d.Tenant, d.Webhook, d.Event}]; got != d.Round {
			out = append(out, fmt.Sprintf("%s of %s: the dead letter is of round %d, the record of %d", d.Event, d.Webhook, got, d.Round))
		}
	}
	return out
}

// drain takes a queue's messages out.
func (s *seen) drain(name string) (all []queue.Received) {
	for {
		got, err := s.w.queues[name].Receive(context.Background(), queue.MaxBatch, 0)
		if err != nil {
			s.w.t.Fatal(err)
		}
		if len(got) == 0 {
			return all
		}
		if err := s.w.queues[name].Delete(context.Background(), queue.Done(got, nil)...); err != nil {
			s.w.t.Fatal(err)
		}
		all = append(all, got...)
	}
}

// unknown is how many POSTs of an event may not be recorded that was never answered: its client asked so often.
const unknown = 4

// exceeding: of each delivery, as many POSTs are not recorded at most as its message was received twice, was sent twice
// (because the answer to its sender was lost, its client asked again, the sweeper could not tell, or a round was started while
// an attempt of the one before was under way), was left by a batch that could not wait for the answer, or had a process that
// crashed or ran out of time.
func (s *seen) exceeding() (out []string) {
	for p, sd := range s.sends {
		if sd.posts > s.mayPost(p) {
			out = append(out, fmt.Sprintf("%v: %d POSTs, %d recorded, %d disturbed, %d repeated",
				p, sd.posts, sd.recorded, sd.disturbed, s.repeated[event{p.tenant, p.event}]))
		}
	}
	slices.Sort(out)
	return out
}

// copies: when all deliveries have ended, no message is left.
func (s *seen) copies() (out []string) {
	for _, name := range s.w.names() {
		c, err := s.w.queues[name].Counts(context.Background())
		if err != nil {
			s.w.t.Fatal(err)
		}
		if c != (queue.Counts{}) {
			out = append(out, fmt.Sprintf("%s has %+v", name, c))
		}
	}
	return out
}

// told: each change that stands is told, and each that is told was made. Of a webhook that was deleted meanwhile nothing
// need be told. Told twice is what the log of events has twice.
func (s *seen) told() (out []string) {
	type change struct {
		typ, webhook string
		at           int64
	}
	told := make(map[change]bool)
	for _, id := range slices.Sorted(maps.Keys(s.notices)) {
		n := s.notices[id]
		var data systemevent.WebhookData
		s.w.read(n.Detail.Data, &data)
		told[change{n.DetailType, data.WebhookID, n.Time.UnixMilli()}] = true
		if !s.happened(n, webhook.Ref{Tenant: n.Detail.Tenant, ID: data.WebhookID}) {
			out = append(out, fmt.Sprintf("%s of %s at %v was told and never happened", n.DetailType, data.WebhookID, n.Time))
		}
	}
	want := func(typ string, ref webhook.Ref, at time.Time) {
		if !s.now(ref).gone && !told[change{typ, ref.ID, at.UnixMilli()}] {
			out = append(out, fmt.Sprintf("%s of %s at %v was never told", typ, ref.ID, at))
		}
	}
	for _, ref := range s.made {
		want(systemevent.WebhookCreated, ref, s.hooks[ref][0].hook.CreatedAt)
	}
	for _, ref := range s.refs() {
		st := s.now(ref)
		if st.hook.Active && !st.hook.Health.FailingSince.IsZero() {
			want(systemevent.WebhookFailing, ref, st.hook.Health.FailingSince)
		}
		if st.disable && !st.hook.Active {
			want(systemevent.WebhookDisabled, ref, st.hook.UpdatedAt)
		}
	}
	return append(out, s.failures()...)
}

// happened reports whether a webhook was ever as a notice says.
func (s *seen) happened(n systemevent.Notice, ref webhook.Ref) bool {
	failing := time.Time{}
	for _, st := range s.hooks[ref] {
		h := st.hook
		switch n.DetailType {
		case systemevent.WebhookCreated:
			if h.CreatedAt.Equal(n.Time) {
				return true
			}
		case systemevent.WebhookFailing:
			if h.Health.FailingSince.Equal(n.Time) {
				return true
			}
		case systemevent.WebhookRecovered:
			if !failing.IsZero() && h.Active && !h.Health.FailingSince.Equal(failing) {
				return true
			}
		case systemevent.WebhookDisabled:
			if !h.Active && h.UpdatedAt.Equal(n.Time) {
				return true
			}
		}
		failing = h.Health.FailingSince
	}
	return false
}

// failures: that a delivery ran out of attempts has come to the webhook that is told of it.
func (s *seen) failures() (out []string) {
	system := make(map[string]string) // by tenant
	for _, ref := range s.refs() {
		if s.hooks[ref][0].hook.Name == "system" {
			system[ref.Tenant] = ref.ID
		}
	}
	for _, d := range s.exhausted() {
		id := systemevent.Failed(d).EventID()
		if _, ok := s.latest[pair{d.Tenant, system[d.Tenant], id}]; !ok && !webhook.IsSystemType(d.Type) && !s.gone[d.Tenant] {
			out = append(out, fmt.Sprintf("%s of %s failed in round %d, and its system event %s never came", d.Event, d.Webhook, d.Round, id))
		}
	}
	return out
}

// written: there are no more mails than changes, but for those that are repeated because a process may have ended, or the
// answer of the mail service may have been lost, between the mail and the note that it was sent.
func (s *seen) written() (out []string) {
	sent := 0
	for _, n := range s.mails {
		sent += n
	}
	if repeats := s.again + s.count.Crashes + s.count.Timeouts + s.count.Lost + s.count.Unanswered; sent > len(s.notices)+repeats {
		out = append(out, fmt.Sprintf("%d mails tell of %d changes, %d may be repeats", sent, len(s.notices), repeats))
	}
	return out
}

// counted: the statistics are what the records say. Those of a tenant that was deleted are nobody's.
func (s *seen) counted() (out []string) {
	want := make(map[string]webhook.Tally)
	for key, d := range s.records {
		hour := key.AcceptedAt.Truncate(time.Hour)
		id := key.Tenant + " " + key.Webhook + " " + hour.String()
		t := want[id]
		t.Webhook, t.Hour = key.Webhook, hour
		if answer := d.AnswerTime(); answer != webhook.NoAnswer {
			if t.Answers == nil {
				t.Answers = make(map[int]int)
			}
			t.Answers[answer]++
		}
		switch d.Status {
		case webhook.Succeeded:
			t.Succeeded++
		case webhook.Failed:
			t.Failed++
		default:
			t.Pending++
		}
		want[id] = t
	}
	for _, cl := range s.w.clients {
		if s.gone[cl.tenant] {
			maps.DeleteFunc(want, func(id string, _ webhook.Tally) bool { return id[:len(cl.tenant)] == cl.tenant })
			continue
		}
		got, err := s.w.engine.Tallies(context.Background(), cl.tenant, s.w.turns.begun)
		if err != nil {
			s.w.t.Fatal(err)
		}
		for _, t := range got {
			id := cl.tenant + " " + t.Webhook + " " + t.Hour.UTC().String()
			if !reflect.DeepEqual(want[id], t) {
				out = append(out, fmt.Sprintf("%s: counted %+v, the records say %+v", id, t, want[id]))
			}
			delete(want, id)
		}
	}
	for id, t := range want {
		out = append(out, fmt.Sprintf("%s: counted nothing, the records say %+v", id, t))
	}
	slices.Sort(out)
	return out
}

// log returns what the event log has of tenants that were not deleted.
func (s *seen) log() (all []webhook.LoggedEvent) {
	l := &eventlog.Log{Store: s.w.engine}
	for _, cl := range s.w.clients {
		q := webhook.EventQuery{Page: webhook.Page{Limit: 100}}
		for !s.gone[cl.tenant] {
			list, err := l.Events(context.Background(), cl.tenant, q)
			if err != nil {
				s.w.t.Fatal(err)
			}
			all = append(all, list.Items...)
			if q.Page.Cursor = list.Next; q.Page.Cursor == "" {
				break
			}
		}
	}
	return all
}

// logged: the log has each accepted event once. It may have others once too, whose answers were lost.
func (s *seen) logged() (out []string) {
	times := make(map[event]int)
	for _, ev := range s.log() {
		times[event{ev.Tenant, ev.ID}]++
	}
	for ev, n := range times {
		if n > 1 {
			out = append(out, fmt.Sprintf("%v is in the log %d times", ev, n))
		}
	}
	for ev := range s.events {
		if times[ev] == 0 && !s.gone[ev.tenant] {
			out = append(out, fmt.Sprintf("%v is not in the log", ev))
		}
	}
	slices.Sort(out)
	return out
}

// replayed: a replay job that was answered does not run for ever.
func (s *seen) replayed() (out []string) {
	for _, job := range s.jobs {
		r, err := s.w.engine.Replay(context.Background(), job.tenant, job.id)
		if err == nil && r.Status == webhook.ReplayRunning {
			out = append(out, fmt.Sprintf("the job %s of %s is still running", job.id, r.Webhook))
		}
	}
	return out
}
