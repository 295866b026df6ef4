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

	config, cases := filepath.Join(t.TempDir(), "schemathesis.toml"), []string{"--phases=examples,fuzzing", "--max-examples=5"}
	if figures.Full() {
		cases = []string{"--phases=examples,coverage,fuzzing", "--max-examples=400"}
	}
	if err := os.WriteFile(config, []byte(settings(t, admin, acme)), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"--config-file", config, "run", schema, "--url", server.URL, "--seed=1", "--checks=all", "--continue-on-failure"}, cases...)
	cmd := exec.CommandContext(t.Context(), fuzzer, args...)
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

// settings returns what the fuzzer has to know of a system: the keys, and ids of things that there are.
func settings(t *testing.T, admin, acme *stacktest.Client) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "[auth.openapi.tenantKey]\nbearer = %q\n[auth.openapi.adminKey]\nbearer = %q\n", acme.Key, admin.Key)
	b.WriteString("[checks.positive_data_acceptance]\nexpected-statuses = [\"2xx\", 401, 403, 404, 409, 413, 422, 429, 503]\n")
	about := func(pattern, method, name, id string) {
		fmt.Fprintf(&b, "[[operations]]\ninclude-path-regex = '%s'\ninclude-method-regex = '%s'\nparameters = { \"path.%s\" = %q }\n", pattern, method, name, id)
	}
	made := func(path string, body any) string {
		var out struct{ ID string }
		acme.Do(http.StatusCreated, "POST", path, body, &out)
		return out.ID
	}
	admin.Tenant("gone", "standard")
	hook := acme.Webhook(stacktest.Hook("*")).ID
	event := acme.Publish("invoice.paid", map[string]any{"amount": 1})
	stacktest.Until(t, time.Minute, "the event was delivered", func() bool { return len(acme.Deliveries("")) == 1 })
	job := acme.Replay(hook, "succeeded").ID
	const others = "GET|POST|PATCH|PUT"
	about("^/v1/tenants/", others, "id", "acme")
	about("^/v1/webhooks/\\{id", others, "id", hook)
	about("^/v1/webhooks/\\{id", "DELETE", "id", acme.Webhook(stacktest.Hook("invoice.paid")).ID)
	about("^/v1/deliveries/", others, "id", acme.Deliveries("")[0].ID)
	about("^/v1/events/", others, "id", event)
	about("^/v1/replays/", others+"|DELETE", "id", job)
	about("^/v1/event-types/", others, "name", "invoice.paid")
	about("^/v1/keys/", "DELETE", "id", made("/v1/keys", map[string]any{"name": "spare", "scopes": []string{"events:write"}}))
	for _, kind := range providers.Kinds() {
		source := made("/v1/sources", map[string]any{"kind": kind, "name": kind, "secret": "the secret of a source"})
		about("^/webhooks/deployments/"+kind+"/", others, "id", source)
		about("^/v1/sources/", others, "id", source)
	}
	return b.String()
}
