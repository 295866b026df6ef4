package httpapi

import (
	"context"
	"crypto/subtle"
	"strings"

	"hookline/shared/audit"
	"hookline/shared/webhook"
)

// authenticate finds the caller and decides whether the route is open to it. For a tenant's key it loads the tenant.
func (a *API) authenticate(c *call) error {
	if c.route.scope == anyone {
		return nil
	}
	if err := a.identify(c); err != nil {
		return err
	}
	switch {
	case c.admin && c.route.scope != admin:
		return forbidden("tenant-only", "this call is a tenant's own and the admin's credential has no tenant: use a key of the tenant, "+
			"or the calls below /v1/tenants/{id}")
	case c.admin:
		return nil
	case c.route.scope == admin:
		return forbidden("admin-only", "this call is the admin's; a tenant's key does not open it")
	case !c.key.Grants(c.route.scope):
		return forbidden("missing-scope", "the key lacks the scope "+c.route.scope)
	}
	t, err := a.Store.Tenant(c.ctx(), c.key.Tenant)
	if err != nil {
		if webhook.Is(err, webhook.NotFound) {
			return unauthorized("the key is not known")
		}
		return err
	}
	c.tenant = t
	return nil
}

// Caller is who makes the requests of a context, as somebody in this process has found out by other means than a bearer key.
type Caller struct {
	// Admin is the name of an admin; "" for the holder of Key.
	Admin string
	Key   webhook.Key
	// Actor is the holder as the audit log names it; the zero Actor is Key.
	Actor audit.Actor
	// Webhook is the only webhook that the holder sees, with its deliveries and its replays. Everything else is not there. ""
	// sees all of the tenant's.
	Webhook string
}

// signedIn is the context's key for WithCaller.
type signedIn struct{}

// WithCaller returns a context whose requests are made by the caller.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, signedIn{}, c)
}

func (a *API) identify(c *call) error {
	if by, ok := c.ctx().Value(signedIn{}).(Caller); ok {
		if by.Admin != "" {
			c.isAdmin(by.Admin, "console "+by.Admin)
			c.operator = true
			return nil
		}
		c.holds(by.Key)
		c.alone = by.Webhook
		if by.Actor != (audit.Actor{}) {
			c.actor = by.Actor
		}
		return nil
	}
	if a.Admin != nil {
		if name := a.Admin(c.request); name != "" {
			c.isAdmin(name, "iam "+name)
			return nil
		}
	}
	token, ok := bearer(c.request.Header.Get("Authorization"))
	if !ok {
		return unauthorized("send the API key as Authorization: Bearer KEY")
	}
	hash := webhook.HashAPIKey(token)
	if a.AdminKeyHash != "" && subtle.ConstantTimeCompare([]byte(hash), []byte(a.AdminKeyHash)) == 1 {
		c.isAdmin(AdminName, "admin")
		return nil
	}
	// The rate comes first, so that a key over its rate costs no read. An unknown key counts, too.
	if wait := a.Rates.Wait(hash); wait > 0 {
		return webhook.ErrTooMany(wait)
	}
	key, err := a.Store.KeyByHash(c.ctx(), hash)
	if err != nil {
		if webhook.Is(err, webhook.NotFound) {
			return unauthorized("the key is not known")
		}
		return err
	}
	c.holds(key)
	return nil
}

// AdminName is the name of the admin whose credential is the admin key.
const AdminName = "admin"

func (c *call) isAdmin(name, caller string) {
	c.admin, c.caller, c.actor = true, caller, audit.Actor{Type: audit.Admin, ID: name, Name: name}
}

// holds makes the caller the holder of a tenant's credential: a key, or the session of a portal link, which has an id of its own.
func (c *call) holds(k webhook.Key) {
	c.key, c.caller, c.actor = k, "key "+k.ID, audit.Actor{Type: audit.Key, ID: k.ID, Name: k.Name}
}

// sees reports whether what the path names is there for the caller.
func (c *call) sees() bool {
	under := func(path string) bool { return c.route.path == path || strings.HasPrefix(c.route.path, path+"/") }
	switch {
	case c.alone == "":
		return true
	case under("/v1/webhooks/{id}"):
		return c.name == c.alone
	case under("/v1/deliveries/{id}"):
		return c.record.Webhook == c.alone
	case under("/v1/replays/{id}"):
		return c.replay.Webhook == c.alone
	}
	return c.route.path == "/v1/webhooks/try-filter" // it reads nothing
}

// bearer reads RFC 6750's header; the scheme's case makes no difference (RFC 9110, section 11.1).
func bearer(header string) (string, bool) {
	scheme, token, _ := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

func unauthorized(message string) error {
	return &webhook.Error{Kind: webhook.Unauthorized, Code: "unauthorized", Message: message}
}

func forbidden(code, message string) error {
	return &webhook.Error{Kind: webhook.Forbidden, Code: code, Message: message}
}
