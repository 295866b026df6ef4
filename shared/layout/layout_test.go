package layout_test

import (
	"bytes"
	"encoding/json"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"hookline/shared/layout"
)

func nested(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

func TestJSON(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		most     int
		want     string
		whole    bool
	}{
		{"an object", `{"a":1,"b":[true, null ],"c":{}, "d":[ ]}`, 100, "{\n  \"a\": 1,\n  \"b\": [\n    true,\n    null\n  ],\n  \"c\": {},\n  \"d\": []\n}", true},
		{"a scalar", ` -1.50e3 `, 100, "-1.50e3", true},
		{"marks in texts", `["a\"]{,:\\","\u00e9 <b>"]`, 100, "[\n  \"a\\\"]{,:\\\\\",\n  \"\\u00e9 <b>\"\n]", true},
		{"just as long", `[1]`, 7, "[\n  1\n]", true},
		{"one byte longer", `[12]`, 7, "[\n \n…", false},
		{"cut within a text, between characters", `"ééééééé"`, 10, "\"éé\n…", false},
		{"the deepest that is shown", nested(layout.MaxDepth), 1 << 20, "", true},
		{"deeper and empty", nested(layout.MaxDepth + 1), 1 << 20, "", true},
		{"deeper", nested(layout.MaxDepth + 2), 1 << 20, "", false},
		{"deeper, with what comes after it", strings.Repeat(`{"a":`, layout.MaxDepth) + `{"b":"}"}` + strings.Repeat(`,"z":[]}`, layout.MaxDepth), 1 << 20, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := layout.JSON([]byte(tt.in), tt.most)
			if !ok || got.Whole != tt.whole || len(got.Text) > tt.most {
				t.Fatalf("got %v, whole %v, %d bytes: %s", ok, got.Whole, len(got.Text), got.Text)
			}
			if tt.want != "" && got.Text != tt.want {
				t.Errorf("got %q, want %q", got.Text, tt.want)
			}
			if tt.want == "" && !tt.whole && (strings.Count(got.Text, "…") != 1 || strings.Count(got.Text, `"z": []`) != strings.Count(tt.in, `"z"`)) {
				t.Errorf("got %s, want all but what is too deep", got.Text)
			}
		})
	}
	for _, in := range []string{"", "{", "[1,]", "text", "\xff", strings.Repeat("[", 100_000)} {
		if got, ok := layout.JSON([]byte(in), 100); ok || got.Text != "" {
			t.Errorf("JSON(%.20q) = %q, %v, want none", in, got.Text, ok)
		}
	}
}

func TestReadable(t *testing.T) {
	for in, want := range map[string]layout.Text{
		`{"a":1}`:                {Text: "{\n  \"a\": 1\n}", Whole: true},
		"no JSON":                {Text: "no JSON", Whole: true},
		strings.Repeat("é", 100): {Text: strings.Repeat("é", 8) + "\n…", Whole: false},
	} {
		if got := layout.Readable([]byte(in), 20); got != want {
			t.Errorf("Readable(%q) = %+v, want %+v", in, got, want)
		}
	}
}

// A report of half a megabyte made a page of 771 MiB.
func TestBounded(t *testing.T) {
	object := strings.Repeat(`{"a":[`, 1000) + strings.Repeat(`]}`, 1000)
	for name, in := range map[string]string{
		"deep":            nested(9000),
		"deep and wide":   "[" + strings.Repeat(object+",", 50) + "1]",
		"deep with lists": strings.Repeat("[", 60) + strings.Repeat("1,", 200_000) + "1" + strings.Repeat("]", 60),
		"one long text":   `"` + strings.Repeat("a", 1<<20) + `"`,
		"one long key":    `{"` + strings.Repeat("a", 1<<20) + `":1}`,
		"many":            "[" + strings.Repeat("[],", 300_000) + "1]",
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got, ok := layout.JSON([]byte(in), layout.MaxBytes)
			runtime.ReadMemStats(&after)
			if !ok || got.Whole || len(got.Text) > layout.MaxBytes {
				t.Errorf("got %v, whole %v and %d bytes, want a part of at most %d", ok, got.Whole, len(got.Text), layout.MaxBytes)
			}
			if spent := after.TotalAlloc - before.TotalAlloc; spent > 16*layout.MaxBytes {
				t.Errorf("%d bytes of memory went into %d bytes of output", spent, len(got.Text))
			}
		})
	}
}

// FuzzJSON compares complete output with that of json.Indent, and checks that other output is within its bound.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,{"b":"c\"\\"}],"":{}}`, `[[],[ ],{ }]`, ` "é" `, nested(70), `[{"a":[[]]},1e9,-0]`} {
		f.Add([]byte(seed), 40)
	}
	f.Fuzz(func(t *testing.T, raw []byte, most int) {
		most = min(max(most, 8), 1<<16)
		got, ok := layout.JSON(raw, most)
		if ok != json.Valid(raw) || len(got.Text) > most {
			t.Fatalf("got %v and %d bytes of %d", ok, len(got.Text), most)
		}
		if utf8.Valid(raw) && !utf8.ValidString(got.Text) {
			t.Errorf("a character is cut: %q", got.Text)
		}
		if !ok || !got.Whole {
			return
		}
		var want bytes.Buffer
		if err := json.Indent(&want, bytes.TrimSpace(raw), "", "  "); err != nil || got.Text != want.String() {
			t.Errorf("got %q, want %q, %v", got.Text, want.String(), err)
		}
	})
}
