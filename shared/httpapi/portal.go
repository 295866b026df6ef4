package httpapi

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"hookline/shared/api"
	"hookline/shared/input"
	"hookline/shared/portal"
)

// PortalPath is the console's path for portal links. The parameter PortalField of its query is the sealed link.
const (
	PortalPath  = "/console/portal"
	PortalField = "link"
)

// createPortalLink makes a link to the console. The link is not stored; its use will be.
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
	if err := faults.Err(); err != nil {
		return answer{}, err
	}
	l := portal.New(c.tenant, c.key.Hash, a.now(), life) // the admin has no key: ""
	sealed, err := l.Seal(c.ctx(), a.Box, portal.Address)
	if err != nil {
		return answer{}, err
	}
	u := here(c.request, PortalPath)
	u.RawQuery = url.Values{PortalField: {sealed}}.Encode()
	return reply(http.StatusCreated, api.PortalLink{URL: u.String(), ExpiresAt: api.Time{Time: l.Expires}})
}
