package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"hookline/shared/egress"
	"hookline/shared/faultinject"
	"hookline/shared/notify"
	"hookline/shared/queue"
	"hookline/shared/stack"
	"hookline/shared/systemevent"
	"hookline/shared/webhook"
)

// weather is how likely each fault is in one run.
type weather struct {
	lost       float64 // a call is not done
	unanswered float64 // a call is done and reported failed
	slow       float64 // a call takes up to slowest
	partly     float64 // an entry of a batch is refused
	twice      float64 // a message is received again while it is worked on
	stale      float64 // a read that may be stale is
	lag        float64 // counts are old ones
	crashes    float64 // a process crashes
	inFlight   int     // the queues' cap; 0 means SQS's
}

// slowest is how long a slow call takes at most: two of them are more than a function has.
const slowest = 40 * time.Second

// weatherOf has each kind of fault in most seeds, in some often and in some not at all.
func weatherOf(seed uint64) weather {
	c := chance(mix(seed)).of("weather")
	often := func(what string) float64 { return []float64{0, 0.002, 0.01, 0.04}[c.pick(what, 4)] }
	w := weather{
		lost: often("lost"), unanswered: often("unanswered"), slow: often("slow") / 8, partly: often("partly"), twice: often("twice"),
		stale: 10 * often("stale"), lag: 10 * often("lag"), crashes: []float64{0, 0.3, 0.9}[c.pick("crashes", 3)],
	}
	if c.hits("pressure", 0.2) {
		w.inFlight = 40
	}
	return w
}

// crash returns after how many calls the n-th process crashes, 0 for never, and whether its last call has no effect.
func (w weather) crash(seed uint64, n int) (after int, before bool) {
	c := chance(mix(seed ^ uint64(n)<<32))
	if !c.hits("crash", w.crashes) {
		return 0, false
	}
	return 1 + c.pick("after", 400), c.hits("before", 0.5)
}

var (
	errLost       = errors.New("the call was not done")
	errUnanswered = errors.New("the answer was lost")
	errDead       = errors.New("the process is dead")
)

// fate is what becomes of a call.
type fate struct {
	err    error // instead of doing it
	after  error // instead of its answer
	chance chance
}

