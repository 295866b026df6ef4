package schema

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"hookline/shared/dialect"
)

// judge reports whether a schema is one, and whether the example passes it.
func judge(schema, example json.RawMessage) (compiled, passed bool) {
	inSchema, inExample := (&meter{left: maxSteps}).judge(schema, example)
	return inSchema == "", inSchema == "" && inExample == ""
}

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
		{`{"$schema":"http://json-schema.org/draft-07/schema#","format":"ipv4"}`, `"127.0.0.1"`, true, true},
		{`{"$schema":"http://json-schema.org/draft-07/schema#","format":"ipv4"}`, `"127.0.0"`, true, false},
		{`{"format":"ipv4"}`, `"127.0.0"`, true, true}, // says what is meant, and is not held
		{`{"pattern":"^[a-z]{1,100}$"}`, `"abc"`, true, true},
		{`{"pattern":"^[a-z]{1,100}$"}`, `"Abc"`, true, false},
		{`{"oneOf":[{"type":"string"},{"const":1},{"enum":[2,3]}]}`, `3`, true, true},
		{`{"oneOf":[{"type":"string"},{"const":3},{"enum":[2,3]}]}`, `3`, true, false},
		{`{"$defs":{"tree":{"properties":{"below":{"items":{"$ref":"#/$defs/tree"}}},"unevaluatedProperties":false}},"$ref":"#/$defs/tree"}`, `{"below":[{"below":[{}]}]}`, true, true},
		{`{"$defs":{"tree":{"properties":{"below":{"items":{"$ref":"#/$defs/tree"}}},"unevaluatedProperties":false}},"$ref":"#/$defs/tree"}`, `{"below":[{"below":[{"a":1}]}]}`, true, false},
		{`{"not":{"required":["a"]}}`, `{"b":1}`, true, true},
		{`{"not":{"required":["a"]}}`, `{"a":1}`, true, false},
		{`{"minimum":1e999}`, `1e1000`, true, true},
		{`{"minimum":1e1001}`, `1`, false, false},
		{`{"type":"number"}`, `1` + strings.Repeat("0", 1000), true, false},
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

// doubling is a schema of n definitions, each of which refers to the next one twice. With them a schema of 1,300 bytes
// kept a processor busy for seconds, one of 2,000 for an hour.
func doubling(n int, twice string) string {
	var b strings.Builder
	b.WriteString(`{"$ref":"#/$defs/a0","$defs":{`)
	for i := range n {
		fmt.Fprintf(&b, `"a%d":%s,`, i, strings.ReplaceAll(twice, "NEXT", fmt.Sprintf(`{"$ref":"#/$defs/a%d"}`, i+1)))
	}
	fmt.Fprintf(&b, `"a%d":{"type":"object"}}}`, n)
	return b.String()
}

