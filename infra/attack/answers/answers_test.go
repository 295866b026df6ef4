package answers

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"hookline/infra/figures"
	"hookline/shared/api"
	"hookline/shared/egress"
	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// patience is the timeout of webhooks whose receivers answer for as long as they are asked: an attempt ends by it. It is short so
// that the test is, and long enough for a busy machine to have connected by then. Under the race detector all is slower.
func patience() time.Duration {
	if testing.Short() {
		return 10 * time.Second
	}
	return 3 * time.Second
}

// ample is the timeout of the other webhooks, the longest there is. Their attempts end by what was answered, on any machine.
const ample = 30 * time.Second

// The bounds of an attempt. They are wide: what is measured is in the figures.
const (
	maxTimeouts = 5       // its duration, in timeouts, where it ends by one: the machine may be busy
	maxTaken    = 1 << 20 // bytes that a receiver got rid of: what is read, and what fits into the buffers of two sockets
	maxHeap     = 1 << 20 // heap for a receiver, on average while all of them answer
)

// receiver answers badly, and says what the delivery's record is to show.
type receiver struct {
	name   string
	tls    *tls.Config // nil for http
	raw    bool        // it is called by https, and does without TLS
	answer func(net.Conn)
	stalls bool // the attempt ends by its timeout

	status int // 0 for no answer
	err    webhook.AttemptError
	detail webhook.ErrorDetail
	body   string // how the stored body begins

	taken       atomic.Int64 // bytes
	connections atomic.Int64
	open        atomic.Int64 // connections
}

func (r *receiver) timeout() time.Duration {
	if r.stalls {
		return patience()
	}
	return ample
}

// counted is a connection of a receiver.
type counted struct {
	net.Conn
	of *receiver
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.of.taken.Add(int64(n))
	return n, err
}

// start has the receiver listen on loopback, and returns its URL.
func (r *receiver) start(t *testing.T) (url string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			tcp, err := l.Accept()
			if err != nil {
				return
			}
			_ = tcp.(*net.TCPConn).SetWriteBuffer(chunk)
			r.connections.Add(1)
			r.open.Add(1)
			go func() {
				defer r.open.Add(-1)
				defer tcp.Close()
				var c net.Conn = counted{tcp, r}
				if r.tls != nil {
					c = tls.Server(c, r.tls)
				}
				r.answer(c)
			}()
		}
	}()
	if r.tls != nil || r.raw {
		return "https://" + l.Addr().String() + "/"
	}
	return "http://" + l.Addr().String() + "/"
}

// heap measures the heap until it is stopped, and returns how far it grew. It collects garbage often meanwhile, whatever GOGC
// says, because the heap in question is what is held.
func heap() (stop func() int64) {
	percent := debug.SetGCPercent(25)
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	read := func() int64 {
		metrics.Read(sample)
		return int64(sample[0].Value.Uint64())
	}
	runtime.GC()
	first, most := read(), int64(0)
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				most = max(most, read()-first)
			}
		}
	}()
	return func() int64 {
		close(done)
		<-stopped
		debug.SetGCPercent(percent)
		return most
	}
}

