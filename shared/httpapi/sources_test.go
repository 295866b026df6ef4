package httpapi_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"hookline/shared/deployment"
	"hookline/shared/httpapi"
	"hookline/shared/webhook"
)

// theDocument is the example of Axify's document, and its signature there with the secret "secret".
const (
	theDocument  = `{ "deployed_at": "2023-10-27T00:00:00Z", "environment": "production", "commit_sha": "56e05fced214c44a37759efa2dfc25a65d8ae98d", "repository_id": "123", "repository_url": "https://git.scm-provider.ca/my-project/my-repo" }`
	theSignature = "X-Axify-Deployment-Event-Signature: sha256=94849743b7c6c5772dcd0abb37b37e9834062b0639ca1fcd69678bd7526816d7"
)

// source makes a source with the secret "secret".
func (w *world) source(key, kind string) (id string) {
	w.t.Helper()
	return w.do("POST", "/v1/sources", key, `{"kind":"`+kind+`","name":"CI","secret":"secret"}`).is(201).str("id")
}

// deployment has one registered.
func (w *world) deployment(key string) (id string) {
	w.t.Helper()
	return w.do("POST", "/webhooks/deployments/custom/"+w.source(key, "custom"), "", theDocument, theSignature).is(201).str("id")
}

// proof is the headers that a product sends with a success, by one who knows the secret.
func proof(kind, body string) []string {
	mac := hmac.New(sha256.New, []byte("secret"))
	mac.Write([]byte(body))
	digest := "sha256=" + hex.EncodeToString(mac.Sum(nil))
	return map[string][]string{
		"custom":       {"X-Axify-Deployment-Event-Signature: " + digest},
		"github":       {"X-Hub-Signature-256: " + digest, "X-GitHub-Event: deployment_status"},
		"gitlab":       {"X-Gitlab-Token: secret", "X-Gitlab-Event: Deployment Hook"},
		"azure-devops": {"Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("anybody:secret"))},
	}[kind]
}

func report(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../deployment/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSources(t *testing.T) {
	w := newWorld(t)
	w.do("POST", "/v1/sources", w.key, `{"kind":"jenkins","name":"","secret":7,"url":"x","id":"y","colour":1}`).
		faults("kind", "name", "secret", "url", "id", "colour")
	w.do("POST", "/v1/sources", w.key, `{}`).faults("kind", "name")
	w.do("POST", "/v1/sources", w.key, `{"kind":"gitlab","name":"CI","secret":"s "}`).faults("secret")
	made := w.do("POST", "/v1/sources", w.key, `{"kind":"gitlab","name":"CI","secret":null}`).is(201)
	if got := made.str("secret"); len(got) != 64 {
		t.Errorf("got secret %q, want one of 64 characters", got)
	}
	id := made.str("id")
	want := `{"id":"` + id + `","kind":"gitlab","name":"CI","url":"http://localhost/webhooks/deployments/gitlab/` + id + `","created_at":"2026-03-20T12:00:00.000Z"}`
	if got := w.do("GET", "/v1/sources/"+id, w.key, "").is(200); got.body != want+"\n" {
		t.Errorf("got  %s\nwant %s", got.body, want)
	}
	w.now.Pass(time.Minute)
	second := w.source(w.key, "custom")
	if got, want := w.do("GET", "/v1/sources", w.key, "").is(200).ids(), []string{second, id}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	page := w.do("GET", "/v1/sources?limit=1", w.key, "").is(200)
	if got, want := w.do("GET", "/v1/sources?limit=1&cursor="+url.QueryEscape(page.str("next_cursor")), w.key, "").is(200).ids(), []string{id}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := w.do("GET", "/v1/sources", w.other, "").is(200).ids(); len(got) != 0 {
		t.Errorf("another tenant has %q", got)
	}
	w.do("GET", "/v1/sources?limit=0&cursor=", w.key, "").faults("limit", "cursor")

	registered := w.do("POST", "/webhooks/deployments/custom/"+second, "", theDocument, theSignature).is(201).str("id")
	w.do("DELETE", "/v1/sources/"+second, w.key, "").is(204)
	w.do("GET", "/v1/sources/"+second, w.key, "").problem(404, "not-found")
	w.do("POST", "/webhooks/deployments/custom/"+second, "", theDocument, theSignature).problem(404, "not-found")
	w.do("GET", "/v1/deployments/"+registered, w.key, "").is(200)
}

// TestSourceOnce shows that a repeat with an Idempotency-Key gets the same source and its secret, of which no plain copy is kept.
func TestSourceOnce(t *testing.T) {
	w := newWorld(t)
	first := w.do("POST", "/v1/sources", w.key, `{"kind":"github","name":"CI"}`, "Idempotency-Key: k").is(201)
	if again := w.do("POST", "/v1/sources", w.key, `{"kind":"github","name":"CI"}`, "Idempotency-Key: k").is(201); again.body != first.body {
		t.Errorf("got %s, want %s", again.body, first.body)
	}
}

// TestSourceAddress shows that the address begins as the caller's request did.
func TestSourceAddress(t *testing.T) {
	w := newWorld(t)
	id := w.source(w.key, "custom")
	for name, tt := range map[string]struct {
		host, scheme string
		tls          bool
		forwarded    string
		want         string
	}{
		"one machine":        {"127.0.0.1:8080", "", false, "", "http://127.0.0.1:8080"},
		"TLS":                {"hooks.example.com", "", true, "", "https://hooks.example.com"},
		"behind API Gateway": {"hooks.example.com", "https", false, "", "https://hooks.example.com"},
		"behind a tunnel":    {"abc.tunnel.example", "", false, "https", "https://abc.tunnel.example"},
		"behind a plain one": {"abc.tunnel.example", "", false, "http", "http://abc.tunnel.example"},
	} {
		r := w.request("GET", "/v1/sources/"+id, w.key, "")
		r.Host, r.URL.Scheme = tt.host, tt.scheme
		r.Header.Set("X-Forwarded-Proto", tt.forwarded)
		if tt.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if got, want := w.send(r).str("url"), tt.want+"/webhooks/deployments/custom/"+id; got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// TestReceivers sends each provider's published payload, and what each must refuse.
func TestReceivers(t *testing.T) {
	for kind, payload := range map[string]string{
		"custom": "custom/document.json", "github": "github/deployment_status.success.json", "gitlab": "gitlab/deployment.success.json",
		"azure-devops": "azure-devops/release.environment.json",
	} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t)
			body := report(t, payload)
			to := "/webhooks/deployments/" + kind + "/" + w.source(w.key, kind)
			post := func(body string, headers ...string) reply {
				t.Helper()
				return w.do("POST", to, "", body, headers...)
			}
			first := post(body, proof(kind, body)...).is(201)
			id := first.str("id")
			if want := `{"id":"` + id + "\",\"status\":\"registered\"}\n"; first.body != want || !strings.HasPrefix(id, "dep_") || len(id) != 36 {
				t.Errorf("got %s, want %s", first.body, want)
			}
			again := post(body, append(proof(kind, body), "Content-Type: text/plain", "Idempotency-Key: \x01")...).is(200)
			if want := `{"id":"` + id + "\",\"status\":\"repeated\"}\n"; again.body != want {
				t.Errorf("got %s, want %s", again.body, want)
			}
			if len(w.events.got) != 1 || w.events.got[0].ID != id || w.events.got[0].Type != "deployment.registered" {
				t.Errorf("published %+v, want one event %s", w.events.got, id)
			}
			challenge := post(body).problem(401, "unauthorized").header.Get("WWW-Authenticate")
			if kind == "azure-devops" != strings.HasPrefix(challenge, "Basic ") || challenge == "" || strings.HasPrefix(challenge, "Bearer") {
				t.Errorf("got WWW-Authenticate %q", challenge)
			}
			post(body, "Authorization: Bearer "+w.key).problem(401, "unauthorized")
			if kind == "custom" || kind == "github" {
				if r := post(body+" ", proof(kind, body)...).problem(401, "unauthorized"); !strings.Contains(r.body, "byte for byte") {
					t.Errorf("got %s", r.body)
				}
			}
			marked := "\xef\xbb\xbf" + body // signed as it is sent
			if got := post(marked, proof(kind, marked)...).is(200); got.body != again.body {
				t.Errorf("behind a byte order mark: got %s, want %s", got.body, again.body)
			}
			if kind == "custom" || kind == "github" {
				post(marked, proof(kind, body)...).problem(401, "unauthorized")
			}
			if r := post(body, append(proof(kind, body), "Content-Encoding: gzip")...).problem(415, "unsupported-media-type"); !strings.Contains(r.body, "Content-Encoding gzip;") {
				t.Errorf("got %s, want the encoding named", r.body)
			}
			post(body, append(proof(kind, body), "Content-Encoding: identity")...).is(200)
			post("no JSON", proof(kind, "no JSON")...).problem(400, "not-json")
			post("", proof(kind, "")...).problem(400, "not-json")
			big := strings.Repeat(" ", 1<<20) + body
			post(big, proof(kind, big)...).problem(413, "too-large")
			post("[]", proof(kind, "[]")...).faults("body")
			for _, elsewhere := range []string{"absent", "..", "%00"} {
				w.do("POST", "/webhooks/deployments/"+kind+"/"+elsewhere, "", body, proof(kind, body)...).problem(404, "not-found")
			}
			for _, other := range deployment.Kinds() {
				if other != kind {
					w.do("POST", "/webhooks/deployments/"+other+strings.TrimPrefix(to, "/webhooks/deployments/"+kind), "", body, proof(kind, body)...).problem(404, "not-found")
				}
			}
			w.do("GET", to, "", "").problem(405, "method-not-allowed")
			if got := w.do("GET", "/v1/deployments", w.key, "").ids(); !slices.Equal(got, []string{id}) {
				t.Errorf("registered %q, want %s alone", got, id)
			}
		})
	}
}

