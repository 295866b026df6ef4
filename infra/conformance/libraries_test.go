package conformance

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/webhook"
)

// libraries are those of the Standard Webhooks project for JavaScript and Python; shared/dialect has Go's.
var libraries = []string{"standardwebhooks (npm)", "standardwebhooks (PyPI)"}

// TestReferenceLibraries gives deliveries of the standard dialect to the Standard Webhooks libraries.
func TestReferenceLibraries(t *testing.T) {
	judges := startJudges(t, "")

	dialects, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	standard, err := dialects.Dialect(t.Context(), "standard")
	if err != nil {
		t.Fatal(err)
	}
	current, previous, foreign := standard.NewSecret(), standard.NewSecret(), standard.NewSecret()
	now := time.Now() // the libraries refuse what is more than five minutes from their own clock

	// send returns a delivery as a receiver that knows secret gets it, signed with the given ones.
	send := func(eventType string, data json.RawMessage, sent time.Time, secret string, signedWith ...string) delivery {
		t.Helper()
		ev := webhook.Event{Tenant: "demo", ID: "evt_1", Type: eventType, Timestamp: "2026-03-20T12:00:00Z"}
		content, err := ecmajson.Read(data)
		if err != nil {
			t.Fatal(err)
		}
		body, err := standard.Body(ev, content)
		if err != nil {
			t.Fatal(err)
		}
		headers, err := standard.Headers(dialect.Message{
			EventID: ev.ID, Type: ev.Type, Tenant: ev.Tenant, Sent: sent, Body: body, Secrets: signedWith,
		})
		if err != nil {
			t.Fatal(err)
		}
		d := delivery{Secret: secret, Headers: map[string]string{}, Body: body}
		for _, h := range headers {
			d.Headers[strings.ToLower(h.Name)] = h.Value
		}
		return d
	}
	plain := send("invoice.paid", json.RawMessage(`{"n":1}`), now, current, current)

	type verification struct {
		name     string
		delivery delivery
		data     string // as the library hands it on; "" when it is to be refused
	}
	const (
		noMatch = ""
		// Spelled in ways that a parse and a print would not keep.
		awkward = `{"z":1.50,"a":1e2,"text":"\u00e9é\u2028😀\/</script>","big":12345678901234567890}`
	)
	tests := []verification{
		{"one secret", plain, `{"n":1}`},
		{"overlap, receiver has the new secret", send("invoice.paid", json.RawMessage(`{"n":2}`), now, current, current, previous), `{"n":2}`},
		{"overlap, receiver has the old secret", send("invoice.paid", json.RawMessage(`{"n":3}`), now, previous, current, previous), `{"n":3}`},
		{"after the overlap, receiver has the old secret", send("invoice.paid", json.RawMessage(`{"n":4}`), now, previous, current), noMatch},
		{"awkward spelling", send("invoice.paid", json.RawMessage(awkward), now, current, current), awkward},
		{"another's secret", plain.with(func(d *delivery) { d.Secret = foreign }), noMatch},
		{"a changed byte", plain.with(func(d *delivery) { d.Body[len(d.Body)-3] ^= 1 }), noMatch},
		{"another id", plain.with(func(d *delivery) { d.Headers["webhook-id"] = "evt_2" }), noMatch},
		{"ten minutes old", send("invoice.paid", json.RawMessage(`{"n":5}`), now.Add(-10*time.Minute), current, current), noMatch},
	}
	for _, eventType := range standard.EventTypes() {
		if example := standard.Example(eventType.Name); example != nil {
			tests = append(tests,
				verification{"example " + eventType.Name, send(eventType.Name, example, now, current, current), string(example)},
				verification{"example in an overlap " + eventType.Name, send(eventType.Name, example, now, previous, current, previous), string(example)},
			)
		}
	}

	for _, library := range libraries {
		deliveries := make([]delivery, len(tests))
		for i, tt := range tests {
			deliveries[i] = tt.delivery
			deliveries[i].Code = library
		}
		verdicts := judges.judge(t, deliveries)
		for i, tt := range tests {
			t.Run(library+" "+tt.name, func(t *testing.T) {
				got := verdicts[i]
				if tt.data == "" {
					if got.Error != "WebhookVerificationError" {
						t.Errorf("the library takes %s: %s %s", got.Payload, got.Error, got.Message)
					}
					return
				}
				if !got.Accepted {
					t.Fatalf("the library refuses it: %s %s", got.Error, got.Message)
				}
				var payload struct{ Data any }
				var want any
				if err := json.Unmarshal([]byte(got.Payload), &payload); err != nil {
					t.Fatal(err)
				}
				if err := json.Unmarshal([]byte(tt.data), &want); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, payload.Data); diff != "" {
					t.Errorf("data (-want +got):\n%s", diff)
				}
			})
		}
	}
}
