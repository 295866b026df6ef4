// Package egress POSTs to the URLs that customers give, which may point anywhere and answer anything.
//
// The package guarantees:
//
//   - It checks the address after resolving the name, at every dial, so that no spelling of a URL and no change of a DNS record
//     leads to a private, loopback, link-local or otherwise special address (unless Options.AllowPrivate). A name that has such
//     an address beside public ones is not called either.
//   - It uses no proxy and follows no redirect. TLS is 1.2 or later and verified.
//   - It speaks HTTP/1.1 alone, in which a receiver that is not read is held back. In HTTP/2, net/http buffers 4 MB of a body
//     that nobody reads, logs each frame that it does not know, answers settings and pings without end, and sends a request
//     again as often as the receiver refuses it.
//   - One deadline covers everything up to the last byte that is read.
//   - The part of an answer that is kept is bounded while it is read, so that neither an endless nor a compressed body costs
//     memory.
//   - Headers are sent in the given spelling.
//   - Every outcome is a Response and never an error, because a receiver's failure is data.
//
// A POST on a kept-alive connection that turns out to be dead is sent again on a new one, so that a receiver can get a body
// twice. Nothing else is retried here. The package logs nothing; its caller can log Response.Detail. net/http's client itself
// prints a line through package log, of up to 4 KB, if a receiver sends more than its answer.
package egress

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"hookline/shared/webhook"
)

const (
	maxTimeout = webhook.MaxTimeoutSeconds * time.Second

	// maxResponseHeader bounds an answer's headers, including those of informational answers.
	maxResponseHeader = 64 << 10

	// idleTimeout is short because a function that was frozen between two batches finds its connections dead, and because
	// load balancers commonly close idle connections after 5 s or more.
	idleTimeout = 4 * time.Second
)

// Ports returns the ports that webhooks can have in production: those of HTTP and HTTPS and their customary alternatives. Any
// other port more likely belongs to an internal service than to a receiver.
func Ports() []uint16 { return []uint16{80, 443, 8080, 8443} }

// Options configures a Client. The zero value applies the rules of production.
type Options struct {
	AllowPrivate bool           // allows any address and any port; never set on AWS
	Ports        []uint16       // the allowed ports; empty means Ports()
	DialTimeout  time.Duration  // for resolving and connecting, and again for the TLS handshake; 0 means 30 s
	Resolver     *net.Resolver  // nil means the system's
	RootCAs      *x509.CertPool // nil means the system's
	Now          func() time.Time
}

// Client sends POSTs. It is safe for concurrent use and keeps idle connections for a few seconds.
type Client struct {
	transport *http.Transport
	rule      URLRule
	now       func() time.Time
}

// New returns a Client.
func New(o Options) *Client {
	dialer := &net.Dialer{Timeout: cmp.Or(o.DialTimeout, maxTimeout), Resolver: o.Resolver}
	if !o.AllowPrivate {
		ports := o.Ports
		if len(ports) == 0 {
			ports = Ports()
		}
		dialer.ControlContext = control(guard(ports...))
	}
	now := o.Now
	if now == nil {
		now = time.Now
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &Client{now: now, rule: URLRule{AllowPrivate: o.AllowPrivate, Ports: o.Ports}, transport: &http.Transport{
		Proxy:                  nil,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs, GetClientCertificate: noCertificate},
		TLSHandshakeTimeout:    cmp.Or(o.DialTimeout, maxTimeout),
		Protocols:              protocols,
		DisableCompression:     true,
		MaxIdleConns:           1024,
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxResponseHeader,
	}}
}

// CloseIdle closes the idle connections.
func (c *Client) CloseIdle() { c.transport.CloseIdleConnections() }

// Header is one header in the spelling that goes on the wire.
type Header struct{ Name, Value string }

// Request is one POST.
type Request struct {
	URL string
	// Headers are sent as they are. Those that belong to the connection and its framing (Host, Content-Length, Connection and
	// the like) are left out.
	Headers []Header
	Body    []byte        // must not be changed, not even after Post
	Timeout time.Duration // in real time, for everything including the answer's body; 0 means 30 s
}

