package simulation

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/egress"
	"hookline/shared/ingest"
	"hookline/shared/message"
	"hookline/shared/notify"
	"hookline/shared/queue"
	"hookline/shared/seal"
	"hookline/shared/stack"
	"hookline/shared/stack/stacktest"
	"hookline/shared/store"
	"hookline/shared/systemevent"
	"hookline/shared/webhook"
)

// seen is what is known of a run from outside: what was answered, what was written, sent and POSTed. The world's lock is
// held around its methods.
type seen struct {
	w       *world
	count   counts
	calm    time.Time // when the faults ended
	faults  []fault   // found while the run goes on
	library *dialect.Library

	records  map[webhook.DeliveryKey]webhook.Delivery
	latest   map[pair]webhook.DeliveryKey
	sends    map[pair]*sending
	hooks    map[webhook.Ref][]state // the oldest first
	made     []webhook.Ref           // webhooks whose making was answered
	events   map[event]*promise
	repeated map[event]int // how often a known event was asked for again, or may have been accepted again after a crash
	gone     map[string]bool
	notices  map[string]systemevent.Notice // by the id of their events
	mails    map[string]int                // how often, by text
	again    int                           // mails that may be repeated
	jobs     []event                       // replay jobs that were answered, by tenant and id
	hidden   map[string]bool               // handles of messages that were hidden
}

// counts are a run's figures.
type counts struct {
	Events, Deliveries, Attempts, Crashes, Timeouts, Doubled, DoubleSends int
	Lost, Unanswered, Slow, Partly, Swept                                 int
}

// fault is a broken invariant.
type fault struct{ Invariant, Text string }

// pair is a delivery.
type pair struct{ tenant, webhook, event string }

// event is an event.
type event struct{ tenant, id string }

// sending is what was seen of a delivery.
type sending struct {
	posts     int
	recorded  int // attempts that were sent
	disturbed int // how many POSTs there may be that are not recorded: see invariants
	body      [32]byte
	written   time.Time // when its record last was
}

// promise is an event that was accepted.
type promise struct {
	kind, typ    string
	begun, ended time.Time // of the call that was answered; its webhooks were found in between
	entry        bool      // it came over the bus
}

// state is a webhook from some moment on.
type state struct {
	at      time.Time
	hook    webhook.Webhook
	gone    bool
	disable bool // deliveries made it so
	secrets []string
}

func newSeen(w *world) *seen {
	return &seen{
		w: w, records: make(map[webhook.DeliveryKey]webhook.Delivery), latest: make(map[pair]webhook.DeliveryKey), sends: make(map[pair]*sending),
		hooks: make(map[webhook.Ref][]state), events: make(map[event]*promise), repeated: make(map[event]int), gone: make(map[string]bool),
		notices: make(map[string]systemevent.Notice), mails: make(map[string]int), hidden: make(map[string]bool),
	}
}

// broken notes a broken invariant.
func (s *seen) broken(invariant, format string, args ...any) {
	f := fault{invariant, fmt.Sprintf(format, args...)}
	s.w.logf("BROKEN %s: %s", f.Invariant, f.Text)
	s.faults = append(s.faults, f)
}

func (s *seen) sending(p pair) *sending {
	if s.sends[p] == nil {
		s.sends[p] = new(sending)
	}
	return s.sends[p]
}

// watched is the store, as all processes share it. What is written to it is seen.
type watched struct {
	store.Store
	w      *world
	health bool // what is written comes of deliveries
}

func (s *watched) SaveDelivery(ctx context.Context, d webhook.Delivery, prev webhook.Rev) error {
	return s.note(s.Store.SaveDelivery(ctx, d, prev), func() { s.w.seen.saved(d) })
}

// moments is for how long a record may be missed by reads that may be stale.
const moments = time.Second

func (s *watched) LoadBatch(ctx context.Context, refs []webhook.Ref, keys, first []webhook.DeliveryKey) (hooks, records, error) {
	s.w.mu.Lock()
	if s.w.stale("LoadBatch") {
		first = slices.DeleteFunc(slices.Clone(first), func(k webhook.DeliveryKey) bool {
			return time.Since(s.w.seen.sending(pair{k.Tenant, k.Webhook, k.Event}).written) < moments
		})
	}
	s.w.mu.Unlock()
	return s.Store.LoadBatch(ctx, refs, keys, first)
}

func (s *watched) CreateWebhook(ctx context.Context, h webhook.Webhook) error {
	return s.note(s.Store.CreateWebhook(ctx, h), func() { s.w.seen.hook(h.Ref, state{hook: h}) })
}

func (s *watched) UpdateWebhook(ctx context.Context, h webhook.Webhook, reset bool) error {
	return s.reread(ctx, h.Ref, s.health, s.Store.UpdateWebhook(ctx, h, reset))
}

