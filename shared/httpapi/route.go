package httpapi

import (
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// The scopes of routes that no scope of a tenant's key opens.
const (
	anyone = "anyone"
	admin  = "admin"
)

// bodyRule says whether a request has a body.
type bodyRule int

const (
	noBody       bodyRule = iota // it is not read
	optionalBody                 // an absent one is the same as {}
	requiredBody
	rawBody // any bytes, read as they came, because the credential of a report is over them
)

// route is one call of the API. Its path has at most one part in braces, which is never empty.
type route struct {
	method, path string
	scope        string // anyone, admin, or the scope that a tenant's key must hold
	body         bodyRule
	query        any                     // the zero value of the type that has its parameters, nil where it has none
	publishes    bool                    // the Publisher keeps its Idempotency-Key
	audit        string                  // the action of its entry in the audit log; "" for a call that has none
	inbound      bool                    // it takes reports of other products
	find         func(*API, *call) error // loads what the path names
	serve        func(*API, *call) (answer, error)

	// The rest is written into the OpenAPI document and decides nothing. A type is given by its zero value, or by a nil
	// pointer to it.

	id, tag, summary string
	text             string // more than the summary says, in Markdown
	takes            any    // the type of the body, nil where there is none
	form             any    // the type of a form, where the body may be one
	headers          []header
	gives            given
	also             []given // other answers that are no errors
	errors           []int   // the statuses of errors that do not follow from scope, path, query and body
}

// given is an answer that is no error.
type given struct {
	status int
	body   any      // the type of its JSON, nil where it has none
	types  []string // the content types, where it is not JSON of a type
	text   string   // "" says "Done."
}

// header is a header of the request that a route reads itself.
type header struct {
	name, text string
	required   bool
}

// parameters returns the names of a route's parameters.
func (r route) parameters() []string {
	if r.query == nil {
		return nil
	}
	return namesOf(reflect.TypeOf(r.query))
}

func namesOf(t reflect.Type) (names []string) {
	for f := range t.Fields() {
		if f.Anonymous {
			names = append(names, namesOf(f.Type)...)
		} else {
			names = append(names, f.Tag.Get("json"))
		}
	}
	return names
}

// key names the route as net/http's patterns and API Gateway's route keys do.
func (r route) key() string { return r.method + " " + r.path }

// Route is one call of the API as a front sees it, API Gateway for instance.
type Route struct {
	Key       string // "GET /v1/webhooks/{id}"
	Admin     bool   // it is the admin's: the front must authorise the caller
	Publishes bool   // it takes events
	Inbound   bool   // it takes reports of other products, which have no key of ours
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

// match finds the route for an escaped path, and the part of the path that stands for the route's part in braces. Without
// a route, known reports whether the table has the path with another method. HEAD is GET without its body.
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

// ownPath reports whether a path stands in the table as it is. Such a path matches no pattern: /v1/webhooks/import is not
// the webhook import.
func ownPath(table []route, path string) bool {
	return slices.ContainsFunc(table, func(r route) bool { return r.path == path })
}

// allowed returns the methods that a path takes, as the header Allow lists them. It counts every route, also those that
// another function serves.
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
