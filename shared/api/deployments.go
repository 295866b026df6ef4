package api

import (
	"encoding/json"
	"fmt"

	"hookline/shared/input"
	"hookline/shared/payload"
	"hookline/shared/webhook"
)

// Source is where deployments are reported from, without its secret. URL is where the other product sends to.
type Source struct {
	ID        string `json:"id"`
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	URL       string `json:"url"`
	CreatedAt Time   `json:"created_at"`
}

// SourceOf converts a source that takes reports at url.
func SourceOf(s webhook.Source, url string) Source {
	return Source{ID: s.ID, Kind: s.Kind, Name: s.Name, URL: url, CreatedAt: Time{s.CreatedAt}}
}

// NewSource is a source of deployments to be made.
type NewSource struct {
	Kind input.Field[string] `json:"kind,omitzero" jsonschema:"required" ref:"SourceKind"`
	// No control characters.
	Name input.Field[string] `json:"name,omitzero" jsonschema:"required,minLength=1,maxLength=200,pattern=^[^\\x00-\\x1f\\x7f-\\x9f]*$"`
	// Any; for `gitlab` and `azure-devops`, which send it in a header, without white space at its ends and without control
	// characters. Without one (left out, null or `""`), one of 64 hex digits is made.
	Secret input.Field[string] `json:"secret,omitzero" jsonschema:"nullable,maxLength=1024"`
}

// CreatedSource is a source just made. Secret is shown only here.
type CreatedSource struct {
	Source
	Secret string `json:"secret"`
}

// Received answers a report. Products show it in their logs of deliveries, so it says what became of the report.
type Received struct {
	ID     string `json:"id,omitempty"` // the deployment's
	Status string `json:"status"`       // a deployment.Outcome
	Detail string `json:"detail,omitempty"`
}

// Deployment is a deployment that was registered. Payload is its report as it came; in a list it is null where the
// page would be too large with it.
type Deployment struct {
	ID            string          `json:"id"`
	SourceID      string          `json:"source_id"`
	Kind          string          `json:"kind"`
	DeployedAt    Time            `json:"deployed_at"`
	Environment   string          `json:"environment"`
	CommitSHA     string          `json:"commit_sha"`
	RepositoryID  string          `json:"repository_id"`
	RepositoryURL string          `json:"repository_url"`
	Payload       json.RawMessage `json:"payload"`
	RegisteredAt  Time            `json:"registered_at"`
}

// DeploymentOf converts a deployment, and fails where its report cannot be unpacked.
func DeploymentOf(d webhook.Deployment) (Deployment, error) {
	report, err := payload.Unpack(d.Payload)
	if err != nil {
		return Deployment{}, fmt.Errorf("report of deployment %s: %w", d.ID, err)
	}
	return Deployment{
		ID: d.ID, SourceID: d.Source, Kind: d.Kind, DeployedAt: Time{d.DeployedAt}, Environment: d.Environment, CommitSHA: d.CommitSHA,
		RepositoryID: d.RepositoryID, RepositoryURL: d.RepositoryURL, Payload: report, RegisteredAt: Time{d.RegisteredAt},
	}, nil
}
