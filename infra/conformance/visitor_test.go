package conformance

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"hookline/infra/lambda"
)

// visitor is a browser in front of the console's function: it keeps cookies and follows nothing.
type visitor struct {
	*compiled
	console *lambda.Environment
	cookies []string // name=value
}

func (v *visitor) get(target string, want int) events.APIGatewayV2HTTPResponse {
	v.t.Helper()
	return v.ask(http.MethodGet, target, "", want)
}

// post sends a form: pairs of a field's name and its value.
func (v *visitor) post(target string, want int, fields ...string) events.APIGatewayV2HTTPResponse {
	v.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return v.ask(http.MethodPost, target, form.Encode(), want)
}

func (v *visitor) ask(method, target, form string, want int) (answer events.APIGatewayV2HTTPResponse) {
	v.t.Helper()
	var ev events.APIGatewayV2HTTPRequest
	load(v.t, "console/page", &ev)
	ev.RawPath, ev.RawQueryString, _ = strings.Cut(target, "?")
	ev.RequestContext.HTTP.Method, ev.RequestContext.HTTP.Path = method, ev.RawPath
	if method == http.MethodPost {
		ev.Headers["content-type"] = "application/x-www-form-urlencoded"
		ev.Headers["sec-fetch-site"] = "same-origin"
		ev.Body, ev.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(form)), true
	}
	ev.Cookies = v.cookies
	invoke(v.t, v.console, ev, &answer)
	if answer.StatusCode != want {
		v.t.Fatalf("%s %s: got %d %s, want %d", method, target, answer.StatusCode, answer.Body, want)
	}
	for _, line := range answer.Cookies {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			v.t.Fatal(err)
		}
		v.cookies = slices.DeleteFunc(v.cookies, func(kept string) bool { return strings.HasPrefix(kept, c.Name+"=") })
		if c.MaxAge >= 0 {
			v.cookies = append(v.cookies, c.Name+"="+c.Value)
		}
	}
	return answer
}

// TestAWSConsole has people at the console's function, as API Gateway calls it: one with a key, one by a link that the
// webhooks function made, which another cannot use again. The admin's calls are not behind it.
func TestAWSConsole(t *testing.T) {
	s := newStack(t)
	webhooks, console := s.function("webhooks", true, 30*time.Second), s.function("console", true, 30*time.Second)
	key := s.tenant(webhooks, "acme", "standard")
	owner := &visitor{compiled: s, console: console}
	owner.post("/console/sign-in", http.StatusSeeOther, "key", key)
	owner.post("/console/webhooks", http.StatusCreated, "url", s.target+"/ok", "events", "*", "name", "Billing", "active", "on")

	var link struct{ URL string }
	s.request(webhooks, "webhooks/create-webhook", func(ev *events.APIGatewayV2HTTPRequest) {
		as(key)(ev)
		const path = "/v1/portal-links"
		ev.RouteKey, ev.RawPath, ev.Body = "POST "+path, path, ""
		ev.RequestContext.RouteKey = ev.RouteKey
	}, http.StatusCreated, &link)
	u, err := url.Parse(link.URL)
	if err != nil || u.Scheme != "https" || u.Host != "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com" {
		t.Fatalf("got %s, %v, want an address of the API", link.URL, err)
	}
	guest := &visitor{compiled: s, console: console}
	if got := guest.get(u.RequestURI(), http.StatusSeeOther); len(got.Cookies) != 1 || !strings.Contains(got.Cookies[0], "Partitioned") {
		t.Errorf("got cookies %q, want a portal's", got.Cookies)
	}
	if got := guest.get("/console/webhooks", http.StatusOK); !strings.Contains(got.Body, "Billing") {
		t.Errorf("got %s, want the tenant's webhook", got.Body)
	}
	guest.get("/console/keys", http.StatusForbidden)
	(&visitor{compiled: s, console: console}).get(u.RequestURI(), http.StatusGone)

	for _, visit := range []*visitor{owner, guest} {
		visit.get("/v1/tenants", http.StatusNotFound)
		visit.get("/console/v1/tenants", http.StatusNotFound)
	}
}
