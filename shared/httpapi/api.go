package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"hookline/shared/audit"
	"hookline/shared/deployment"
	"hookline/shared/dialect"
	"hookline/shared/ingest"
	"hookline/shared/input"
	"hookline/shared/management"
	"hookline/shared/queue"
	"hookline/shared/rate"
	"hookline/shared/seal"
	"hookline/shared/webhook"
)

// Store is the part of store.Store that the API reads and changes. Every call takes the tenant of the caller's key, and
// the API relies on the store to find nothing of another tenant.
type Store interface {
	management.Store
	ListStore
	PinStore
	SourceStore
	AuditStore
	// KeyByHash finds a key of any tenant. A key deleted before the call is not found.
	KeyByHash(ctx context.Context, hash string) (webhook.Key, error)
	Delivery(ctx context.Context, key webhook.DeliveryKey) (webhook.Delivery, error)
	// Replay reads a replay job.
	Replay(ctx context.Context, tenant, id string) (webhook.Replay, error)
	// Load returns the webhooks and delivery records that exist among those asked for.
	Load(ctx context.Context, refs []webhook.Ref, keys []webhook.DeliveryKey) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error)
}

// ListStore lists objects page by page.
type ListStore interface {
	Tenants(ctx context.Context, page webhook.Page) (webhook.List[webhook.Tenant], error)
	Keys(ctx context.Context, tenant string, page webhook.Page) (webhook.List[webhook.Key], error)
	Webhooks(ctx context.Context, tenant string, q webhook.WebhookQuery) (webhook.List[webhook.Webhook], error)
	WebhookCounts(ctx context.Context, tenant string) (webhook.Counts, error)
	Deliveries(ctx context.Context, tenant string, q webhook.DeliveryQuery) (webhook.List[webhook.Delivery], error)
	// Replays lists the jobs of the tenant, or of one webhook, newest first.
	Replays(ctx context.Context, tenant, hook string, page webhook.Page) (webhook.List[webhook.Replay], error)
	// Tallies counts the deliveries whose event was accepted since then, by webhook and hour. It may lag by minutes.
	Tallies(ctx context.Context, tenant string, since time.Time) ([]webhook.Tally, error)
	// Usage sums up by day what was done for the tenant, without days on which there was nothing. It may lag by minutes.
	Usage(ctx context.Context, tenant string, since, until time.Time) ([]webhook.Usage, error)
}

// PinStore remembers the first use of an Idempotency-Key.
type PinStore interface {
	Pin(ctx context.Context, p webhook.Pin) (webhook.Pin, bool, error)
	Repin(ctx context.Context, p webhook.Pin, at time.Time) error
	Unpin(ctx context.Context, p webhook.Pin) error
}

// SourceStore keeps sources of deployments and the deployments.
type SourceStore interface {
	deployment.Store
	Source(ctx context.Context, tenant, id string) (webhook.Source, error)
	Sources(ctx context.Context, tenant string, page webhook.Page) (webhook.List[webhook.Source], error)
	DeleteSource(ctx context.Context, tenant, id string) error
	Deployments(ctx context.Context, tenant string, q webhook.DeploymentQuery) (webhook.List[webhook.Deployment], error)
}

// AuditStore keeps the audit log.
type AuditStore interface {
	PutAudit(ctx context.Context, e audit.Entry) error
	DropAudit(ctx context.Context, e audit.Entry) error
	AuditEntries(ctx context.Context, tenant string, q audit.Query) (webhook.List[audit.Entry], error)
}

// Publisher accepts checked events of a tenant, whose dialect is d: when it returns nil they are in a durable queue. The
// results are in the order of the events. A key that was used before gets its first answer again, and the same key with
// another hash is a Conflict "idempotency-key-reused". An id that was used for another event is a Conflict
// "event-id-reused".
type Publisher interface {
	Publish(ctx context.Context, t webhook.Tenant, d *dialect.Dialect, in []ingest.Checked, key *ingest.IdempotencyKey) ([]ingest.Result, error)
	deployment.Publisher
}

// EventLog reads the events that were published (package eventlog). An id that is not in it is NotFound.
type EventLog interface {
	Events(ctx context.Context, tenant string, q webhook.EventQuery) (webhook.List[webhook.LoggedEvent], error)
	Event(ctx context.Context, tenant, id string) (webhook.LoggedEvent, error)
}

