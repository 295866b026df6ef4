package ingest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/webhook"
)

func TestCheck(t *testing.T) {
	set, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	object := json.RawMessage(`{"n": 1}`)
	tests := map[string]struct {
		dialect string
		in      Input
		want    []string // fields at fault
	}{
		"good":                        {"standard", Input{Type: "order.placed", Data: object}, nil},
		"any name in an open one":     {"standard", Input{Type: "a", Data: object}, nil},
		"everything":                  {"standard", Input{ID: "a b", Type: "a..b", Data: json.RawMessage(`[]`), Timestamp: time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC)}, []string{"id", "type", "data", "timestamp"}},
		"nothing":                     {"standard", Input{}, []string{"type", "data"}},
		"null data":                   {"standard", Input{Type: "a.b", Data: json.RawMessage(`null`)}, []string{"data"}},
		"data that is not JSON":       {"standard", Input{Type: "a.b", Data: json.RawMessage(`{`)}, []string{"data"}},
		"data with white space first": {"standard", Input{Type: "a.b", Data: json.RawMessage(" \n{}")}, nil},
		"six segments":                {"standard", Input{Type: "a.b.c.d.e.f", Data: object}, []string{"type"}},
		"101 characters":              {"standard", Input{Type: strings.Repeat("a", 101), Data: object}, []string{"type"}},
		"a system event":              {"standard", Input{Type: "delivery.failed", Data: object}, []string{"type"}},
		"not in a closed catalogue":   {"axiestudio", Input{Type: "order.placed", Data: object}, []string{"type"}},
		"in a closed catalogue":       {"axiestudio", Input{Type: "user.created", Data: object}, nil},
		"a test event":                {"axiestudio", Input{Type: webhook.TestType, Data: object}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d, err := set.Dialect(t.Context(), tt.dialect)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			checked, faults := Check(d, tt.in)
			for _, f := range faults {
				got = append(got, f.Field)
			}
			if _, err := new(Service).accept(webhook.Tenant{ID: "acme"}, []Checked{checked}); (faults != nil) != (err != nil) {
				t.Errorf("accepting it: got %v", err)
			}
			if strings.Join(got, " ") != strings.Join(tt.want, " ") {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestTooLarge(t *testing.T) {
	sized := func(n int, space string) Input { // an object of n bytes, and white space
		return Input{Data: json.RawMessage(`{"x":` + space + `"` + strings.Repeat("y", n-8) + `"}`)}
	}
	tests := map[string]struct {
		in   Input
		want bool
	}{
		"256 KiB":                       {sized(webhook.MaxDataBytes, ""), false},
		"a byte more":                   {sized(webhook.MaxDataBytes+1, ""), true},
		"256 KiB and white space in it": {sized(webhook.MaxDataBytes, strings.Repeat(" ", 500)), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := TooLarge(tt.in); got != tt.want {
				t.Errorf("%d bytes: got %v, want %v", len(tt.in.Data), got, tt.want)
			}
		})
	}
}
