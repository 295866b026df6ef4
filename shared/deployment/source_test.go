package deployment_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/deployment"
	"hookline/shared/webhook"
)

func TestCreateSource(t *testing.T) {
	w := newWorld(t)
	made := make(map[string]bool)
	for range 2 {
		src, shown, err := w.service.CreateSource(t.Context(), "acme", deployment.SourceInput{Kind: "gitlab", Name: "CI"}, nil)
		if err != nil || len(shown) != 64 || made[shown] {
			t.Fatalf("got secret %q, %v, want a new one of 64 characters", shown, err)
		}
		made[shown] = true
		kept, err := w.store.SourceByID(t.Context(), src.ID)
		if diff := cmp.Diff(src, kept); err != nil || diff != "" || bytes.Contains(kept.Secret, []byte(shown)) {
			t.Errorf("%v, -made +kept\n%s", err, diff)
		}
	}
	for _, given := range []string{"x", " ", "käse:wein", strings.Repeat("x", 1024)} {
		if _, shown, err := w.service.CreateSource(t.Context(), "acme", deployment.SourceInput{Kind: "custom", Name: "CI", Secret: given}, nil); err != nil || shown != given {
			t.Errorf("secret %.10q: got %.10q, %v", given, shown, err)
		}
	}
	for name, tt := range map[string]struct {
		in   deployment.SourceInput
		want []string
	}{
		"nothing":   {deployment.SourceInput{}, []string{"kind", "name"}},
		"too long":  {deployment.SourceInput{Kind: "jenkins", Name: strings.Repeat("ä", 201), Secret: strings.Repeat("x", 1025)}, []string{"kind", "name", "secret"}},
		"a newline": {deployment.SourceInput{Kind: "custom", Name: "a\nb"}, []string{"name"}},
	} {
		_, _, err := w.service.CreateSource(t.Context(), "acme", tt.in, nil)
		refused, ok := errors.AsType[*webhook.Error](err)
		if !ok || refused.Kind != webhook.Invalid {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		var got []string
		for _, f := range refused.Fields {
			got = append(got, f.Field)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

// TestCarriedSecrets checks that a secret that its product sends in a header must be valid there. A secret that is the key of a
// signature can be any text.
func TestCarriedSecrets(t *testing.T) {
	w := newWorld(t)
	for name, tt := range map[string]struct {
		secret  string
		carried bool
	}{
		"plain": {"5up3r s3cret: käse", true}, "no-break space inside": {"a\u00a0b", true}, "a space": {" ", false}, "a space before": {" secret", false},
		"a space after": {"secret ", false}, "a tab after": {"secret\t", false}, "a no-break space after": {"secret\u00a0", false}, "a line break": {"secret\n", false},
		"a tab inside": {"sec\tret", false}, "NUL": {"sec\x00ret", false}, "DEL": {"sec\x7fret", false}, "a C1 control": {"sec\u0085ret", false},
	} {
		for _, kind := range deployment.Kinds() {
			_, shown, err := w.service.CreateSource(t.Context(), "acme", deployment.SourceInput{Kind: kind, Name: "CI", Secret: tt.secret}, nil)
			if kind == "custom" || kind == "github" || tt.carried {
				if err != nil || shown != tt.secret {
					t.Errorf("%s, %s: got %q, %v, want it taken", kind, name, shown, err)
				}
				continue
			}
			refused, ok := errors.AsType[*webhook.Error](err)
			if !ok || refused.Kind != webhook.Invalid || len(refused.Fields) != 1 || refused.Fields[0].Field != "secret" || !strings.Contains(refused.Fields[0].Message, "header") {
				t.Errorf("%s, %s: got %+v, want the secret refused, and why", kind, name, err)
			}
		}
	}
}

// TestPlace checks that a sealed secret opens only for its own source.
func TestPlace(t *testing.T) {
	w := newWorld(t)
	src, err := w.store.SourceByID(t.Context(), w.sources["custom"])
	if err != nil {
		t.Fatal(err)
	}
	src.ID = "src_moved"
	if err := w.store.CreateSource(t.Context(), src); err != nil {
		t.Fatal(err)
	}
	w.sources["custom"] = src.ID
	if got, err := w.send(t, proved("custom", secret, published(t, "custom/document.json"))); !webhook.Is(err, webhook.Internal) {
		t.Errorf("got %+v, %v, want it unreadable", got, err)
	}
}

func TestLargeReport(t *testing.T) {
	w := newWorld(t)
	random := rand.New(rand.NewPCG(1, 2)) // the same noise each time
	noise := make([]byte, 400_000)
	for i := range noise {
		noise[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[random.IntN(64)]
	}
	doc := published(t, "custom/document.json")
	for name, tt := range map[string]struct {
		more []byte
		want bool
	}{
		"much that compresses":      {bytes.Repeat([]byte("log "), 250_000), true},
		"noise that is just enough": {noise[:380_000], true},
		"more":                      {noise, false},
	} {
		body := changed(t, changed(t, doc, "{", `{"log": "`+string(tt.more)+`",`), "production", name)
		got, err := w.send(t, proved("custom", secret, body))
		if tt.want && err != nil || !tt.want && (!webhook.Is(err, webhook.TooLarge)) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	if len(w.events.got) != 2 {
		t.Errorf("%d events, want 2", len(w.events.got))
	}
}