// Response is the outcome of a POST.
type Response struct {
	Status int // 0 when no answer came
	// Body is the answer's body, cut to webhook.MaxResponseFailed bytes. It is valid UTF-8: U+FFFD replaces other bytes. A gzip
	// body is inflated. A body with another encoding is replaced by a note.
	Body string
	// Truncated says that the body was longer, broke off, or did not end in time. The status is valid nevertheless.
	Truncated  bool
	RetryAfter time.Duration // from the answer's Retry-After, in either form of RFC 9110 section 10.2.3; 0 if there is none
	Duration   time.Duration // measured in real time
	// Err is "" if an answer came, whatever its status, except for a redirect (3xx), which is webhook.ReasonRedirect. If the
	// caller's own context ends, Err is webhook.ReasonTimeout as well: a caller that cancels must not blame the receiver.
	Err webhook.AttemptError
	// ErrDetail narrows Err down if more is known.
	ErrDetail webhook.ErrorDetail
	// Headers returns the answer's headers, as webhook.Attempt keeps them. It is nil if there was no answer.
	Headers func() map[string]string
	// Detail is for logs. It says in Go's words what happened. It can name addresses and quote data that is not HTTP, but
	// contains no header's value, no body and no URL.
	Detail string
}

// Post sends one request and reads the answer.
func (c *Client) Post(ctx context.Context, r Request) Response {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(r.Timeout, maxTimeout))
	defer cancel()
	resp := c.post(ctx, r)
	resp.Duration = time.Since(start)
	return resp
}

func (c *Client) post(ctx context.Context, r Request) Response {
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		// Such a URL is refused when it is given. This one was stored by an import or under an older rule.
		return Response{Err: webhook.ReasonBlockedTarget, Detail: "not an http or https URL that can be called"}
	}
	if c.rule.port(u) != "" { // before the lookup, on whose addresses the check would depend
		return Response{Err: webhook.ReasonBlockedTarget, Detail: "a port that is not called"}
	}
	if c.rule.spelled(u) != "" { // the resolver may know spellings of an address that the check at the dial would not see
		return Response{Err: webhook.ReasonBlockedTarget, Detail: "a host that is not called"}
	}
	p := new(progress)
	ctx = context.WithValue(ctx, progressKey{}, p)
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, p.trace()), http.MethodPost, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return Response{Err: webhook.ReasonBlockedTarget, Detail: "not a URL that can be called"}
	}
	setHeaders(req.Header, r.Headers)
	// This uses the transport itself, because an http.Client follows redirects and puts the URL into its errors.
	res, err := c.transport.RoundTrip(req)
	if err != nil {
		what, detail := p.classify(ctx, err)
		return Response{Err: what, ErrDetail: detail, Detail: brief(err.Error())}
	}
	defer res.Body.Close()
	if res.StatusCode < 100 {
		return Response{Err: webhook.ReasonBadResponse, Detail: "status below 100"}
	}
	header := res.Header
	resp := Response{Status: res.StatusCode, RetryAfter: retryAfter(header, c.now()), Headers: func() map[string]string { return shown(header) }}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return resp // after this answer, the connection does not speak HTTP
	}
	if res.StatusCode >= 300 && res.StatusCode <= 399 {
		resp.Err, resp.Detail = webhook.ReasonRedirect, "redirects are not followed"
	}
	if resp.Body, resp.Truncated, err = readBody(res); err != nil {
		resp.Detail = "body: " + brief(err.Error())
	}
	return resp
}

// framing reports whether a header belongs to the connection and the message's framing. net/http sets those.
func framing(name string) bool {
	switch strings.ToLower(name) {
	case "connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade":
		return true
	}
	return false
}

func setHeaders(to http.Header, headers []Header) {
	for _, h := range headers {
		if !framing(h.Name) {
			to[h.Name] = append(to[h.Name], h.Value)
		}
	}
	// An empty User-Agent is not sent. Without one, net/http sends its own, even beside one in another spelling.
	if _, ok := to["User-Agent"]; !ok {
		to["User-Agent"] = []string{""}
	}
	// This header without values is not sent. It tells net/http that it can send this POST again if a kept-alive connection
	// breaks before an answer (net/http's Request.isReplayable).
	if _, ok := to["Idempotency-Key"]; !ok {
		to["Idempotency-Key"] = nil
	}
}

// brief bounds a text that a receiver can influence.
func brief(s string) string {
	s, _ = cut(s, 300)
	return s
}

func readBody(res *http.Response) (body string, truncated bool, err error) {
	raw, err := io.ReadAll(io.LimitReader(res.Body, webhook.MaxResponseFailed+1))
	text, whole := decode(raw, res.Header.Get("Content-Encoding"))
	body, long := cut(text, webhook.MaxResponseFailed)
	return body, long || !whole || err != nil || len(raw) > webhook.MaxResponseFailed, err
}
