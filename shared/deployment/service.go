package deployment

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"hookline/shared/audit"
	"hookline/shared/ingest"
	"hookline/shared/input"
	"hookline/shared/metrics"
	"hookline/shared/payload"
	"hookline/shared/seal"
	"hookline/shared/webhook"
)

// Store is the part of store.Store that keeps sources and deployments. A Service relies on CreateDeployment storing one
// of many equal reports and giving the others that one.
type Store interface {
	Tenant(ctx context.Context, id string) (webhook.Tenant, error)
	CreateSource(ctx context.Context, s webhook.Source) error
	SourceByID(ctx context.Context, id string) (webhook.Source, error)
	CreateDeployment(ctx context.Context, d webhook.Deployment) (webhook.Deployment, bool, error)
	Deployment(ctx context.Context, tenant, id string) (webhook.Deployment, error)
}

// Publisher checks events and publishes them: when it returns nil they are in a durable queue.
type Publisher interface {
	Accept(ctx context.Context, t webhook.Tenant, in []ingest.Input, key *ingest.IdempotencyKey) ([]ingest.Result, error)
}

// Service makes sources and receives their reports. Store and Box are required, and to receive, Publisher.
type Service struct {
	Store     Store
	Publisher Publisher
	Box       seal.Box
	Now       func() time.Time // the deployment's clock; nil is time.Now
	Wall      func() time.Time // real time, for what is signed; nil is time.Now
	Log       *slog.Logger     // gets a line for each deployment registered; nil discards it
}

const (
	// retention is how long a deployment is kept: a year, so that a quarter can be compared with the same one of the year
	// before, and some weeks more.
	retention = 400 * 24 * time.Hour
	// maxPayload is the largest size of a packed report that fits into its record in the store.
	maxPayload = 300_000
)

func (s Service) now() time.Time {
	if s.Now == nil {
		return time.Now().UTC().Truncate(time.Millisecond)
	}
	return s.Now().UTC().Truncate(time.Millisecond)
}

func (s Service) wall() time.Time {
	if s.Wall == nil {
		return time.Now()
	}
	return s.Wall()
}

// SourceInput describes a source to be made. Secret can be any text that the product can send. If it is "", a secret is made.
type SourceInput struct{ Kind, Name, Secret string }

// CreateSource makes a source of the tenant and returns it with its secret, which cannot be read again. faults are the faults
// that were found before.
func (s Service) CreateSource(ctx context.Context, tenant string, in SourceInput, faults input.Faults) (webhook.Source, string, error) {
	p, ok := ProviderOf(in.Kind)
	if !ok {
		faults.Add("kind", "must be one of "+strings.Join(Kinds(), ", "))
	}
	if n := utf8.RuneCountInString(in.Name); n < 1 || n > input.MaxName || strings.ContainsFunc(in.Name, unicode.IsControl) {
		faults.Add("name", fmt.Sprintf("must be 1 to %d characters, none of them a control character", input.MaxName))
	}
	if len(in.Secret) > input.MaxSourceSecret {
		faults.Add("secret", fmt.Sprintf("must be at most %d bytes", input.MaxSourceSecret))
	}
	if p.Carried && (strings.TrimSpace(in.Secret) != in.Secret || strings.ContainsFunc(in.Secret, unicode.IsControl)) {
		faults.Add("secret", "must have no white space at its ends and no control characters: "+p.Guide.Product+
			" sends it in the header "+p.Guide.Header+", which cannot carry them")
	}
	if err := faults.Err(); err != nil {
		return webhook.Source{}, "", err
	}
	fields := []string{"kind", "name", "secret"}
	if in.Secret == "" {
		in.Secret, fields = newSecret(), fields[:2]
	}
	now := s.now()
	src := webhook.Source{Tenant: tenant, ID: webhook.NewID(webhook.SourcePrefix, now), Kind: in.Kind, Name: in.Name, CreatedAt: now}
	var err error
	if src.Secret, err = s.Box.Seal(ctx, []byte(in.Secret), seal.SourcePlace(tenant, src.ID)); err != nil {
		return webhook.Source{}, "", err
	}
	return src, in.Secret, s.Store.CreateSource(audit.Change(ctx, now, tenant, audit.Target{Type: "source", ID: src.ID}, fields...), src)
}