// Erasures erases payloads (package erasure). When a method returns nil the erasure is queued, and will be done.
type Erasures interface {
	// Event erases that of one event. Its deliveries that are pending end.
	Event(ctx context.Context, ev webhook.LoggedEvent) error
	// Tenant erases what a tenant leaves that is deleted right after the call.
	Tenant(ctx context.Context, t webhook.Tenant) error
}

// Deliverer sends deliveries at once or again, and shows the requests that it sent.
type Deliverer interface {
	// Test sends one event of the type, in the dialect of the webhook's tenant, and records the attempt. A receiver's failure
	// is in the delivery and is no error.
	Test(ctx context.Context, t webhook.Tenant, d *dialect.Dialect, w webhook.Webhook, eventType string) (webhook.Delivery, error)
	// Replay starts a new round of attempts; when it returns nil the round is queued.
	Replay(ctx context.Context, key webhook.DeliveryKey) (webhook.Delivery, error)
	// Cancel ends a pending delivery as failed. Any other is a conflict.
	Cancel(ctx context.Context, key webhook.DeliveryKey) (webhook.Delivery, error)
	// SendTo sends an event to one webhook, as a new round where there is a delivery already; when it returns nil it is queued.
	SendTo(ctx context.Context, t webhook.Tenant, ev webhook.Event, w webhook.Webhook) (webhook.Delivery, error)
	// Sent returns the body and headers of the last attempt, as on the wire, with custom headers masked.
	Sent(ctx context.Context, d webhook.Delivery) ([]byte, []dialect.Header, error)
}

// Replays makes jobs that send many deliveries again.
type Replays interface {
	// Count returns how many deliveries a job would take; more means that it stopped counting and there may be others.
	Count(ctx context.Context, r webhook.Replay) (matched int, more bool, err error)
	// Start makes a job; when it returns nil the job is on record and queued.
	Start(ctx context.Context, r webhook.Replay) (webhook.Replay, error)
	// Cancel stops a job; one that has ended stays as it ended.
	Cancel(ctx context.Context, tenant, id string) error
}

// Dialects finds dialects and lists the names that are offered, sorted.
type Dialects interface {
	management.Dialects
	Names(ctx context.Context) ([]string, error)
}

// DeadLetters is the part of queue.Queue that the API uses of the queue of messages that ran out of attempts.
type DeadLetters interface {
	Counts(ctx context.Context) (queue.Counts, error)
	// StartMove starts the queue's own move task, and returns queue.ErrMoveRunning when one is running. 0 sets no limit.
	StartMove(ctx context.Context, destination string, maxPerSecond int) (string, error)
	Moves(ctx context.Context) ([]queue.Move, error)
}

// API is the HTTP API. Its fields are set before use and not changed.
type API struct {
	Store       Store
	Publisher   Publisher
	Deliverer   Deliverer
	Replays     Replays
	Events      EventLog // nil where the stack keeps none
	Erasures    Erasures
	Dialects    Dialects
	DeadLetters DeadLetters
	// Docs makes the pages at /docs from the OpenAPI document. A function that does not serve them leaves it nil, and then
	// does not link the code either.
	Docs func(document []byte) (Site, error)
	// CheckSchemas holds a catalogue's examples against its schemas. A function that takes no dialects leaves it nil, as Docs.
	CheckSchemas func(*dialect.Dialect) input.Faults
	// RedriveTo is the destination that dead letters are moved to: the delivery queue.
	RedriveTo string
	// Changes takes the system event of each new webhook: it is the ingest queue. nil makes no such events.
	Changes queue.Sender
	Box     seal.Box
	// AllowPrivate admits http and private or loopback targets in every dialect: for one machine, never in production.
	AllowPrivate bool
	// Retention is for how long the stack keeps things; 0 means webhook.DefaultRetention.
	Retention time.Duration
	// MaxWebhooks is how many webhooks a tenant may have; 0 is no limit.
	MaxWebhooks int
	// MatchWork is how many steps of matching the trial of a filter is given; 0 means pattern.MaxWork.
	MatchWork int
	// AdminKeyHash is webhook.HashAPIKey of the admin's bearer key; "" where there is none, as on AWS.
	AdminKeyHash string
	// Admin returns the name of the admin whom the front has authorised for a request (on AWS: IAM's user or role), "" for
	// nobody. nil authorises nobody. The request's Pattern is the route that was matched, as "GET /v1/tenants/{id}".
	Admin func(*http.Request) string
	// Serves picks the routes that this API answers; the other paths are unknown to it. nil picks all.
	Serves func(Route) bool
	// Rates bounds how often a tenant's key may call, in this process. nil sets no bound. Calls of admins and of callers in
	// this process (WithCaller) are not counted.
	Rates *rate.Limiter
	// Now reads the deployment's clock; nil is time.Now.
	Now func() time.Time
	// Span is how much Now advances in a span of real time; nil is as much.
	Span func(time.Duration) time.Duration
	// Log gets a line for each answer of 500 and above, and for each deployment registered; nil discards it.
	Log *slog.Logger

	days lastDays
}