// step counts a call of the process, and tells what becomes of it. The process may die of it.
func (p *process) step(ctx context.Context, what string) fate {
	w := p.w
	c := w.turns.wait(p.name+" "+what, 0)
	w.mu.Lock()
	slow := !w.calm && c.hits("slow", w.weather.slow)
	w.mu.Unlock()
	if slow {
		c = w.turns.wait(p.name+" "+what+" slowly", c.span("slowly", slowest))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	f := fate{chance: c}
	if slow {
		w.seen.count.Slow++
	}
	switch {
	case p.dead:
		f.err = errDead
	case ctx.Err() != nil:
		f.err = ctx.Err()
	}
	if f.err != nil || w.calm {
		return f
	}
	p.calls++
	switch {
	case p.calls == p.crashAt && p.crashBefore:
		f.err = errDead
	case p.calls == p.crashAt:
		f.after = errDead
	case c.hits("lost", w.weather.lost):
		w.seen.count.Lost++
		f.err = errLost
	case c.hits("unanswered", w.weather.unanswered):
		w.seen.count.Unanswered++
		f.after = errUnanswered
	}
	if p.calls == p.crashAt {
		p.die()
	}
	if f.err != nil || f.after != nil {
		w.logf("%s %s: %v", p.name, what, errors.Join(f.err, f.after))
	}
	return f
}

// call makes a call of the store.
func (p *process) call(ctx context.Context, what string, do func() error) error {
	f := p.step(ctx, what)
	if f.err != nil {
		return webhook.ErrUnavailable(f.err)
	}
	err := do()
	if f.after != nil {
		return webhook.ErrUnavailable(f.after)
	}
	return err
}

// stale decides about reads that may be stale. The caller has the lock.
func (w *world) stale(call string) bool {
	return !w.calm && chance(mix(w.seed^uint64(w.now()))).hits("stale "+call, w.weather.stale)
}

// staleList decides about the list that may be as it was before.
func (p *process) staleList(call string) bool {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	return call == "Overdue" && p.w.stale(call)
}

// faultyQueue is a process's queue.
type faultyQueue struct {
	queue.Queue
	name   string
	p      *process
	counts queue.Counts // as they were read last
}

func (q *faultyQueue) call(ctx context.Context, what string, do func(chance) error) error {
	f := q.p.step(ctx, what+" "+q.name)
	if f.err != nil {
		return webhook.ErrUnavailable(f.err)
	}
	err := do(f.chance)
	if f.after != nil {
		return webhook.ErrUnavailable(f.after)
	}
	return err
}

// Send counts the messages that their sender does not know to be in the queue.
func (q *faultyQueue) Send(ctx context.Context, msgs []queue.Outgoing) error {
	f := q.p.step(ctx, "Send "+q.name)
	if f.err != nil {
		return webhook.ErrUnavailable(f.err)
	}
	w := q.p.w
	err := faultinject.Partly(msgs, q.p.refuses(f.chance), func(msgs []queue.Outgoing) error {
		err := q.Queue.Send(ctx, msgs)
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, m := range msgs {
			if err == nil {
				w.wake(q.name, m.Delay)
				w.seen.sent(q.name, m, f.after != nil)
				w.logf("%s sends to %s after %v: %.300s", q.p.name, q.name, m.Delay, m.Body)
			}
		}
		return err
	})
	if f.after != nil {
		return webhook.ErrUnavailable(f.after)
	}
	return err
}

func (q *faultyQueue) Hide(ctx context.Context, vs []queue.Visibility) error {
	return q.call(ctx, "Hide", func(c chance) error {
		return faultinject.Partly(vs, q.p.refuses(c), func(vs []queue.Visibility) error {
			err := q.Queue.Hide(ctx, vs)
			q.p.w.mu.Lock()
			defer q.p.w.mu.Unlock()
			for _, v := range vs {
				q.p.w.logf("%s hides %s of %s for %v: %v", q.p.name, v.Handle, q.name, v.For, err)
				q.p.w.seen.hidden[v.Handle] = true
				q.p.w.wake(q.name, v.For)
			}
			return err
		})
	})
}

// refuses refuses entries of a batch by chance.
func (p *process) refuses(c chance) func(i int) error {
	return func(i int) error {
		w := p.w
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.calm || !c.of("entry").hits(string(rune(i)), w.weather.partly) {
			return nil
		}
		w.seen.count.Partly++
		return errLost
	}
}

// Receive hands out some messages again while they are worked on, and has the queue polled when they are visible again.
func (q *faultyQueue) Receive(ctx context.Context, n int, wait time.Duration) (got []queue.Received, err error) {
	err = q.call(ctx, "Receive", func(c chance) error {
		if got, err = q.Queue.Receive(ctx, n, wait); err != nil || len(got) == 0 {
			return err
		}
		w := q.p.w
		w.mu.Lock()
		defer w.mu.Unlock()
		w.wake(q.name, stack.Visibility)
		for i, m := range got {
			if !w.calm && m.ReceiveCount == 1 && c.of("twice").hits(string(rune(i)), w.weather.twice) {
				if err := q.Queue.Hide(ctx, []queue.Visibility{{Handle: m.Handle, For: c.span("again", 5*time.Second)}}); err != nil {
					return err
				}
				w.wake(q.name, 5*time.Second)
				w.seen.twice(q.name, m)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return got, nil
}

func (q *faultyQueue) Delete(ctx context.Context, handles ...string) error {
	return q.call(ctx, "Delete", func(chance) error { return q.Queue.Delete(ctx, handles...) })
}

// Counts takes no time, because Deliverer.room holds a mutex meanwhile. So it fails never, and lags.
func (q *faultyQueue) Counts(ctx context.Context) (queue.Counts, error) {
	w := q.p.w
	w.mu.Lock()
	old := !w.calm && chance(mix(w.seed^uint64(w.now()))).hits("lag", w.weather.lag)
	w.mu.Unlock()
	if old {
		return q.counts, nil
	}
	c, err := q.Queue.Counts(ctx)
	q.counts = c
	return c, err
}

func (q *faultyQueue) StartMove(ctx context.Context, destination string, perSecond int) (id string, err error) {
	err = q.call(ctx, "StartMove", func(chance) error {
		id, err = q.Queue.StartMove(ctx, destination, perSecond)
		if err == nil {
			q.p.w.mu.Lock()
			defer q.p.w.mu.Unlock()
			for _, after := range []time.Duration{0, time.Second, time.Minute} {
				q.p.w.wake(destination, after)
			}
		}
		return err
	})
	return id, err
}

// announcer puts notices into the queue that a rule of the event bus puts them into.
type announcer struct{ p *process }

func (a announcer) Announce(ctx context.Context, ns []systemevent.Notice) error {
	var msgs []queue.Outgoing
	for _, n := range ns {
		body, err := json.Marshal(n)
		if err != nil {
			return err
		}
		msgs = append(msgs, queue.Outgoing{Body: string(body), Group: n.Detail.Tenant})
	}
	return queue.SendAll(ctx, a.p.queues[stack.NotifyQueue], msgs)
}

// mailer takes the mails of a process.
type mailer struct{ p *process }

func (m mailer) Send(ctx context.Context, mail notify.Mail) error {
	f := m.p.step(ctx, "mail")
	if f.err != nil {
		return webhook.ErrUnavailable(f.err)
	}
	m.p.w.mu.Lock()
	defer m.p.w.mu.Unlock()
	m.p.w.seen.mailed(mail, f.after != nil)
	if f.after != nil {
		return webhook.ErrUnavailable(f.after)
	}
	return nil
}

// Post brings a request to a receiver.
func (p *process) Post(ctx context.Context, r egress.Request) egress.Response {
	w := p.w
	f := p.step(ctx, "POST")
	if f.err != nil {
		return egress.Response{Err: webhook.ReasonConnect}
	}
	w.mu.Lock()
	answer := answerOf(r.URL, f.chance, w.calm)
	w.logf("%s POSTs %s of %s to %s: %d %s in %v", p.name, header(r, "webhook-id"), header(r, "X-Webhook"), r.URL, answer.Status, answer.Err, answer.Duration)
	w.seen.posted(r)
	w.mu.Unlock()
	limited, cancel := context.WithTimeout(ctx, r.Timeout&^1)
	defer cancel()
	select {
	case <-time.After(answer.Duration):
	case <-limited.Done():
		if errors.Is(ctx.Err(), context.Canceled) { // the batch cannot wait
			w.mu.Lock()
			w.seen.gaveUp(r)
			w.mu.Unlock()
		}
		return egress.Response{Err: webhook.ReasonTimeout, Duration: r.Timeout}
	}
	return answer
}

// kinds of receivers, by the last segment of their URLs, with the chance of a success; what else they do is among answers.
var kinds = map[string]float64{"ok": 1, "good": 0.97, "flaky": 0.6, "down": 0, "slow": 0.9, "hangs": 0.2}

// kindNames are the kinds, the frequent ones more than once.
var kindNames = []string{"ok", "ok", "good", "good", "good", "flaky", "down", "slow", "hangs"}

// answerOf returns what a receiver answers. When the faults have ended, those recover that can.
func answerOf(url string, c chance, calm bool) egress.Response {
	kind := url[strings.LastIndexByte(url, '/')+1:]
	r := egress.Response{Status: []int{200, 200, 201, 204}[c.pick("status", 4)], Duration: c.span("answer", 200*time.Millisecond)}
	success := kinds[kind]
	if calm && success > 0.5 {
		success = 1
	}
	if kind == "slow" {
		r.Duration = time.Second + c.span("slowly", 8*time.Second)
	}
	if c.hits("success", success) {
		r.Truncated = c.hits("cut", 0.02) // its connection was cut within the body
		return r
	}
	if kind == "hangs" {
		r.Duration = time.Minute
		return r
	}
	switch c.pick("failure", 12) {
	case 0:
		r.Status, r.RetryAfter = http.StatusTooManyRequests, c.span("after", 5*time.Minute)
	case 1:
		r.Status, r.RetryAfter = http.StatusServiceUnavailable, c.span("after", time.Hour)
	case 2:
		r.Status, r.Err = http.StatusMovedPermanently, webhook.ReasonRedirect
	case 3:
		r.Status, r.Err = 0, webhook.ReasonConnect
	case 4:
		r.Status, r.Err = 0, webhook.ReasonTLS
	case 5:
		r.Status, r.Err = 0, webhook.ReasonBadResponse
	case 6:
		r.Duration = time.Minute
	case 7:
		if r.Status = http.StatusNotFound; c.hits("gone", 0.1) {
			r.Status = http.StatusGone
		}
	default:
		r.Status = 400 + c.pick("other", 110)
		if r.Status == http.StatusGone {
			r.Status = http.StatusBadRequest
		}
	}
	return r
}

// header returns a request's header.
func header(r egress.Request, name string) string {
	i := slices.IndexFunc(r.Headers, func(h egress.Header) bool { return h.Name == name })
	if i < 0 {
		return ""
	}
	return r.Headers[i].Value
}