func (s *watched) SetHealth(ctx context.Context, ref webhook.Ref, from, to webhook.Health) (bool, error) {
	ok, err := s.Store.SetHealth(ctx, ref, from, to)
	return ok, s.reread(ctx, ref, false, err)
}

func (s *watched) DeleteWebhook(ctx context.Context, ref webhook.Ref) error {
	return s.note(s.Store.DeleteWebhook(ctx, ref), func() { s.w.seen.hook(ref, state{gone: true}) })
}

func (s *watched) DeleteTenant(ctx context.Context, id string) error {
	return s.note(s.Store.DeleteTenant(ctx, id), func() {
		s.w.seen.gone[id] = true
		for _, ref := range s.w.seen.refs() {
			if ref.Tenant == id {
				s.w.seen.hook(ref, state{gone: true})
			}
		}
	})
}

func (s *watched) note(err error, do func()) error {
	if err == nil {
		s.w.mu.Lock()
		defer s.w.mu.Unlock()
		do()
	}
	return err
}

// reread notes a webhook as it is stored now.
func (s *watched) reread(ctx context.Context, ref webhook.Ref, disable bool, err error) error {
	if err != nil {
		return err
	}
	h, err := s.Store.Webhook(ctx, ref)
	if webhook.Is(err, webhook.NotFound) {
		return nil
	}
	return s.note(err, func() { s.w.seen.hook(ref, state{hook: h, disable: disable}) })
}

func (s *seen) hook(ref webhook.Ref, st state) {
	st.at = time.Now()
	for _, secret := range st.hook.Secrets {
		plain, err := s.w.box.Open(context.Background(), secret.Sealed, seal.SecretPlace(ref, secret.Version))
		if err != nil {
			s.w.t.Error(err)
		}
		st.secrets = append(st.secrets, string(plain))
	}
	s.hooks[ref] = append(s.hooks[ref], st)
	if s.w.log != nil {
		s.w.logf("webhook %s: active %t, gone %t, %v, failing since %v", ref.ID, st.hook.Active, st.gone, st.hook.Events, st.hook.Health.FailingSince)
	}
}

// during returns how a webhook was from one moment to another.
func (s *seen) during(ref webhook.Ref, from, to time.Time) []state {
	all := s.hooks[ref]
	first := 0
	for i, st := range all {
		if !st.at.After(from) {
			first = i
		}
	}
	end := len(all)
	for end > first+1 && all[end-1].at.After(to) {
		end--
	}
	return all[first:end]
}

// saved takes note of a delivery's record. It holds the attempt to its time.
func (s *seen) saved(d webhook.Delivery) {
	p := pair{d.Tenant, d.Webhook, d.Event}
	d.NextAt = d.NextAt.Truncate(time.Millisecond) // as it is stored
	before, known := s.records[d.DeliveryKey]
	s.records[d.DeliveryKey] = d
	if s.latest[p] = d.DeliveryKey; !known {
		s.count.Deliveries++
	}
	if s.w.log != nil {
		s.w.logf("record %s of %s: round %d, count %d, %s until %v by %s", d.Event, d.Webhook, d.Round, d.Count, d.Status, d.NextAt, d.Owner)
	}
	s.sending(p).written = time.Now()
	if known && d.Round != before.Round || d.Count == 0 {
		s.sending(p).disturbed++ // an attempt of the round before, or the first message, may be under way
	}
	a := d.LastAttempt()
	if a == nil || d.Total == before.Total {
		return
	}
	if a.Error == webhook.ReasonWebhookInactive || a.Error == webhook.ReasonWebhookDeleted {
		return
	}
	s.count.Attempts++
	s.sending(p).recorded++
	if d.Type == webhook.TestType {
		return
	}
	dl, err := s.dialects().Dialect(context.Background(), d.Dialect)
	if err != nil {
		s.w.t.Error(err)
		return
	}
	if a.StartedAt.Before(a.ScheduledAt) || d.Count > 1 && !a.ScheduledAt.Equal(before.NextAt) {
		s.broken(notEarly, "%v: attempt %d of round %d, due %v, scheduled %v, started %v", p, d.Count, d.Round, before.NextAt, a.ScheduledAt, a.StartedAt)
	}
	if d.Count > dl.Ladder.Attempts() {
		s.broken("no attempt beyond the ladder", "%v: attempt %d of round %d", p, d.Count, d.Round)
	}
	if d.Status == webhook.Pending {
		if rung := dl.Ladder[d.Count-1]; d.NextAt.Sub(a.StartedAt) < rung {
			s.broken(notEarly, "%v: attempt %d is to follow after %v, the ladder says %v", p, d.Count+1, d.NextAt.Sub(a.StartedAt), rung)
		}
	}
}