// call is one request on its way through.
type call struct {
	request  *http.Request
	id       string // X-Request-Id
	route    *route
	name     string // the part of the path that stood for {id} or {name}
	query    query
	body     []byte // nil when there was none
	admin    bool
	operator bool            // the admin is in the operators' console
	actor    audit.Actor     // the caller, as the audit log names it
	caller   string          // names the credential: an Idempotency-Key's answer is kept for one credential alone
	key      webhook.Key     // the key of a tenant's caller
	alone    string          // the only webhook that the caller sees; "" sees all of the tenant's
	tenant   webhook.Tenant  // the caller's own, or the one that the admin names
	webhook  webhook.Webhook // the one the path names
	record   webhook.Delivery
	replay   webhook.Replay
	event    webhook.LoggedEvent
	source   webhook.Source
	found    webhook.Deployment
	shown    *dialect.Dialect // the one the path names
	site     func() (Site, error)
}

func (c *call) ctx() context.Context { return c.request.Context() }

// answer is a whole answer. It is sent when it is complete, so that no error comes after half of it.
type answer struct {
	Status int
	Header http.Header `json:",omitempty"`
	Body   []byte
}

const jsonType = "application/json"

// reply answers with v as JSON.
func reply(status int, v any) (answer, error) {
	body, err := encode(v)
	return answer{Status: status, Header: http.Header{"Content-Type": {jsonType}}, Body: body}, err
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encoding an answer: %w", err)
	}
	return b.Bytes(), nil
}

// Handler returns the API as a handler. It matches paths itself: http.ServeMux would clean and redirect them.
func (a *API) Handler() http.Handler {
	table := a.routes()
	site := sync.OnceValues(func() (Site, error) {
		if a.Docs == nil {
			return Site{}, webhook.ErrNotFound("page")
		}
		return a.Docs(openAPI)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{request: r, id: webhook.NewID("req_", time.Now()), site: site}
		out := a.guarded(c, table, w)
		h := w.Header()
		maps.Copy(h, out.Header)
		h.Set("X-Request-Id", c.id)
		h.Set("Cache-Control", "no-store") // answers may hold keys and secrets
		h.Set("X-Content-Type-Options", "nosniff")
		if len(out.Body) > 0 {
			h.Set("Content-Length", strconv.Itoa(len(out.Body)))
		}
		w.WriteHeader(out.Status)
		if r.Method != http.MethodHead {
			_, _ = w.Write(out.Body) // a client that is gone needs no answer
		}
	})
}

// serve runs the call's handler. A call that changes something runs to its end even when its client hangs up. Otherwise a
// replay could be recorded and not queued, or a test recorded as one that the receiver did not answer.
func (a *API) serve(c *call) (answer, error) {
	if c.request.Method != http.MethodGet && c.request.Method != http.MethodHead {
		ctx, cancel := outliving(c.ctx())
		defer cancel()
		if c.route.audit != "" {
			ctx = audit.Begin(ctx, audit.Entry{Action: c.route.audit, Actor: c.actor, IP: c.ip(), RequestID: c.id})
		}
		c.request = c.request.WithContext(ctx)
	}
	return c.route.serve(a, c)
}

// outliving returns a context that ends at the deadline of ctx, which on Lambda is the function's, and not when the client
// hangs up.
func outliving(ctx context.Context) (context.Context, context.CancelFunc) {
	kept := context.WithoutCancel(ctx)
	if end, ok := ctx.Deadline(); ok {
		return context.WithDeadline(kept, end)
	}
	return kept, func() {}
}