// TestSignedGitLab shows that a signature's age is counted in real time, whatever the deployment's clock says.
func TestSignedGitLab(t *testing.T) {
	w := newWorld(t)
	const token = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	id := w.do("POST", "/v1/sources", w.key, `{"kind":"gitlab","name":"CI","secret":"`+token+`"}`).is(201).str("id")
	wh, err := standardwebhooks.NewWebhook(token)
	if err != nil {
		t.Fatal(err)
	}
	body, now := report(t, "gitlab/deployment.success.json"), time.Now()
	signature, err := wh.Sign("msg_1", now, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	headers := []string{
		"X-Gitlab-Event: Deployment Hook", "webhook-id: msg_1", fmt.Sprint("webhook-timestamp: ", now.Unix()), "webhook-signature: " + signature,
	}
	w.do("POST", "/webhooks/deployments/gitlab/"+id, "", body, headers...).is(201)
	w.do("POST", "/webhooks/deployments/gitlab/"+id, "", body+" ", headers...).problem(401, "unauthorized")
}

func TestReceivedOtherwise(t *testing.T) {
	w := newWorld(t)
	to := "/webhooks/deployments/github/" + w.source(w.key, "github")
	body := report(t, "github/ping.json")
	ping := w.do("POST", to, "", body, append(proof("github", body), "X-GitHub-Event: ping")...).is(200)
	if want := "{\"status\":\"ping\"}\n"; ping.body != want {
		t.Errorf("got %s, want %s", ping.body, want)
	}
	body = strings.Replace(report(t, "azure-devops/run.json"), "{", `{"subscriptionId":"00000000-0000-0000-0000-000000000000",`, 1)
	test := w.do("POST", "/webhooks/deployments/azure-devops/"+w.source(w.key, "azure-devops"), "", body, proof("azure-devops", body)...).is(200)
	if !strings.HasPrefix(test.body, `{"status":"ping","detail":"this is Azure DevOps's test event`) {
		t.Errorf("got %s, want to be told of a test", test.body)
	}
	body = report(t, "github/deployment_status.in_progress.json")
	ignored := w.do("POST", to, "", body, proof("github", body)...).is(202)
	if want := `{"status":"ignored","detail":"only the state success registers a deployment"}` + "\n"; ignored.body != want {
		t.Errorf("got %s, want %s", ignored.body, want)
	}
	form := "payload=" + url.QueryEscape(report(t, "github/deployment_status.success.json"))
	made := w.do("POST", to, "", form, append(proof("github", form), "Content-Type: application/x-www-form-urlencoded")...).is(201)
	shown := w.do("GET", "/v1/deployments/"+made.str("id"), w.key, "").is(200)
	var got struct{ Payload json.RawMessage }
	shown.into(&got)
	if want := report(t, "github/deployment_status.success.json"); string(got.Payload) != want {
		t.Errorf("payload is %.80s, want %.80s", got.Payload, want)
	}
	w.events.err = webhook.ErrUnavailable(errors.New("queue is down"))
	custom := "/webhooks/deployments/custom/" + w.source(w.key, "custom")
	w.do("POST", custom, "", theDocument, theSignature).problem(503, "unavailable")
	w.events.err = nil
	w.do("POST", custom, "", theDocument, theSignature).is(201)
	w.do("POST", custom, "", `{"deployed_at":1}`, proof("custom", `{"deployed_at":1}`)...).
		faults("deployed_at", "environment", "commit_sha", "repository_id", "repository_url")
}

func TestDeployments(t *testing.T) {
	w := newWorld(t)
	to := "/webhooks/deployments/custom/" + w.source(w.key, "custom")
	var ids []string
	for i, environment := range []string{"production", "staging", "production"} {
		body := fmt.Sprintf(`{"deployed_at":"2026-03-0%dT10:00:00+02:00","environment":%q,"commit_sha":"c%d","repository_id":"r%d","repository_url":"ssh://git@example.com/r","n":1.50}`, i+1, environment, i, i%2)
		ids = append([]string{w.do("POST", to, "", body, proof("custom", body)...).is(201).str("id")}, ids...)
		w.now.Pass(time.Minute)
	}
	want := `{"id":"` + ids[2] + `","source_id":"` + strings.TrimPrefix(to, "/webhooks/deployments/custom/") + `","kind":"custom","deployed_at":"2026-03-01T08:00:00.000Z",` +
		`"environment":"production","commit_sha":"c0","repository_id":"r0","repository_url":"ssh://git@example.com/r","payload":` +
		`{"deployed_at":"2026-03-01T10:00:00+02:00","environment":"production","commit_sha":"c0","repository_id":"r0","repository_url":"ssh://git@example.com/r","n":1.50},` +
		`"registered_at":"2026-03-20T12:00:00.000Z"}` + "\n"
	if diff := cmp.Diff(want, w.do("GET", "/v1/deployments/"+ids[2], w.key, "").is(200).body); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for query, want := range map[string][]string{
		"":                                      ids,
		"?environment=production":               {ids[0], ids[2]},
		"?environment=Production":               {},
		"?repository_id=r1":                     {ids[1]},
		"?repository_id=r0&environment=staging": {},
		"?since=2026-03-20T12:01:00Z":           {ids[0], ids[1]},
		"?since=2026-03-20T12:01:00.001Z":       {ids[0]},
	} {
		if got := w.do("GET", "/v1/deployments"+query, w.key, "").is(200).ids(); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
		if got := w.do("GET", "/v1/deployments"+query, w.other, "").is(200).ids(); len(got) != 0 {
			t.Errorf("%s: another tenant has %q", query, got)
		}
	}
	page := w.do("GET", "/v1/deployments?limit=2", w.key, "").is(200)
	if got := w.do("GET", "/v1/deployments?limit=2&cursor="+url.QueryEscape(page.str("next_cursor")), w.key, "").is(200).ids(); !slices.Equal(append(page.ids(), got...), ids) {
		t.Errorf("pages %q and %q, want %q", page.ids(), got, ids)
	}
	w.do("GET", "/v1/deployments?environment=&repository_id=&since=yesterday&limit=101", w.key, "").faults("environment", "repository_id", "since", "limit")
}

// TestDeploymentsBound shows that a list stays within what Lambda can answer, however much the reports hold.
func TestDeploymentsBound(t *testing.T) {
	w := newWorld(t)
	to := "/webhooks/deployments/custom/" + w.source(w.key, "custom")
	for i := range 6 {
		body := strings.Replace(theDocument, "{", fmt.Sprintf(`{"n":%d,"log":%q,`, i, strings.Repeat("x", 1<<20-400)), 1)
		body = strings.Replace(body, "production", fmt.Sprint("e", i), 1)
		w.do("POST", to, "", body, proof("custom", body)...).is(201)
	}
	r := w.do("GET", "/v1/deployments", w.key, "").is(200)
	var l struct {
		Data []struct {
			ID      string
			Payload *json.RawMessage
		}
	}
	r.into(&l)
	var without []string
	for _, d := range l.Data {
		if d.Payload == nil {
			without = append(without, d.ID)
		}
	}
	if len(r.body) > 5<<20 || len(l.Data) != 6 || len(without) != 2 {
		t.Fatalf("%d bytes, %d deployments, %d of them without a report", len(r.body), len(l.Data), len(without))
	}
	var one struct{ Payload *json.RawMessage }
	w.do("GET", "/v1/deployments/"+without[0], w.key, "").is(200).into(&one)
	if one.Payload == nil {
		t.Error("the deployment by itself has no report either")
	}
}

// TestInbound shows which routes are marked for a function of their own, and that it serves them alone.
func TestInbound(t *testing.T) {
	w := newWorld(t)
	var marked []string
	for _, r := range httpapi.Routes() {
		if r.Inbound {
			marked = append(marked, r.Key)
		}
	}
	if got, want := len(marked), len(deployment.Kinds()); got != want {
		t.Errorf("%q are marked, want one for each provider", marked)
	}
	id := w.source(w.key, "custom")
	w.api.Serves = func(r httpapi.Route) bool { return r.Inbound }
	w.handler = w.api.Handler()
	w.do("POST", "/webhooks/deployments/custom/"+id, "", theDocument, theSignature).is(201)
	w.do("GET", "/v1/sources", w.key, "").problem(404, "unknown-route")
}
