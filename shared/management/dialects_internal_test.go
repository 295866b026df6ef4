package management

import (
	"encoding/json"
	"testing"
)

// FuzzSchema holds that whatever stands where a catalogue has a schema is compiled or refused, and then judges an
// example: it comes from outside.
func FuzzSchema(f *testing.F) {
	for _, seed := range []string{
		`{"type":"object","required":["id"],"properties":{"id":{"type":"string","pattern":"^[a-z]+$"}}}`,
		`{"$ref":"#"}`, `{"$ref":"#/nowhere"}`, `{"$ref":"other.json"}`, `{"$ref":"https://example.com/s.json"}`, `{"$id":"::"}`,
		`{"$id":"http://[::1","$defs":{"a":{"$anchor":"x"}}}`, `{"pattern":"("}`, `{"$schema":5}`, `{"$schema":"http://json-schema.org/draft-04/schema#"}`,
		`{"$dynamicRef":"#a"}`, `{"multipleOf":0}`, `{"minimum":1e999999999}`, `{"multipleOf":1e-999999999}`, `{"const":1e999999999}`,
		`{"allOf":[{"$ref":"#/allOf/1"},{"$ref":"#/allOf/0"}]}`, `{"properties":{"a":true,"b":false}}`, `{"enum":[]}`, `{"items":[{}]}`,
		`{"minLength":1e400,"maxItems":1.5}`, `{"unevaluatedProperties":false,"if":{},"then":false}`,
	} {
		f.Add([]byte(seed), []byte(`{"id":"a","n":1e999999999,"m":-0.5,"a":[1,1]}`))
	}
	f.Fuzz(func(t *testing.T, schema, example []byte) {
		if !json.Valid(schema) || !json.Valid(example) {
			return
		}
		if compiled, passed := judge(schema, example); passed && !compiled {
			t.Errorf("an example passes %s, which is no schema", schema)
		}
	})
}

func TestJudge(t *testing.T) {
	tests := []struct {
		schema, example  string
		compiled, passed bool
	}{
		{`{"type":"object"}`, `{}`, true, true},
		{`{"type":"object"}`, ``, true, true},
		{`{"type":"object"}`, `[]`, true, false},
		{`{"type":"thing"}`, `{}`, false, false},
		{`{"pattern":"("}`, `{}`, false, false},
		{`{"$ref":"#/nowhere"}`, `{}`, false, false},
		{`{"$ref":"https://json-schema.org/draft/2020-12/schema"}`, `{"type":"object"}`, true, true}, // comes with the library
		{`{"$ref":"https://example.com/schema.json"}`, `{}`, false, false},
		{`{"$ref":"#"}`, `{}`, true, false}, // without end
		{`{"minimum":1}`, `1e999999999`, true, false},
		{`{"type":"object"}`, `{"id":820982911946154508}`, true, true},
	}
	for _, tt := range tests {
		compiled, passed := judge([]byte(tt.schema), []byte(tt.example))
		if tt.example == "" {
			compiled, passed = judge([]byte(tt.schema), nil)
		}
		if compiled != tt.compiled || passed != tt.passed {
			t.Errorf("judge(%s, %s) = %v, %v, want %v, %v", tt.schema, tt.example, compiled, passed, tt.compiled, tt.passed)
		}
	}
}
