package answers

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"hookline/infra/figures"
	"hookline/shared/api"
	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// timeout is that of every attempt here, in seconds.
const timeout = 2

// answer is what a receiver does with a connection, and what the record of the attempt has to say of it.
type answer struct {
	name   string
	does   func(c net.Conn)
	unread bool // it answers before it has read the request
	status int  // 0 is none
	error  webhook.AttemptError
	body   string // how the recorded body begins
}

// head is an answer's beginning.
const head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"

// answers returns every way to answer badly, and two good ones to compare with. Once there is a status, it decides: a body
// that does not end well is no failure.
func answers() []answer {
	const fine = webhook.AttemptError("")
	say := func(texts ...string) func(net.Conn) {
		return func(c net.Conn) { _, _ = io.WriteString(c, strings.Join(texts, "")) }
	}
	packed := func(encoding string, body []byte) func(net.Conn) {
		return say(head, fmt.Sprintf("Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n", encoding, len(body)), string(body))
	}
	zeros := make([]byte, 10<<20)
	if testing.Short() { // the race detector slows packing
		zeros = zeros[:1<<20]
	}
	return []answer{
		{name: "well", does: say(head, "Content-Length: 2\r\n\r\nok"), status: 200, error: fine, body: "ok"},
		{name: "without a length", does: say(head, "\r\nok"), status: 200, error: fine, body: "ok"},
		{name: "a body without end", does: func(c net.Conn) { say(head, "\r\n")(c); endless(c, strings.Repeat("x", 64<<10)) }, status: 200, error: fine, body: "xxx"},
		{name: "chunks without end", does: func(c net.Conn) {
			say(head, "Transfer-Encoding: chunked\r\n\r\n")(c)
			endless(c, strings.Repeat("1\r\nx\r\n", 10_000))
		}, status: 200, error: fine, body: "xxx"},
		{name: "a body of one byte a second", does: func(c net.Conn) { say(head, "Content-Length: 100\r\n\r\n")(c); slowly(c, "x") }, status: 200, error: fine, body: "x"},
		{name: "a status line of one byte a second", does: func(c net.Conn) { slowly(c, head) }, error: webhook.ReasonTimeout},
		{name: "silence", does: func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, error: webhook.ReasonTimeout},
		{name: "a gzip bomb", does: packed("gzip", gzipped(zeros)), status: 200, error: fine},
		{name: "gzip in gzip", does: packed("gzip", gzipped(gzipped(zeros))), status: 200, error: fine},
		{name: "gzip, twice", does: packed("gzip, gzip", gzipped(gzipped(zeros))), status: 200, error: fine},
		{name: "a deflate bomb", does: packed("deflate", deflated(zeros)), status: 200, error: fine},
		{name: "br that is none", does: packed("br", []byte("\x00\xff nothing of the kind")), status: 200, error: fine},
		{name: "gzip that is none", does: packed("gzip", []byte("not gzip")), status: 200, error: fine},
		{name: "bytes that are no text", does: say(head, "Content-Length: 4\r\n\r\n", "\xff\xfe\x00\x01"), status: 200, error: fine},
		{name: "a flood of 1xx", does: func(c net.Conn) { endless(c, strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 100)) }, error: webhook.ReasonBadResponse},
		{name: "1 MB of headers", does: say(head, strings.Repeat("X-Padding: "+strings.Repeat("x", 1000)+"\r\n", 1024), "\r\nok"), error: webhook.ReasonBadResponse},
		{name: "headers without end", does: func(c net.Conn) { say(head)(c); endless(c, strings.Repeat("X-A: b\r\n", 1000)) }, error: webhook.ReasonBadResponse},
		{name: "one header without end", does: func(c net.Conn) { say(head, "X-A: ")(c); endless(c, strings.Repeat("b", 64<<10)) }, error: webhook.ReasonBadResponse},
		{name: "no HTTP", does: say("220 mail.example.com ESMTP\r\n"), error: webhook.ReasonBadResponse},
		{name: "a status that is none", does: say("HTTP/1.1 2000 OK\r\n\r\n"), error: webhook.ReasonBadResponse},
		{name: "a chunk's extension without end", does: func(c net.Conn) {
			say(head, "Transfer-Encoding: chunked\r\n\r\n1;a=")(c)
			endless(c, strings.Repeat("b", 64<<10))
		}, status: 200, error: fine},
		{name: "a chunk of a size that is none", does: say(head, "Transfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n"), status: 200, error: fine},
		{name: "less than its length", does: say(head, "Content-Length: 100\r\n\r\nok"), status: 200, error: fine, body: "ok"},
		{name: "more than its length", does: say(head, "Content-Length: 2\r\n\r\nok and more"), status: 200, error: fine, body: "ok"},
		{name: "a negative length", does: say(head, "Content-Length: -1\r\n\r\nok"), error: webhook.ReasonBadResponse},
		{name: "two lengths", does: say(head, "Content-Length: 2\r\nContent-Length: 3\r\n\r\nok"), error: webhook.ReasonBadResponse},
		{name: "a connection that breaks", does: func(net.Conn) {}, error: webhook.ReasonConnect},
		{name: "before the request is read", unread: true, does: say(head, "Content-Length: 2\r\n\r\nok"), status: 200, error: fine, body: "ok"},
		{name: "a redirect to itself", does: say("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), status: 302, error: webhook.ReasonRedirect},
		{name: "another protocol", does: say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"), status: 101, error: webhook.ReasonBadStatus},
		{name: "frames of HTTP/2", does: say("\x00\x00\x00\x04\x00\x00\x00\x00\x00"), error: webhook.ReasonBadResponse},
	}
}

// endless writes a text until the connection ends.
func endless(c net.Conn, text string) {
	for {
		if _, err := io.WriteString(c, text); err != nil {
			return
		}
	}
}

// slowly writes a text again and again, a byte each second, until the connection ends.
func slowly(c net.Conn, text string) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for i := 0; ; i++ {
		if _, err := c.Write([]byte{text[i%len(text)]}); err != nil {
			return
		}
		<-tick.C
	}
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

func deflated(b []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

// metered counts the bytes that are written to connections.
type metered struct {
	net.Conn
	sent *atomic.Int64
}

func (m metered) Write(b []byte) (int, error) {
	n, err := m.Conn.Write(b)
	m.sent.Add(int64(n))
	return n, err
}

// receive starts a receiver that answers so, and returns its address.
func (a answer) receive(t *testing.T, sent *atomic.Int64) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		conns.Wait()
	})
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer func() { _ = c.Close() }()
				if !a.unread {
					_, _ = c.Read(make([]byte, 64<<10))
				}
				a.does(metered{c, sent})
			})
		}
	})
	return "http://" + l.Addr().String() + "/"
}

