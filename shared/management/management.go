package management

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"hookline/shared/dialect"
	"hookline/shared/queue"
	"hookline/shared/seal"
	"hookline/shared/webhook"
)

// Store is the part of store.Store that management uses. It relies on conditional updates: of two changes to the same
// version of an object one gets webhook.Conflict, and a create or delete is done whole or not at all.
type Store interface {
	TenantStore
	KeyStore
	WebhookStore
	ImportStore
	DialectStore
}

// TenantStore keeps tenants.
type TenantStore interface {
	CreateTenant(ctx context.Context, t webhook.Tenant, k webhook.Key) error
	Tenant(ctx context.Context, id string) (webhook.Tenant, error)
	UpdateTenant(ctx context.Context, t webhook.Tenant) error
	DeleteTenant(ctx context.Context, id string) error
}

// KeyStore keeps API keys.
type KeyStore interface {
	CreateKey(ctx context.Context, k webhook.Key) error
	DeleteKey(ctx context.Context, tenant, id string) error
}

// WebhookStore keeps webhooks.
type WebhookStore interface {
	CreateWebhook(ctx context.Context, w webhook.Webhook) error
	Webhook(ctx context.Context, ref webhook.Ref) (webhook.Webhook, error)
	UpdateWebhook(ctx context.Context, w webhook.Webhook, resetHealth bool) error
	DeleteWebhook(ctx context.Context, ref webhook.Ref) error
	WebhookCounts(ctx context.Context, tenant string) (webhook.Counts, error)
}

// DialectStore keeps the deployment's own dialects, and knows who has one.
type DialectStore interface {
	PutDialect(ctx context.Context, d webhook.DialectVersion) error
	DialectHead(ctx context.Context, name string) (webhook.DialectHead, error)
	DialectVersion(ctx context.Context, name string, version int) (webhook.DialectVersion, error)
	DeleteDialect(ctx context.Context, name string, version int) error
	Tenants(ctx context.Context, page webhook.Page) (webhook.List[webhook.Tenant], error)
}

// Dialects finds dialects; an unknown one is webhook.NotFound.
type Dialects interface {
	// Dialect takes a name ("standard", the newest version) or a reference ("standard@1"), of deleted ones too.
	Dialect(ctx context.Context, nameOrRef string) (*dialect.Dialect, error)
	// Offered takes the name of one that a tenant can be made with.
	Offered(ctx context.Context, name string) (*dialect.Dialect, error)
	BuiltIn(name string) bool
}

// Service makes the changes. Store, Dialects and Box are required.
type Service struct {
	Store    Store
	Dialects Dialects
	Box      seal.Box
	// Changes is where new webhooks are told of: the ingest queue; nil: nobody is told.
	Changes queue.Sender
	// AllowPrivate admits http and private or loopback targets in every dialect: for one machine, never in production.
	AllowPrivate bool
	// MaxWebhooks is how many webhooks a tenant may have; 0 is no limit. They are counted before one is made: those who
	// make some at the same moment may go over it, by as many as they are less one.
	MaxWebhooks int
	// Now reads the deployment's clock; nil is time.Now.
	Now func() time.Time
}

func (s Service) now() time.Time {
	if s.Now == nil {
		return time.Now().UTC().Truncate(time.Millisecond)
	}
	return s.Now().UTC().Truncate(time.Millisecond)
}

// Field is a field of an input. The zero Field was left out; one that is Null was given as null, which clears an
// optional field in a change and means the same as leaving it out when something is made.
type Field[T any] struct {
	Value T
	Set   bool
	Null  bool
}

// Of returns a field that was given.
func Of[T any](v T) Field[T] { return Field[T]{Value: v, Set: true} }

// given reports whether there is a value.
func (f Field[T]) given() bool { return f.Set && !f.Null }

// Faults gathers what is wrong with an input, one message for each field.
type Faults []webhook.FieldError

// MaxFaults bounds how many faults are named: more than an honest request of the largest batch can hold.
const MaxFaults = 1000

// Add notes a fault, unless the field has one already: the first is the one to mend first.
func (f *Faults) Add(field, message string) {
	if len(*f) < MaxFaults && !f.Has(field) {
		*f = append(*f, webhook.FieldError{Field: field, Message: message})
	}
}

// Has reports whether the field has a fault.
func (f *Faults) Has(field string) bool {
	return slices.ContainsFunc(*f, func(e webhook.FieldError) bool { return e.Field == field })
}

// Err returns the faults as a webhook.Invalid error, nil when there are none.
func (f *Faults) Err() error {
	if len(*f) == 0 {
		return nil
	}
	return webhook.ErrInvalid(*f...)
}

// tries is how often a change is made when others change the same thing at the same time.
const tries = 3

// retry runs change again while it loses a race.
func retry(change func() error) (err error) {
	for range tries {
		err = change()
		if webhookErr, ok := conflict(err); !ok || webhookErr.Code != "changed-meanwhile" {
			return err
		}
	}
	return err
}

const required = "is required"

// text checks a line that people read: minimum to maximum characters, none of them a control character.
func (f *Faults) text(field, value string, minimum, maximum int) {
	switch n := utf8.RuneCountInString(value); {
	case n < minimum && n == 0:
		f.Add(field, "must not be empty")
	case n > maximum:
		f.Add(field, "must be at most "+itoa(maximum)+" characters")
	case strings.ContainsFunc(value, unicode.IsControl):
		f.Add(field, "must not contain control characters")
	}
}
