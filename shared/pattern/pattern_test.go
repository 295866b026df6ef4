package pattern

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/webhook"
)

// instance has the shape of the event in AWS's documentation.
const instance = `{"source": "aws.ec2", "resources": ["arn:a", "arn:b"], "empty": [], "nothing": null, "blank": "",
	"detail": {"c-count": 5, "d-count": 3, "x-limit": 301.8, "source-ip": "10.0.0.33", "state": "running",
	"file": "dir/img/cat.png", "ok": true}}`

const people = `{"employees": [[{"first": "John", "last": "Doe"}, {"first": "Anna", "last": "Smith"}],
	[{"first": "Peter", "last": "Jones", "tags": ["x", 7]}, {"first": "Pia", "tags": []}]]}`

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		name    string
		pattern string
		data    string
		want    bool
	}{
		{"value", `{"source": ["aws.ec2"]}`, instance, true},
		{"one of several values", `{"detail": {"state": ["initializing", "running"]}}`, instance, true},
		{"another value", `{"detail": {"state": ["stopped"]}}`, instance, false},
		{"all fields must match", `{"source": ["aws.ec2"], "detail": {"state": ["stopped"]}}`, instance, false},
		{"case counts", `{"source": ["AWS.EC2"]}`, instance, false},
		{"no such field", `{"detail": {"nope": ["running"]}}`, instance, false},
		{"null", `{"nothing": [null]}`, instance, true},
		{"null is not absence", `{"nope": [null]}`, instance, false},
		{"empty string", `{"blank": [""]}`, instance, true},
		{"empty string is not null", `{"nothing": [""]}`, instance, false},
		{"true", `{"detail": {"ok": [true]}}`, instance, true},
		{"false", `{"detail": {"ok": [false]}}`, instance, false},
		{"true is not its spelling", `{"detail": {"ok": ["true"]}}`, instance, false},
		{"array of data", `{"resources": ["arn:b", "arn:z"]}`, instance, true},
		{"array of data without", `{"resources": ["arn:z"]}`, instance, false},
		{"escapes", `{"a": ["\u00e9"]}`, `{"a": "é"}`, true},
		{"last of equal names", `{"a": [2]}`, `{"a": 1, "a": 2}`, true},
		{"first of equal names", `{"a": [1]}`, `{"a": 1, "a": 2}`, false},
		{"dot is part of a name", `{"a.b": [1]}`, `{"a": {"b": 1}}`, false},

		{"prefix", `{"source": [{"prefix": "aws."}]}`, instance, true},
		{"prefix of another", `{"source": [{"prefix": "ec2"}]}`, instance, false},
		{"prefix of a number", `{"detail": {"c-count": [{"prefix": "5"}]}}`, instance, false},
		{"prefix, any case", `{"source": [{"prefix": {"equals-ignore-case": "AWS."}}]}`, instance, true},
		{"prefix, any case, not", `{"source": [{"prefix": {"equals-ignore-case": "EC2"}}]}`, instance, false},
		{"suffix", `{"detail": {"file": [{"suffix": ".png"}]}}`, instance, true},
		{"suffix of another", `{"detail": {"file": [{"suffix": ".jpg"}]}}`, instance, false},
		{"suffix, any case", `{"detail": {"file": [{"suffix": {"equals-ignore-case": ".PNG"}}]}}`, instance, true},
		{"equals-ignore-case", `{"source": [{"equals-ignore-case": "AWS.ec2"}]}`, instance, true},
		{"equals-ignore-case, longer", `{"source": [{"equals-ignore-case": "AWS.ec22"}]}`, instance, false},
		{"wildcard", `{"detail": {"file": [{"wildcard": "dir/*.png"}]}}`, instance, true},
		{"wildcards", `{"detail": {"file": [{"wildcard": "*/img/*c*t.png"}]}}`, instance, true},
		{"wildcard for nothing", `{"a": [{"wildcard": "a*b*"}]}`, `{"a": "ab"}`, true},
		{"wildcard's ends do not overlap", `{"a": [{"wildcard": "ab*ba"}]}`, `{"a": "aba"}`, false},
		{"wildcard in order", `{"a": [{"wildcard": "*x*y*"}]}`, `{"a": "yx"}`, false},
		{"wildcard escaped", `{"a": [{"wildcard": "\\*\\\\*"}]}`, `{"a": "*\\z"}`, true},
		{"wildcard escaped is exact", `{"a": [{"wildcard": "\\*"}]}`, `{"a": "z"}`, false},
		{"cidr", `{"detail": {"source-ip": [{"cidr": "10.0.0.0/24"}]}}`, instance, true},
		{"cidr outside", `{"detail": {"source-ip": [{"cidr": "10.0.1.0/24"}]}}`, instance, false},
		{"cidr of no address", `{"source": [{"cidr": "10.0.1.0/24"}]}`, instance, false},

		{"anything-but", `{"detail": {"state": [{"anything-but": "initializing"}]}}`, instance, true},
		{"anything-but it", `{"detail": {"state": [{"anything-but": "running"}]}}`, instance, false},
		{"anything-but numbers", `{"detail": {"x-limit": [{"anything-but": [100, 200, 300]}]}}`, instance, true},
		{"anything-but its number", `{"detail": {"x-limit": [{"anything-but": [100, 301.80]}]}}`, instance, false},
		{"anything-but strings", `{"detail": {"state": [{"anything-but": ["stopped", "running"]}]}}`, instance, false},
		{"anything-but of another type", `{"detail": {"state": [{"anything-but": 123}]}}`, instance, true},
		{"anything-but of what is not there", `{"detail": {"nope": [{"anything-but": "a"}]}}`, instance, false},
		{"anything-but of one element", `{"resources": [{"anything-but": "arn:a"}]}`, instance, true},
		{"anything-but of all elements", `{"resources": [{"anything-but": ["arn:a", "arn:b"]}]}`, instance, false},
		{"anything-but prefix", `{"detail": {"state": [{"anything-but": {"prefix": "init"}}]}}`, instance, true},
		{"anything-but its prefix", `{"detail": {"state": [{"anything-but": {"prefix": ["init", "run"]}}]}}`, instance, false},
		{"anything-but suffix", `{"detail": {"file": [{"anything-but": {"suffix": ".png"}}]}}`, instance, false},
		{"anything-but any case", `{"detail": {"state": [{"anything-but": {"equals-ignore-case": ["RUNNING"]}}]}}`, instance, false},
		{"anything-but wildcard", `{"detail": {"file": [{"anything-but": {"wildcard": "*/lib/*"}}]}}`, instance, true},

		{"numeric range", `{"detail": {"c-count": [{"numeric": [">", 0, "<=", 5]}]}}`, instance, true},
		{"numeric range, open end", `{"detail": {"c-count": [{"numeric": [">", 0, "<", 5]}]}}`, instance, false},
		{"numeric less", `{"detail": {"d-count": [{"numeric": ["<", 10]}]}}`, instance, true},
		{"numeric equal, other spelling", `{"detail": {"x-limit": [{"numeric": ["=", 3.018e2]}]}}`, instance, true},
		{"numeric of a string", `{"source": [{"numeric": [">", 0]}]}`, instance, false},
		{"numeric, negative", `{"a": [{"numeric": ["<", -2]}]}`, `{"a": -10}`, true},
		{"numeric, one point", `{"a": [{"numeric": [">=", 5, "<=", 5]}]}`, `{"a": 5.0}`, true},
		{"number by value", `{"a": [1]}`, `{"a": 1.0}`, true},
		{"number by value, exponent", `{"a": [1200]}`, `{"a": 1.2E+3}`, true},
		{"minus zero", `{"a": [0]}`, `{"a": -0.0}`, true},
		{"big numbers differ in the last digit", `{"a": [9007199254740993]}`, `{"a": 9007199254740992}`, false},
		{"big number", `{"a": [9007199254740993]}`, `{"a": 9007199254740993}`, true},
		{"number is not its spelling", `{"a": [1]}`, `{"a": "1"}`, false},
		{"huge exponent costs nothing", `{"a": [{"numeric": [">", 1]}]}`, `{"a": 1e999999999999999999999}`, true},

		{"exists", `{"detail": {"c-count": [{"exists": true}]}}`, instance, true},
		{"exists, null", `{"nothing": [{"exists": true}]}`, instance, true},
		{"exists not", `{"detail": {"nope": [{"exists": true}]}}`, instance, false},
		{"exists false", `{"detail": {"nope": [{"exists": false}]}}`, instance, true},
		{"exists false of a leaf", `{"detail": {"c-count": [{"exists": false}]}}`, instance, false},
		{"exists of an object", `{"detail": [{"exists": true}]}`, instance, false},
		{"exists false of an object", `{"detail": [{"exists": false}]}`, instance, true},
		{"exists false of an empty array", `{"empty": [{"exists": false}]}`, instance, true},
		{"exists false under nothing", `{"a": {"b": {"c": [{"exists": false}]}}}`, instance, true},
		{"exists false or a value", `{"detail": {"state": [{"exists": false}, "running"]}}`, instance, true},
		{"exists false in any element", `{"employees": {"first": ["John"], "tags": [{"exists": false}]}}`, people, false},
		{"exists false in every element", `{"employees": {"first": ["John"], "age": [{"exists": false}]}}`, people, true},

		{"object in nested arrays", `{"employees": {"first": ["Anna"]}}`, people, true},
		{"fields of one element", `{"employees": {"first": ["Anna"], "last": ["Smith"]}}`, people, true},
		{"fields of two elements", `{"employees": {"first": ["Anna"], "last": ["Jones"]}}`, people, false},
		{"array within an element", `{"employees": {"first": ["Peter"], "tags": [7]}}`, people, true},

		{"or", `{"$or": [{"source": ["x"]}, {"detail": {"state": ["running"]}}]}`, instance, true},
		{"or of neither", `{"$or": [{"source": ["x"]}, {"detail": {"state": ["y"]}}]}`, instance, false},
		{"or and a field", `{"source": ["x"], "$or": [{"blank": [""]}, {"nothing": [null]}]}`, instance, false},
		{"or below", `{"detail": {"$or": [{"c-count": [{"numeric": [">", 9]}]}, {"d-count": [{"numeric": ["<", 10]}]}]}}`, instance, true},
		{"or in or", `{"$or": [{"source": ["x"]}, {"blank": [""], "$or": [{"nothing": ["z"]}, {"nothing": [null]}]}]}`, instance, true},
		{"or in one element", `{"employees": {"first": ["Anna"], "$or": [{"last": ["Doe"]}, {"last": ["Jones"]}]}}`, people, false},

		{"data is a list", `{"a": [1]}`, `[{"a": 2}, {"a": 1}]`, true},
		{"data is no object", `{"a": [1]}`, `1`, false},
		{"data is not JSON", `{"a": [{"exists": false}]}`, `{"b": 1`, false},
		{"data is two values", `{"a": [1]}`, `{"a": 1} {}`, false},
		{"data is nothing", `{"a": [{"exists": false}]}`, ``, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, faults := Parse(json.RawMessage(c.pattern))
			if faults != nil {
				t.Fatalf("pattern refused: %v", faults)
			}
			if got := p.Match(Decode(json.RawMessage(c.data)), NewWork(t.Context(), 0)); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestParseFaults(t *testing.T) {
	for _, c := range []struct {
		name    string
		pattern string
		want    []string // "field: part of the message"
	}{
		{"not JSON", `{"a": [1`, []string{"filter: must be JSON"}},
		{"nothing", ``, []string{"filter: must be JSON"}},
		{"not UTF-8", "{\"a\": [\"\xff\"]}", []string{"filter: must be JSON"}},
		{"list", `[1]`, []string{"filter: must be an object"}},
		{"null", `null`, []string{"filter: must be an object"}},
		{"empty", `{}`, []string{"filter: at least one field"}},
		{"empty below", `{"a": {}}`, []string{"filter.a: at least one field"}},
		{"empty list", `{"a": []}`, []string{"filter.a: at least one entry"}},
		{"bare value", `{"a": {"b": "c"}}`, []string{`filter.a.b: such as ["c"]`}},
		{"twice", `{"a": [1], "a": [2]}`, []string{"filter.a: twice"}},
		{"list in list", `{"a": [1, [2]]}`, []string{"filter.a.1: not a list"}},
		{"unknown operator", `{"a": [{"regex": "x"}]}`, []string{"filter.a.0.regex: no operator"}},
		{"two operators", `{"a": [{"prefix": "x", "suffix": "y"}]}`, []string{"filter.a.0: exactly one operator"}},
		{"no operator", `{"a": [{}]}`, []string{"filter.a.0: exactly one operator"}},
		{"prefix of a number", `{"a": [{"prefix": 1}]}`, []string{"filter.a.0.prefix: must be a string"}},
		{"prefix of something else", `{"a": [{"prefix": {"suffix": "a"}}]}`, []string{"filter.a.0.prefix: equals-ignore-case"}},
		{"wildcard of an object", `{"a": [{"wildcard": {"equals-ignore-case": "a"}}]}`, []string{"filter.a.0.wildcard: must be a string"}},
		{"two wildcards", `{"a": [{"wildcard": "a**b"}]}`, []string{"filter.a.0.wildcard: in a row"}},
		{"bad escape", `{"a": [{"wildcard": "a\\b"}]}`, []string{"filter.a.0.wildcard: backslash"}},
		{"exists of a string", `{"a": [{"exists": "true"}]}`, []string{"filter.a.0.exists: true or false"}},
		{"cidr", `{"a": [{"cidr": "10.0.0.0"}]}`, []string{"filter.a.0.cidr: range of IP"}},
		{"anything-but null", `{"a": [{"anything-but": null}]}`, []string{"filter.a.0.anything-but: must be"}},
		{"anything-but nothing", `{"a": [{"anything-but": []}]}`, []string{"filter.a.0.anything-but: must be"}},
		{"anything-but a mixture", `{"a": [{"anything-but": ["a", 1]}]}`, []string{"filter.a.0.anything-but: only strings"}},
		{"anything-but exists", `{"a": [{"anything-but": {"exists": true}}]}`, []string{"filter.a.0.anything-but: must be"}},
		{"anything-but every prefix", `{"a": [{"anything-but": {"prefix": ""}}]}`, []string{"filter.a.0.anything-but.prefix: empty"}},
		{"anything-but prefix of a number", `{"a": [{"anything-but": {"prefix": [1]}}]}`, []string{"filter.a.0.anything-but.prefix: string"}},
		{"not equal", `{"a": [{"numeric": ["!=", 1]}]}`, []string{"filter.a.0.numeric: must be a list of"}},
		{"numeric of a string", `{"a": [{"numeric": ["=", "1"]}]}`, []string{"filter.a.0.numeric: must be a list of"}},
		{"numeric of three", `{"a": [{"numeric": [">", 1, "<"]}]}`, []string{"filter.a.0.numeric: must be a list of"}},
		{"numeric, upper bound first", `{"a": [{"numeric": ["<", 1, ">", 0]}]}`, []string{"filter.a.0.numeric: lower bound first"}},
		{"numeric, empty range", `{"a": [{"numeric": [">", 1, "<=", 1]}]}`, []string{"filter.a.0.numeric: no number"}},
		{"or of one", `{"$or": [{"a": [1]}]}`, []string{"filter.$or: two or more"}},
		{"or of values", `{"$or": [1, {"a": []}]}`, []string{"filter.$or.0: an object", "filter.$or.1.a: at least one entry"}},
		{"all at once, in order", `{"b": 1, "a": {"c": [{"x": 1}], "d": true}}`, []string{"filter.b: list", "filter.a.c.0.x: no operator", "filter.a.d: list"}},
		{"too large", `{"a": ["` + strings.Repeat("x", MaxBytes) + `"]}`, []string{"filter: 4096 bytes"}},
		{"too deep", strings.Repeat(`{"a":`, MaxDepth+1) + `[1]` + strings.Repeat(`}`, MaxDepth+1), []string{"filter" + strings.Repeat(".a", MaxDepth) + ": deeper"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, faults := Parse(json.RawMessage(c.pattern))
			if p != nil {
				t.Error("got a pattern beside the faults")
			}
			if diff := cmp.Diff(c.want, abbreviate(faults, c.want)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

// abbreviate cuts each message to the wanted part, if it has that.
func abbreviate(faults []webhook.FieldError, want []string) []string {
	var got []string
	for i, f := range faults {
		message := f.Message
		if i < len(want) {
			if _, part, _ := strings.Cut(want[i], ": "); strings.Contains(message, part) {
				message = part
			}
		}
		got = append(got, f.Field+": "+message)
	}
	return got
}

func TestWhiteSpaceDoesNotCount(t *testing.T) {
	raw := `{"a":` + strings.Repeat(" ", MaxBytes) + `[1]}`
	if _, faults := Parse(json.RawMessage(raw)); faults != nil {
		t.Errorf("got %v, want no faults", faults)
	}
}

func TestDeepestPattern(t *testing.T) {
	raw := strings.Repeat(`{"a":`, MaxDepth) + `[1]` + strings.Repeat(`}`, MaxDepth)
	p, faults := Parse(json.RawMessage(raw))
	if faults != nil {
		t.Fatal(faults)
	}
	if !p.Match(Decode(json.RawMessage(strings.ReplaceAll(raw, "[1]", "1"))), NewWork(t.Context(), 0)) {
		t.Error("got no match, want one")
	}
}

func BenchmarkMatchManyElements(b *testing.B) {
	values := strings.Repeat(`2,`, 1900) + `3`
	p, faults := Parse(json.RawMessage(`{"a": [` + values + `]}`))
	if faults != nil {
		b.Fatal(faults)
	}
	data := json.RawMessage(`{"a": [` + strings.Repeat(`1,`, 120_000) + `1]}`)
	for b.Loop() {
		p.Match(Decode(data), NewWork(b.Context(), 0))
	}
}

func FuzzCompare(f *testing.F) {
	for _, s := range []string{"0", "-0", "1", "1.0", "10e-1", "-1.5", "0.001", "1e-3", "100", "1e2", "99.9", "123456789012345678901234567890"} {
		f.Add(s, "1")
		f.Add(s, "0.001")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := rational(a), rational(b)
		if x == nil || y == nil {
			t.Skip()
		}
		d, e := decimalOf(a), decimalOf(b)
		got, want := d.compare(&e), x.Cmp(y)
		if got != want {
			t.Errorf("compare(%s, %s): got %d, want %d", a, b, got, want)
		}
		if got := d == e; got != (want == 0) {
			t.Errorf("%s == %s: got %v, want %v", a, b, got, want == 0)
		}
	})
}

// rational reads a JSON number. It returns nil if the exponent is unreasonably large.
func rational(s string) *big.Rat {
	if !json.Valid([]byte(s)) || !strings.Contains("-0123456789", s[:1]) {
		return nil
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 && len(s)-i > 5 {
		return nil
	}
	r, _ := new(big.Rat).SetString(s)
	return r
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"a": [{"prefix": "x"}, {"wildcard": "*"}, 1, null], "$or": [{"b": [true]}, {"c": {"d": [{"exists": false}]}}]}`), []byte(instance))
	f.Add([]byte(`{"a": [{"numeric": [">", 1e400, "<=", 5]}, {"anything-but": {"suffix": ["a", "b"]}}, {"cidr": "::/0"}]}`), []byte(people))
	f.Fuzz(func(t *testing.T, raw, data []byte) {
		p, faults := Parse(raw)
		if (p == nil) != (len(faults) > 0) {
			t.Fatalf("got pattern %v with faults %v", p, faults)
		}
		if p == nil {
			return
		}
		// An array with one element matches like the element alone.
		matches := func(data []byte) bool { return p.Match(Decode(data), NewWork(t.Context(), 0)) }
		if json.Valid(data) && matches(data) != matches([]byte("[[ "+string(data)+"]]")) {
			t.Errorf("data %q matches differently inside arrays", data)
		}
	})
}