// TestAnswers sends an event to receivers that answer badly, to all of them at once.
func TestAnswers(t *testing.T) {
	s := stacktest.World{LogsErrors: true}.Start(t)
	var description map[string]any
	s.Do(200, "GET", "/v1/dialects/standard", nil, &description)
	delete(description, "name")
	delete(description, "version")
	description["timeout_seconds"], description["ladder"] = timeout, []string{"12h"}
	s.Do(201, "PUT", "/v1/dialects/impatient", description, nil)
	acme := s.Tenant("acme", "impatient")

	var sent atomic.Int64
	all, ids := answers(), map[string]answer{}
	for _, a := range all {
		ids[acme.Webhook(map[string]any{"url": a.receive(t, &sent), "events": []string{"*"}}).ID] = a
	}
	self := httptest.NewUnstartedServer(nil)
	self.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	self.StartTLS()
	t.Cleanup(self.Close)
	ids[acme.Webhook(map[string]any{"url": self.URL, "events": []string{"*"}}).ID] = answer{name: "a certificate of its own", error: webhook.ReasonTLS}
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mute.Close() })
	ids[acme.Webhook(map[string]any{"url": "https://" + mute.Addr().String() + "/", "events": []string{"*"}}).ID] = answer{name: "a handshake without end", error: webhook.ReasonTimeout}
	plain := answer{name: "no TLS", does: func(c net.Conn) { _, _ = io.WriteString(c, head+"\r\n") }, error: webhook.ReasonTLS}
	ids[acme.Webhook(map[string]any{"url": strings.Replace(plain.receive(t, &sent), "http:", "https:", 1), "events": []string{"*"}}).ID] = plain

	before, peak := memory(), atomic.Uint64{}
	watching := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-tick.C:
				peak.Store(max(peak.Load(), memory()))
			case <-watching:
				tick.Stop()
				return
			}
		}
	})
	acme.Publish("order.placed", map[string]any{"n": 1})
	var got []api.Delivery
	stacktest.Until(t, time.Minute, "every webhook's attempt is recorded", func() bool {
		got = acme.Deliveries("")
		return len(got) == len(ids)
	})
	close(watching)
	watch.Wait()

	wrong, longest := 0, int64(0)
	for _, d := range got {
		a, last := ids[d.WebhookID], d.LastAttempt
		var failed webhook.AttemptError
		if last.Error != nil {
			failed = *last.Error
		}
		status := 0
		if last.StatusCode != nil {
			status = *last.StatusCode
		}
		longest = max(longest, last.DurationMS)
		headers, err := json.Marshal(last.ResponseHeaders)
		if err != nil {
			t.Fatal(err)
		}
		ok := failed == a.error && status == a.status && strings.HasPrefix(last.ResponseBody, a.body) && len(last.ResponseBody) <= 16<<10 &&
			utf8.ValidString(last.ResponseBody) && len(headers) < 16<<10 && last.DurationMS < (timeout+5)*1000
		if !ok {
			wrong++
			t.Errorf("%s: got status %d, %q, %d ms, a body of %d bytes %.40q, want status %d, %q, %q",
				a.name, status, failed, last.DurationMS, len(last.ResponseBody), last.ResponseBody, a.status, a.error, a.body)
		}
	}
	grown := int64(peak.Load()) - int64(before)
	if grown > 512<<20 {
		t.Errorf("the heap grew by %d MB: an answer is read beyond its bound", grown>>20)
	}
	figures.Note(t, "hostile answers tried / recorded wrongly", fmt.Sprintf("%d / %d", len(ids), wrong))
	figures.Note(t, "hostile answers: most memory, longest attempt, bytes that receivers could send",
		fmt.Sprintf("%d MB, %d ms of a timeout of %d s, %d MB", grown>>20, longest, timeout, sent.Load()>>20))
}

// memory returns the bytes of the heap in use.
func memory() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
