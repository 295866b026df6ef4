package conformance

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/dialect"
	"hookline/shared/webhook"
)

// delivery is what verify.mjs reads; []byte is base64 in JSON.
type delivery struct {
	Secret  string            `json:"secret"`
	Headers map[string]string `json:"headers"`
	Body    []byte            `json:"body"`
}

// answer is what verify.mjs says of one delivery: the payload, or why it is refused.
type answer struct {
	Payload json.RawMessage `json:"payload"`
	Error   *struct{ Name, Message string }
}

// TestNPMLibrary gives deliveries of the standard dialect to the Standard Webhooks library for JavaScript.
func TestNPMLibrary(t *testing.T) {
	node := program(t, "node")
	library(t, "standardwebhooks")

	dialects, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	standard, err := dialects.Dialect(t.Context(), "standard")
	if err != nil {
		t.Fatal(err)
	}
	current, previous, foreign := standard.NewSecret(), standard.NewSecret(), standard.NewSecret()
	now := time.Now() // the library refuses what is more than five minutes from its own clock

	// send returns a delivery as a receiver that knows secret gets it, signed with the given ones.
	send := func(eventType string, data json.RawMessage, sent time.Time, secret string, signedWith ...string) delivery {
		t.Helper()
		ev := webhook.Event{Tenant: "demo", ID: "evt_1", Type: eventType, Timestamp: "2026-03-20T12:00:00Z", Data: data}
		body, err := standard.Body(ev)
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
			d.Headers[h.Name] = h.Value
		}
		return d
	}
	change := func(d delivery, f func(*delivery)) delivery {
		f(&d)
		return d
	}
	plain := func() delivery {
		return send("invoice.paid", json.RawMessage(`{"n":1}`), now, current, current)
	}

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
		{"one secret", plain(), `{"n":1}`},
		{"overlap, receiver has the new secret", send("invoice.paid", json.RawMessage(`{"n":2}`), now, current, current, previous), `{"n":2}`},
		{"overlap, receiver has the old secret", send("invoice.paid", json.RawMessage(`{"n":3}`), now, previous, current, previous), `{"n":3}`},
		{"after the overlap, receiver has the old secret", send("invoice.paid", json.RawMessage(`{"n":4}`), now, previous, current), noMatch},
		{"awkward spelling", send("invoice.paid", json.RawMessage(awkward), now, current, current), awkward},
		{"another's secret", change(plain(), func(d *delivery) { d.Secret = foreign }), noMatch},
		{"a changed byte", change(plain(), func(d *delivery) { d.Body[len(d.Body)-3] ^= 1 }), noMatch},
		{"another id", change(plain(), func(d *delivery) { d.Headers["webhook-id"] = "evt_2" }), noMatch},
		{"ten minutes old", send("invoice.paid", json.RawMessage(`{"n":5}`), now.Add(-10*time.Minute), current, current), noMatch},
	}
	for _, eventType := range standard.EventTypes() {
		if example := standard.Example(eventType.Name); example != nil {
			tests = append(tests, verification{"example " + eventType.Name, send(eventType.Name, example, now, current, current), string(example)})
		}
	}

	deliveries := make([]delivery, len(tests))
	for i, tt := range tests {
		deliveries[i] = tt.delivery
	}
	answers := verify(t, node, deliveries)
	if len(answers) != len(tests) {
		t.Fatalf("%d answers, want %d", len(answers), len(tests))
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := answers[i]
			if tt.data == "" {
				if got.Error == nil || got.Error.Name != "WebhookVerificationError" {
					t.Errorf("the library takes %s", got.Payload)
				}
				return
			}
			if got.Error != nil {
				t.Fatalf("the library refuses it: %s", got.Error.Message)
			}
			var payload struct{ Data any }
			var want any
			if err := json.Unmarshal(got.Payload, &payload); err != nil {
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

func verify(t *testing.T, node string, deliveries []delivery) []answer {
	t.Helper()
	in, err := json.Marshal(deliveries)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "verify.mjs")
	cmd.Stdin = bytes.NewReader(in)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers []answer
	if err := json.Unmarshal(out, &answers); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return answers
}