// TestCostlySchemas holds that the work a schema asks for is bounded, however it multiplies. Without the bound most of
// these never end.
func TestCostlySchemas(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 100) + "{}" + strings.Repeat("}", 100)
	long := `"` + strings.Repeat("a", 100_000) + `"`
	var dynamic strings.Builder // which no field of a compiled schema leads to
	dynamic.WriteString(`{"$id":"urn:out","$ref":"urn:in","$defs":{"in":{"$id":"urn:in","$dynamicRef":"#a0","$defs":{"x":{"$dynamicAnchor":"a0"}}}`)
	for i := range 60 {
		fmt.Fprintf(&dynamic, `,"d%d":{"$dynamicAnchor":"a%d","allOf":[{"$dynamicRef":"#a%d"},{"$dynamicRef":"#a%d"}]}`, i, i, i+1, i+1)
	}
	dynamic.WriteString(`,"d60":{"$dynamicAnchor":"a60"}}}`)
	for name, tt := range map[string]struct{ schema, example string }{
		"all of two":           {doubling(60, `{"allOf":[NEXT,NEXT]}`), `{}`},
		"any of two":           {doubling(60, `{"anyOf":[NEXT,NEXT]}`), `1`},
		"one of two":           {doubling(60, `{"oneOf":[NEXT,NEXT]}`), `{}`},
		"not, of two":          {doubling(60, `{"not":{"anyOf":[NEXT,NEXT]}}`), `1`},
		"if, and then":         {doubling(60, `{"if":NEXT,"then":NEXT}`), `{}`},
		"for names":            {doubling(60, `{"dependentSchemas":{"a":NEXT,"b":NEXT}}`), `{"a":1,"b":2}`},
		"in itself, downwards": {`{"properties":{"a":{"allOf":[{"$ref":"#"},{"$ref":"#"}]}}}`, deep},
		"for each item":        {`{"items":{"allOf":[{"$ref":"#"},{"$ref":"#"}]}}`, strings.Repeat("[", 100) + strings.Repeat("]", 100)},
		"dynamic":              {dynamic.String(), `{}`},
		"very many":            {`{"allOf":[` + strings.Repeat(`{"a":1},`, 20_000) + `{}]}`, `{}`},
		"booleans":             {`{"allOf":[` + strings.Repeat(`true,`, 40_000) + `true]}`, `{}`},
		"very many references": {`{"allOf":[` + strings.Repeat(`{"$ref":"#/$defs/a"},`, 3000) + `{}],"$defs":{"a":{}}}`, `{}`},
		"items by many":        {`{"items":{"anyOf":[` + strings.Repeat(`false,`, 1000) + `true]}}`, "[" + strings.Repeat("1,", 20_000) + "1]"},
		"values by many":       {`{"items":{"enum":[` + strings.Repeat(`"x",`, 4000) + `1]}}`, "[" + strings.Repeat("1,", 20_000) + "1]"},
		"a pattern":            {`{"pattern":"^(` + strings.Repeat("a?", 1000) + `){10}b$"}`, long},
		"a pattern, compiled":  {`{"allOf":[` + strings.Repeat(`{"pattern":"`+strings.Repeat("a{1000}", 100)+`"},`, 200) + `{}]}`, `{}`},
		"in one another":       {`{"allOf":[` + strings.Repeat(`{"pattern":"((a{10}){10}){10}"},`, 5000) + `{}]}`, `{}`},
		"patterns for names":   {`{"patternProperties":{"^(` + strings.Repeat("a?", 1000) + `){10}b$":{}}}`, `{` + long + `:1}`},
	} {
		t.Run(name, func(t *testing.T) {
			m := &meter{left: maxSteps}
			if testing.Short() { // under the race detector
				m.left /= 10
			}
			if inSchema, inExample := m.judge([]byte(tt.schema), []byte(tt.example)); inSchema != tooCostly || inExample != "" {
				t.Errorf("got %q and %q, want it refused as too costly; %d steps were left", inSchema, inExample, m.left)
			}
		})
	}
}

// TestOrdinarySchemas holds that what products have is far from the bound.
func TestOrdinarySchemas(t *testing.T) {
	set, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range set.Names() {
		d, err := set.Dialect(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if faults := Check(d); faults.Err() != nil {
			t.Errorf("%s: got %v", name, faults.Err())
		}
	}
	var properties, example strings.Builder // 300 fields, as large as any resource of a product's
	for i := range 300 {
		fmt.Fprintf(&properties, `,"field_%d":{"type":["string","null"],"description":"What it holds","pattern":"^[a-z0-9_-]{1,64}$","maxLength":64}`, i)
		fmt.Fprintf(&example, `,"field_%d":"value_%d"`, i, i)
	}
	schema := `{"type":"object","additionalProperties":false,"properties":{` + properties.String()[1:] + `}}`
	m := &meter{left: maxSteps}
	if inSchema, inExample := m.judge([]byte(schema), []byte(`{`+example.String()[1:]+`}`)); inSchema+inExample != "" || m.left < maxSteps/2 {
		t.Errorf("got %q, %q and %d steps left of %d", inSchema, inExample, m.left, maxSteps)
	}
}
