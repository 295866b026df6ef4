package ingest

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// Store is the part of store.Store that ingest uses. Ingest relies on Subscriptions being read fresh: a webhook that was
// created before the call is in it.
type Store interface {
	Tenant(ctx context.Context, id string) (webhook.Tenant, error)
	Webhook(ctx context.Context, ref webhook.Ref) (webhook.Webhook, error)
	Subscriptions(ctx context.Context, tenant string, patterns []string, page webhook.Page) (webhook.List[webhook.Subscription], error)
	PinStore
	PutPayload(ctx context.Context, tenant, ref string, body []byte, expires time.Time) error
	Payloads(ctx context.Context, tenant string, refs []string) (map[string][]byte, error)
}

// PinStore is the part of store.Store that remembers ids from outside. Of many calls of Pins for one id at once, one
// stores its pin and the others get that one. Load finds the records of deliveries that exist.
type PinStore interface {
	Pins(ctx context.Context, ps []webhook.Pin) ([]webhook.Pin, []bool, error)
	FindPin(ctx context.Context, tenant, scope, key string) (webhook.Pin, error)
	Repin(ctx context.Context, p webhook.Pin, at time.Time) error
	Unpin(ctx context.Context, p webhook.Pin) error
	Load(ctx context.Context, refs []webhook.Ref, keys []webhook.DeliveryKey) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error)
}

// Dialects finds a dialect by name or name@version.
type Dialects interface {
	Dialect(ctx context.Context, ref string) (*dialect.Dialect, error)
}

// Log is where accepted events are kept for reading (package eventlog). An event that is there already stays as it is,
// so that a repeat writes no second one.
type Log interface {
	Write(ctx context.Context, events []webhook.LoggedEvent, until time.Time) error
	// Holds returns which of the entries are in the log; one written before the call is.
	Holds(ctx context.Context, tenant string, entries []string) (map[string]bool, error)
	Event(ctx context.Context, tenant, id string) (webhook.LoggedEvent, error)
}

// Service publishes events. Its fields are set before use.
type Service struct {
	Store     Store
	Dialects  Dialects
	Delivery  queue.Sender     // first attempts
	Queue     queue.Sender     // what is too much for one request; entries from an event bus and changes come in there too
	Refused   queue.Sender     // entries that are no events, with the reason
	Announcer Announcer        // where webhooks' changes are announced; nil: nowhere
	Events    Log              // nil: the stack keeps no event log
	Retention time.Duration    // of payloads and of the event log; 0 means webhook.DefaultRetention
	MatchWork int              // steps of matching for one request or message; 0 means pattern.MaxWork
	Now       func() time.Time // the deployment's clock; nil is real time
	Wall      func() time.Time // real time, for what is signed; nil is real time
	Log       *slog.Logger
	// Span is how much Now advances in a span of real time; nil is as much.
	Span func(time.Duration) time.Duration
}

const (
	// MaxInline is how many deliveries one request sends itself; more go through the queue.
	MaxInline = 500
	// Remembered is for how long an id from outside stands for what it was first used for.
	Remembered = 24 * time.Hour
	// repeatDelay is how long, in real time, the messages of a repeat wait for those of the first try, where that is not
	// known to have sent any. It may have died, and then the event has to be sent within 30 seconds of the repeat. It may
	// as well be under way, or have died after sending, and then its messages are to be handled first: a message that finds
	// the delivery's record is dropped. The two are of one delivery in any case, and one record. The receiver gets a second
	// request, with the same webhook-id, only if in that time nobody has taken up the first message, or the receiver has
	// not answered it. Minutes would make that rarer still, and an event of a request that died late by as much; a repeat
	// of an event that is known to have been sent, which is nearly every repeat, sends nothing at all.
	repeatDelay = 20 * time.Second
)

// Input is an event as it was handed in.
type Input struct {
	ID        string // "" to have one made
	Type      string
	Data      json.RawMessage
	Timestamp time.Time // when it happened; zero: as Carried says
	// Carried is when the event happened as its carrier says, which gives the same event another time when it is handed in
	// again, so that it does not tell two events apart; zero: on acceptance.
	Carried time.Time
	// TraceParent is that of the request; it does not tell two events apart.
	TraceParent string
	// Same tells the event apart from others of its ID in place of type, time and data; "" if those do. A publisher gives
	// it that has one event for each id, and may word that differently each time.
	Same string
}

// happened returns when the event happened; zero: on acceptance.
func (in Input) happened() time.Time {
	if in.Timestamp.IsZero() {
		return in.Carried
	}
	return in.Timestamp
}

// Result is what is said of an accepted event. Matched counts the active webhooks that get it.
type Result struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Matched int    `json:"matched"`
}

// IdempotencyKey is that of a request: Key is unique within the tenant's Scope, which names the credential it came with, Hash is
// of the body.
type IdempotencyKey struct{ Scope, Key, Hash string }

func (s *Service) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now().UTC().Truncate(time.Millisecond)
}

// acceptance returns when an event is accepted: now, and not before its tenant was made, though the clock was set back since.
// From before then the stores have nothing of a tenant, because its id may have been another's.
func (s *Service) acceptance(t webhook.Tenant) time.Time {
	if now := s.now(); now.After(t.CreatedAt) {
		return now
	}
	return t.CreatedAt
}

func (s *Service) wall() time.Time {
	if s.Wall != nil {
		return s.Wall()
	}
	return time.Now()
}

func (s *Service) span(real time.Duration) time.Duration {
	if s.Span == nil {
		return real
	}
	return s.Span(real)
}
