package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
)

// recorded reads an event of the repository's events folder.
func recorded(t *testing.T, name string) Event {
	t.Helper()
	b, err := os.ReadFile("../../events/lambda/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(b))
}

func parse(t *testing.T, event string) Event {
	t.Helper()
	var e Event
	if err := json.Unmarshal([]byte(event), &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// documented is the example of format 2.0 in AWS's developer guide, with an IAM authorizer's part.
const documented = `{
  "version": "2.0",
  "routeKey": "$default",
  "rawPath": "/my/path",
  "rawQueryString": "parameter1=value1&parameter1=value2&parameter2=value",
  "cookies": ["cookie1", "cookie2"],
  "headers": {"header1": "value1", "header2": "value1,value2"},
  "queryStringParameters": {"parameter1": "value1,value2", "parameter2": "value"},
  "requestContext": {
    "accountId": "123456789012",
    "apiId": "api-id",
    "authentication": {"clientCert": {
      "clientCertPem": "CERT_CONTENT", "subjectDN": "www.example.com", "issuerDN": "Example issuer",
      "serialNumber": "a1:a1:a1:a1:a1:a1:a1:a1:a1:a1:a1:a1:a1:a1:a1:a1",
      "validity": {"notBefore": "May 28 12:30:02 2019 GMT", "notAfter": "Aug  5 09:36:04 2021 GMT"}
    }},
    "authorizer": {"jwt": {"claims": {"claim1": "value1", "claim2": "value2"}, "scopes": ["scope1", "scope2"]}},
    "domainName": "id.execute-api.us-east-1.amazonaws.com",
    "domainPrefix": "id",
    "http": {"method": "POST", "path": "/my/path", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "agent"},
    "requestId": "id",
    "routeKey": "$default",
    "stage": "$default",
    "time": "12/Mar/2020:19:03:58 +0000",
    "timeEpoch": 1583348638390
  },
  "body": "Hello from Lambda",
  "pathParameters": {"parameter1": "value1"},
  "isBase64Encoded": false,
  "stageVariables": {"stageVariable1": "value1", "stageVariable2": "value2"}
}`

// seen is what a handler sees of a request.
type seen struct {
	Method, URI, Path, Escaped, Query string
	Host, Remote, RouteKey            string
	Header                            map[string]string // some of it
	Cookies                           []string
	Body                              string
	Length                            int64
}

func look(t *testing.T, r *http.Request, headers ...string) seen {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	s := seen{
		Method: r.Method, URI: r.RequestURI, Path: r.URL.Path, Escaped: r.URL.EscapedPath(), Query: r.URL.RawQuery,
		Host: r.Host, Remote: r.RemoteAddr, RouteKey: RouteKey(r), Body: string(body), Length: r.ContentLength,
		Header: make(map[string]string),
	}
	for _, name := range headers {
		s.Header[name] = strings.Join(r.Header.Values(name), "|")
	}
	for _, c := range r.Cookies() {
		s.Cookies = append(s.Cookies, c.Name+"="+c.Value)
	}
	return s
}

func TestRequest(t *testing.T) {
	const host = "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"
	tests := map[string]struct {
		event   Event
		headers []string
		want    seen
	}{
		"as AWS documents it": {
			parse(t, documented),
			[]string{"Header1", "Header2", "Cookie"},
			seen{
				Method: "POST", URI: "/my/path?parameter1=value1&parameter1=value2&parameter2=value", Path: "/my/path", Escaped: "/my/path",
				Query: "parameter1=value1&parameter1=value2&parameter2=value", Host: "id.execute-api.us-east-1.amazonaws.com",
				Remote: "192.0.2.1:0", RouteKey: "$default", Body: "Hello from Lambda", Length: 17,
				Header: map[string]string{"Header1": "value1", "Header2": "value1,value2", "Cookie": "cookie1; cookie2"},
				// Not pairs, so net/http knows them by their values alone.
				Cookies: []string{"cookie1=", "cookie2="},
			},
		},
		"a query stays as it was, cookies come back": {
			recorded(t, "webhooks/list-webhooks"),
			[]string{"Authorization", "Host", "X-Forwarded-For"},
			seen{
				Method: "GET", URI: "/v1/webhooks?search=a%20b%26c&limit=10&status=active", Path: "/v1/webhooks", Escaped: "/v1/webhooks",
				Query: "search=a%20b%26c&limit=10&status=active", Host: host, Remote: "203.0.113.7:0", RouteKey: "GET /v1/webhooks",
				Header:  map[string]string{"Authorization": "Bearer hk_example", "Host": "", "X-Forwarded-For": "203.0.113.7"},
				Cookies: []string{"theme=dark", "session=abc"},
			},
		},
		"a base64 body": {
			recorded(t, "ingest/publish"),
			nil,
			seen{
				Method: "POST", URI: "/v1/events", Path: "/v1/events", Escaped: "/v1/events", Host: host, Remote: "203.0.113.7:0",
				RouteKey: "POST /v1/events", Length: 86, Header: map[string]string{},
				Body: `{"type":"invoice.paid","data":{"number":"2026-17","total":1.50,"note":"Größe 😀"}}`,
			},
		},
		"two slashes are no host": {
			recorded(t, "webhooks/unknown-route"),
			nil,
			seen{
				Method: "GET", URI: "//v1/tenants", Path: "//v1/tenants", Escaped: "//v1/tenants", Host: host, Remote: "203.0.113.7:0",
				RouteKey: "$default", Header: map[string]string{},
			},
		},
		"a decoded path": {
			recorded(t, "webhooks/show-delivery"),
			nil,
			seen{
				Method: "GET", URI: "/v1/deliveries/a%20b", Path: "/v1/deliveries/a b", Escaped: "/v1/deliveries/a%20b", Host: host,
				Remote: "203.0.113.7:0", RouteKey: "GET /v1/deliveries/{id}", Header: map[string]string{},
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := NewRequest(t.Context(), tt.event)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, look(t, r, tt.headers...)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if r.URL.Scheme != "https" {
				t.Errorf("got scheme %q, want https", r.URL.Scheme)
			}
		})
	}
}

// TestPathsAsTheyCome shows that a path is decoded once, by API Gateway, and never here; nor cleaned.
func TestPathsAsTheyCome(t *testing.T) {
	for _, path := range []string{"/v1/x%41", "/v1/%2e%2e/tenants", "/v1/../tenants", "/v1/tenants/", "/V1/Tenants", "/v1/ü", "/v1/%zz", "/", ""} {
		e := recorded(t, "webhooks/unknown-route")
		e.RawPath = path
		r, err := NewRequest(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		if r.URL.Path != path {
			t.Errorf("%q: got path %q", path, r.URL.Path)
		}
		if strings.Contains(path, "%") && r.URL.EscapedPath() == path {
			t.Errorf("%q would be decoded a second time", path)
		}
	}
}

// TestAsTheServerHasIt sends the same request over a socket and as an event: a handler sees no difference.
func TestAsTheServerHasIt(t *testing.T) {
	body := string([]byte{0xff, 0x00}) + "text"
	var direct seen
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		direct = look(t, r, "Content-Type", "X-Twice", "Cookie", "Host")
	}))
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL+"/a%20b?c=%20d", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Content-Type": {"application/octet-stream"}, "X-Twice": {"1,2"}, "Cookie": {"a=1; b=2"}}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()

	var e Event
	e.Version, e.RawPath, e.RawQueryString, e.Cookies = "2.0", "/a b", "c=%20d", []string{"a=1", "b=2"}
	e.Headers = map[string]string{"content-type": "application/octet-stream", "x-twice": "1,2", "host": req.URL.Host}
	e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(body)), true
	e.RequestContext.HTTP.Method, e.RequestContext.HTTP.SourceIP = http.MethodPut, "2001:db8::1"
	r, err := NewRequest(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	got := look(t, r, "Content-Type", "X-Twice", "Cookie", "Host")
	if addr, err := netip.ParseAddrPort(got.Remote); err != nil || addr.Addr() != netip.MustParseAddr("2001:db8::1") {
		t.Errorf("remote address: got %q, %v", got.Remote, err)
	}
	got.Remote, direct.Remote = "", ""
	if diff := cmp.Diff(direct, got); diff != "" {
		t.Errorf("(-server +gateway):\n%s", diff)
	}
}

func TestNoRequest(t *testing.T) {
	bad64 := parse(t, documented)
	bad64.IsBase64Encoded = true
	tests := map[string]Event{
		"nothing":         {},
		"format 1.0":      parse(t, `{"version":"1.0","resource":"/","httpMethod":"GET","path":"/"}`),
		"an SQS event":    parse(t, `{"Records":[{"eventSource":"aws:sqs"}]}`),
		"not base64 body": bad64,
	}
	for name, e := range tests {
		t.Run(name, func(t *testing.T) {
			h := Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") }))
			if got, err := h(t.Context(), e); err == nil {
				t.Errorf("got %v, want an error", got)
			}
		})
	}
}

func TestAnswer(t *testing.T) {
	binary := []byte{0xff, 0xfe, 0x00}
	tests := map[string]struct {
		serve http.HandlerFunc
		want  Answer
	}{
		"nothing said": {
			func(http.ResponseWriter, *http.Request) {},
			Answer{StatusCode: 200, Headers: map[string]string{}},
		},
		"status, headers, text": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Content-Length", "8")
				w.Header()["Vary"] = []string{"Accept", "Origin"}
				w.WriteHeader(http.StatusCreated)
				_, _ = io.WriteString(w, `{"a":`)
				_, _ = io.WriteString(w, `"ü"}`)
			},
			Answer{StatusCode: 201, Headers: map[string]string{"Content-Type": "application/json", "Vary": "Accept, Origin"}, Body: `{"a":"ü"}`},
		},
		"cookies": {
			func(w http.ResponseWriter, _ *http.Request) {
				http.SetCookie(w, &http.Cookie{Name: "a", Value: "1", HttpOnly: true})
				http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
				w.WriteHeader(http.StatusNoContent)
			},
			Answer{StatusCode: 204, Headers: map[string]string{}, Cookies: []string{"a=1; HttpOnly", "b=2"}},
		},
		"bytes that are no text": {
			func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(binary) },
			Answer{
				StatusCode: 200, Headers: map[string]string{"Content-Type": "application/octet-stream"},
				Body: base64.StdEncoding.EncodeToString(binary), IsBase64Encoded: true,
			},
		},
		"a type that nobody set": {
			func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<!doctype html>") },
			Answer{StatusCode: 200, Headers: map[string]string{"Content-Type": "text/html; charset=utf-8"}, Body: "<!doctype html>"},
		},
		"only the first status counts, and no header after it": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusEarlyHints)
				w.WriteHeader(http.StatusTeapot)
				w.Header().Set("X-Late", "1")
				w.WriteHeader(http.StatusOK)
			},
			Answer{StatusCode: 418, Headers: map[string]string{}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Handler(tt.serve)(t.Context(), parse(t, documented))
			if err != nil {
				t.Fatal(err)
			}
			if tls := got.Headers["Strict-Transport-Security"]; tls != "max-age=31536000" {
				t.Errorf("got Strict-Transport-Security %q, want a year", tls)
			}
			delete(got.Headers, "Strict-Transport-Security")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			// The answer goes to API Gateway as JSON, which would replace bytes that are no text.
			raw, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			var sent Answer
			if err := json.Unmarshal(raw, &sent); err != nil || sent.Body != got.Body {
				t.Errorf("on the wire: got body %q, %v, want %q", sent.Body, err, got.Body)
			}
		})
	}
}

