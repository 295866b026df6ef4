package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"hookline/shared/webhook"
)

type sourceRecord struct {
	Kind      string `json:"kind,omitzero"`
	Name      string `json:"name,omitzero"`
	Secret    []byte `json:"secret,omitzero"`
	CreatedAt int64  `json:"created_at,omitzero"`
}

// EncodeSource encodes s without its Tenant and ID.
func EncodeSource(s webhook.Source) []byte {
	return marshal(sourceRecord{Kind: s.Kind, Name: s.Name, Secret: s.Secret, CreatedAt: Millis(s.CreatedAt)})
}

// DecodeSource decodes a source that EncodeSource encoded.
func DecodeSource(tenant, id string, b []byte) (webhook.Source, error) {
	var r sourceRecord
	if err := unmarshal("source", b, &r); err != nil {
		return webhook.Source{}, err
	}
	return webhook.Source{Tenant: tenant, ID: id, Kind: r.Kind, Name: r.Name, Secret: r.Secret, CreatedAt: Time(r.CreatedAt)}, nil
}

type deploymentRecord struct {
	Source        string `json:"source,omitzero"`
	Kind          string `json:"kind,omitzero"`
	DeployedAt    *int64 `json:"deployed_at,omitzero"` // the sender chooses it, so it may be 0
	Environment   string `json:"environment,omitzero"`
	CommitSHA     string `json:"commit_sha,omitzero"`
	RepositoryID  string `json:"repository_id,omitzero"`
	RepositoryURL string `json:"repository_url,omitzero"`
	ExpiresAt     int64  `json:"expires_at,omitzero"`
}

// EncodeDeployment encodes d without its Tenant, ID and RegisteredAt, as JSON, followed by the bytes of the payload as
// they are.
func EncodeDeployment(d webhook.Deployment) []byte {
	return append(marshal(deploymentRecord{
		Source: d.Source, Kind: d.Kind, DeployedAt: sinceMillis(time.UnixMilli(0), d.DeployedAt), Environment: d.Environment,
		CommitSHA: d.CommitSHA, RepositoryID: d.RepositoryID, RepositoryURL: d.RepositoryURL, ExpiresAt: Millis(d.ExpiresAt),
	}), d.Payload...)
}

// DecodeDeployment decodes a deployment that EncodeDeployment encoded. The result does not alias b.
func DecodeDeployment(tenant, id string, registered time.Time, b []byte) (webhook.Deployment, error) {
	var r deploymentRecord
	rest, err := unmarshalFirst("deployment", b, &r)
	if err != nil {
		return webhook.Deployment{}, err
	}
	return webhook.Deployment{
		Tenant: tenant, ID: id, Source: r.Source, Kind: r.Kind, DeployedAt: afterMillis(time.UnixMilli(0), r.DeployedAt),
		Environment: r.Environment, CommitSHA: r.CommitSHA, RepositoryID: r.RepositoryID, RepositoryURL: r.RepositoryURL,
		Payload: rest, RegisteredAt: registered, ExpiresAt: Time(r.ExpiresAt),
	}, nil
}

type dialectRecord struct {
	CreatedAt int64 `json:"created_at,omitzero"`
}

// EncodeDialect encodes d without its Name and Version, as JSON, followed by the bytes of the description as they are.
func EncodeDialect(d webhook.DialectVersion) []byte {
	return append(marshal(dialectRecord{CreatedAt: Millis(d.CreatedAt)}), d.Description...)
}

// DecodeDialect decodes a version that EncodeDialect encoded. The result does not alias b.
func DecodeDialect(name string, version int, b []byte) (webhook.DialectVersion, error) {
	var r dialectRecord
	rest, err := unmarshalFirst("dialect", b, &r)
	if err != nil {
		return webhook.DialectVersion{}, err
	}
	return webhook.DialectVersion{Name: name, Version: version, Description: rest, CreatedAt: Time(r.CreatedAt)}, nil
}

// unmarshalFirst decodes the JSON with which b begins, and returns a copy of the rest, nil if there is none.
func unmarshalFirst(what string, b []byte, v any) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	if err := dec.Decode(v); err != nil {
		return nil, fmt.Errorf("%s record: %w", what, err)
	}
	return append([]byte(nil), b[dec.InputOffset():]...), nil
}
