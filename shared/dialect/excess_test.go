package dialect_test

import (
	"encoding/json"
	"strings"
	"testing"

	"hookline/shared/dialect"
)

// Placeholders can make a request far longer than its description.
func TestExcess(t *testing.T) {
	described := func(envelope, headers string) *dialect.Dialect {
		t.Helper()
		d, err := dialect.Parse([]byte(`{"name":"house","version":1,"product":"House","envelope":`+envelope+`,"body":"plain","headers":{"X-House":"{signature}"`+headers+`},
			"signature":{"signed":"{body}","encoding":"hex"},"secret":{"key":"utf8","min":8,"made_bytes":32},"rotation_overlap_seconds":0,"ladder":["1m"],"success":"2xx",
			"timeout_seconds":10,"url":{"schemes":["https"]},"content_types":["application/json"],"catalogue":{"open":true,"events":[]}}`), nil)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	text := func(s string, n int) string { return `{"data":"{data}","t":"` + strings.Repeat(s, n) + `"}` }
	var headers strings.Builder
	for i := range 49 {
		headers.WriteString(`,"X-` + strings.Repeat("h", i+1) + `":"` + strings.Repeat("{id}", 50) + `"`)
	}
	for name, tt := range map[string]struct {
		d    *dialect.Dialect
		want []string
	}{
		"what products have":       {described(`{"id":"{id}","type":"{type}","at":"{timestamp}","n":"{timestamp_unix}","of":"{tenant}","data":"{data}"}`, `,"X-A":"{id}","X-B":"{delivery}, {webhook}"`), nil},
		"a long text":              {described(text("a", 16<<10-40), ""), nil},
		"types":                    {described(text("{type}{type}", 1300), ""), []string{"envelope"}},
		"ids":                      {described(text("{id}", 4000), ""), []string{"envelope"}},
		"tenants in many texts":    {described(`{"data":"{data}","l":[`+strings.Repeat(`"{tenant}",`, 1000)+`1]}`, ""), []string{"envelope"}},
		"headers":                  {described(`"{data}"`, headers.String()), []string{"headers"}},
		"headers of texts":         {described(`"{data}"`, strings.ReplaceAll(headers.String(), "{id}", "abcd")), nil},
		"both, all of it reported": {described(text("{id}", 4000), headers.String()), []string{"envelope", "headers"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, e := range tt.d.Excess() {
				got = append(got, e.Field)
			}
			if strings.Join(got, " ") != strings.Join(tt.want, " ") {
				t.Errorf("got %q, want %q", tt.d.Excess(), tt.want)
			}
		})
	}
	set, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range set.Names() {
		d, err := set.Dialect(t.Context(), name)
		if err != nil || d.Excess() != nil || !json.Valid(d.Description) {
			t.Errorf("%s: got %v, %v, want nothing", name, d.Excess(), err)
		}
	}
}