func (s *seen) dialects() *dialect.Library {
	if s.library == nil {
		s.library = &dialect.Library{Builtin: stacktest.Dialects(s.w.t), Store: s.w.engine}
	}
	return s.library
}

// posted takes note of a request to a receiver, and holds it to what the webhook is.
func (s *seen) posted(r egress.Request) {
	p := pair{header(r, "X-Tenant"), header(r, "X-Webhook"), header(r, "webhook-id")}
	ref, now := webhook.Ref{Tenant: p.tenant, ID: p.webhook}, time.Now()
	sd := s.sending(p)
	sd.posts++
	body := sha256.Sum256(r.Body)
	if sd.posts == 1 {
		sd.body = body
	} else if sd.body != body {
		s.broken("one body in all attempts", "%v: %s", p, r.Body)
	}
	if sd.posts > s.mayPost(p)+farTooMany {
		s.broken(notTooMany, "%v: %d POSTs", p, sd.posts)
	}
	window := s.during(ref, now.Add(-stack.FunctionTimeout), now)
	test := strings.Contains(string(r.Body), `"type":"`+webhook.TestType+`"`)
	if !test && !slices.ContainsFunc(window, func(st state) bool { return !st.gone && st.hook.Active }) {
		s.broken("no attempt to a deleted or inactive webhook", "%v", p)
	}
	s.signed(p, r, window, now.Add(-stack.FunctionTimeout))
	if key, ok := s.latest[p]; ok {
		if d := s.records[key]; d.Status == webhook.Pending && d.NextAt.After(now) && sd.disturbed+s.repeated[event{p.tenant, p.event}] == 0 {
			s.broken(notEarly, "%v: attempt after %d of round %d, due %v", p, d.Count, d.Round, d.NextAt)
		}
	}
}

// farTooMany is how many POSTs beyond what may be end a run.
const farTooMany = 20

// mayPost is how many POSTs of a delivery there may be: see exceeding.
func (s *seen) mayPost(p pair) int {
	ev := event{p.tenant, p.event}
	sd := s.sending(p)
	may := sd.recorded + sd.disturbed + s.repeated[ev]
	if s.events[ev] == nil && s.repeated[ev] == 0 {
		may += unknown
	}
	return may
}

// signed holds each signature to a secret that was alive.
func (s *seen) signed(p pair, r egress.Request, window []state, since time.Time) {
	unix, signatures, _ := strings.Cut(header(r, "X-Signature"), ",")
	for signature := range strings.SplitSeq(signatures, ",") {
		alive := false
		for _, st := range window {
			for i, secret := range st.secrets {
				if until := st.hook.Secrets[i].ExpiresAt; !until.IsZero() && until.Before(since) {
					continue
				}
				mac := hmac.New(sha256.New, []byte(secret))
				fmt.Fprintf(mac, "%s.%s.", p.event, unix)
				mac.Write(r.Body)
				alive = alive || hex.EncodeToString(mac.Sum(nil)) == signature
			}
		}
		if !alive {
			s.broken("no signature with a dead secret", "%v: %s", p, signature)
		}
	}
}

// gaveUp notes a POST whose answer its batch could not wait for, so that it will be repeated.
func (s *seen) gaveUp(r egress.Request) {
	s.sending(pair{header(r, "X-Tenant"), header(r, "X-Webhook"), header(r, "webhook-id")}).disturbed++
}

// lines returns the messages in the body of one from a queue of deliveries.
func messages(body string) (all []message.Message) {
	if rest, ok := strings.CutPrefix(body, "line "); ok {
		_, rest, _ = strings.Cut(rest, "\n")
		for text := range strings.SplitSeq(rest, "\n") {
			_, one, _ := strings.Cut(text, " ")
			all = append(all, messages(one)...)
		}
		return all
	}
	if _, ok := message.ParseJob(body); ok {
		return nil
	}
	if m, err := message.Parse(body); err == nil {
		all = append(all, m)
	}
	return all
}

// disturb notes that a message may lead to a POST more: it was received twice, or sent twice, or its process crashed.
func (s *seen) disturb(name, body string) {
	switch name {
	case stack.DeliveryQueue, stack.RetryQueue, stack.BulkQueue:
		for _, m := range messages(body) {
			s.sending(pair{m.Tenant, m.Webhook, m.Event}).disturbed++
		}
	case stack.IngestQueue:
		if ev, ok := eventOf(body); ok {
			s.repeated[ev]++
		}
	case stack.NotifyQueue:
		s.again++
	}
}

