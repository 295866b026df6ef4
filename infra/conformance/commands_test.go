package conformance

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// command has a shell run a document's command line with replacements for its host, key and ids, and returns what it
// prints. curl also prints the status, on a line of its own: its settings say so, not the command.
func command(t *testing.T, file string, replacements ...string) string {
	t.Helper()
	text := readFile(t, file)
	for i := 0; i < len(replacements); i += 2 {
		if !strings.Contains(text, replacements[i]) {
			t.Fatalf("%s does not have %s", file, replacements[i])
		}
		text = strings.ReplaceAll(text, replacements[i], replacements[i+1])
	}
	home := t.TempDir()
	settings := "silent\nshow-error\nwrite-out = \"\\n%{http_code}\"\n"
	if err := os.WriteFile(filepath.Join(home, ".curlrc"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", text)
	cmd.Env = append(os.Environ(), "CURL_HOME="+home, "NO_PROXY=127.0.0.1")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return strings.TrimSpace(string(out))
}

// called runs a document's curl, wants a status, and decodes the answer into out.
func called(t *testing.T, want, file string, out any, replacements ...string) {
	t.Helper()
	program(t, "curl")
	printed := command(t, file, replacements...)
	i := strings.LastIndexByte(printed, '\n')
	if got := printed[i+1:]; got != want {
		t.Fatalf("%s: got %s, want %s", file, printed, want)
	}
	if err := json.Unmarshal([]byte(printed[:max(i, 0)]), out); err != nil {
		t.Fatalf("%s: %v in %s", file, err, printed)
	}
}

// TestCodmirsCurl creates a webhook as codmir's document does, under production's rules. The webhook's deliveries are
// what the document's code verifies.
func TestCodmirsCurl(t *testing.T) {
	t.Parallel()
	judges := startJudges(t, "")
	dir := t.TempDir()
	s := startSystem(t, dir, nil, "ALLOW_PRIVATE_TARGETS=false")
	codmir := s.tenant("codmir", "codmir")
	var made struct {
		ID, URL, Secret, Status string
		Events                  []string
	}
	called(t, "201", "codmir-register.sh", &made, "https://api.codmir.com", codmir.base, "YOUR_API_KEY", codmir.key)
	want := made
	want.URL, want.Secret, want.Status = "https://your-app.com/webhooks/codmir", "your-webhook-secret", "active"
	want.Events = []string{"ticket.created", "ticket.updated"}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("the webhook (-want +got):\n%s", diff)
	}
	s.stop()

	// The receiver is on this machine, which production's rules do not allow.
	s = startSystem(t, dir, nil)
	codmir.base = s.base
	m := startMailbox(t)
	codmir.do(http.StatusOK, "PATCH", "/v1/webhooks/"+made.ID, map[string]any{"url": m.URL + "/webhooks/codmir"}, nil)
	events := codmir.everything()
	codmir.publishAll("first", events)
	events = slices.DeleteFunc(events, func(ev event) bool { return !slices.Contains(made.Events, ev.eventType) })
	judge(t, judges, judged["codmir"].judge, want.Secret, events, m.wait(t, "/webhooks/codmir", "first", events))
}
