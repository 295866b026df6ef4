package gateway

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// Event is a request as API Gateway hands it over.
type Event = events.APIGatewayV2HTTPRequest

// contextKey is where the event's request context lives in the context of the http.Request.
type contextKey struct{}

// errNotHTTP reports an event that is no HTTP API request of format 2.0.
var errNotHTTP = errors.New("event is not an HTTP API request of payload format 2.0")

// IsRequest reports whether the event is a request, as against an event of another kind.
func IsRequest(e Event) bool { return e.Version == "2.0" && e.RequestContext.HTTP.Method != "" }

// NewRequest returns the event as a request. Its context ends with ctx.
func NewRequest(ctx context.Context, e Event) (*http.Request, error) {
	if !IsRequest(e) {
		return nil, errNotHTTP
	}
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			return nil, fmt.Errorf("body: %w", err)
		}
	}
	// Put together by hand: parsing would take "//v1" for a host, and a "%" that is left in a decoded path for an escape.
	u := &url.URL{Path: e.RawPath, RawQuery: e.RawQueryString}
	r := &http.Request{
		Method:        e.RequestContext.HTTP.Method,
		URL:           u,
		RequestURI:    u.RequestURI(), // before there is a scheme: as net/http's server has it
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        make(http.Header, len(e.Headers)+1),
		Body:          http.NoBody,
		ContentLength: int64(len(body)),
	}
	u.Scheme = "https" // API Gateway takes nothing else
	if len(body) > 0 {
		r.Body = newBody(body)
	}
	for name, value := range e.Headers {
		r.Header[http.CanonicalHeaderKey(name)] = []string{value}
	}
	if len(e.Cookies) > 0 {
		r.Header.Set("Cookie", strings.Join(e.Cookies, "; "))
	}
	r.Host = r.Header.Get("Host") // as net/http's server has it
	r.Header.Del("Host")
	if r.Host == "" {
		r.Host = e.RequestContext.DomainName
	}
	if ip := e.RequestContext.HTTP.SourceIP; ip != "" {
		r.RemoteAddr = net.JoinHostPort(ip, "0") // API Gateway does not say the port
	}
	return r.WithContext(context.WithValue(ctx, contextKey{}, e.RequestContext)), nil
}

// RouteKey returns the route of the API that the request came by, as "GET /v1/webhooks/{id}" or "$default"; "" for a
// request that did not come through API Gateway.
func RouteKey(r *http.Request) string {
	c, _ := requestContext(r)
	return c.RouteKey
}

// Admin returns the ARN of whom IAM authorised for the very route that the request is served by: API Gateway's route and
// the one that the handler matched (r.Pattern) are the same. Else it is "": a route without an IAM authorizer never passes,
// whatever the client sends. Of an assumed role it is the role's, arn:aws:sts::ACCOUNT:assumed-role/ROLE without the
// session's name, which is another each time that the role is assumed (IAM's user guide, "IAM identifiers").
func Admin(r *http.Request) string {
	c, ok := requestContext(r)
	if !ok || c.Authorizer == nil || c.Authorizer.IAM == nil || r.Pattern == "" || c.RouteKey != r.Pattern {
		return ""
	}
	arn := c.Authorizer.IAM.UserARN
	if head, role, ok := strings.Cut(arn, ":assumed-role/"); ok {
		role, _, _ = strings.Cut(role, "/")
		return head + ":assumed-role/" + role
	}
	return arn
}

func requestContext(r *http.Request) (events.APIGatewayV2HTTPRequestContext, bool) {
	c, ok := r.Context().Value(contextKey{}).(events.APIGatewayV2HTTPRequestContext)
	return c, ok
}