// eventOf returns the event of a message of the ingest queue.
func eventOf(body string) (event, bool) {
	var m struct {
		Fanout *struct {
			Event webhook.Event `json:"event"`
		} `json:"fanout"`
		System *systemevent.Change `json:"system"`
		ingest.Entry
	}
	if json.Unmarshal([]byte(body), &m) != nil {
		return event{}, false
	}
	switch {
	case m.Fanout != nil:
		return event{m.Fanout.Event.Tenant, m.Fanout.Event.ID}, true
	case m.System != nil:
		return event{m.System.Tenant, m.System.EventID()}, true
	}
	var d ingest.Detail
	return event{d.Tenant, m.ID}, json.Unmarshal(m.Detail, &d) == nil
}

// sent takes note of a message that is in a queue now. Its sender does not know it if the answer was lost.
func (s *seen) sent(name string, m queue.Outgoing, unanswered bool) {
	if unanswered {
		s.count.DoubleSends++
		s.disturb(name, m.Body)
	}
	if name == stack.NotifyQueue {
		var n systemevent.Notice
		if json.Unmarshal([]byte(m.Body), &n) == nil && n.Detail.ID != "" {
			s.noticed(n)
		}
	}
}

// twice takes note of a message that will be received again while it is worked on.
func (s *seen) twice(name string, m queue.Received) {
	s.count.Doubled++
	s.disturb(name, m.Body)
}

// lost takes note of a batch whose call came to no answer.
func (s *seen) lost(name string, msgs []queue.Received, timeout bool) {
	if timeout {
		s.count.Timeouts++
	}
	s.kept(name, msgs)
}

// stay takes note of messages that their process did not hide: they come again although copies of them may have been sent.
func (s *seen) stay(name string, msgs []queue.Received, stays []string) {
	for _, m := range msgs {
		if slices.Contains(stays, m.ID) && !s.hidden[m.Handle] {
			s.disturb(name, m.Body)
		}
	}
}

// kept takes note of messages that may come again although they were worked on.
func (s *seen) kept(name string, msgs []queue.Received) {
	for _, m := range msgs {
		s.disturb(name, m.Body)
	}
}

// swept takes note of a run of the sweeper, whose messages are copies of what may still be on its way. What was last
// written when there were no faults any more has a message that comes.
func (s *seen) swept() {
	before := time.Now().Add(-webhook.Overdue)
	for _, p := range s.pairs() {
		d := s.records[s.latest[p]]
		if d.Status != webhook.Pending || !d.NextAt.Before(before) {
			continue
		}
		s.count.Swept++
		sd := s.sending(p)
		sd.disturbed++
		if !s.calm.IsZero() && sd.written.After(s.calm.Add(stack.Visibility)) {
			s.broken("no message is lost without a fault", "%v is pending since %v, after attempt %d of round %d", p, d.NextAt, d.Count, d.Round)
		}
	}
}

// pending counts the deliveries that have not ended.
func (s *seen) pending() (n int) {
	for _, d := range s.records {
		if d.Status == webhook.Pending {
			n++
		}
	}
	return n
}

// accepted takes note of an event that was answered 202.
func (s *seen) accepted(tenant, id, body string, begun time.Time) {
	ev := event{tenant, id}
	if s.events[ev] == nil {
		s.count.Events++
		s.promise(ev, body, begun).ended = time.Now()
	}
}

// handed takes note of an event that the bus has handed over.
func (s *seen) handed(tenant, id, body string) {
	s.count.Events++
	s.promise(event{tenant, id}, body, time.Now()).entry = true
}

func (s *seen) promise(ev event, body string, begun time.Time) *promise {
	var in struct {
		Type string
		Data struct{ Kind string }
	}
	if err := json.Unmarshal([]byte(body), &in); err != nil {
		s.w.t.Error(err)
	}
	s.events[ev] = &promise{kind: in.Data.Kind, typ: in.Type, begun: begun}
	return s.events[ev]
}

// asked takes note of a call that asks for a known event, after so many others that did.
func (s *seen) asked(tenant, id string, before int) { s.repeated[event{tenant, id}] += before }

// noticed takes note of a notice.
func (s *seen) noticed(n systemevent.Notice) {
	if before, ok := s.notices[n.Detail.ID]; ok && (before.DetailType != n.DetailType || !before.Time.Equal(n.Time)) {
		s.broken("system events are told once and only if true", "%s is told as %v and as %v", n.Detail.ID, before, n)
	}
	s.notices[n.Detail.ID] = n
}

// mailed takes note of a mail.
func (s *seen) mailed(m notify.Mail, unanswered bool) {
	s.w.logf("mail to the owner of %s: %s", m.Tenant, m.Subject)
	s.mails[m.Tenant+"\n"+m.Subject+"\n"+m.Text]++
	if unanswered {
		s.again++
	}
}
