package console

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/httpapi"
	"hookline/shared/seal"
	"hookline/shared/webhook"
)

// Store is the part of store.Store that the console uses besides the API: to sign people in, and for reports that the API
// does not show as they came. A key that was deleted before the call is not found.
type Store interface {
	KeyByHash(ctx context.Context, hash string) (webhook.Key, error)
	Tenant(ctx context.Context, id string) (webhook.Tenant, error)
	// Deployment finds a tenant's deployment, whose report is kept as it came.
	Deployment(ctx context.Context, tenant, id string) (webhook.Deployment, error)
	// Pin stores a pin unless it is there, and reports whether it did: of many at once one does.
	Pin(ctx context.Context, p webhook.Pin) (webhook.Pin, bool, error)
	FindPin(ctx context.Context, tenant, scope, key string) (webhook.Pin, error)
}

// Mails are the mails that were sent, where they are kept: on one machine.
type Mails interface {
	// Sent returns the mails to the tenant since then, the newest first, at most that many, and whether there are more.
	Sent(ctx context.Context, tenant string, since time.Time, most int) (mails []Mail, more bool, err error)
}

// Mail is one of them, as text.
type Mail struct {
	To, Subject, Text string
	At                time.Time
}

// Dialects finds a tenant's dialect, for its product's words.
type Dialects interface {
	Dialect(ctx context.Context, nameOrRef string) (*dialect.Dialect, error)
}

// Console serves the pages below /console/. Its fields are set before use and not changed.
type Console struct {
	// API is the HTTP API; it takes requests whose context names their caller (httpapi.WithKey).
	API      http.Handler
	Store    Store
	Dialects Dialects
	Box      seal.Box
	// Mails has a page of its own; nil is none.
	Mails Mails
	// Now reads the deployment's clock; nil is time.Now.
	Now func() time.Time
	// Span turns a span of real time into one of that clock; nil leaves it as it is.
	Span func(time.Duration) time.Duration
	// Log gets a line for each page that failed; nil discards it.
	Log *slog.Logger
	// Files are what the pages are made of; nil lets Handler read them. Consoles can share them.
	Files *Files
}

// Path is where the console begins.
const Path = "/console/"

// Handler returns the pages. It answers only paths below Path.
func (c *Console) Handler() (http.Handler, error) {
	if c.Files == nil {
		var err error
		if c.Files, err = ReadFiles(); err != nil {
			return nil, err
		}
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+assetsPath, c.Files)
	mux.HandleFunc("GET /console/sign-in", c.signInPage)
	mux.HandleFunc("POST /console/sign-in", c.signIn)
	mux.HandleFunc("POST /console/sign-out", c.signOut)
	mux.HandleFunc("GET "+httpapi.PortalPath, c.portalLink)
	mux.HandleFunc("POST "+httpapi.PortalPath, c.portalOpen)
	for pattern, serve := range c.pages() {
		mux.Handle(pattern, c.signedIn(serve))
	}
	mux.Handle("/console/", c.signedIn((*visit).notFound))
	// Forms of other sites are refused by what browsers say of a request's origin; no token is needed.
	return secured(http.NewCrossOriginProtection().Handler(mux)), nil
}

// Pages returns the patterns of all pages behind the sign-in, in order, so that a test can visit each.
func (c *Console) Pages() []string { return slices.Sorted(maps.Keys(c.pages())) }

