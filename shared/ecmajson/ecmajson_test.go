package ecmajson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"hookline/shared/ecmajson"
)

func TestCompact(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"white space", " {\r\n\t\"a\" : [ 1 , 2 ] }\n", `{"a":[1,2]}`},
		{"white space in strings", `{"a b":" c\td "}`, `{"a b":" c\td "}`},
		{"numbers as they came", `[1.0,1E2,-0,0.10,12345678901234567890,1e999]`, `[1.0,1E2,-0,0.10,12345678901234567890,1e999]`},
		{"order and duplicates", `{"b":1,"a":2,"b":3,"1":4}`, `{"b":1,"a":2,"b":3,"1":4}`},
		{"escapes", `"\u0041\/\ud83d\ude00\ud800\u2028"`, `"\u0041\/\ud83d\ude00\ud800\u2028"`},
		{"raw separators and HTML", "\"\u2028\u2029<>&\x7f\"", "\"\u2028\u2029<>&\x7f\""},
		{"quotes and backslashes", ` "\\" `, `"\\"`},
		{"brackets in strings", `"[[[{{{"`, `"[[[{{{"`},
		{"scalar", " null ", "null"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := []byte(tt.in)
			got, err := ecmajson.Compact(in)
			if err != nil || string(got) != tt.want {
				t.Fatalf("Compact = %s, %v, want %s", got, err, tt.want)
			}
			clear(in)
			if string(got) != tt.want {
				t.Error("the result shares memory with what came in")
			}
		})
	}
}

