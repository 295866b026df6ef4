package httpapi

import (
	"context"
	"crypto/subtle"
	"strings"

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

// signedIn is the context's key for WithKey.
type signedIn struct{}

// WithKey returns a context whose requests are made as the holder of the key, without a bearer key. It is for callers in
// this process that have authenticated the holder by other means.
func WithKey(ctx context.Context, k webhook.Key) context.Context {
	return context.WithValue(ctx, signedIn{}, k)
}

func (a *API) identify(c *call) error {
	if k, ok := c.ctx().Value(signedIn{}).(webhook.Key); ok {
		c.key, c.caller = k, keyCaller(k)
		return nil
	}
	if a.Admin != nil {
		if name := a.Admin(c.request); name != "" {
			c.admin, c.caller = true, "iam "+name
			return nil
		}
	}
	token, ok := bearer(c.request.Header.Get("Authorization"))
	if !ok {
		return unauthorized("send the API key as Authorization: Bearer KEY")
	}
	hash := webhook.HashAPIKey(token)
	if a.AdminKeyHash != "" && subtle.ConstantTimeCompare([]byte(hash), []byte(a.AdminKeyHash)) == 1 {
		c.admin, c.caller = true, "admin"
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
	c.key, c.caller = key, keyCaller(key)
	return nil
}

// keyCaller names a tenant's credential: a key, or the session of a portal link, which has an id of its own.
func keyCaller(k webhook.Key) string { return "key " + k.ID }

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
