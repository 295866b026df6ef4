package machine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	publishers = 32
	drain      = time.Minute // at most, until the next of what was published arrives
)

// receiver counts what arrives, and notes when each numbered event first did.
type receiver struct {
	*httptest.Server
	count    atomic.Int64
	arrivals sync.Map // from an event's number to its time.Time; kept only while timed is set
	timed    atomic.Bool
}

func newReceiver() *receiver {
	r := new(receiver)
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		if !r.timed.Load() {
			_, _ = io.Copy(io.Discard, req.Body)
		} else if body, err := io.ReadAll(req.Body); err == nil {
			r.arrivals.LoadOrStore(number(body), time.Now())
		}
		r.count.Add(1)
	}))
	return r
}

// number finds an event's number in its data.
func number(body []byte) int {
	_, rest, _ := bytes.Cut(body, []byte(`"number":`))
	end := bytes.IndexByte(rest, ',')
	n, _ := strconv.Atoi(string(rest[:max(end, 0)]))
	return n
}

// event is the request's body of one event: with its data about 300 bytes.
func event(kind string, n int) string {
	return fmt.Sprintf(`{"type":%q,"data":{"number":%d,"customer":"cus_01KM5HJ6Q2X5YKJ8Y4Z0D6C3QF","currency":"eur","total":125.5,`+
		`"lines":[{"sku":"A-100","text":"A subscription, monthly","quantity":3},{"sku":"B-200","text":"Support","quantity":1}],"paid":true}}`, kind, n)
}

func events(kind string, batch, n int) string {
	if batch == 1 {
		return event(kind, n)
	}
	all := make([]string, batch)
	for i := range all {
		all[i] = event(kind, n+i)
	}
	return "[" + strings.Join(all, ",") + "]"
}

// load is one kind of publishing.
type load struct {
	kind   string // type of the events
	batch  int    // events in a request
	fanOut int
	events int // in one turn
}

// result is what one system did in one turn.
type result struct {
	rate      float64       // deliveries a second, from the first request to the last delivery
	processor time.Duration // of the system, for an event
}

// run publishes to the program with all publishers, each one request at a time, and waits for the last delivery.
func (l load) run(ctx context.Context, p *program, r *receiver, client *http.Client) (result, error) {
	before, err := p.processor()
	if err != nil {
		return result{}, err
	}
	start, base := time.Now(), r.count.Load()
	var begun atomic.Int64
	errs := make([]error, publishers)
	var all sync.WaitGroup
	for i := range publishers {
		all.Go(func() {
			for errs[i] == nil && begun.Add(int64(l.batch)) <= int64(l.events) {
				errs[i] = p.call(ctx, client, http.StatusAccepted, http.MethodPost, "/v1/events", events(l.kind, l.batch, 0))
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return result{}, err
	}
	want := int64(l.events * l.fanOut)
	arrived, since := r.count.Load()-base, time.Now()
	for arrived < want {
		time.Sleep(time.Millisecond)
		if now := r.count.Load() - base; now > arrived {
			arrived, since = now, time.Now()
		} else if time.Since(since) > drain {
			return result{}, fmt.Errorf("%s made %d of %d deliveries, and none for %v", p.name, arrived, want, drain)
		}
	}
	took := time.Since(start)
	time.Sleep(settle) // the last ones are recorded and acknowledged
	after, err := p.processor()
	if err != nil {
		return result{}, err
	}
	if got := r.count.Load() - base; got != want {
		return result{}, fmt.Errorf("%s made %d deliveries, want %d", p.name, got, want)
	}
	return result{
		rate: float64(want) / took.Seconds(), processor: (after - before) / time.Duration(l.events),
	}, nil
}

const settle = 200 * time.Millisecond

// latencies publishes at an even pace, one event a request, and returns how long each took from its request to its arrival.
func latencies(ctx context.Context, p *program, r *receiver, client *http.Client, kind string, perSecond, n int) ([]time.Duration, error) {
	r.arrivals.Clear()
	r.timed.Store(true)
	defer r.timed.Store(false)
	sent := make([]time.Time, n)
	errs := make([]error, n)
	var all sync.WaitGroup
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for i := range n {
		<-tick.C
		all.Go(func() {
			sent[i] = time.Now()
			errs[i] = p.call(ctx, client, http.StatusAccepted, http.MethodPost, "/v1/events", event(kind, i))
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	took := make([]time.Duration, n)
	deadline := time.Now().Add(drain)
	for i := range n {
		at, ok := r.arrivals.Load(i)
		for ; !ok; at, ok = r.arrivals.Load(i) {
			if time.Now().After(deadline) {
				return nil, fmt.Errorf("event %d of %s did not arrive", i, p.name)
			}
			time.Sleep(time.Millisecond)
		}
		took[i] = at.(time.Time).Sub(sent[i])
	}
	return took, nil
}
