package deployment_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"hookline/shared/deployment"
	"hookline/shared/payload"
	"hookline/shared/seal"
	"hookline/shared/webhook"
)

// FuzzReceive sends arbitrary requests to a source of each provider. With the right credential, every outcome is allowed but
// a panic or an internal error. Without it, the request is refused.
func FuzzReceive(f *testing.F) {
	kinds := deployment.Kinds()
	for _, tt := range success(f) {
		for i := range kinds {
			f.Add(uint8(i), tt.header.Get("X-GitHub-Event"), tt.header.Get("X-Gitlab-Event"), tt.header.Get("Content-Type"), "sha256=", tt.body, i%2 == 0)
		}
	}
	f.Add(uint8(1), "ping", "", "", "", []byte(`{"zen":""}`), true)
	kept := &shelf{}
	w := &world{events: &publisher{}, sources: make(map[string]string)}
	w.service = deployment.Service{Store: kept, Publisher: w.events, Box: seal.Box{Keys: seal.NewStatic("test")}}
	for _, kind := range kinds {
		w.sources[kind] = w.source(f, kind, secret)
	}
	f.Fuzz(func(t *testing.T, which uint8, github, gitlab, contentType, credential string, body []byte, knows bool) {
		kind := kinds[int(which)%len(kinds)]
		r := request{kind: kind, header: http.Header{"X-Github-Event": {github}, "X-Gitlab-Event": {gitlab}, "Content-Type": {contentType}}, body: body}
		for _, name := range []string{"X-Axify-Deployment-Event-Signature", "X-Hub-Signature-256", "X-Gitlab-Token", "Authorization"} {
			r.header.Set(name, credential)
		}
		if knows {
			for name, values := range proved(kind, secret, body).header {
				if name != "X-Github-Event" && name != "X-Gitlab-Event" {
					r.header[name] = values
				}
			}
		}
		w.events.got, kept.deployment = nil, webhook.Deployment{}
		got, err := w.send(t, r)
		refused := webhook.Is(err, webhook.Unauthorized)
		// Only a token is the secret itself, so that an invented credential can be right by chance.
		if guessed := kind == "gitlab" && credential == secret; !knows && !guessed && !refused || knows && refused {
			t.Fatalf("knowing the secret: %t, got %+v, %v", knows, got, err)
		}
		if webhook.Is(err, webhook.Internal) {
			t.Fatal(err)
		}
		if got.Outcome != deployment.Registered {
			if len(w.events.got) != 0 {
				t.Fatalf("%+v, %v was published", got, err)
			}
			return
		}
		d := kept.deployment
		if v := valuesOf(d); v.Environment == "" || v.CommitSHA == "" || v.RepositoryID == "" || v.RepositoryURL == "" || d.DeployedAt.Year() < 1970 {
			t.Errorf("registered %+v", v)
		}
		if report, err := payload.Unpack(d.Payload); err != nil || !json.Valid(report) {
			t.Errorf("kept %q, %v", report, err)
		}
	})
}

// shelf is a store of sources and of one deployment. With a real engine, fuzzing would mostly run the engine's code.
type shelf struct {
	sources    []webhook.Source
	deployment webhook.Deployment
}

func (s *shelf) Tenant(_ context.Context, id string) (webhook.Tenant, error) {
	return webhook.Tenant{ID: id}, nil
}

func (s *shelf) CreateSource(_ context.Context, src webhook.Source) error {
	s.sources = append(s.sources, src)
	return nil
}

func (s *shelf) SourceByID(_ context.Context, id string) (webhook.Source, error) {
	for _, src := range s.sources {
		if src.ID == id {
			return src, nil
		}
	}
	return webhook.Source{}, webhook.ErrNotFound("source")
}

func (s *shelf) CreateDeployment(_ context.Context, d webhook.Deployment) (webhook.Deployment, bool, error) {
	s.deployment = d
	return d, true, nil
}

func (s *shelf) Deployment(context.Context, string, string) (webhook.Deployment, error) {
	return webhook.Deployment{}, webhook.ErrNotFound("deployment")
}
