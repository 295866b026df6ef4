package httpapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hookline/shared/api"
	"hookline/shared/audit"
	"hookline/shared/input"
	"hookline/shared/portal"
	"hookline/shared/webhook"
)

// PortalPath and AdminLinkPath are the console's paths for portal links and for links to the operators' console. The parameter
// PortalField of their queries is the sealed link.
const (
	PortalPath    = "/console/portal"
	AdminLinkPath = "/console/admin/link"
	PortalField   = "link"
)

// createPortalLink makes a link to the console. The link is not stored, only that it was made; its use will be.
func (a *API) createPortalLink(c *call) (answer, error) {
	var faults input.Faults
	var in api.NewPortalLink
	input.Body(c.body, &in, &faults, "url", "expires_at")
	life := portal.DefaultLife
	if asked := in.ExpiresIn; asked.Given() {
		const least, most = int(portal.MinLife / time.Second), int(portal.MaxLife / time.Second)
		if asked.Value < least || asked.Value > most {
			faults.Add("expires_in", "must be "+strconv.Itoa(least)+" to "+strconv.Itoa(most)+" seconds")
		}
		life = time.Duration(asked.Value) * time.Second
	}
	l := portal.New(c.tenant, c.key.Hash, a.now(), life) // the admin has no key: ""
	l.User, l.Theme, l.Webhook, l.ReadOnly = userOf(in.User, &faults), in.Theme.Value, in.WebhookID.Value, in.ReadOnly.Value
	if in.Theme.Given() && !slices.Contains(portal.Themes(), l.Theme) {
		faults.Add("theme", "must be one of "+strings.Join(portal.Themes(), ", "))
	}
	if in.WebhookID.Given() {
		if _, err := a.recipient(c, l.Webhook); webhook.Is(err, webhook.NotFound) {
			faults.Add("webhook_id", "there is no such webhook")
		} else if err != nil {
			return answer{}, err
		}
	}
	if err := faults.Err(); err != nil {
		return answer{}, err
	}
	if c.operator { // such a link is for the operator, not for the tenant's people
		l.Admin = c.actor.ID
	}
	u, err := a.address(c, l, portal.Address, PortalPath, audit.Target{Type: "portal_link", ID: l.ID}, input.Names(in)...)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusCreated, api.PortalLink{URL: u, ExpiresAt: api.Time{Time: l.Expires}})
}

// createAdminLink makes a link to the operators' console. It opens the console as the admin who asks.
func (a *API) createAdminLink(c *call) (answer, error) {
	var faults input.Faults
	input.Body(c.body, &api.None{}, &faults)
	if err := faults.Err(); err != nil {
		return answer{}, err
	}
	l := portal.NewAdmin(c.actor.ID, a.AdminKeyHash, a.now(), portal.DefaultLife)
	u, err := a.address(c, l, portal.AdminAddress, AdminLinkPath, audit.Target{Type: "admin_link", ID: l.ID})
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusCreated, api.AdminLink{URL: u, ExpiresAt: api.Time{Time: l.Expires}})
}

// address returns the address of a link, and records that it was made.
func (a *API) address(c *call, l portal.Link, place portal.Place, path string, on audit.Target, fields ...string) (string, error) {
	sealed, err := l.Seal(c.ctx(), a.Box, place)
	if err != nil {
		return "", err
	}
	e, _ := audit.Complete(c.ctx(), a.now(), l.Tenant, on, fields...)
	if err := a.Store.PutAudit(c.ctx(), e); err != nil {
		return "", err
	}
	u := here(c.request, path)
	u.RawQuery = url.Values{PortalField: {sealed}}.Encode()
	return u.String(), nil
}

// maxUserID is how many characters the id of a link's user has at most. The link has to fit into a cookie.
const maxUserID = 128

// userOf reads whom a link is for.
func userOf(in input.Field[json.RawMessage], faults *input.Faults) (u portal.User) {
	if !in.Given() {
		return u
	}
	var given api.PortalUser
	object := input.Read(in.Value, "user", "user.", faults)
	if !object.Is() {
		return u
	}
	object.Into(&given)
	u = portal.User{ID: given.ID.Value, Name: given.Name.Value}
	if !given.ID.Given() {
		faults.Add("user.id", input.Required)
	} else {
		faults.Line("user.id", u.ID, 1, maxUserID)
	}
	faults.Line("user.name", u.Name, 0, input.MaxName)
	return u
}
