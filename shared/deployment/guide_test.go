package deployment_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"hookline/shared/deployment"
)

// Every guide names the headers and settings that Verify uses.
func TestGuides(t *testing.T) {
	for _, p := range deployment.Providers() {
		t.Run(p.Kind, func(t *testing.T) {
			g := p.Guide
			if g.Product == "" || g.Intro == "" || g.Registers == "" || g.Format == "" {
				t.Errorf("got %+v, want product, introduction, format and what registers", g)
			}
			if header := g.Header; !strings.Contains(p.Credential, header) && header != "Authorization" {
				t.Errorf("the guide names the header %s, a refusal says %q", header, p.Credential)
			}
			steps := strings.Join(g.Steps, " ")
			if (g.Commands == nil) != strings.Contains(steps, "secret into") || (g.Commands == nil) != strings.HasPrefix(g.Page, "https://") {
				t.Errorf("got steps %q, page %q, commands %t, want steps with the secret and their page, or commands", steps, g.Page, g.Commands != nil)
			}
			if g.Commands == nil {
				return
			}
			for _, f := range g.Fields {
				if !strings.Contains(g.Commands("", ""), `"`+f.Name+`": `) {
					t.Errorf("the commands lack %s", f.Name)
				}
			}
		})
	}
}

// The printed commands register a deployment when a shell runs them unchanged, whatever characters the secret has.
func TestCommands(t *testing.T) {
	for _, program := range []string{"sh", "openssl", "curl", "awk"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("there is no %s", program)
		}
	}
	tests := map[string]struct {
		secret  string
		printed bool // the commands hold the secret; otherwise it is in the environment
		changed func(string) string
		status  int
	}{
		"printed":             {"5up3r s3cret", true, nil, 201},
		"printed, odd":        {`'"$(id)\ %s & é`, true, nil, 201},
		"a variable":          {"secret", false, nil, 201},
		"a variable, odd":     {`'"$(id)\ %s & é`, false, nil, 201},
		"a space more":        {"secret", true, func(s string) string { return strings.Replace(s, `--data "$BODY"`, `--data "$BODY "`, 1) }, 401},
		"without the prefix":  {"secret", true, func(s string) string { return strings.Replace(s, "sha256=$SIG", "$SIG", 1) }, 401},
		"a field under a tab": {"secret", true, func(s string) string { return strings.Replace(s, `--data "$BODY"`, `--data "	$BODY"`, 1) }, 401},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			id := w.source(t, "custom", tt.secret)
			status := 0
			server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				status = 201
				got, err := w.service.Receive(r.Context(), strings.TrimPrefix(r.URL.Path, "/webhooks/deployments/custom/"), "custom", r.Header, body)
				if err != nil {
					status = 401
				}
				if err := json.NewEncoder(rw).Encode(got); err != nil {
					t.Error(err)
				}
			}))
			defer server.Close()
			secret := tt.secret
			if !tt.printed {
				secret = ""
			}
			p, _ := deployment.ProviderOf("custom")
			script := p.Guide.Commands(server.URL+"/webhooks/deployments/custom/"+id, secret)
			if tt.printed == strings.Contains(script, "${SECRET:?") {
				t.Errorf("got %s, want the secret in it %t", script, tt.printed)
			}
			if tt.changed != nil {
				script = tt.changed(script)
			}
			cmd := exec.CommandContext(t.Context(), "sh", "-e")
			cmd.Stdin = strings.NewReader(script)
			cmd.Env = append(os.Environ(), "SECRET="+tt.secret)
			if out, err := cmd.CombinedOutput(); err != nil || status != tt.status {
				t.Errorf("got %d, %v, %s, want %d", status, err, out, tt.status)
			}
		})
	}
	t.Run("no secret", func(t *testing.T) {
		p, _ := deployment.ProviderOf("custom")
		cmd := exec.CommandContext(t.Context(), "sh")
		cmd.Stdin = strings.NewReader(p.Guide.Commands("http://127.0.0.1:1/", ""))
		cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "set it to the secret of this source") {
			t.Errorf("got %v, %s, want to be told of the variable", err, out)
		}
	})
}
