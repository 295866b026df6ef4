package httpapi

import (
	"encoding/json"
	"net/http"

	"hookline/shared/api"
	"hookline/shared/webhook"
)

// maxListedPayloads bounds the reports in one list, in bytes, because an answer of a Lambda function is at most 6 MB.
const maxListedPayloads = 4 << 20

func (a *API) findDeployment(c *call) (err error) {
	if !webhook.ValidGivenID(c.name) {
		return webhook.ErrNotFound("deployment")
	}
	c.found, err = a.Store.Deployment(c.ctx(), c.tenant.ID, c.name)
	return err
}

func (a *API) showDeployment(c *call) (answer, error) {
	out, err := api.DeploymentOf(c.found)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, out)
}

func (a *API) listDeployments(c *call) (answer, error) {
	q := &c.query
	want := webhook.DeploymentQuery{Page: q.page(), Environment: q.text("environment"), RepositoryID: q.text("repository_id"), Since: q.time("since")}
	if err := q.faults.Err(); err != nil {
		return answer{}, err
	}
	l, err := a.Store.Deployments(c.ctx(), c.tenant.ID, want)
	if err != nil {
		return answer{}, err
	}
	out := webhook.List[api.Deployment]{Next: l.Next}
	room := maxListedPayloads
	for _, d := range l.Items {
		shown, err := api.DeploymentOf(d)
		if err != nil {
			return answer{}, err
		}
		if len(shown.Payload) > room { // GET by its id has it
			shown.Payload = json.RawMessage("null")
		}
		room -= len(shown.Payload)
		out.Items = append(out.Items, shown)
	}
	return reply(http.StatusOK, api.ListOf(out, func(d api.Deployment) api.Deployment { return d }))
}
