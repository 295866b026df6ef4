package page

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hookline/shared/api"
	"hookline/shared/audit"
	"hookline/shared/console/words"
	"hookline/shared/httpapi"
	"hookline/shared/webhook"
)

// Problem is an error that the API answered with.
type Problem struct{ api.Problem }

func (p *Problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail) }

// Correctable reports whether another input could succeed, so that a form can show the problem.
func (p *Problem) Correctable() bool {
	never := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}
	return p.Status >= 400 && p.Status < 500 && !slices.Contains(never, p.Status)
}

// FieldErrors returns the first problem of each of a form's fields. rest is the problem with anything else, or "".
func (p *Problem) FieldErrors(fields ...string) (problems map[string]string, rest string) {
	problems = make(map[string]string)
	for _, e := range p.Errors {
		field, _, _ := strings.Cut(e.Field, ".")
		switch {
		case !slices.Contains(fields, field):
			rest = p.Detail
		case problems[field] == "":
			problems[field] = words.Sentence(e.Message)
		}
	}
	if len(p.Errors) == 0 {
		rest = p.Detail
	}
	return problems, rest
}

// Answered reports whether the API answered with a status.
func Answered(err error, status int) bool {
	p, ok := errors.AsType[*Problem](err)
	return ok && p.Status == status
}

// NoEventLog reports whether the API answered that the stack keeps no event log.
func NoEventLog(err error) bool { return coded(err, "event-log-off") }

// PayloadErased reports whether the API refused because an event's payload was erased.
func PayloadErased(err error) bool { return coded(err, "event-erased") }

func coded(err error, code api.Code) bool {
	p, ok := errors.AsType[*Problem](err)
	return ok && p.Code == code
}

// Get makes a GET request to the API and reads the answer into out, unless that is nil.
func (v *Visit) Get(path string, query url.Values, out any) error {
	return v.call("", http.MethodGet, path, query, nil, out)
}

// Send makes another request to the API, with in as its body, and reads the answer into out, unless that is nil.
func (v *Visit) Send(method, path string, in, out any) error {
	return v.call("", method, path, nil, in, out)
}

// Create asks the API to make something, at most once for each form that was rendered: a second click, or a reload of the
// page that shows a secret, gets the first answer again. The same form with other entries makes something else.
func (v *Visit) Create(path string, in, out any) error {
	return v.call(v.R.PostFormValue("once"), http.MethodPost, path, nil, in, out)
}

// call makes a request to the API with the visitor's key. in is its body, nil for none, and out gets the answer, unless it
// is nil. Addresses in the answer begin as that of the page does. If once is not "", a second call with the same once and
// body gets the first answer again.
func (v *Visit) call(once, method, path string, query url.Values, in, out any) error {
	var body io.Reader = http.NoBody
	var b bytes.Buffer
	if in != nil {
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false) // the API stores a filter as it comes, so it must stay as it was entered
		if err := enc.Encode(in); err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		body = &b
	}
	r, err := http.NewRequestWithContext(httpapi.WithCaller(v.R.Context(), v.caller()), method, path, body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if query != nil {
		r.URL.RawQuery = query.Encode()
	}
	r.URL.Scheme, r.Host, r.TLS, r.RemoteAddr = v.R.URL.Scheme, v.R.Host, v.R.TLS, v.R.RemoteAddr
	r.Header.Set("X-Forwarded-Proto", v.R.Header.Get("X-Forwarded-Proto"))
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if once != "" {
		sum := sha256.Sum256(append([]byte(once+"\x00"), b.Bytes()...))
		r.Header.Set("Idempotency-Key", hex.EncodeToString(sum[:]))
	}
	a := answer{header: make(http.Header)}
	v.site.API.ServeHTTP(&a, r)
	if a.status >= http.StatusBadRequest {
		p := &Problem{}
		if err := json.Unmarshal(a.body.Bytes(), p); err != nil || p.Status == 0 {
			return fmt.Errorf("%s %s: answered %d", method, path, a.status)
		}
		return p
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(a.body.Bytes(), out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// caller is the visitor, as the API knows it.
func (v *Visit) caller() httpapi.Caller {
	c := httpapi.Caller{Admin: v.Admin, Key: v.Key, Actor: v.acts}
	if v.Guest != nil {
		c.Actor, c.Webhook = v.Guest.Actor(), v.Guest.Webhook
	}
	return c
}

// For returns a visit that makes a tenant's own calls of the API, as its people could, for an operator, whom the audit log
// names. It shows no pages.
func (v *Visit) For(tenant string) *Visit {
	as := *v
	as.Admin, as.acts = "", v.operator()
	as.Key = webhook.Key{Tenant: tenant, ID: "operator " + v.Admin, Scopes: []string{"deliveries:read", "deliveries:write", "webhooks:read"}}
	return &as
}

func (v *Visit) operator() audit.Actor {
	return audit.Actor{Type: audit.Admin, ID: v.Admin, Name: v.Admin}
}

// Audited returns the context of an operator's change that is no call of the API, for the audit log.
func (v *Visit) Audited(action string) context.Context {
	host, _, err := net.SplitHostPort(v.R.RemoteAddr)
	if err != nil {
		host = "" // it is not known
	}
	return audit.Begin(v.R.Context(), audit.Entry{
		Action: action, Actor: v.operator(), IP: host, RequestID: webhook.NewID("req_", v.Now()),
	})
}

// answer records an answer of the API.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) { a.status = status }

func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

// PerPage is the number of rows on a page of a list. With 20 of them a page and its assets are under 100 KB.
const PerPage = 20

// List reads the page of a list that the visitor asks for, at most that many rows, into out.
func (v *Visit) List(path string, most int, out any) error {
	query := url.Values{"limit": {strconv.Itoa(most)}}
	if cursor := v.R.URL.Query().Get("cursor"); cursor != "" {
		query.Set("cursor", cursor)
	}
	return v.Get(path, query, out)
}

// Pager has the links from one page of a list to others.
type Pager struct {
	First bool   // it is the first page
	Next  string // the address of the next page, "" at the end
}

// Pager returns the links of the page that the visitor asks for. address is that of the list, and next is the API's cursor
// of the next page.
func (v *Visit) Pager(address string, next *string) Pager {
	p := Pager{First: v.R.URL.Query().Get("cursor") == ""}
	if next != nil {
		p.Next = Address(address, url.Values{"cursor": {*next}})
	}
	return p
}

// Address returns a path with a query, which may be empty.
func Address(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}
