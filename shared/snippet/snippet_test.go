package snippet_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/dialect"
	"hookline/shared/signature"
	"hookline/shared/snippet"
)

var update = flag.Bool("update", false, "write the golden files")

// described has the dialects that need the most and the least of a receiver, and a description with features that none of
// them has.
func described(t *testing.T) map[string]dialect.Verification {
	t.Helper()
	set, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]dialect.Verification{
		"together": {
			Product: "A \"product\"\nof two lines",
			Scheme: signature.Scheme{
				Signed: "v0:{unix}:{body}:`$é'\"\\", Encoding: signature.Base64, Prefix: "v/1=", Join: ",",
				Key: signature.Key{Encoding: signature.Base64},
			},
			Headers: []dialect.Header{
				{Name: "webhook-id", Value: "{id}"},
				{Name: "X-Type", Value: "{type}"},
				{Name: "X-Together", Value: `at="{unix}" of/{type}, {signature} (v.0) `},
			},
		},
	}
	for _, name := range []string{"standard", "agiletune"} {
		d, err := set.Dialect(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = d.Verification()
	}
	return out
}

func TestGoldens(t *testing.T) {
	for name, v := range described(t) {
		t.Run(name, func(t *testing.T) {
			all, err := snippet.Of(v)
			if err != nil {
				t.Fatal(err)
			}
			send, err := snippet.Send(v, snippet.Request{
				Type: "it's", Headers: []dialect.Header{{Name: "webhook-id", Value: "evt_1"}, {Name: "X-Type", Value: "it's"}}, Body: `{"it's":"$(id)"}`,
			})
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for _, s := range all {
				got.WriteString("===== " + s.Name + ", " + s.File + "\n" + s.Code)
			}
			got.WriteString("===== send.sh\n" + send)
			golden := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A value that is in no header cannot be verified with.
func TestNothingToVerifyWith(t *testing.T) {
	v := described(t)["standard"]
	for i, h := range v.Headers {
		if h.Value == "{unix}" {
			v.Headers = append(v.Headers[:i:i], v.Headers[i+1:]...)
			break
		}
	}
	if all, err := snippet.Of(v); len(all) > 0 || err != nil {
		t.Errorf("got %v, %v, want nothing", all, err)
	}
	if send, err := snippet.Send(v, snippet.Request{}); send != "" || err != nil {
		t.Errorf("got %s, %v, want nothing", send, err)
	}
	v.Scheme.Signed = "{body}" // then the time is not needed, and not asked for
	all, err := snippet.Of(v)
	if len(all) == 0 || err != nil || strings.Contains(all[0].Code, "timestamp") {
		t.Errorf("got %v, %v, want code without a timestamp", all, err)
	}
}

// A body that no argument can hold is in no command: quoting makes four bytes of one.
func TestSendIsShort(t *testing.T) {
	v := described(t)["standard"]
	send := func(n int) string {
		t.Helper()
		out, err := snippet.Send(v, snippet.Request{Body: strings.Repeat("'", n)})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got := len(send(snippet.MaxBody)); got < snippet.MaxBody || got > 128<<10+4096 {
		t.Errorf("got %d bytes of commands for the longest body", got)
	}
	if got := send(snippet.MaxBody + 1); got != "" {
		t.Errorf("got %d bytes of commands for a longer body, want none", len(got))
	}
}
