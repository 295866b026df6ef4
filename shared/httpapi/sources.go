package httpapi

import (
	"net/http"
	"net/url"

	"hookline/shared/api"
	"hookline/shared/deployment"
	"hookline/shared/input"
	"hookline/shared/webhook"
)

// receiverPath is where reports for sources come in; the kind and the source's id follow.
const receiverPath = "/webhooks/deployments/"

// here returns an address of ours that begins as the caller's own request did, so that it is right behind any domain. A
// tunnel to this machine says in X-Forwarded-Proto how it was called; who lies there lies to himself.
func here(r *http.Request, path string) *url.URL {
	u := &url.URL{Scheme: "http", Host: r.Host, Path: path}
	if r.TLS != nil || r.URL.Scheme == "https" || r.Header.Get("X-Forwarded-Proto") == "https" {
		u.Scheme = "https"
	}
	return u
}

func sourceOf(c *call, s webhook.Source) api.Source {
	return api.SourceOf(s, here(c.request, receiverPath+s.Kind+"/"+s.ID).String())
}

func (a *API) deployments() deployment.Service {
	return deployment.Service{Store: a.Store, Publisher: a.Publisher, Box: a.Box, Now: a.Now, Log: a.Log}
}

func (a *API) findSource(c *call) (err error) {
	if !webhook.ValidGivenID(c.name) {
		return webhook.ErrNotFound("source")
	}
	c.source, err = a.Store.Source(c.ctx(), c.tenant.ID, c.name)
	return err
}

func (a *API) createSource(c *call) (answer, error) {
	var faults input.Faults
	var given api.NewSource
	input.Body(c.body, &given, &faults, "id", "url", "created_at")
	in := deployment.SourceInput{Kind: given.Kind.Value, Name: given.Name.Value, Secret: given.Secret.Value}
	src, secret, err := a.deployments().CreateSource(c.ctx(), c.tenant.ID, in, faults)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusCreated, api.CreatedSource{Source: sourceOf(c, src), Secret: secret})
}

func (a *API) listSources(c *call) (answer, error) {
	q := &c.query
	page := q.page()
	if err := q.faults.Err(); err != nil {
		return answer{}, err
	}
	l, err := a.Store.Sources(c.ctx(), c.tenant.ID, page)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, api.ListOf(l, func(s webhook.Source) api.Source { return sourceOf(c, s) }))
}

func (a *API) showSource(c *call) (answer, error) {
	return reply(http.StatusOK, sourceOf(c, c.source))
}

func (a *API) deleteSource(c *call) (answer, error) {
	return noContent(a.Store.DeleteSource(c.ctx(), c.tenant.ID, c.source.ID))
}

// receivers are the routes by which reports come in, one for each provider.
func receivers() []route {
	var out []route
	for _, p := range deployment.Providers() {
		out = append(out, route{
			method: "POST", path: receiverPath + p.Kind + "/{id}", scope: anyone, body: rawBody, inbound: true,
			serve: func(a *API, c *call) (answer, error) { return a.receive(c, p) },
		})
	}
	return out
}

// receive takes a report. An Idempotency-Key makes no difference: the same report has the same id, whatever its headers.
func (a *API) receive(c *call, p deployment.Provider) (answer, error) {
	got, err := a.deployments().Receive(c.ctx(), c.name, p.Kind, c.request.Header, c.body)
	switch {
	case err != nil && webhook.KindOf(err) == webhook.Unauthorized:
		out := problemOf(err)
		out.Header.Set("WWW-Authenticate", p.Challenge)
		return out, nil
	case err != nil:
		return answer{}, err
	}
	status := http.StatusOK
	switch got.Outcome {
	case deployment.Registered:
		status = http.StatusCreated
	case deployment.Ignored:
		status = http.StatusAccepted
	case deployment.Repeated, deployment.Pinged:
	}
	return reply(status, api.Received{ID: got.ID, Status: string(got.Outcome), Detail: got.Reason})
}
