package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Who may call a route, where it is not a tenant's key with a scope.
const (
	anyone = "anyone"
	admin  = "admin"
)

// bodyRule says what a request carries.
type bodyRule int

const (
	noBody       bodyRule = iota // it is not read
	optionalBody                 // an absent one is the same as {}
	requiredBody
	rawBody // any bytes, as they came: a receiver's, whose credential is over them
)

// route is one call of the API. Its path has at most one part in braces, which is never empty.
type route struct {
	method, path string
	scope        string // anyone, admin, or the scope that a tenant's key must hold
	body         bodyRule
	query        []string                // the query's parameters; the OpenAPI document has the same
	publishes    bool                    // its Idempotency-Key is the publisher's affair
	inbound      bool                    // it takes reports from outside
	find         func(*API, *call) error // loads what the path names
	serve        func(*API, *call) (answer, error)
}

// key names the route as net/http's patterns and API Gateway's route keys do.
func (r route) key() string { return r.method + " " + r.path }

// Route is one call of the API, as those see it who put a front before it.
type Route struct {
	Key       string // "GET /v1/webhooks/{id}"
	Admin     bool   // it is the admin's: the front has to authorise it
	Publishes bool   // it takes events
	Inbound   bool   // it takes reports from outside, whose sender has no key of ours
}

func (r route) public() Route {
	return Route{Key: r.key(), Admin: r.scope == admin, Publishes: r.publishes, Inbound: r.inbound}
}

// Routes returns every call of the API.
func Routes() []Route {
	var out []Route
	for _, r := range routes() {
		out = append(out, r.public())
	}
	return out
}

// routes returns the routes that this API serves.
func (a *API) routes() []route {
	return slices.DeleteFunc(routes(), func(r route) bool { return a.Serves != nil && !a.Serves(r.public()) })
}

func routes() []route {
	return append(receivers(), []route{
		{method: "POST", path: "/v1/tenants", scope: admin, body: requiredBody, serve: (*API).createTenant},
		{method: "GET", path: "/v1/tenants", scope: admin, query: paging(), serve: (*API).listTenants},
		{method: "GET", path: "/v1/tenants/{id}", scope: admin, find: (*API).findTenant, serve: (*API).showTenant},
		{method: "PATCH", path: "/v1/tenants/{id}", scope: admin, body: requiredBody, find: (*API).findTenant, serve: (*API).updateTenant},
		{method: "DELETE", path: "/v1/tenants/{id}", scope: admin, find: (*API).findTenant, serve: (*API).deleteTenant},
		{method: "POST", path: "/v1/tenants/{id}/events", scope: admin, body: requiredBody, publishes: true, find: (*API).findTenant, serve: (*API).publish},
		{method: "POST", path: "/v1/tenants/{id}/keys", scope: admin, body: requiredBody, find: (*API).findTenant, serve: (*API).createKey},
		{method: "POST", path: "/v1/tenants/{id}/portal-links", scope: admin, body: optionalBody, find: (*API).findTenant, serve: (*API).createPortalLink},

		{method: "GET", path: "/v1/tenant", scope: "tenant:read", serve: (*API).showTenant},
		{method: "PATCH", path: "/v1/tenant", scope: "tenant:write", body: requiredBody, serve: (*API).updateTenant},
		{method: "POST", path: "/v1/keys", scope: "keys:write", body: requiredBody, serve: (*API).createKey},
		{method: "GET", path: "/v1/keys", scope: "keys:read", query: paging(), serve: (*API).listKeys},
		{method: "DELETE", path: "/v1/keys/{id}", scope: "keys:write", serve: (*API).deleteKey},
		{method: "POST", path: "/v1/portal-links", scope: "tenant:write", body: optionalBody, serve: (*API).createPortalLink},

		{method: "POST", path: "/v1/webhooks", scope: "webhooks:write", body: requiredBody, serve: (*API).createWebhook},
		{method: "GET", path: "/v1/webhooks", scope: "webhooks:read", query: paging("search", "status", "stats"), serve: (*API).listWebhooks},
		{method: "POST", path: "/v1/webhooks/import", scope: "webhooks:write", body: requiredBody, query: []string{"dry_run"}, serve: (*API).importWebhooks},
		{method: "POST", path: "/v1/webhooks/try-filter", scope: "webhooks:read", body: requiredBody, serve: (*API).tryFilter},
		{method: "GET", path: "/v1/webhooks/{id}", scope: "webhooks:read", find: (*API).findWebhook, serve: (*API).showWebhook},
		{method: "PATCH", path: "/v1/webhooks/{id}", scope: "webhooks:write", body: requiredBody, find: (*API).findWebhook, serve: (*API).updateWebhook},
		{method: "DELETE", path: "/v1/webhooks/{id}", scope: "webhooks:write", find: (*API).findWebhook, serve: (*API).deleteWebhook},
		{method: "POST", path: "/v1/webhooks/{id}/test", scope: "webhooks:write", body: optionalBody, find: (*API).findWebhook, serve: (*API).testWebhook},
		{method: "POST", path: "/v1/webhooks/{id}/rotate-secret", scope: "webhooks:write", body: optionalBody, find: (*API).findWebhook, serve: (*API).rotateSecret},
		{method: "GET", path: "/v1/webhooks/{id}/deliveries", scope: "deliveries:read", query: paging("status", "event_type", "since", "until"), find: (*API).findWebhook, serve: (*API).listDeliveries},
		{method: "POST", path: "/v1/webhooks/{id}/replay", scope: "deliveries:write", body: requiredBody, find: (*API).findWebhook, serve: (*API).replayWebhook},
		{method: "GET", path: "/v1/replays/{id}", scope: "deliveries:read", find: (*API).findReplay, serve: (*API).showReplay},
		{method: "DELETE", path: "/v1/replays/{id}", scope: "deliveries:write", find: (*API).findReplay, serve: (*API).cancelReplay},

		{method: "GET", path: "/v1/webhooks/{id}/stats", scope: "webhooks:read", find: (*API).findWebhook, serve: (*API).showWebhookStats},
		{method: "GET", path: "/v1/stats", scope: "webhooks:read", serve: (*API).showStats},

		{method: "GET", path: "/v1/deliveries", scope: "deliveries:read", query: paging("status", "event_type", "since", "until"), serve: (*API).listDeliveries},
		{method: "GET", path: "/v1/deliveries/{id}", scope: "deliveries:read", find: (*API).findDelivery, serve: (*API).showDelivery},
		{method: "POST", path: "/v1/deliveries/{id}/replay", scope: "deliveries:write", body: optionalBody, find: (*API).findDelivery, serve: (*API).replayDelivery},

		{method: "POST", path: "/v1/events", scope: "events:write", body: requiredBody, publishes: true, serve: (*API).publish},
		{method: "GET", path: "/v1/events", scope: "events:read", query: paging("type", "matched", "since", "until"), serve: (*API).listEvents},
		{method: "GET", path: "/v1/events/{id}", scope: "events:read", find: (*API).findEvent, serve: (*API).showEvent},
		{method: "POST", path: "/v1/events/{id}/replay", scope: "deliveries:write", body: requiredBody, find: (*API).findEvent, serve: (*API).replayEvent},
		{method: "GET", path: "/v1/event-types", scope: "events:read", query: paging(), serve: (*API).listEventTypes},
		{method: "GET", path: "/v1/event-types/{name}/preview", scope: "events:read", query: []string{"format"}, serve: (*API).previewEventType},

		{method: "POST", path: "/v1/sources", scope: "sources:write", body: requiredBody, serve: (*API).createSource},
		{method: "GET", path: "/v1/sources", scope: "sources:read", query: paging(), serve: (*API).listSources},
		{method: "GET", path: "/v1/sources/{id}", scope: "sources:read", find: (*API).findSource, serve: (*API).showSource},
		{method: "DELETE", path: "/v1/sources/{id}", scope: "sources:write", find: (*API).findSource, serve: (*API).deleteSource},
		{method: "GET", path: "/v1/deployments", scope: "sources:read", query: paging("environment", "repository_id", "since"), serve: (*API).listDeployments},
		{method: "GET", path: "/v1/deployments/{id}", scope: "sources:read", find: (*API).findDeployment, serve: (*API).showDeployment},

		{method: "GET", path: "/v1/dialects", scope: admin, query: paging(), serve: (*API).listDialects},
		{method: "GET", path: "/v1/dialects/{name}", scope: admin, serve: (*API).showDialect},
		{method: "PUT", path: "/v1/dialects/{name}", scope: admin, body: requiredBody, serve: (*API).putDialect},
		{method: "DELETE", path: "/v1/dialects/{name}", scope: admin, serve: (*API).deleteDialect},
		{method: "POST", path: "/v1/dialects/{name}/preview", scope: admin, body: requiredBody, find: (*API).findDialect, serve: (*API).previewDialect},
		{method: "POST", path: "/v1/dead-letters/redrive", scope: admin, body: optionalBody, serve: (*API).redrive},
		{method: "GET", path: "/v1/dead-letters", scope: admin, serve: (*API).showDeadLetters},

		{method: "GET", path: "/openapi.json", scope: anyone, serve: (*API).showOpenAPI},
		{method: "GET", path: "/docs", scope: anyone, serve: (*API).showDocs},
		{method: "GET", path: "/docs/{name}", scope: anyone, serve: (*API).showDocsFile},
		{method: "GET", path: "/healthz", scope: anyone, serve: (*API).showHealth},
	}...)
}