func TestRefused(t *testing.T) {
	deep := func(n int, open, shut string) string { return strings.Repeat(open, n) + strings.Repeat(shut, n) }
	tests := []struct {
		name, in string
		want     error // nil: a syntax error
	}{
		{"nothing", "", nil},
		{"white space alone", "  ", nil},
		{"two values", "1 2", nil},
		{"single quotes", "'a'", nil},
		{"comment", "{} // no", nil},
		{"trailing comma", "[1,]", nil},
		{"leading zero", "01", nil},
		{"plus", "+1", nil},
		{"bare point", "1.", nil},
		{"not a number", "NaN", nil},
		{"raw control character", "\"\x01\"", nil},
		{"unknown escape", `"\x41"`, nil},
		{"short escape", `"\u12"`, nil},
		{"open string", `"abc`, nil},
		{"open string at a backslash", `"abc\`, nil},
		{"open object", `{"a":1`, nil},
		{"byte order mark", "\ufeff{}", nil},
		{"non-breaking space", "\u00a0{}", nil},
		{"invalid UTF-8", "\"\xff\"", ecmajson.ErrEncoding},
		{"a surrogate in UTF-8", "\"\xed\xa0\x80\"", ecmajson.ErrEncoding},
		{"overlong UTF-8", "\"\xc0\xaf\"", ecmajson.ErrEncoding},
		{"arrays too deep", deep(ecmajson.MaxDepth+1, "[", "]"), ecmajson.ErrDepth},
		{"objects too deep", deep(ecmajson.MaxDepth, `{"a":[`, "]}"), ecmajson.ErrDepth},
		{"a million brackets", strings.Repeat("[", 1_000_000), ecmajson.ErrDepth},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for form, f := range forms {
				got, err := f([]byte(tt.in))
				if err == nil {
					t.Fatalf("%s = %q, want an error", form, got)
				}
				if tt.want != nil && !errors.Is(err, tt.want) {
					t.Errorf("%s: %v, want %v", form, err, tt.want)
				}
				if _, ok := errors.AsType[*json.SyntaxError](err); tt.want == nil && !ok {
					t.Errorf("%s: %v, want a syntax error", form, err)
				}
			}
		})
	}
	for form, f := range forms {
		in := deep(ecmajson.MaxDepth, "[", "]")
		if got, err := f([]byte(in)); err != nil || string(got) != in {
			t.Errorf("%s refuses %d levels: %v", form, ecmajson.MaxDepth, err)
		}
	}
}

var forms = map[string]func([]byte) ([]byte, error){"Compact": ecmajson.Compact, "Canonical": canonicalOf, "Sorted": sortedOf}

func canonicalOf(raw []byte) ([]byte, error) {
	t, err := ecmajson.Read(raw)
	return t.Canonical(), err
}

func sortedOf(raw []byte) ([]byte, error) {
	t, err := ecmajson.Read(raw)
	return t.Sorted(), err
}

func TestSorted(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"every object's keys", ` [{"b":1,"a":{"d":1,"c":[]}}] `, `[{"a":{"c":[],"d":1},"b":1}]`},
		{"lists stay", `[3,1,2]`, `[3,1,2]`},
		{"indexes are text", `{"b":1,"10":2,"9":3}`, `{"10":2,"9":3,"b":1}`},
		{"keys by what they mean", `{"\u0062":1,"a":2}`, `{"a":2,"b":1}`},
		{"strings and numbers", `{"s":"\u00e9\/","n":1.50e1}`, `{"n":15,"s":"é/"}`},
		{"numbers beyond the doubles", `[9007199254740993,9007199254740992]`, `[9007199254740993,9007199254740992]`},
		{"the last duplicate", `{"b":1,"a":2,"b":3}`, `{"a":2,"b":3}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := sortedOf([]byte(tt.in)); err != nil || string(got) != tt.want {
				t.Errorf("Sorted(%s) = %s, %v, want %s", tt.in, got, err, tt.want)
			}
		})
	}
}

func TestCanonical(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"white space", " { \"a\" : [ 1 , true , false , null , \"x\" ] } ", `{"a":[1,true,false,null,"x"]}`},
		{"empty", `[{},[],""]`, `[{},[],""]`},
		{"insertion order", `{"b":1,"a":2,"":3}`, `{"b":1,"a":2,"":3}`},
		{"indexes first, ascending", `{"b":1,"10":2,"9":3,"a":4,"0":5}`, `{"0":5,"9":3,"10":2,"b":1,"a":4}`},
		{"the largest index", `{"a":1,"4294967295":2,"4294967294":3}`, `{"4294967294":3,"a":1,"4294967295":2}`},
		{"what only looks like an index", `{"b":1,"01":2,"-1":3,"1.0":4,"1e1":5," 1":6,"+1":7,"99999999999999999999":8,"1":9}`, `{"1":9,"b":1,"01":2,"-1":3,"1.0":4,"1e1":5," 1":6,"+1":7,"99999999999999999999":8}`},
		{"an index in escapes", `{"a":1,"\u0031":2}`, `{"1":2,"a":1}`},
		{"the last duplicate at the first place", `{"a":1,"b":2,"a":3}`, `{"a":3,"b":2}`},
		{"duplicates spelled differently", `{"a":1,"b":2,"\u0061":[3]}`, `{"a":[3],"b":2}`},
		{"duplicate lone surrogates", `{"\ud800":1,"\uD800":2,"\udc00":3}`, `{"\ud800":2,"\udc00":3}`},
		{"a prototype is a key", `{"__proto__":1,"constructor":2,"__proto__":{"a":3}}`, `{"__proto__":{"a":3},"constructor":2}`},
		{"short escapes", `"\b\t\n\f\r\"\\\/"`, `"\b\t\n\f\r\"\\/"`},
		{"controls", `"\u0000\u0001\u000B\u001F\u0008\u007f"`, `"\u0000\u0001\u000b\u001f\b` + "\x7f\""},
		{"needless escapes", `"\u0041\u00e9\u2028\u20AC\u003C"`, "\"Aé\u2028€<\""},
		{"a pair", `"\ud83d\ude00\uD83D\uDE00"`, `"😀😀"`},
		{"lone surrogates", `"\ud800 \uDFFF \udbff\ud83d\ude00\udc00\ud800"`, `"\ud800 \udfff \udbff😀\udc00\ud800"`},
		{"a surrogate before another escape", `"\ud800\n\ud800\u0041\ud800\\ude00"`, `"\ud800\n\ud800A\ud800\\ude00"`},
		{"every surrogate nibble", `"\uda9c\udd35"`, string([]byte(`"`)) + "\U000b7135" + `"`},
		{"lone, every nibble", `"\uda9c,\udd35"`, `"\uda9c,\udd35"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := canonicalOf([]byte(tt.in))
			if err != nil || string(got) != tt.want {
				t.Errorf("Canonical(%s) = %s, %v, want %s", tt.in, got, err, tt.want)
			}
		})
	}
}

func TestNumbers(t *testing.T) {
	long := strings.Repeat("0", 20_000)
	tests := []struct{ name, in, want string }{
		{"zero", "0", "0"},
		{"minus zero", "-0", "0"},
		{"minus zero with everything", "-0.00E+99999999999999999999", "0"},
		{"whole", "1.0", "1"},
		{"trailing zeros", "-1.500", "-1.5"},
		{"positive exponent", "1e2", "100"},
		{"capital, plus", "15E+1", "150"},
		{"the last without exponent", "100000000000000000000", "100000000000000000000"},
		{"the first with one", "1000000000000000000000", "1e+21"},
		{"spelled with one needlessly", "1.2e3", "1200"},
		{"1e+21", "1E21", "1e+21"},
		{"small", "0.000001", "0.000001"},
		{"smaller", "0.0000001", "1e-7"},
		{"many digits and an exponent", "1.2345e-7", "1.2345e-7"},
		{"two digits of exponent", "1e-10", "1e-10"},
		{"three", "-1.5e300", "-1.5e+300"},
		{"the largest", "1.7976931348623157e308", "1.7976931348623157e+308"},
		{"the smallest", "5e-324", "5e-324"},
		{"a tenth", "0.1", "0.1"},
		{"2^53", "9007199254740992", "9007199254740992"},
		{"zeros that cancel an exponent", "0." + long + "1e20001", "1"},
		{"an exponent that cancels zeros", "1" + long + "e-20000", "1"},
		// Numbers that a double cannot hold keep their spelling.
		{"2^53+1", "9007199254740993", "9007199254740993"},
		{"a long id", "12345678901234567890", "12345678901234567890"},
		{"a long id with a point", "12345678901234567890.0", "12345678901234567890.0"},
		{"too many digits", "0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"},
		{"pi", "3.14159265358979323846", "3.14159265358979323846"},
		{"overflow", "1e400", "1e400"},
		{"overflow, negative", "-1E400", "-1E400"},
		{"overflow beyond counting", "1e99999999999999999999", "1e99999999999999999999"},
		{"underflow", "1e-400", "1e-400"},
		{"underflow beyond counting", "-1e-99999999999999999999", "-1e-99999999999999999999"},
		{"rounded to the smallest", "3e-324", "3e-324"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, around := range []string{"%", "[%]", `{"a":%}`, `[0,%,0]`} {
				in, want := strings.ReplaceAll(around, "%", tt.in), strings.ReplaceAll(around, "%", tt.want)
				got, err := canonicalOf([]byte(in))
				if err != nil || string(got) != want {
					t.Errorf("Canonical(%.60s) = %.60s, %v, want %.60s", in, got, err, want)
				}
			}
		})
	}
}

// TestDeepAndWide checks that the work is proportional to the size of the text, whatever its shape.
func TestDeepAndWide(t *testing.T) {
	filler := strings.Repeat(`1,`, 100_000) + `1`
	deep := strings.Repeat(`{"a":`, 500) + "[" + filler + "]" + strings.Repeat("}", 500)
	if got, err := canonicalOf([]byte(deep)); err != nil || string(got) != deep {
		t.Errorf("a deep text changed: %v", err)
	}
}

func FuzzForms(f *testing.F) {
	for _, seed := range []string{
		`{"b":[1.50,-0,1e400],"1":"\ud800\u0041","b":null}`, ` [ ] `, `"\\\""`, `{"__proto__":{}}`, "\"\u2028\"", `[[[]]`, `1e21`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		compact, err := ecmajson.Compact(raw)
		canonical, cerr := canonicalOf(raw)
		sorted, serr := sortedOf(raw)
		if (err == nil) != (cerr == nil) || (err == nil) != (serr == nil) {
			t.Fatalf("Compact: %v, Canonical: %v, Sorted: %v", err, cerr, serr)
		}
		if err != nil {
			return
		}
		if again, err := ecmajson.Compact(compact); err != nil || !bytes.Equal(again, compact) {
			t.Errorf("Compact of %q is %q, %v", compact, again, err)
		}
		if again, err := canonicalOf(canonical); err != nil || !bytes.Equal(again, canonical) {
			t.Errorf("Canonical of %q is %q, %v", canonical, again, err)
		}
		if again, err := sortedOf(canonical); err != nil || !bytes.Equal(again, sorted) {
			t.Errorf("Sorted of %q is %q, %v, and of %q %q", canonical, again, err, raw, sorted)
		}
		// No form changes what the text means.
		for _, out := range [][]byte{compact, canonical, sorted} {
			got, gotOK := meaning(t, out)
			want, wantOK := meaning(t, raw)
			if gotOK && wantOK && !bytes.Equal(got, want) {
				t.Errorf("%q means %s, want %s", out, got, want)
			}
		}
	})
}

// meaning returns a text as encoding/json understands it. It returns false if that cannot be compared, because encoding/json
// holds no number beyond the doubles and takes all lone surrogates for the same character.
func meaning(t *testing.T, raw []byte) ([]byte, bool) {
	t.Helper()
	if bytes.Contains(bytes.ToLower(raw), []byte(`\ud`)) {
		return nil, false
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return nil, false
		}
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.ReplaceAll(b, []byte("-0"), []byte("0")), true
}
