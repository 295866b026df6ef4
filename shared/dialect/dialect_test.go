package dialect_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/dialect"
	"hookline/shared/webhook"
)

var builtins = sync.OnceValues(dialect.Builtin)

func builtin(t testing.TB, ref string) *dialect.Dialect {
	t.Helper()
	set, err := builtins()
	if err != nil {
		t.Fatal(err)
	}
	d, err := set.Dialect(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestContract compares the descriptions with the table of what each product promises.
func TestContract(t *testing.T) {
	type promise struct {
		Timeout, Overlap, MaxOverlap time.Duration
		Failing                      bool
		Succeeds                     []int // of the candidates below
		HTTP, Warned                 bool
		ContentTypes                 []string
		Events                       int // in the document
	}
	candidates := []int{0, 100, 199, 200, 201, 202, 204, 299, 300, 302, 410, 500}
	any2xx := []int{200, 201, 202, 204, 299}
	onlyJSON := []string{webhook.ContentJSON}
	const week = 7 * 24 * time.Hour
	want := map[string]promise{
		"standard":   {15 * time.Second, 24 * time.Hour, week, false, any2xx, false, false, onlyJSON, 5},
		"axoria":     {30 * time.Second, 0, 0, false, any2xx, true, true, onlyJSON, 7},
		"agiletune":  {30 * time.Second, 0, 0, true, any2xx, true, false, []string{webhook.ContentJSON, webhook.ContentForm}, 8},
		"codmir":     {30 * time.Second, 0, 0, false, any2xx, true, false, onlyJSON, 8},
		"axiestudio": {30 * time.Second, 0, 0, false, []int{200}, false, false, onlyJSON, 7},
	}
	for name, want := range want {
		t.Run(name, func(t *testing.T) {
			d := builtin(t, name)
			got := promise{
				Timeout: d.Timeout, Overlap: d.Overlap, MaxOverlap: d.MaxOverlap, Failing: d.FailingWhenExhausted,
				HTTP: d.CheckScheme("http") == "", Warned: d.WarnOfHTTP, ContentTypes: d.ContentTypes,
			}
			for _, status := range candidates {
				if d.Succeeded(status) {
					got.Succeeds = append(got.Succeeds, status)
				}
			}
			for _, e := range d.EventTypes() {
				if !e.ComingSoon && e.Name != webhook.TestType && e.Name != webhook.DeploymentType {
					got.Events++
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if d.Ref() != name+"@1" {
				t.Errorf("Ref = %q", d.Ref())
			}
			if got := d.CheckScheme("https"); got != "" {
				t.Errorf("https is refused: %s", got)
			}
			for _, scheme := range []string{"", "ftp", "javascript", "HTTPS"} {
				if d.CheckScheme(scheme) == "" {
					t.Errorf("scheme %q is taken", scheme)
				}
			}
		})
	}
}

func TestRefusedHTTPNamesTheWayOut(t *testing.T) {
	got := builtin(t, "standard").CheckScheme("http")
	for _, want := range []string{"https://", "ngrok", "localtunnel", "tunnel"} {
		if !strings.Contains(got, want) {
			t.Errorf("CheckScheme = %q, want %q in it", got, want)
		}
	}
}

// TestDocuments compares bodies with those that the products' documents print.
func TestDocuments(t *testing.T) {
	tests := []struct{ dialect, id, eventType, tenant, timestamp, printed string }{
		{"axoria", "evt_1", "status.changed", "t", "2026-03-20T12:00:00Z", `{
			"event": "status.changed",
			"payload": {"issue": {"id": "...", "key": "SHOP-42", "title": "Fix checkout bug", "type": "BUG",
				"priority": "HIGH", "status": "In Review"}}}`},
		{"agiletune", "evt_1", "task.updated", "t", "2026-03-20T12:00:00Z", `{
			"event": "task.updated", "timestamp": "2026-03-20T12:00:00Z",
			"data": {"id": "tsk_abc123", "title": "Implement login page", "status": "in_progress",
				"assignee": {"id": "usr_xyz789", "name": "Jane Doe"},
				"changes": {"status": {"from": "todo", "to": "in_progress"}}}}`},
		{"codmir", "evt_abc123", "ticket.created", "t", "2024-01-15T10:30:00Z", `{
			"id": "evt_abc123", "type": "ticket.created", "timestamp": "2024-01-15T10:30:00Z",
			"data": {"ticket": {"id": "tkt_xyz789", "title": "Bug in login flow", "status": "open", "priority": "high"},
				"project": {"id": "proj_def456", "name": "Main App"}, "user": {"id": "usr_ghi012", "name": "John Doe"}}}`},
		{"axiestudio", "evt_1", "webhook.test", "ent_abc123", "2025-11-23T10:30:15Z", `{
			"event": "webhook.test", "timestamp": "2025-11-23T10:30:15Z", "version": "v1", "enterpriseId": "ent_abc123",
			"data": {"message": "This is a test webhook"}}`},
		{"axiestudio", "evt_1", "user.created", "ent_abc123", "2025-11-23T10:30:15Z", `{
			"event": "user.created", "timestamp": "2025-11-23T10:30:15Z", "version": "v1", "enterpriseId": "ent_abc123",
			"data": {"userId": "user_xyz789", "email": "john@company.com", "name": "John Smith", "role": "user",
				"invitedBy": "sarah@company.com", "invitedByEmail": "sarah@company.com"}}`},
		{"axiestudio", "evt_1", "user.updated", "ent_abc123", "2025-11-23T10:30:15Z", `{
			"event": "user.updated", "timestamp": "2025-11-23T10:30:15Z", "version": "v1", "enterpriseId": "ent_abc123",
			"data": {"userId": "user_xyz789", "email": "john@company.com", "name": "John Smith", "role": "user",
				"updatedFields": ["name", "role"]}}`},
		{"axiestudio", "evt_1", "user.deleted", "ent_abc123", "2025-11-23T10:30:15Z", `{
			"event": "user.deleted", "timestamp": "2025-11-23T10:30:15Z", "version": "v1", "enterpriseId": "ent_abc123",
			"data": {"userId": "user_xyz789", "email": "john@company.com", "deletedBy": "sarah@company.com"}}`},
		{"axiestudio", "evt_1", "role.changed", "ent_abc123", "2025-11-23T10:30:15Z", `{
			"event": "role.changed", "timestamp": "2025-11-23T10:30:15Z", "version": "v1", "enterpriseId": "ent_abc123",
			"data": {"userId": "user_xyz789", "email": "john@company.com", "oldRole": "user", "newRole": "admin",
				"changedBy": "sarah@company.com"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.dialect+" "+tt.eventType, func(t *testing.T) {
			d := builtin(t, tt.dialect)
			got, err := d.Body(webhook.Event{
				Tenant: tt.tenant, ID: tt.id, Type: tt.eventType, Timestamp: tt.timestamp, Data: d.Example(tt.eventType),
			})
			if err != nil {
				t.Fatal(err)
			}
			want := compact(t, tt.printed)
			if string(got) != want {
				t.Errorf("body\n%s, want\n%s", got, want)
			}
		})
	}
}

// TestNoProductInCode holds that a dialect is data: the code that all products share names none of them.
func TestNoProductInCode(t *testing.T) {
	set, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, name := range set.Names() {
		if name == "standard" { // a word as well
			continue
		}
		d := builtin(t, name)
		names = append(names, name, strings.ToLower(d.Product))
	}
	if len(names) < 8 {
		t.Fatalf("only %q to look for", names)
	}
	read := 0
	err = filepath.WalkDir("..", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		code, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		read++
		for _, name := range names {
			if strings.Contains(strings.ToLower(string(code)), name) {
				t.Errorf("%s names %s", path, name)
			}
		}
		return nil
	})
	if err != nil || read < 10 {
		t.Errorf("read %d files: %v", read, err)
	}
}

func TestSet(t *testing.T) {
	parse := func(version string) *dialect.Dialect {
		d, err := dialect.Parse([]byte(strings.Replace(minimal, `"version": 1`, `"version": `+version, 1)), nil)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	one, two, ten := parse("1"), parse("2"), parse("10")
	set, err := dialect.NewSet(two, ten, one)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		ref  string
		want *dialect.Dialect
	}{
		{"acme", ten},
		{"acme@1", one},
		{"acme@2", two},
		{"acme@10", ten},
		{"acme@3", nil},
		{"acme@01", nil},
		{"acme@", nil},
		{"@1", nil},
		{"", nil},
		{"ACME", nil},
		{"other", nil},
	}
	for _, tt := range tests {
		got, err := set.Dialect(t.Context(), tt.ref)
		if got != tt.want {
			t.Errorf("Dialect(%q) = %v, want %v", tt.ref, got, tt.want)
		}
		if tt.want == nil && webhook.KindOf(err) != webhook.NotFound {
			t.Errorf("Dialect(%q): %v, want NotFound", tt.ref, err)
		}
	}
	if _, err := dialect.NewSet(one, parse("1")); err == nil {
		t.Error("a set takes acme@1 twice")
	}
	got, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"agiletune", "axiestudio", "axoria", "codmir", "standard"}
	if !slices.Equal(got.Names(), want) {
		t.Errorf("Names = %q, want %q", got.Names(), want)
	}
}

func TestWords(t *testing.T) {
	tests := []struct{ dialect, word, want string }{
		{"agiletune", "url", "Payload URL"},
		{"agiletune", "create", "Add Webhook"},
		{"agiletune", "place", "Organization Settings → Webhooks"},
		{"axoria", "create", "+ New Webhook"},
		{"axoria", "url", "URL"},
		{"axiestudio", "create", "Create"},
		{"axiestudio", "create_submit", "Create Webhook"},
		{"axiestudio", "history", "View History"},
		{"standard", "create", "Create webhook"},
	}
	for _, tt := range tests {
		if got := builtin(t, tt.dialect).Words[tt.word]; got != tt.want {
			t.Errorf("%s: %s = %q, want %q", tt.dialect, tt.word, got, tt.want)
		}
	}
	// No dialect lacks a word that another has.
	standard := builtin(t, "standard").Words
	for _, name := range []string{"agiletune", "axiestudio", "axoria", "codmir"} {
		for word := range standard {
			if builtin(t, name).Words[word] == "" {
				t.Errorf("%s has no word for %s", name, word)
			}
		}
	}
}

func compact(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	dec := json.NewDecoder(strings.NewReader(text))
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		t.Fatal(err)
	}
	inString, escaped := false, false
	for _, c := range string(raw) {
		if inString || !strings.ContainsRune(" \t\n\r", c) {
			b.WriteRune(c)
		}
		if c == '"' && !escaped {
			inString = !inString
		}
		escaped = c == '\\' && !escaped
	}
	return b.String()
}

func BenchmarkBuiltin(b *testing.B) {
	for b.Loop() {
		if _, err := dialect.Builtin(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAttempt(b *testing.B) {
	for _, name := range []string{"standard", "axiestudio"} {
		b.Run(name, func(b *testing.B) {
			d := builtin(b, name)
			secret := d.NewSecret()
			ev := webhook.Event{Tenant: "t", ID: "evt_1", Type: "user.created", Timestamp: "2026-03-20T12:00:00Z", Data: d.Example("user.created")}
			for b.Loop() {
				body, err := d.Body(ev)
				if err != nil {
					b.Fatal(err)
				}
				m := dialect.Message{EventID: ev.ID, Type: ev.Type, Tenant: ev.Tenant, Sent: time.Unix(1, 0), Body: body, Secrets: []string{secret}}
				if _, err := d.Headers(m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
