package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"

	"hookline/shared/payload"
	"hookline/shared/webhook"
)

// maxListedPayloads bounds what a list holds of the reports themselves, in bytes: an answer of Lambda's is at most 6 MB.
const maxListedPayloads = 4 << 20

type deploymentJSON struct {
	ID            string          `json:"id"`
	SourceID      string          `json:"source_id"`
	Kind          string          `json:"kind"`
	DeployedAt    string          `json:"deployed_at"`
	Environment   string          `json:"environment"`
	CommitSHA     string          `json:"commit_sha"`
	RepositoryID  string          `json:"repository_id"`
	RepositoryURL string          `json:"repository_url"`
	Payload       json.RawMessage `json:"payload"`
	RegisteredAt  string          `json:"registered_at"`
}

func deploymentOf(d webhook.Deployment) (deploymentJSON, error) {
	report, err := payload.Unpack(d.Payload)
	if err != nil {
		return deploymentJSON{}, fmt.Errorf("report of deployment %s: %w", d.ID, err)
	}
	return deploymentJSON{
		ID: d.ID, SourceID: d.Source, Kind: d.Kind, DeployedAt: at(d.DeployedAt), Environment: d.Environment, CommitSHA: d.CommitSHA,
		RepositoryID: d.RepositoryID, RepositoryURL: d.RepositoryURL, Payload: report, RegisteredAt: at(d.RegisteredAt),
	}, nil
}

func (a *API) findDeployment(c *call) (err error) {
	if !webhook.ValidGivenID(c.name) {
		return webhook.ErrNotFound("deployment")
	}
	c.found, err = a.Store.Deployment(c.ctx(), c.tenant.ID, c.name)
	return err
}

func (a *API) showDeployment(c *call) (answer, error) {
	out, err := deploymentOf(c.found)
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
	out := webhook.List[deploymentJSON]{Next: l.Next}
	room := maxListedPayloads
	for _, d := range l.Items {
		shown, err := deploymentOf(d)
		if err != nil {
			return answer{}, err
		}
		if len(shown.Payload) > room { // the one by its id has it
			shown.Payload = json.RawMessage("null")
		}
		room -= len(shown.Payload)
		out.Items = append(out.Items, shown)
	}
	return reply(http.StatusOK, listOf(out, func(d deploymentJSON) deploymentJSON { return d }))
}