// newSecret returns 256 random bits in hex, which every product's settings accept unchanged.
func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}

// Outcome is the result of a report.
type Outcome string

// The outcomes.
const (
	Registered Outcome = "registered" // it is a deployment of the tenant now
	Repeated   Outcome = "repeated"   // it was registered before
	Pinged     Outcome = "ping"       // a test of the product's; there is nothing to register
	Ignored    Outcome = "ignored"    // understood; there is nothing to register
)

// Receipt is the answer to a report.
type Receipt struct {
	Outcome Outcome
	ID      string // of the deployment
	Reason  string // why nothing was registered
}

// Receive handles a request to the address of a source and its kind. Errors: webhook.NotFound, webhook.Unauthorized,
// webhook.Malformed, webhook.Invalid naming the fields, webhook.TooLarge, webhook.Unavailable.
func (s Service) Receive(ctx context.Context, id, kind string, header http.Header, body []byte) (Receipt, error) {
	src, p, err := s.source(ctx, id, kind)
	if err != nil {
		return Receipt{}, err
	}
	secret, err := s.Box.Open(ctx, src.Secret, seal.SourcePlace(src.Tenant, src.ID))
	if err != nil {
		return Receipt{}, fmt.Errorf("secret of source %s: %w", src.ID, err)
	}
	if !p.Verify(header, body, string(secret), s.wall()) {
		return Receipt{}, &webhook.Error{Kind: webhook.Unauthorized, Message: p.Credential}
	}
	report, err := p.Read(header, body)
	switch {
	case err != nil:
		return Receipt{}, err
	case report.Ping:
		return Receipt{Outcome: Pinged, Reason: report.Reason}, nil
	case report.Succeeded == nil:
		return Receipt{Outcome: Ignored, Reason: report.Reason}, nil
	}
	return s.register(ctx, src, *report.Succeeded)
}

func (s Service) source(ctx context.Context, id, kind string) (webhook.Source, Provider, error) {
	none := &webhook.Error{Kind: webhook.NotFound, Message: "no source of this kind has this address; GET /v1/sources lists the addresses"}
	p, ok := ProviderOf(kind)
	if !ok || !webhook.ValidGivenID(id) {
		return webhook.Source{}, Provider{}, none
	}
	src, err := s.Store.SourceByID(ctx, id)
	if err == nil && src.Kind != kind || webhook.Is(err, webhook.NotFound) {
		return webhook.Source{}, Provider{}, none
	}
	return src, p, err
}