func TestContext(t *testing.T) {
	type key struct{}
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "kept"))
	r, err := NewRequest(ctx, parse(t, documented))
	if err != nil {
		t.Fatal(err)
	}
	if r.Context().Value(key{}) != "kept" || r.Context().Err() != nil {
		t.Error("the request's context is not the invocation's")
	}
	cancel()
	if r.Context().Err() == nil {
		t.Error("the request outlives its invocation")
	}
}

func TestAdmin(t *testing.T) {
	signed := recorded(t, "webhooks/create-tenant")
	change := func(f func(*Event)) Event {
		e := signed
		authorizer := *e.RequestContext.Authorizer
		iam := *authorizer.IAM
		authorizer.IAM = &iam
		e.RequestContext.Authorizer = &authorizer
		e.Headers = maps.Clone(e.Headers)
		f(&e)
		return e
	}
	by := func(arn string) Event {
		return change(func(e *Event) { e.RequestContext.Authorizer.IAM.UserARN = arn })
	}
	const (
		route = "POST /v1/tenants"
		user  = "arn:aws:iam::111122223333:user/ops/jane"
		role  = "arn:aws-cn:sts::111122223333:assumed-role/deployer"
	)
	tests := map[string]struct {
		event   Event
		pattern string
		want    string
	}{
		"signed, its own route":      {signed, route, "arn:aws:sts::123456789012:assumed-role/ops"},
		"by a user":                  {by(user), route, user},
		"by a role's session":        {by(role + "/1700000000.1"), route, role},
		"by another session of it":   {by(role + "/i-0abc@example.com"), route, role},
		"signed, served by another":  {signed, "DELETE /v1/tenants/{id}", ""},
		"signed, served by no route": {signed, "", ""},
		"no authorizer":              {change(func(e *Event) { e.RequestContext.Authorizer = nil }), route, ""},
		"another kind of authorizer": {change(func(e *Event) { e.RequestContext.Authorizer.IAM = nil }), route, ""},
		"an authorizer that says no-one": {change(func(e *Event) {
			e.RequestContext.Authorizer.IAM = &events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription{}
		}), route, ""},
		"came by the catch-all": {change(func(e *Event) { e.RequestContext.RouteKey = "$default" }), route, ""},
		"only the outer key is right": {change(func(e *Event) {
			e.RouteKey, e.RequestContext.RouteKey = route, "GET /v1/tenant"
		}), route, ""},
		"a client's headers say so": {change(func(e *Event) {
			e.RequestContext.Authorizer = nil
			e.Headers["requestcontext"] = `{"authorizer":{"iam":{"userArn":"arn:aws:iam::1:user/x"}}}`
		}), route, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := NewRequest(t.Context(), tt.event)
			if err != nil {
				t.Fatal(err)
			}
			r.Pattern = tt.pattern
			if got := Admin(r); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	plain := httptest.NewRequest(http.MethodPost, "/v1/tenants", nil)
	plain.Pattern = route
	if Admin(plain) != "" || RouteKey(plain) != "" {
		t.Error("a request that did not come through API Gateway counts as an admin's")
	}
}

func FuzzHandler(f *testing.F) {
	f.Add([]byte(documented))
	for _, name := range []string{"webhooks/list-webhooks", "ingest/publish", "deliver/poison", "sweep/schedule"} {
		b, err := os.ReadFile("../../events/lambda/" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		var e Event
		if json.Unmarshal(event, &e) != nil {
			return
		}
		var got []byte
		answer, err := Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got, _ = io.ReadAll(r.Body)
			if r.URL.Path != e.RawPath {
				t.Errorf("path %q became %q", e.RawPath, r.URL.Path)
			}
			_, _ = w.Write(got)
		}))(t.Context(), e)
		if err != nil {
			return
		}
		sent := []byte(answer.Body)
		if answer.IsBase64Encoded {
			if sent, err = base64.StdEncoding.DecodeString(answer.Body); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(sent, got) {
			t.Errorf("answered %q for %q", sent, got)
		}
	})
}