// pages are those behind the sign-in. Each reads what it needs from the API and renders a template, or makes a change
// and leads back to a page.
func (c *Console) pages() map[string]func(*visit) {
	return map[string]func(*visit){
		"GET /console/{$}": (*visit).home,

		"GET /console/events":              (*visit).events,
		"GET /console/events/{id}":         (*visit).event,
		"GET /console/events/{id}/data":    (*visit).eventData,
		"POST /console/events/{id}/replay": (*visit).replayEvent,

		"GET /console/webhooks":                     (*visit).webhooks,
		"GET /console/import":                       (*visit).importPage,
		"POST /console/import":                      (*visit).importWebhooks,
		"GET /console/webhooks/new":                 (*visit).newWebhook,
		"POST /console/webhooks":                    (*visit).createWebhook,
		"POST /console/webhook-form":                (*visit).draftWebhook,
		"GET /console/webhooks/{id}":                (*visit).webhook,
		"GET /console/webhooks/{id}/edit":           (*visit).editWebhook,
		"POST /console/webhooks/{id}":               (*visit).updateWebhook,
		"GET /console/webhooks/{id}/delete":         (*visit).askDelete,
		"POST /console/webhooks/{id}/delete":        (*visit).deleteWebhook,
		"GET /console/webhooks/{id}/rotate-secret":  (*visit).askRotate,
		"POST /console/webhooks/{id}/rotate-secret": (*visit).rotateSecret,
		"GET /console/webhooks/{id}/verify":         (*visit).verifyWebhook,

		"GET /console/help":                 (*visit).help,
		"GET /console/help/integrations":    (*visit).helpIntegrations,
		"GET /console/help/best-practices":  (*visit).helpBestPractices,
		"GET /console/help/troubleshooting": (*visit).helpTroubleshooting,

		"GET /console/webhooks/{id}/test":         (*visit).askTest,
		"POST /console/webhooks/{id}/test":        (*visit).testWebhook,
		"GET /console/webhooks/{id}/recent":       (*visit).recentDeliveries,
		"GET /console/webhooks/{id}/deliveries":   (*visit).webhookDeliveries,
		"GET /console/webhooks/{id}/troubleshoot": (*visit).troubleshoot,

		"GET /console/webhooks/{id}/replay":  (*visit).askReplay,
		"POST /console/webhooks/{id}/replay": (*visit).startReplay,
		"GET /console/replays/{id}":          (*visit).replay,
		"POST /console/replays/{id}/cancel":  (*visit).cancelReplay,

		"GET /console/deliveries":              (*visit).deliveries,
		"GET /console/deliveries/{id}":         (*visit).delivery,
		"GET /console/deliveries/{id}/body":    (*visit).deliveryBody,
		"POST /console/deliveries/{id}/replay": (*visit).replayDelivery,

		"GET /console/keys":              (*visit).keys,
		"GET /console/keys/new":          (*visit).newKey,
		"POST /console/keys":             (*visit).createKey,
		"GET /console/keys/{id}/delete":  (*visit).askDeleteKey,
		"POST /console/keys/{id}/delete": (*visit).deleteKey,

		"GET /console/settings":              (*visit).settings,
		"POST /console/settings":             (*visit).updateSettings,
		"GET /console/settings/portal-link":  (*visit).newPortalLink,
		"POST /console/settings/portal-link": (*visit).createPortalLink,

		"GET /console/mails": (*visit).mails,

		"GET /console/sources":              (*visit).sources,
		"GET /console/sources/new":          (*visit).newSource,
		"POST /console/sources":             (*visit).createSource,
		"GET /console/sources/{id}":         (*visit).source,
		"GET /console/sources/{id}/delete":  (*visit).askDeleteSource,
		"POST /console/sources/{id}/delete": (*visit).deleteSource,

		"GET /console/deployments":             (*visit).deployments,
		"GET /console/deployments/{id}":        (*visit).deployment,
		"GET /console/deployments/{id}/report": (*visit).deploymentReport,

		"GET /console/event-types":                (*visit).catalogue,
		"GET /console/event-types/{name}":         (*visit).eventType,
		"GET /console/event-types/{name}/example": (*visit).eventTypeExample,
		"GET /console/event-types/{name}/schema":  (*visit).eventTypeSchema,
	}
}

const (
	// contentSecurityPolicy allows what is embedded and nothing else; who may show the page in a frame follows.
	contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors "
	// maxForm bounds a form's bytes: a whole request of the API, sealed, is the longest.
	maxForm = 2 << 20
)

func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy+"'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store") // pages may hold secrets
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		next.ServeHTTP(w, r)
	})
}

// allowFrames lets the tenant's sites show the page in a frame.
func (v *visit) allowFrames(t webhook.Tenant) {
	if len(t.FrameAncestors) > 0 {
		v.w.Header().Set("Content-Security-Policy", contentSecurityPolicy+strings.Join(t.FrameAncestors, " "))
	}
}

func (c *Console) now() time.Time {
	if c.Now == nil {
		return time.Now().UTC().Truncate(time.Millisecond)
	}
	return c.Now().UTC().Truncate(time.Millisecond)
}