// paging returns the parameters of a list that comes in pages, with those of its own.
func paging(more ...string) []string { return append([]string{"limit", "cursor"}, more...) }

// match finds the route for an escaped path, and what stands for its part in braces. Without a route, known says whether
// the path is one of the table's. HEAD is GET without its body.
func match(table []route, method, path string) (rt *route, name string, known bool) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	own := ownPath(table, path)
	for i := range table {
		part, ok := matchPath(table[i].path, path)
		if !ok || own && table[i].path != path {
			continue
		}
		if table[i].method == method {
			return &table[i], part, true
		}
		known = true
	}
	return nil, "", known
}

// ownPath reports whether a path stands in the table as it is. Then it fits no pattern: /v1/webhooks/import is no webhook.
func ownPath(table []route, path string) bool {
	return slices.ContainsFunc(table, func(r route) bool { return r.path == path })
}

// allowed returns the methods that a path takes, as the header Allow lists them, whichever function serves them.
func allowed(path string) string {
	var methods []string
	table := routes()
	own := ownPath(table, path)
	for _, r := range table {
		if _, ok := matchPath(r.path, path); !ok || own && r.path != path {
			continue
		}
		methods = append(methods, r.method)
		if r.method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}

func matchPath(pattern, path string) (part string, ok bool) {
	before, rest, braces := strings.Cut(pattern, "{")
	if !braces {
		return "", pattern == path
	}
	_, after, _ := strings.Cut(rest, "}")
	middle, ok := strings.CutPrefix(path, before)
	if !ok {
		return "", false
	}
	if middle, ok = strings.CutSuffix(middle, after); !ok || middle == "" || strings.Contains(middle, "/") {
		return "", false
	}
	// A part that does not unescape stays as it is and names nothing.
	if plain, err := url.PathUnescape(middle); err == nil {
		middle = plain
	}
	return middle, true
}
