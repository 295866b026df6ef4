package deployment_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hookline/shared/deployment"
	"hookline/shared/faultinject"
	"hookline/shared/ingest"
	"hookline/shared/stack/stacktest"
	"hookline/shared/store"
	"hookline/shared/webhook"
)

const secret = "secret" // the one of the document

// wall is the real time in these tests. The deployment's clock, which can run fast, is another one.
func wall() time.Time { return time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC) }

// world is a service over a store in memory, with a tenant and a source of each kind.
type world struct {
	service deployment.Service
	store   store.Store
	faults  faultinject.StoreFaults
	now     time.Time
	events  *publisher
	sources map[string]string // ids by kind
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{now: stacktest.Noon(), events: &publisher{}, sources: make(map[string]string)}
	b := stacktest.Builder(t, &w.faults)
	w.store = b.Store
	w.service = deployment.Service{
		Store: b.Store, Publisher: w.events, Box: b.Box, Now: func() time.Time { return w.now },
		Wall: wall,
	}
	if err := b.Store.CreateTenant(t.Context(), webhook.Tenant{ID: "acme", Name: "Acme", Dialect: "codmir", CreatedAt: w.now, UpdatedAt: w.now, Version: 1},
		webhook.Key{ID: "key_1", Tenant: "acme", Hash: "h", CreatedAt: w.now}); err != nil {
		t.Fatal(err)
	}
	for _, kind := range deployment.Kinds() {
		w.sources[kind] = w.source(t, kind, secret)
	}
	return w
}

func (w *world) source(t testing.TB, kind, secret string) (id string) {
	t.Helper()
	src, shown, err := w.service.CreateSource(t.Context(), "acme", deployment.SourceInput{Kind: kind, Name: kind, Secret: secret}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if secret != "" && shown != secret {
		t.Fatalf("got secret %q, want the given one", shown)
	}
	return src.ID
}

// request is a report that is sent to a source.
type request struct {
	kind   string
	header http.Header
	body   []byte
}

// send sends the request to the source of its kind.
func (w *world) send(t testing.TB, r request) (deployment.Receipt, error) {
	t.Helper()
	return w.service.Receive(t.Context(), w.sources[r.kind], r.kind, r.header, r.body)
}

// proved returns the request with the credential of a sender who knows the secret.
func proved(kind, secret string, body []byte, headers ...string) request {
	r := request{kind: kind, header: make(http.Header), body: body}
	switch kind {
	case "custom":
		r.header.Set("X-Axify-Deployment-Event-Signature", sign(body, secret))
	case "github":
		r.header.Set("X-Hub-Signature-256", sign(body, secret))
		r.header.Set("X-GitHub-Event", "deployment_status")
	case "gitlab":
		r.header.Set("X-Gitlab-Token", secret)
		r.header.Set("X-Gitlab-Event", "Deployment Hook")
	case "azure-devops":
		basic := &http.Request{Header: r.header}
		basic.SetBasicAuth("anybody", secret)
	}
	for i := 0; i < len(headers); i += 2 {
		r.header.Set(headers[i], headers[i+1])
	}
	return r
}

func sign(body []byte, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func published(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// changed replaces a text, which must be there.
func changed(t testing.TB, body []byte, from, to string) []byte {
	t.Helper()
	if !bytes.Contains(body, []byte(from)) {
		t.Fatalf("%s is not in the payload", from)
	}
	return bytes.Replace(body, []byte(from), []byte(to), 1)
}

// publisher accepts events and remembers them. An event with a known id is a repeat if its Same says so.
type publisher struct {
	got     []ingest.Input
	repeats int
	err     error
}

func (p *publisher) Accept(_ context.Context, t webhook.Tenant, in []ingest.Input, key *ingest.IdempotencyKey) ([]ingest.Result, error) {
	if p.err != nil {
		return nil, p.err
	}
	if t.ID != "acme" || len(in) != 1 || key != nil {
		return nil, webhook.ErrNotFound("tenant")
	}
	for _, e := range p.got {
		if e.ID == in[0].ID && (e.Same == "" || e.Same != in[0].Same) {
			return nil, webhook.ErrConflict(ingest.CodeIDReused, "the id was used for another event")
		}
		if e.ID == in[0].ID {
			p.repeats++
			return []ingest.Result{{ID: e.ID, Type: e.Type}}, nil
		}
	}
	p.got = append(p.got, in[0])
	return []ingest.Result{{ID: in[0].ID, Type: in[0].Type}}, nil
}
