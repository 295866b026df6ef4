// Package egress POSTs to the URLs that customers give, which may point anywhere and answer anything.
//
// What it guarantees: the address is checked after the name is resolved, at every dial, so that no spelling of a URL and
// no change of a DNS record reaches a private, loopback, link-local or otherwise special address (unless
// Options.AllowPrivate); no proxy and no redirect is followed; TLS is 1.2 or later and verified; one deadline covers
// everything up to the last byte read; what is kept of an answer is bounded while it is read, so neither an endless nor
// a compressed body costs memory; headers go out in the spelling they were given; whatever happens becomes a Response
// and never an error, because a receiver's failure is data.
//
// A POST whose kept-alive connection turns out to be dead is sent again on a new one: a receiver may see a body twice.
// Otherwise nothing is tried again here. Nothing is logged; Response.Detail is there for that.
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

	"code.dny.dev/ssrf"

	"hookline/shared/webhook"
)

const (
	maxTimeout = webhook.MaxTimeoutSeconds * time.Second

	// maxResponseHeader bounds an answer's header, informational ones included.
	maxResponseHeader = 64 << 10

	// idleTimeout is short because a function that is frozen between two batches finds its connections dead, and
	// because load balancers commonly close idle ones after 5 s or more.
	idleTimeout = 4 * time.Second
)

// Ports returns the ports that are called in production: those of HTTP and HTTPS and their customary alternatives. Any
// other is more likely an internal service than a webhook's receiver.
func Ports() []uint16 { return []uint16{80, 443, 8080, 8443} }

// Options of a Client; the zero value applies production's rules.
type Options struct {
	AllowPrivate bool           // any address and any port; never on AWS
	Ports        []uint16       // that may be called; empty means Ports()
	DialTimeout  time.Duration  // of resolving and connecting, and once more of the TLS handshake; 0 means 30 s
	Resolver     *net.Resolver  // nil means the system's
	RootCAs      *x509.CertPool // nil means the system's
	Now          func() time.Time
}

// Client POSTs. It is safe for concurrent use and keeps connections for a few seconds.
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
		dialer.Control = ssrf.New(ssrf.WithPorts(ports...)).Safe
	}
	now := o.Now
	if now == nil {
		now = time.Now
	}
	return &Client{now: now, rule: URLRule{AllowPrivate: o.AllowPrivate, Ports: o.Ports}, transport: &http.Transport{
		Proxy:                  nil,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs, GetClientCertificate: noCertificate},
		TLSHandshakeTimeout:    cmp.Or(o.DialTimeout, maxTimeout),
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxResponseHeader,
	}}
}

// CloseIdle closes the connections that are not in use.
func (c *Client) CloseIdle() { c.transport.CloseIdleConnections() }

// Header is one header as it goes on the wire, spelling included (HTTP/2 has lower case only).
type Header struct{ Name, Value string }

// Request is one POST.
type Request struct {
	URL string
	// Headers are sent as they are, save those that belong to the connection and its framing (Host, Content-Length,
	// Connection and the like), which are left out whatever they say.
	Headers []Header
	Body    []byte        // must not change any more, not even after Post
	Timeout time.Duration // real time, over everything including the answer's body; 0 means 30 s
}

// Response is what came of a POST.
type Response struct {
	Status int // 0 when no answer came
	// Body is the answer's, cut to webhook.MaxResponseFailed bytes. It is valid UTF-8: other bytes are shown as U+FFFD. A
	// gzip body is shown inflated; of another encoding there is a note instead.
	Body string
	// Truncated says that the body was longer, or broke off, or did not end in time. The status counts all the same.
	Truncated  bool
	RetryAfter time.Duration // what the answer asked for, in either form of RFC 9110 section 10.2.3; 0 none
	Duration   time.Duration // measured in real time
	// Err is "" when an answer came, whatever its status; but a redirect (3xx) is webhook.ErrRedirect. When the caller's
	// own context ends, Err is webhook.ErrTimeout too: a caller that cancels must not hold it against the receiver.
	Err webhook.AttemptError
	// ErrDetail narrows Err down where more is known.
	ErrDetail webhook.ErrorDetail
	// Headers are the answer's, as webhook.Attempt keeps them; nil without an answer.
	Headers map[string]string
	// Detail is for logs: what happened, in Go's words. It may name addresses and quote what is not HTTP, but has no
	// header's value, no body and no URL.
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
		// Such a URL was refused when it was given; it is here by way of an import or an older rule.
		return Response{Err: webhook.ErrBlockedTarget, Detail: "not an http or https URL that can be called"}
	}
	if c.rule.port(u) != "" { // before the name is looked up, whose addresses it would depend on
		return Response{Err: webhook.ErrBlockedTarget, Detail: "a port that is not called"}
	}
	p := progress{host: u.Hostname()}
	ctx = context.WithValue(ctx, progressKey{}, &p)
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, p.trace()), http.MethodPost, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return Response{Err: webhook.ErrBlockedTarget, Detail: "not a URL that can be called"}
	}
	setHeaders(req.Header, r.Headers)
	// The transport itself, without an http.Client: that would follow redirects and put the URL into its errors.
	res, err := c.transport.RoundTrip(req)
	if err != nil {
		what, detail := p.classify(ctx, err)
		return Response{Err: what, ErrDetail: detail, Detail: brief(err.Error())}
	}
	defer res.Body.Close()
	if res.StatusCode < 100 {
		return Response{Err: webhook.ErrBadResponse, Detail: "status below 100"}
	}
	resp := Response{Status: res.StatusCode, RetryAfter: retryAfter(res.Header, c.now()), Headers: shown(res.Header)}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return resp // what follows is not HTTP
	}
	if res.StatusCode >= 300 && res.StatusCode <= 399 {
		resp.Err, resp.Detail = webhook.ErrRedirect, "redirects are not followed"
	}
	if resp.Body, resp.Truncated, err = readBody(res); err != nil {
		resp.Detail = "body: " + brief(err.Error())
	}
	return resp
}

// framing reports whether a header belongs to the connection and the message's framing, which net/http decides on.
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
	// Empty it is not sent; absent net/http would send its own, also beside one in another spelling.
	if _, ok := to["User-Agent"]; !ok {
		to["User-Agent"] = []string{""}
	}
	// Present without a value it is not sent, and tells net/http that this POST may be sent again when a kept-alive
	// connection breaks before an answer (net/http's Request.isReplayable).
	if _, ok := to["Idempotency-Key"]; !ok {
		to["Idempotency-Key"] = nil
	}
}

// brief bounds text that a receiver may have a part in.
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
