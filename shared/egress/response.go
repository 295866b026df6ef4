package egress

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"code.dny.dev/ssrf"

	"hookline/shared/webhook"
)

// progress is how far a request came. The transport may go on dialing after it gave up a request, hence the lock.
type progress struct {
	mu        sync.Mutex
	connected bool  // the handshake included
	tls       error // of the handshake
	answered  bool  // a byte of an answer came; then the request is not sent again
}

func (p *progress) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.tls = err
		},
		GotConn: func(httptrace.GotConnInfo) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.connected = true
		},
		GotFirstResponseByte: func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.answered = true
		},
	}
}

// classify says what err, of a request that got no answer, means for the receiver's owner.
func (p *progress) classify(ctx context.Context, err error) (webhook.AttemptError, webhook.ErrorDetail) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case blocked(err):
		return webhook.ErrBlockedTarget, ""
	case ctx.Err() != nil && !p.connected:
		return webhook.ErrTimeout, webhook.DetailNoConnection
	case ctx.Err() != nil:
		return webhook.ErrTimeout, webhook.DetailNoAnswer
	case isDNS(err):
		return webhook.ErrDNS, ""
	case p.tls != nil:
		return webhook.ErrTLS, tlsDetail(p.tls)
	case alerted(err): // TLS 1.3 refuses a client without a certificate after the handshake
		return webhook.ErrTLS, tlsDetail(err)
	case p.answered && !broken(err):
		return webhook.ErrBadResponse, ""
	case errors.Is(err, syscall.ECONNREFUSED):
		return webhook.ErrConnect, webhook.DetailConnectionRefused
	case p.connected:
		return webhook.ErrConnect, webhook.DetailConnectionClosed
	}
	return webhook.ErrConnect, ""
}

func blocked(err error) bool {
	return errors.Is(err, ssrf.ErrProhibitedIP) || errors.Is(err, ssrf.ErrProhibitedPort) ||
		errors.Is(err, ssrf.ErrProhibitedNetwork) || errors.Is(err, ssrf.ErrInvalidHostPort)
}

func isDNS(err error) bool {
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}

// broken reports whether err is of the connection, as against what came over it.
func broken(err error) bool {
	_, ok := errors.AsType[*net.OpError](err)
	return ok || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// decode returns a body as text to show, and whether it is whole. raw is bounded already, and what it inflates to is
// bounded here.
func decode(raw []byte, encoding string) (text string, whole bool) {
	switch encoding = strings.ToLower(strings.TrimSpace(encoding)); {
	case len(raw) == 0:
		return "", true
	case encoding == "" || encoding == "identity":
		return string(raw), true
	case encoding == "gzip" || encoding == "x-gzip":
		if z, err := gzip.NewReader(bytes.NewReader(raw)); err == nil {
			inflated, err := io.ReadAll(io.LimitReader(z, webhook.MaxResponseFailed+1))
			return string(inflated), err == nil
		}
	}
	// Nobody asked for it: requests carry no Accept-Encoding.
	return fmt.Sprintf("(%d bytes encoded as %q, not shown)", len(raw), brief(encoding)), false
}

// cut returns s as valid UTF-8 of at most most bytes, and whether anything was cut off.
func cut(s string, most int) (string, bool) {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= most {
		return s, false
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most], true
}

// maxRetryAfter is more than any ladder waits, and far from overflowing.
const maxRetryAfter = 365 * 24 * time.Hour

// retryAfter reads Retry-After: seconds, or a date that is taken relative to the answer's own Date, so that the
// receiver's clock does not matter, or else to now. A wait that is over or unreadable is none.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0
	}
	if strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return maxRetryAfter
		}
		return time.Duration(min(seconds, int64(maxRetryAfter/time.Second))) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return max(0, min(at.Sub(now), maxRetryAfter))
}
