package api

import (
	"encoding/json"
	"fmt"

	"hookline/shared/input"
	"hookline/shared/payload"
	"hookline/shared/webhook"
)

// Source is where deployments are reported from, without its secret.
type Source struct {
	ID   string `json:"id" jsonschema:"example=src_01JQSMZ4T0000000000000000"`
	Kind string `json:"kind" ref:"SourceKind"`
	Name string `json:"name"`
	// Where the other product is to send its reports.
	URL       string `json:"url" jsonschema:"format=uri"`
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

// CreatedSource is a source just made.
type CreatedSource struct {
	Source `jsonschema:"-"`
	// Shown only here.
	Secret string `json:"secret"`
}

// Received is the answer to a report. Products show it in their logs of deliveries, so it says what became of the report.
type Received struct {
	// The deployment's.
	ID     string `json:"id,omitempty"`
	Status string `json:"status" ref:"ReceivedStatus"`
	// Why nothing was registered: of a report that is ignored, and of a test event.
	Detail string `json:"detail,omitempty"`
}

// DeploymentReport is a report of a deployment from any tool. Other fields are kept with it.
type DeploymentReport struct {
	// Between the years 1970 and 9999; it counts as an instant, in whole milliseconds.
	DeployedAt   string `json:"deployed_at" jsonschema:"format=date-time"`
	Environment  string `json:"environment" jsonschema:"minLength=1,maxLength=256"`
	CommitSHA    string `json:"commit_sha" jsonschema:"minLength=1,maxLength=256"`
	RepositoryID string `json:"repository_id" jsonschema:"minLength=1,maxLength=256"`
	// http, https, ssh or git, or `user@host:path`.
	RepositoryURL string `json:"repository_url" jsonschema:"minLength=1,maxLength=2048"`
}

// ProductReport is a product's own payload of an event, as the product publishes it.
type ProductReport map[string]any

// ReportForm is a report in a form.
type ReportForm struct {
	// The JSON. The signature is over the form.
	Payload string `json:"payload"`
}

// Deployment is a deployment that was registered.
type Deployment struct {
	// Also the id of its event `deployment.registered`. It is made of the source and the product's own id of the
	// deployment; where the report has none, as a custom one, of the source and the five values.
	ID            string `json:"id" jsonschema:"example=dep_e8b7061038a7adb627e890825c284a8e"`
	SourceID      string `json:"source_id"`
	Kind          string `json:"kind" ref:"SourceKind"`
	DeployedAt    Time   `json:"deployed_at"`
	Environment   string `json:"environment"`
	CommitSHA     string `json:"commit_sha"`
	RepositoryID  string `json:"repository_id"`
	RepositoryURL string `json:"repository_url"`
	// The report as it was received: any JSON, white space between tokens removed. In a list it is null where the page
	// would be too large with it.
	Payload      json.RawMessage `json:"payload" jsonschema:"type=object,nullable"`
	RegisteredAt Time            `json:"registered_at"`
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