// guarded answers the call and turns errors and panics into problems.
func (a *API) guarded(c *call, table []route, w http.ResponseWriter) (out answer) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			a.log(c, slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			out = problemOf(&webhook.Error{})
		}
	}()
	path := c.request.URL.EscapedPath()
	rt, name, known := match(table, c.request.Method, path)
	switch {
	case rt != nil:
		c.route, c.name = rt, name
		c.request.Pattern = rt.key()
	case known:
		return methodNotAllowed(allowed(path))
	default:
		return problemOf(&webhook.Error{Kind: webhook.NotFound, Code: "unknown-route", Message: "there is no such path; GET /openapi.json describes all"})
	}
	out, err := a.answer(c, w)
	if err != nil {
		return a.failed(c, err)
	}
	return out
}

// answer takes the call through its steps, in the order in which faults are answered.
func (a *API) answer(c *call, w http.ResponseWriter) (answer, error) {
	if err := a.authenticate(c); err != nil {
		return answer{}, err
	}
	missing := a.find(c)
	if missing == nil && !c.sees() {
		missing = webhook.ErrNotFound("object")
	}
	if missing != nil && !webhook.Is(missing, webhook.NotFound) {
		return answer{}, missing
	}
	serve := func() (answer, error) {
		if missing != nil {
			return answer{}, missing
		}
		if err := c.readQuery(); err != nil {
			return answer{}, err
		}
		return a.serve(c)
	}
	if c.route.body == noBody {
		return serve()
	}
	if c.route.body == rawBody {
		body, err := readAll(c.request, w)
		if err != nil {
			return answer{}, err
		}
		c.body = body
		return serve()
	}
	key, err := a.read(c, w)
	if missing != nil && (key == "" || c.route.publishes) {
		return answer{}, missing
	}
	if err != nil {
		return answer{}, err
	}
	if key == "" || c.route.publishes {
		return serve()
	}
	return a.answerOnce(c, key, serve) // first, because an object that is missing may have been there when the key was first used
}

// find loads what the path names.
func (a *API) find(c *call) (err error) {
	if c.route.find == nil {
		return nil
	}
	return c.route.find(a, c)
}

// failed turns an error into its answer, and logs the cause of a 500, which the answer does not have.
func (a *API) failed(c *call, err error) answer {
	out := problemOf(err)
	if out.Status >= http.StatusInternalServerError {
		a.log(c, slog.Any("error", err))
	}
	return out
}

func (a *API) log(c *call, what ...slog.Attr) {
	if a.Log == nil {
		return
	}
	pattern := ""
	if c.route != nil {
		pattern = c.route.key()
	}
	a.Log.LogAttrs(c.ctx(), slog.LevelError, "request.failed", append(what,
		slog.String("request_id", c.id), slog.String("route", pattern), slog.String("tenant", c.tenant.ID))...)
}

func (a *API) now() time.Time {
	if a.Now == nil {
		return time.Now().UTC().Truncate(time.Millisecond)
	}
	return a.Now().UTC().Truncate(time.Millisecond)
}

func (a *API) management() management.Service {
	return management.Service{
		Store: a.Store, Dialects: a.Dialects, Box: a.Box, CheckSchemas: a.CheckSchemas, Changes: a.Changes,
		AllowPrivate: a.AllowPrivate, Retention: a.Retention, MaxWebhooks: a.MaxWebhooks, Now: a.Now,
	}
}

// ownManagement is management within the limits of the call's tenant.
func (a *API) ownManagement(c *call) management.Service {
	s := a.management()
	if own := c.tenant.MaxWebhooks; own > 0 && (s.MaxWebhooks <= 0 || own < s.MaxWebhooks) {
		s.MaxWebhooks = own
	}
	return s
}

// dialect returns the dialect of the call's tenant.
func (a *API) dialect(c *call) (*dialect.Dialect, error) {
	d, err := a.Dialects.Dialect(c.ctx(), c.tenant.Dialect)
	if err != nil {
		// A tenant's dialect is always there; its absence is a fault of ours and not a 404.
		return nil, &webhook.Error{Message: "dialect of tenant " + c.tenant.ID, Cause: err}
	}
	return d, nil
}
