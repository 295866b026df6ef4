package format_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/chat"
	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/format"
	"hookline/shared/webhook"
)

func builtin(t *testing.T, name string) *dialect.Dialect {
	t.Helper()
	set, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	d, err := set.Dialect(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestNames(t *testing.T) {
	if diff := cmp.Diff([]string{"json", "slack", "teams", "discord"}, format.Names()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, name := range format.Names() {
		if problem := format.Check(name); problem != "" {
			t.Errorf("%s: %s", name, problem)
		}
	}
	for _, name := range []string{"", "fax", "JSON"} {
		if got, want := format.Check(name), "must be one of json, slack, teams, discord"; got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
		if format.Of(name) != format.Of(webhook.FormatJSON) {
			t.Errorf("%q is not taken for the default", name)
		}
	}
}

// TestAnswers holds the formats to what differs between them, in the two dialects that ask for something of their own:
// agiletune's receivers can take forms, axiestudio's have to answer 200.
func TestAnswers(t *testing.T) {
	agiletune, axiestudio := builtin(t, "agiletune"), builtin(t, "axiestudio")
	both := []string{webhook.ContentJSON, webhook.ContentForm}
	for _, name := range format.Names() {
		t.Run(name, func(t *testing.T) {
			f, plain := format.Of(name), name == webhook.FormatJSON
			types, travels := []string{webhook.ContentJSON}, webhook.ContentJSON
			if plain {
				types, travels = both, webhook.ContentForm
			}
			if got := f.Signed(); got != plain {
				t.Errorf("signed: got %t", got)
			}
			for status, want := range map[int]bool{199: false, 200: true, 204: !plain, 299: !plain, 300: false, 0: false} {
				if got := f.Succeeded(axiestudio, status); got != want {
					t.Errorf("%d succeeds: got %t, want %t", status, got, want)
				}
			}
			if diff := cmp.Diff(types, f.ContentTypes(agiletune)); diff != "" {
				t.Errorf("content types (-want +got):\n%s", diff)
			}
			for _, contentType := range append(both, "text/plain") {
				if got := f.CheckContentType(agiletune, contentType); (got == "") != slices.Contains(types, contentType) {
					t.Errorf("%s: got %q", contentType, got)
				}
			}
			if got := f.ContentType(webhook.ContentForm); got != travels {
				t.Errorf("a form travels as %s, want %s", got, travels)
			}
			ev := webhook.Event{Tenant: "acme", ID: "evt_1", Type: "task.created", Timestamp: "2026-03-20T12:00:00Z", Data: json.RawMessage(`{"n":1}`)}
			data, err := ecmajson.Read(ev.Data)
			if err != nil {
				t.Fatal(err)
			}
			body, err := f.Body(agiletune, ev, data)
			if got, want := chat.FormatOf(body), strings.TrimSuffix(name, "json"); err != nil || got != want {
				t.Fatalf("body %s is a message of %q: %v", body, got, err)
			}
			own, err := agiletune.Body(ev, data)
			if err != nil || plain != (string(body) == string(own)) {
				t.Errorf("body %s, the dialect's is %s: %v", body, own, err)
			}
			shown, err := f.Show(body)
			if err != nil || (shown == nil) != plain {
				t.Errorf("shown as %v: %v", shown, err)
			}
			if shown != nil && !cmp.Equal(shown.Fields, []chat.ShownField{{Label: "N", Value: "1"}}) {
				t.Errorf("shown as %v", shown)
			}
			if shown, err := f.Show([]byte("[")); (err == nil) != plain || shown != nil {
				t.Errorf("what is no message is shown as %v: %v", shown, err)
			}
			if body, err := f.Body(agiletune, ev, ecmajson.Text{}); err == nil {
				t.Errorf("without data the body is %s", body)
			}
		})
	}
}
