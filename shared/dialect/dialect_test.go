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

func TestRefusedHTTPNamesTheWayOut(t *testing.T) {
	got := builtin(t, "standard").CheckScheme("http")
	for _, want := range []string{"https://", "ngrok", "localtunnel", "tunnel"} {
		if !strings.Contains(got, want) {
			t.Errorf("CheckScheme = %q, want %q in it", got, want)
		}
	}
}

// TestNoProductInCode checks that dialects are data: the code that all products share names no product.
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
		if tt.want == nil && !webhook.Is(err, webhook.NotFound) {
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
		{"agiletune", "create_submit", "Create Webhook"},
		{"agiletune", "content_type", "Content type"},
		{"agiletune", "history", "Delivery logs"},
		{"agiletune", "replay", "Re-trigger"},
		{"codmir", "create", "Register Your Webhook"},
		{"axoria", "create_submit", "Save"},
		{"axoria", "place", "Settings → Webhooks"},
		{"axiestudio", "place", "Dashboard → Enterprise → Webhooks"},
		{"axiestudio", "url", "Webhook URL"},
		{"axiestudio", "rotate", "Rotate Secret"},
		{"axiestudio", "succeeded", "Success"},
		{"axiestudio", "coming_soon", "Coming Soon"},
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
	// Every dialect has the words that any dialect has.
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
				body, err := bodyOf(d, ev)
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
