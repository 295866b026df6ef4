package webhook

import (
	"encoding/json"
	"time"
)

// Prefixes of the ids of sources and deployments.
const (
	SourcePrefix     = "src_"
	DeploymentPrefix = "dep_"
)

// Source is where a tenant's deployments are reported from: an address of ours and the secret that authenticates what
// comes in there.
type Source struct {
	Tenant    string
	ID        string // unique over all tenants: an incoming request names nothing else
	Kind      string // a provider of package deployment
	Name      string
	Secret    Sealed
	CreatedAt time.Time
}

// Deployment is a deployment that a source reported.
type Deployment struct {
	Tenant        string
	ID            string // made of the source and the product's id of it, or the five values below: a repeat has the same
	Source        string
	Kind          string // the source's
	DeployedAt    time.Time
	Environment   string
	CommitSHA     string
	RepositoryID  string
	RepositoryURL string
	Payload       []byte // as received, as package payload packs it
	RegisteredAt  time.Time
	ExpiresAt     time.Time // from then on the record may vanish
}

// DeploymentQuery selects deployments of a tenant, newest first by registration.
type DeploymentQuery struct {
	Environment  string    // "" for any
	RepositoryID string    // "" for any
	Since        time.Time // registered at or after; zero for any
	Page         Page
}

// DialectVersion is one version of a deployment's own dialect. Versions are kept for ever: what is queued names them.
type DialectVersion struct {
	Name        string
	Version     int // counts from 1
	Description json.RawMessage
	CreatedAt   time.Time
}

// DialectHead is a deployment's own dialect by name.
type DialectHead struct {
	Name    string
	Version int  // the newest
	Deleted bool // no longer offered; what refers to a version of it goes on
}
