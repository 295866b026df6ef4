package stacktest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"hookline/shared/egress"
	"hookline/shared/systemevent"
)

// Receiver answers POSTs in process and keeps them. The zero Receiver answers 200 at once.
type Receiver struct {
	Answer Answer        // set before the stack starts; Set changes it later
	Takes  time.Duration // for a request, others side by side

	mu  sync.Mutex
	got []egress.Request
}

// Answer answers a request, the n-th, counted from 1. A nil Answer is 200.
type Answer func(r egress.Request, n int) egress.Response

// Status answers every request with a status.
func Status(code int) Answer {
	return func(egress.Request, int) egress.Response { return egress.Response{Status: code} }
}

// ByPath answers by the URL's last segment; 200 where it is not named.
func ByPath(codes map[string]int) Answer {
	return func(r egress.Request, _ int) egress.Response {
		if code, ok := codes[r.URL[strings.LastIndexByte(r.URL, '/')+1:]]; ok {
			return egress.Response{Status: code}
		}
		return egress.Response{Status: 200}
	}
}

// Post answers a request.
func (r *Receiver) Post(_ context.Context, req egress.Request) egress.Response {
	if r.Takes > 0 { // a bubble's timer that is due when it is made crashes the runtime at times, under the race detector
		<-time.After(r.Takes)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, req)
	if r.Answer == nil {
		return egress.Response{Status: 200}
	}
	return r.Answer(req, len(r.got))
}

// Set changes how requests are answered.
func (r *Receiver) Set(answer Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Answer = answer
}

// Requests returns those that came, the oldest first.
func (r *Receiver) Requests() []egress.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// ByID counts the requests by their webhook-id, which is the event's.
func (r *Receiver) ByID() map[string]int {
	n := make(map[string]int)
	for _, req := range r.Requests() {
		n[Header(req, "webhook-id")]++
	}
	return n
}

// Header returns a request's header, "" if it has none of the name.
func Header(r egress.Request, name string) string {
	for _, h := range r.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// Notices keeps the notices that a stack announces.
type Notices struct {
	mu  sync.Mutex
	all []systemevent.Notice
}

// Announce keeps them.
func (n *Notices) Announce(_ context.Context, ns []systemevent.Notice) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, ns...)
	return nil
}

// All returns them, the oldest first.
func (n *Notices) All() []systemevent.Notice {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.all)
}
