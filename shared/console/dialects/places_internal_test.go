package dialects

import (
	"strings"
	"testing"
)

func TestLocate(t *testing.T) {
	const text = `{"a":1, "b" : {"c.d":[10,[{"e":1e999},2]], "f":"x"},
 "g":[], "a":2, "h":{"i":{}}}`
	for field, want := range map[string]string{
		"a": `"a":2`, "b": `"b" :`, "b.c.d": `"c.d"`, "b.c.d.0": `10`, "b.c.d.1.0.e": `"e"`, "b.c.d.1.1": `2]`, "b.c.d.9": `"c.d"`, "b.f": `"f"`, "b.f.z": `"f"`,
		"b.z": `"b"`, "g.0": `"g"`, "h.i": `"i"`, "h.i.z": `"i"`, "z": `{"a"`, "": `{"a"`, "description": `{"a"`,
	} {
		if at, _ := locate(text, field); !strings.HasPrefix(text[at:], want) {
			t.Errorf("%q: got %.12q, want %q", field, text[at:], want)
		}
	}
	for _, text := range []string{"1", `"x"`, "null", "[]", "{}", " [ [ ] ] ", `{"a":{}}`} {
		locate(text, "a.b")
		locate(text, "0.0")
	}
}

func TestFaultAt(t *testing.T) {
	text := "{\r\n\t\"né\": 1,\r\n  \"x\": " + strings.Repeat("y", 100) + "\n"
	f := faultAt(text, strings.Index(text, "1,"), "", "")
	if f.Line != 2 || f.Column != 8 || f.Code != `"né": 1,` || f.Caret != "      ^" {
		t.Errorf("got %+v", f)
	}
	f = faultAt(text, len(text), "", "") // the end
	if f.Line != 3 || !strings.HasPrefix(f.Code, "…y") || len(f.Caret) != around+2 {
		t.Errorf("got %+v", f)
	}
	faultAt("", 5, "", "")
	faultAt("é", 1, "", "")
}

// FuzzPlaces holds that a place is found in any text.
func FuzzPlaces(f *testing.F) {
	for _, seed := range []string{`{"a":[{"b":1}]}`, `{"a":}`, "", "\xff", `["é`, "{\r\n}", `{"a":1,"a":[1,2,{}]}`} {
		f.Add(seed, "a.0.b")
	}
	f.Fuzz(func(t *testing.T, text, field string) {
		if _, wrong := notJSON(text); wrong {
			return
		}
		if at, _ := locate(text, field); at < 0 || at > len(text) {
			t.Errorf("got %d of %d", at, len(text))
		}
	})
}
