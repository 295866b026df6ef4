package conformance

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"hookline/infra/figures"
	providers "hookline/shared/deployment"
	"hookline/shared/stack/stacktest"
)

// testSchemathesis has a public fuzzer call every operation of the OpenAPI document, with data that fits the document and data
// that does not, and hold the answers to it. No call may end in an error of ours or in an answer that the document does not
// have; data that does not fit is refused, and so is a call without a key.
//
// The stack is all that `make run` is, behind a socket on loopback, with a receiver in the place of the network: whatever URL the
// fuzzer makes up, nothing is sent there. Of what the fuzzer checks, one thing is left out: that data which fits the document is
// accepted. A URL's host, a cursor and a filter have rules that a schema cannot say, and their refusal is 422.
func testSchemathesis(t *testing.T) {
	t.Parallel()
	fuzzer, err := filepath.Abs(".cache/python/bin/schemathesis")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(fuzzer); err != nil {
		missing(t, "schemathesis")
	}
	schema, err := filepath.Abs(document)
	if err != nil {
		t.Fatal(err)
	}
	s := stacktest.World{Receiver: new(stacktest.Receiver)}.Start(t)
	server := httptest.NewServer(s.API)
	t.Cleanup(server.Close)
	admin := stacktest.Dial(t, server.URL, stacktest.AdminKey)
	acme := admin.Tenant("acme", "standard")

	config, phases := filepath.Join(t.TempDir(), "schemathesis.toml"), "examples,fuzzing"
	text := settings(t, admin, acme)
	most := func(name string, n int) { // cases of an operation; the first that fits it counts
		text += fmt.Sprintf("[[operations]]\ninclude-name-regex = '^%s'\ngeneration.max-examples = %d\n", name, n)
	}
	if figures.Full() {
		// The fuzzer takes 20 ms of a processor to make a case up, and half a second for a list of webhooks.
		phases = "examples,coverage,fuzzing"
		most("POST /v1/webhooks/import", 20)
		most("PUT /v1/dialects/", 80)
		most("", 240)
	} else {
		most("", 3)
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), fuzzer, "--config-file", config, "run", schema, "--url", server.URL, "--seed=1",
		"--checks=all", "--continue-on-failure", "--phases="+phases)
	cmd.Dir = filepath.Dir(config) // it leaves files
	cmd.Env = append(os.Environ(), "NO_PROXY=127.0.0.1", "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	m := regexp.MustCompile(`(\d+) generated, (\d+) passed`).FindSubmatch(out)
	if m == nil || string(m[1]) == "0" {
		t.Fatalf("it made no cases:\n%s", out)
	}
	figures.Note(t, "schemathesis: cases / failures", string(m[1])+" / 0")
}

// settings returns what the fuzzer has to know of a system: the keys, and ids of things that there are. Without these it would
// make up ids, or take those of something else.
func settings(t *testing.T, admin, acme *stacktest.Client) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "[auth.openapi.tenantKey]\nbearer = %q\n[auth.openapi.adminKey]\nbearer = %q\n", acme.Key, admin.Key)
	b.WriteString("[checks.positive_data_acceptance]\nexpected-statuses = [\"2xx\", 401, 403, 404, 409, 413, 422, 429, 503]\n")
	// Several filters of an operation would be alternatives, so that one has both its method and its path.
	about := func(methods, path string, parameters ...string) {
		fmt.Fprintf(&b, "[[operations]]\ninclude-name-regex = '^(%s) %s'\n", methods, path)
		for i := 0; i < len(parameters); i += 2 {
			fmt.Fprintf(&b, "parameters.%q = %q\n", parameters[i], parameters[i+1])
		}
	}
	made := func(path string, body any) string {
		var out struct{ ID string }
		acme.Do(http.StatusCreated, "POST", path, body, &out)
		return out.ID
	}
	admin.Tenant("gone", "standard")
	hook := acme.Webhook(stacktest.Hook("*")).ID
	event := acme.Publish("invoice.paid", map[string]any{"amount": 1})
	erased := acme.Publish("invoice.paid", map[string]any{"amount": 2})
	stacktest.Until(t, time.Minute, "the events were delivered", func() bool { return len(acme.Deliveries("")) == 2 })
	const id, others = "path.id", "GET|POST|PATCH|PUT"
	about(others, "/v1/tenants/", id, "acme")
	about("DELETE", "/v1/tenants/", id, "gone")
	about(others, `/v1/webhooks/\{id`, id, hook)
	about("DELETE", `/v1/webhooks/\{id`, id, acme.Webhook(stacktest.Hook("invoice.paid")).ID)
	about(others, "/v1/deliveries/", id, acme.Deliveries("")[0].ID)
	about(others, "/v1/events/", id, event)
	about("DELETE", "/v1/events/", id, erased)
	about(others+"|DELETE", "/v1/replays/", id, acme.Replay(hook, "succeeded").ID)
	about(others, "/v1/event-types/", "path.name", "invoice.paid")
	var own map[string]any
	admin.Do(http.StatusOK, "GET", "/v1/dialects/standard", nil, &own)
	delete(own, "version")
	delete(own, "name")
	admin.Do(http.StatusCreated, "PUT", "/v1/dialects/gone", own, nil)
	about("PUT", "/v1/dialects/", "path.name", "ours")
	about("DELETE", "/v1/dialects/", "path.name", "gone")
	about("GET|POST", "/v1/dialects/", "path.name", "standard")
	about(others, "/docs/", "path.name", "docs.css")
	about("DELETE", "/v1/keys/", id, made("/v1/keys", map[string]any{"name": "spare", "scopes": []string{"events:write"}}))
	const (
		secret   = "the secret of a source"
		deployed = `{"object_kind": "deployment", "status": "success", "status_changed_at": "2021-04-28 21:50:00 +0200", "deployment_id": 15,
			"environment": "live", "short_sha": "279484c0", "project": {"id": 30, "web_url": "https://gitlab.example/one"}}`
	)
	for _, kind := range providers.Kinds() {
		source := made("/v1/sources", map[string]any{"kind": kind, "name": kind, "secret": secret})
		parameters := []string{id, source}
		if kind == "gitlab" {
			parameters = append(parameters, "header.X-Gitlab-Token", secret)
			about("GET", "/v1/sources/", id, source)
			var reported struct{ ID string }
			if got, err := acme.Try("POST", "/webhooks/deployments/gitlab/"+source, deployed, &reported, "X-Gitlab-Event", "Deployment Hook", "X-Gitlab-Token", secret); err != nil || reported.ID == "" {
				t.Fatalf("the deployment was not taken: %s, %v", got.Body, err)
			}
			about("GET", "/v1/deployments/", id, reported.ID)
		}
		about("POST", "/webhooks/deployments/"+kind+"/", parameters...)
	}
	about("DELETE", "/v1/sources/", id, made("/v1/sources", map[string]any{"kind": "custom", "name": "spare"}))
	return b.String()
}
