package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"hookline/shared/gateway"
	"hookline/shared/httpapi"
)

// event is a call as API Gateway hands it over, by the route that it chose.
func event(routeKey, method, path string, signed bool) gateway.Event {
	e := gateway.Event{Version: "2.0", RouteKey: routeKey, RawPath: path, Headers: map[string]string{"content-type": "application/json"}}
	e.RequestContext.RouteKey = routeKey
	e.RequestContext.HTTP.Method = method
	if signed {
		e.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
			IAM: &events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription{UserARN: "arn:aws:iam::123456789012:user/ops"},
		}
	}
	return e
}

// example returns a route's method and a path that it takes.
func example(r httpapi.Route) (method, path string) {
	method, pattern, _ := strings.Cut(r.Key, " ")
	return method, strings.NewReplacer("{id}", "acme", "{name}", "standard").Replace(pattern)
}

// TestNoAdminUnsigned sends every admin's call in spellings that API Gateway takes for something else or leaves to the
// catch-all route, none of them signed, and each also by an API Gateway that forgot to ask for a signature.
func TestNoAdminUnsigned(t *testing.T) {
	w := newWorld(t)
	w.api.AdminKeyHash = ""
	w.api.Admin = gateway.Admin
	handle := gateway.Handler(w.api.Handler())
	admins := 0
	for _, route := range httpapi.Routes() {
		if !route.Admin {
			continue
		}
		admins++
		method, path := example(route)
		paths := []string{
			path, "/" + path, path + "/", "/." + path, strings.ToUpper(path), "/x/.." + path, path + "?", path + ";a=1", path + "%00",
			strings.Replace(path, "/v1", "/v1/", 1), strings.Replace(path, "/v1/", "/v1/./", 1), strings.Replace(path, "t", "%74", 1),
			strings.Replace(path, "/v1/", "/v1%2f", 1), strings.Replace(path, "/v1/", `/v1\`, 1), "http://other" + path,
		}
		for _, key := range []string{"$default", route.Key, "GET /v1/tenant", "GET /openapi.json", "POST /v1/events"} {
			for _, path := range paths {
				for _, method := range []string{method, strings.ToLower(method), "HEAD"} {
					a, err := handle(t.Context(), event(key, method, path, false))
					if err != nil {
						t.Fatal(err)
					}
					switch a.StatusCode {
					case http.StatusUnauthorized, http.StatusNotFound, http.StatusMethodNotAllowed:
					default:
						t.Errorf("%s %s by route %q: got %d %s", method, path, key, a.StatusCode, a.Body)
					}
				}
			}
		}
		// A signature for another route, however it came to the wrong path, opens nothing; for this one it does.
		for _, key := range []string{"$default", "GET /v1/other", ""} {
			if a, err := handle(t.Context(), event(key, method, path, true)); err != nil || a.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s signed for route %q: got %d, %v, want 401", route.Key, key, a.StatusCode, err)
			}
		}
		if a, err := handle(t.Context(), event(route.Key, method, path, true)); err != nil || a.StatusCode == http.StatusUnauthorized || a.StatusCode == http.StatusForbidden {
			t.Errorf("%s signed: got %d %s, %v", route.Key, a.StatusCode, a.Body, err)
		}
	}
	if admins < 10 {
		t.Errorf("%d admin's calls tried: the table has more", admins)
	}
}

func TestServes(t *testing.T) {
	w := newWorld(t)
	w.api.Serves = func(r httpapi.Route) bool { return r.Publishes }
	w.handler = w.api.Handler()
	w.do("POST", "/v1/events", w.key, `{"type":"invoice.paid","data":{}}`).is(202)
	w.do("POST", "/v1/tenants/acme/events", adminKey, `{"type":"invoice.paid","data":{}}`).is(202)
	w.do("GET", "/v1/webhooks", w.key, "").problem(404, "unknown-route")
	w.do("GET", "/v1/tenants/acme", adminKey, "").problem(404, "unknown-route")
	w.do("GET", "/healthz", "", "").problem(404, "unknown-route")

	w.api.Serves = func(r httpapi.Route) bool { return !r.Publishes }
	w.handler = w.api.Handler()
	r := w.do("PUT", "/v1/events", w.key, `{}`).problem(405, "method-not-allowed")
	if got, want := r.header.Get("Allow"), "GET, HEAD, POST"; got != want { // the path's, whichever function has them
		t.Errorf("got Allow %q, want %q", got, want)
	}
	w.do("POST", "/v1/events", w.key, `{}`).problem(405, "method-not-allowed") // the list of them is there
	w.do("GET", "/v1/webhooks", w.key, "").is(200)
}
