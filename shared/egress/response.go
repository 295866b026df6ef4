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
	"net/netip"
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
	host      string // of the URL
	mu        sync.Mutex
	tried     bool  // an address that may be called was tried
	connected bool  // the handshake included
	tls       error // of the handshake
	asked     bool  // the server asked for a client's certificate
	answered  bool  // a byte of an answer came; then the request is not sent again
}

// progressKey is what the context of a request has its progress under.
type progressKey struct{}

// noCertificate has no certificate for a server that asks for one, as is usual, and notes that it asked.
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
		ConnectDone: func(_, _ string, err error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.tried = p.tried || !blocked(err)
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
	// A name that leads inside is as one that leads nowhere: else whoever may make a webhook could learn by trying which
	// names there are in a private network.
	case blocked(err) && !p.tried && isName(p.host):
		return webhook.ErrDNS, ""
	case blocked(err) && !p.tried:
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
	case p.asked && p.connected && !p.answered: // its alert may be overtaken by the end of the connection
		return webhook.ErrTLS, webhook.DetailClientCertificate
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

// isName reports whether a host is looked up, as against an address or a name for this machine, whose meaning is no
// secret of any network.
func isName(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return false
	}
	_, err := netip.ParseAddr(host)
	return err != nil
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
