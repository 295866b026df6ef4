package input

import (
	"encoding/json"
	"testing"
)

func FuzzObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"a":1,"a":2}`, `{"a":{"b":[1,2]},"n":1e400,"i":-0.0}`, `{"a":"\ud800"}`, `{"é":true,"":null}`, `{"n":9007199254740993}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if !json.Valid([]byte(raw)) {
			t.Skip()
		}
		var want map[string]json.RawMessage
		isObject := json.Unmarshal([]byte(raw), &want) == nil && want != nil
		got, _, ok := Split(json.RawMessage(raw))
		if ok != isObject {
			t.Fatalf("split says %v, encoding/json %v", ok, isObject)
		}
		if len(got) != len(want) {
			t.Errorf("got %d fields, want %d", len(got), len(want))
		}
		for name, value := range want {
			if string(got[name]) != string(value) {
				t.Errorf("%q: got %s, want %s", name, got[name], value)
			}
			var n int
			if i, ok := integer(value); ok && json.Unmarshal(value, &n) == nil && i != n {
				t.Errorf("%s: got %d, want %d", value, i, n)
			}
			var s string
			if got, ok := text(value); ok != (json.Unmarshal(value, &s) == nil && string(value) != "null") || got != s {
				t.Errorf("%s: got %q %v, want %q", value, got, ok, s)
			}
		}
	})
}