// TestAnswers sends one event to all of the receivers.
func TestAnswers(t *testing.T) {
	ca := newAuthority(t)
	all := append(inHTTP1(), inTLS(ca)...)
	if testing.Short() { // under the race detector, every third
		var some []*receiver
		for i := 0; i < len(all); i += 3 {
			some = append(some, all[i])
		}
		all = some
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	client := egress.New(egress.Options{AllowPrivate: true, RootCAs: roots, DialTimeout: ample * 2})
	s := stacktest.World{Poster: client}.Start(t)
	acme := s.Tenant("acme", "agiletune") // whose first wait is a minute: each is called once
	hook := func(r *receiver, event string) string {
		return acme.Webhook(map[string]any{"url": r.start(t), "events": []string{event}, "timeout_seconds": r.timeout() / time.Second}).ID
	}
	ids := make([]string, len(all))
	for i, r := range all {
		ids[i] = hook(r, "task.updated")
	}
	// attempt returns the first attempt of a webhook's one delivery.
	attempt := func(id string) api.Attempt {
		var list api.List[api.Delivery]
		stacktest.Until(t, time.Minute, "an attempt of each webhook", func() bool {
			list = api.List[api.Delivery]{}
			acme.Do(http.StatusOK, "GET", "/v1/webhooks/"+id+"/deliveries", nil, &list)
			return len(list.Data) == 1 && list.Data[0].LastAttempt != nil
		})
		return acme.Delivery(list.Data[0].ID).Attempts[0]
	}
	fair := &receiver{answer: say("HTTP/1.1 204 No Content\r\n\r\n")}
	warm := hook(fair, "task.created")
	acme.Publish("task.created", map[string]any{})
	attempt(warm)

	stop := heap()
	acme.Publish("task.updated", map[string]any{"text": strings.Repeat("x", 200<<10)})
	attempts := make([]api.Attempt, len(all))
	for i, id := range ids {
		attempts[i] = attempt(id)
	}
	grew := stop()

	beyond, longest, most := 0, int64(0), int64(0)
	for i, r := range all {
		a, taken, connections := attempts[i], r.taken.Load(), r.connections.Load()
		if r.stalls {
			longest = max(longest, a.DurationMS)
		}
		most = max(most, taken)
		held := true
		fail := func(format string, args ...any) {
			held = false
			t.Errorf(r.name+": "+format, args...)
		}
		status, err, detail := value(a.StatusCode), value(a.Error), value(a.ErrorDetail)
		if status != r.status || err != r.err || detail != r.detail {
			fail("got status %d, error %q, detail %q, want %d, %q, %q", status, err, detail, r.status, r.err, r.detail)
		}
		if most := r.timeout().Milliseconds(); a.DurationMS >= most && !r.stalls || a.DurationMS > maxTimeouts*most {
			fail("took %d ms with a timeout of %v", a.DurationMS, r.timeout())
		}
		limit := webhook.MaxResponseFailed
		if err == "" {
			limit = webhook.MaxResponseSucceeded
		}
		if len(a.ResponseBody) > limit || !utf8.ValidString(a.ResponseBody) || !strings.HasPrefix(a.ResponseBody, r.body) {
			fail("got a body of %d bytes, %.80q, want at most %d, valid, beginning with %q", len(a.ResponseBody), a.ResponseBody, limit, r.body)
		}
		size := 0
		for name, v := range a.ResponseHeaders {
			size += len(name) + len(v)
		}
		if len(a.ResponseHeaders) > webhook.MaxResponseHeaders || size > webhook.MaxResponseHeaderBytes {
			fail("got %d headers of %d bytes", len(a.ResponseHeaders), size)
		}
		if taken > maxTaken {
			fail("got rid of %d bytes", taken)
		}
		if connections > 1 {
			fail("was called %d times", connections)
		}
		if !held {
			beyond++
		}
		t.Logf("%-40s %d %s %s, %d ms, %d bytes, %d connections", r.name, status, err, detail, a.DurationMS, taken, connections)
	}
	if grew > maxHeap*int64(len(all)) {
		t.Errorf("the heap grew by %d bytes with %d receivers", grew, len(all))
	}
	stacktest.Until(t, time.Minute, "all connections closed", func() bool {
		client.CloseIdle()
		for _, r := range all {
			if r.open.Load() > 0 {
				return false
			}
		}
		return true
	})
	figures.Note(t, "hostile answers tried / beyond their bounds", fmt.Sprintf("%d / %d", len(all), beyond))
	figures.Note(t, "heap that all of them took at once", fmt.Sprintf("%.1f MB", float64(grew)/(1<<20)))
	figures.Note(t, fmt.Sprintf("longest of their attempts, with a timeout of %v", patience()), fmt.Sprintf("%.2f s", float64(longest)/1000))
	figures.Note(t, "most that a receiver got rid of, buffers of sockets included", fmt.Sprintf("%.1f MB", float64(most)/(1<<20)))
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// chunk is how much the endless write at a time.
const chunk = 16 << 10

// flood writes text, again and again, until the connection ends. It stops at 64 MB: a bound that does not hold is seen
// before.
func flood(w io.Writer, text string) {
	block := []byte(strings.Repeat(text, max(1, chunk/len(text))))
	for range (64 << 20) / len(block) {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// drip writes text, a byte a second.
func drip(w io.Writer, text string) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for i := range text {
		if _, err := io.WriteString(w, text[i:i+1]); err != nil {
			return
		}
		<-tick.C
	}
}

// hold reads nothing for longer than an attempt takes, and then waits for the client to hang up.
func hold(c net.Conn) {
	<-time.After(patience() + 2*time.Second)
	_, _ = io.Copy(io.Discard, c)
}