// register registers a deployment once. It publishes the event first. A crash after that leaves a deployment that webhooks
// got and no list has. The sender, who got no answer, repairs this by sending the report again. The second event has the id
// of the first one, so that for 24 hours (ingest.Remembered) no webhook gets it twice. If the sender tries again only later,
// the event is delivered twice, with the same webhook-id. In the other order, a crash would leave an event that no webhook
// ever gets.
//
// Deployments that were registered by a release which did not use the products' own ids are stored under the id of their
// values, for 400 days at most. So register looks for a report under both ids, and recognizes a repeat of the same report.
// Only the first repeat with another time registers such a deployment once more, under its product's id.
func (s Service) register(ctx context.Context, src webhook.Source, r Deployed) (Receipt, error) {
	now := s.now()
	var ids []string
	if r.At.IsZero() { // earlier releases refused reports without a time
		r.At = now
	} else {
		ids = append(ids, hashOf(src.ID, r.values()))
	}
	d := deploymentOf(src, r, now)
	if len(d.Payload) > maxPayload {
		return Receipt{}, &webhook.Error{Kind: webhook.TooLarge, Message: "the report is over 300 KB when compressed; leave out fields that are not needed"}
	}
	for _, id := range slices.Compact(append(ids, d.ID)) { // both are the same if the product has no id of its own
		there, err := s.Store.Deployment(ctx, d.Tenant, id)
		switch {
		case err == nil && there.ExpiresAt.After(d.RegisteredAt):
			return Receipt{Outcome: Repeated, ID: id}, nil
		case err != nil && !webhook.Is(err, webhook.NotFound):
			return Receipt{}, err
		}
	}
	t, err := s.Store.Tenant(ctx, d.Tenant)
	if err != nil {
		return Receipt{}, err
	}
	data, err := dataOf(d)
	if err != nil {
		return Receipt{}, err
	}
	in := ingest.Input{ID: d.ID, Type: webhook.DeploymentType, Data: data, Timestamp: d.DeployedAt, Same: d.ID}
	if _, err := s.Publisher.Accept(ctx, t, []ingest.Input{in}, nil); err != nil {
		return Receipt{}, err
	}
	_, isNew, err := s.Store.CreateDeployment(ctx, d)
	if err != nil {
		return Receipt{}, err
	}
	if !isNew { // another request with the same report was faster
		return Receipt{Outcome: Repeated, ID: d.ID}, nil
	}
	metrics.Add(ctx, metrics.Deployments, 1)
	if s.Log != nil {
		s.Log.InfoContext(ctx, "deployment.registered", "tenant", d.Tenant, "deployment", d.ID, "source", src.Name,
			"environment", d.Environment, "commit", d.CommitSHA, "repository", d.RepositoryURL)
	}
	return Receipt{Outcome: Registered, ID: d.ID}, nil
}

func deploymentOf(src webhook.Source, r Deployed, now time.Time) webhook.Deployment {
	return webhook.Deployment{
		Tenant: src.Tenant, ID: idOf(src.ID, r), Source: src.ID, Kind: src.Kind, DeployedAt: r.At, Environment: r.Environment,
		CommitSHA: r.CommitSHA, RepositoryID: r.RepositoryID, RepositoryURL: r.RepositoryURL, Payload: payload.Pack(r.Payload),
		RegisteredAt: now, ExpiresAt: now.Add(retention),
	}
}

// idOf derives a deployment's id from its source and its product's id or, without such an id, its five values.
func idOf(source string, r Deployed) string {
	if r.ID != nil {
		return hashOf(source, r.ID)
	}
	return hashOf(source, r.values())
}

// values returns the five values. The time is normalized, so that its spelling makes no difference.
func (r Deployed) values() []string {
	return []string{r.At.UTC().Format(time.RFC3339Nano), r.Environment, r.CommitSHA, r.RepositoryID, r.RepositoryURL}
}

// hashOf derives an id from a source and further parts. It writes the length before each, so that no two lists have the same
// input.
func hashOf(source string, parts []string) string {
	h := sha256.New()
	for _, part := range append([]string{source}, parts...) {
		_ = binary.Write(h, binary.BigEndian, uint32(len(part))) // a hash takes everything
		h.Write([]byte(part))
	}
	return webhook.DeploymentPrefix + hex.EncodeToString(h.Sum(nil)[:16])
}

// event is the data of a deployment.registered event.
type event struct {
	ID            string `json:"id"`
	SourceID      string `json:"source_id"`
	Kind          string `json:"kind"`
	DeployedAt    string `json:"deployed_at"`
	Environment   string `json:"environment"`
	CommitSHA     string `json:"commit_sha"`
	RepositoryID  string `json:"repository_id"`
	RepositoryURL string `json:"repository_url"`
}

func dataOf(d webhook.Deployment) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // keeps URLs readable
	err := e.Encode(event{
		ID: d.ID, SourceID: d.Source, Kind: d.Kind, DeployedAt: d.DeployedAt.UTC().Format(time.RFC3339Nano), Environment: d.Environment,
		CommitSHA: d.CommitSHA, RepositoryID: d.RepositoryID, RepositoryURL: d.RepositoryURL,
	})
	return b.Bytes(), err
}
