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

// progress is how far a request came. It has a lock because the transport can go on dialing after it gave up the request.
type progress struct {
	mu        sync.Mutex
	resolved  []net.IPAddr // what the host's name was resolved to
	connected bool         // it connected, and the TLS handshake succeeded
	tls       error        // the TLS handshake failed
	asked     bool         // the server asked for a client certificate
	answered  bool         // the first byte of an answer came; from then on the request is not sent again
}

// progressKey is the key of a request's progress in its context.
type progressKey struct{}

// noCertificate is called if the server asks for a client certificate. It notes that, and returns none.
func noCertificate(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	if p, ok := info.Context().Value(progressKey{}).(*progress); ok {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked = true
	}
	return new(tls.Certificate), nil
}

func (p *progress) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.tls = err
		},
		DNSDone: func(info httptrace.DNSDoneInfo) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.resolved = info.Addrs
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

// classify explains the error of a request without an answer to the receiver's owner.
func (p *progress) classify(ctx context.Context, err error) (webhook.AttemptError, webhook.ErrorDetail) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case blocked(err): // of a name too: the owner learns why, but neither which addresses it has nor what they would answer
		return webhook.ReasonBlockedTarget, ""
	case ctx.Err() != nil && !p.connected:
		return webhook.ReasonTimeout, webhook.DetailNoConnection
	case ctx.Err() != nil:
		return webhook.ReasonTimeout, webhook.DetailNoAnswer
	case isDNS(err):
		return webhook.ReasonDNS, ""
	case p.tls != nil:
		return webhook.ReasonTLS, tlsDetail(p.tls)
	case alerted(err): // in TLS 1.3, a server that requires a client certificate ends the connection after the handshake
		return webhook.ReasonTLS, tlsDetail(err)
	case p.answered && !broken(err):
		return webhook.ReasonBadResponse, ""
	case p.asked && p.connected && !p.answered: // the end of the connection can arrive before the server's alert
		return webhook.ReasonTLS, webhook.DetailClientCertificate
	case errors.Is(err, syscall.ECONNREFUSED):
		return webhook.ReasonConnect, webhook.DetailConnectionRefused
	case p.connected:
		return webhook.ReasonConnect, webhook.DetailConnectionClosed
	}
	return webhook.ReasonConnect, ""
}

func blocked(err error) bool {
	return errors.Is(err, ssrf.ErrProhibitedIP) || errors.Is(err, ssrf.ErrProhibitedPort) ||
		errors.Is(err, ssrf.ErrProhibitedNetwork) || errors.Is(err, ssrf.ErrInvalidHostPort)
}

func isDNS(err error) bool {
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}

// broken reports whether err is the connection's and not about the data that came over it.
func broken(err error) bool {
	_, ok := errors.AsType[*net.OpError](err)
	return ok || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// decode returns a body as text for people, and whether it is complete. raw is bounded by the caller, and its inflated form is
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
	// The receiver chose this encoding unasked: requests have no Accept-Encoding.
	return fmt.Sprintf("(%d bytes encoded as %q, not shown)", len(raw), brief(encoding)), false
}

// cut returns the beginning of s as valid UTF-8 of at most most bytes, and whether there was more.
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

// maxRetryAfter is longer than any rung of a ladder, and far from overflowing.
const maxRetryAfter = 365 * 24 * time.Hour

// retryAfter reads a Retry-After, which is a number of seconds or a date. It takes a date relative to the answer's own Date,
// so that the receiver's clock does not matter, or relative to now if there is none. It returns 0 for a date in the past and
// for a value that it cannot read.
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
