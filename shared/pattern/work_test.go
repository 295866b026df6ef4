package pattern

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"hookline/shared/webhook"
)

func TestCost(t *testing.T) {
	for _, c := range []struct {
		name    string
		pattern string
		want    int
	}{
		{"one value", `{"a": [1]}`, 1},
		{"many values", `{"a": [1, 2, "x", null, true]}`, 1},
		{"two fields", `{"a": [1], "b": {"c": [2]}}`, 2},
		{"exists", `{"a": [{"exists": true}], "b": [{"exists": false}]}`, 4},
		{"strings", `{"a": [{"prefix": "x"}, {"suffix": {"equals-ignore-case": "y"}}, {"equals-ignore-case": "z"}]}`, 3},
		{"value and operator", `{"a": ["x", {"prefix": "y"}, "z"]}`, 2},
		{"numeric", `{"a": [{"numeric": [">", 0, "<=", 5]}]}`, 2},
		{"cidr", `{"a": [{"cidr": "10.0.0.0/8"}, {"cidr": "::/0"}]}`, 4},
		{"wildcard", `{"a": [{"wildcard": "*a*b*"}]}`, 5},
		{"anything-but", `{"a": [{"anything-but": ["x", "y", "z"]}]}`, 1},
		{"anything-but prefixes", `{"a": [{"anything-but": {"prefix": ["x", "y", "z"]}}]}`, 3},
		{"anything-but wildcards", `{"a": [{"anything-but": {"wildcard": ["x*", "*y"]}}]}`, 10},
		{"or", `{"$or": [{"a": [1]}, {"b": [{"cidr": "::/0"}]}], "c": [1]}`, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := parsed(t, c.pattern).Cost(); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestCheckRefusesWhatCostsTooMuch(t *testing.T) {
	ranges := func(n int) json.RawMessage {
		return json.RawMessage(`{"ip": [` + list(n, func(i int) string { return fmt.Sprintf(`{"cidr": "10.0.%d.0/24"}`, i) }) + `]}`)
	}
	if p, faults := Check(ranges(MaxCost / 2)); p == nil {
		t.Errorf("at the limit: got %v, want none", faults)
	}
	p, faults := Check(ranges(MaxCost/2 + 1))
	if p != nil || len(faults) != 1 || faults[0].Field != "filter" ||
		!strings.Contains(faults[0].Message, "costs 152") || !strings.Contains(faults[0].Message, "at most 150") {
		t.Errorf("over the limit: got %v, want one on filter that says the cost and the limit", faults)
	}
	if _, faults := Parse(ranges(MaxCost/2 + 1)); faults != nil {
		t.Errorf("one that is stored already: got %v, want none", faults)
	}
}

// A value used to be parsed for each test: 150 times in each of 50 webhooks, in the attack that made this a rule.
func TestValuesTimesTestsIsNoWork(t *testing.T) {
	const values, tests = 20_000, 90
	addresses := list(values, func(i int) string { return fmt.Sprintf(`"11.0.%d.%d"`, i/256, i%256) })
	words := list(values, func(i int) string { return fmt.Sprintf(`"w%d"`, i) })
	numbers := list(values, func(i int) string { return strconv.Itoa(i) })
	for _, c := range []struct {
		name   string
		test   func(i int) string
		values string
		want   int // steps for each value, at most
	}{
		{"cidr", func(i int) string { return fmt.Sprintf(`{"cidr":"10.%d.0.0/16"}`, i) }, addresses, 10},
		{"cidr of words", func(i int) string { return fmt.Sprintf(`{"cidr":"10.%d.0.0/16"}`, i) }, words, 2},
		{"prefix", func(i int) string { return fmt.Sprintf(`{"prefix":"x%d"}`, i) }, words, 10},
		{"suffix", func(i int) string { return fmt.Sprintf(`{"suffix":"%dx"}`, i) }, words, 10},
		{"prefix of any case", func(i int) string { return fmt.Sprintf(`{"prefix":{"equals-ignore-case":"x%d"}}`, i) }, words, 10},
		{"equals-ignore-case", func(i int) string { return fmt.Sprintf(`{"equals-ignore-case":"x%d"}`, i) }, words, 3},
		{"value", func(i int) string { return fmt.Sprintf(`"x%d"`, i) }, words, 3},
		{"number", func(i int) string { return strconv.Itoa(values + i) }, numbers, 10},
		{"numeric", func(i int) string { return fmt.Sprintf(`{"numeric":[">",%d.1,"<",%d.2]}`, i, i) }, numbers, 10},
		{"anything-but", func(i int) string {
			if i > 0 {
				return `"x"`
			}
			return `{"anything-but":{"prefix":["w","x"]}}`
		}, words, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := parsed(t, `{"a":[`+list(tests, c.test)+`]}`)
			w := NewWork(t.Context(), 0)
			if p.Match(Decode(json.RawMessage(`{"a":[`+c.values+`]}`)), w) {
				t.Fatal("got a match, want none")
			}
			if got := w.Done(); got < values || got > c.want*values+10 {
				t.Errorf("got %d steps for %d values and %d tests, want %d to %d", got, values, tests, values, c.want*values+10)
			}
		})
	}
}

// A list of entries matches a value if one of the entries alone does, however the list is searched.
func TestEntriesMatchAsOneOfThemDoes(t *testing.T) {
	const seed = 1
	r := rand.New(rand.NewPCG(seed, seed))
	word := func(n int) string {
		var b strings.Builder
		for range r.IntN(n) {
			b.WriteString([]string{"a", "A", "b", "k", "\u212a", "é", "É"}[r.IntN(7)])
		}
		return b.String()
	}
	num := func() string {
		return []string{"", "-"}[r.IntN(2)] + strconv.Itoa(r.IntN(7)) + []string{"", ".5", "e1"}[r.IntN(3)]
	}
	network := func() string {
		if r.IntN(2) == 0 {
			return fmt.Sprintf("10.%d.%d.0/%d", r.IntN(2)*128, r.IntN(3), r.IntN(33))
		}
		return fmt.Sprintf("fd00::%d/%d", r.IntN(3), r.IntN(129))
	}
	comparison := func() string {
		low, high := []string{">", ">="}[r.IntN(2)], []string{"<", "<="}[r.IntN(2)]
		switch r.IntN(4) {
		case 0:
			return fmt.Sprintf(`[%q,%s]`, low, num())
		case 1:
			return fmt.Sprintf(`[%q,%s]`, high, num())
		case 2:
			return fmt.Sprintf(`["=",%s]`, num())
		}
		n := r.IntN(9)
		return fmt.Sprintf(`[%q,%d,%q,%d.5]`, low, n, high, n+r.IntN(3))
	}
	entry := func() string {
		switch r.IntN(9) {
		case 0:
			return fmt.Sprintf(`{"prefix":%q}`, word(4))
		case 1:
			return fmt.Sprintf(`{"suffix":%q}`, word(4))
		case 2:
			return fmt.Sprintf(`{"prefix":{"equals-ignore-case":%q}}`, word(4))
		case 3:
			return fmt.Sprintf(`{"suffix":{"equals-ignore-case":%q}}`, word(4))
		case 4:
			return fmt.Sprintf(`{"equals-ignore-case":%q}`, word(4))
		case 5:
			return fmt.Sprintf(`{"wildcard":%q}`, word(2)+"*"+word(2))
		case 6:
			return fmt.Sprintf(`{"cidr":%q}`, network())
		case 7:
			return fmt.Sprintf(`{"numeric":%s}`, comparison())
		}
		return []string{num(), fmt.Sprintf("%q", word(4)), "null", "true"}[r.IntN(4)]
	}
	value := func() string {
		address, _, _ := strings.Cut(network(), "/")
		return []string{num(), fmt.Sprintf("%q", word(6)), "null", "false", fmt.Sprintf("%q", address)}[r.IntN(5)]
	}
	matched := 0
	for range 4000 {
		entries := make([]string, 1+r.IntN(8))
		for i := range entries {
			entries[i] = entry()
		}
		d := Decode(json.RawMessage(`{"a":` + value() + `}`))
		want := false
		for _, e := range entries {
			want = want || parsed(t, `{"a":[`+e+`]}`).Match(d, NewWork(t.Context(), 0))
		}
		all := `{"a":[` + strings.Join(entries, ",") + `]}`
		if got := parsed(t, all).Match(d, NewWork(t.Context(), 0)); got != want {
			t.Fatalf("%s of %v: got %v, want %v as of its entries alone (seed %d)", all, d.root.objects[0].raw, got, want, seed)
		}
		if want {
			matched++
		}
	}
	if matched < 400 || matched > 3600 {
		t.Errorf("%d of 4,000 matched: these values and entries show little", matched)
	}
}

func TestWorkEnds(t *testing.T) {
	p := parsed(t, `{"$or": [{"a": {"b": [{"exists": false}]}}, {"a": [{"wildcard": "x*y"}, {"anything-but": "1"}]}]}`)
	d := Decode(json.RawMessage(`{"a": [` + list(1000, func(int) string { return `"1"` }) + `]}`))
	all := NewWork(t.Context(), 0)
	want := p.Match(d, all)
	for limit := 1; limit <= all.Done(); limit++ {
		w := NewWork(t.Context(), limit)
		got := p.Match(d, w)
		switch enough := limit == all.Done(); {
		case enough && (got != want || w.Err() != nil):
			t.Errorf("%d steps: got %v, %v, want %v", limit, got, w.Err(), want)
		case !enough && (got || !errors.Is(w.Err(), ErrWork)):
			t.Fatalf("%d steps: got %v, %v, want no match and ErrWork", limit, got, w.Err())
		}
	}
}

func TestWorkEndsSoonAfterItIsSpent(t *testing.T) {
	p := parsed(t, `{"a": {"b": [1], "c": {"d": [1]}}, "$or": [{"x": [1]}, {"y": [1]}]}`)
	d := Decode(json.RawMessage(`{"a": [` + list(50_000, func(int) string { return `{"b": 1, "c": [{"d": 2}]}` }) + `]}`))
	w := NewWork(t.Context(), 1000)
	if p.Match(d, w) || !errors.Is(w.Err(), ErrWork) {
		t.Fatalf("got %v, want ErrWork", w.Err())
	}
	if over := w.Done() - 1000; over > 100 {
		t.Errorf("went on for %d steps", over)
	}
}

func TestWorkEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := parsed(t, `{"a": [1]}`)
	d := Decode(json.RawMessage(`{"a": [` + list(3*lookEvery, func(int) string { return `1e9` }) + `]}`))
	w := NewWork(ctx, 0)
	p.Match(d, w)
	if w.Err() != nil {
		t.Fatal(w.Err())
	}
	cancel()
	before := w.Done()
	if p.Match(d, w) || !errors.Is(w.Err(), context.Canceled) {
		t.Fatalf("got %v, want that the context was cancelled", w.Err())
	}
	if got := w.Done() - before; got > lookEvery+10 {
		t.Errorf("got %d steps after the context had ended, want %d at most", got, lookEvery)
	}
}

func TestParsingIsWork(t *testing.T) {
	raw := []byte(`{"a": [` + list(900, strconv.Itoa) + `]}`)
	w := NewWork(t.Context(), 0)
	if w.Parse(raw) == nil || w.Done() < len(raw) {
		t.Errorf("got %d steps, want one for each of %d bytes", w.Done(), len(raw))
	}
	w = NewWork(t.Context(), 0)
	if p := w.Parse([]byte(`{"a": 1}`)); p != nil || w.Done() == 0 {
		t.Errorf("of what is no pattern: got %v and %d steps", p, w.Done())
	}
}

// worst has the patterns within MaxCost and the values that take the most work: each pattern has as many fields or tests as
// it can, and all of them are looked at for each of as many values as an event can have.
func worst() map[string]struct{ pattern, value string } {
	entries := func(cost int, entry func(i int) string) string {
		for n := MaxCost / cost; ; n-- {
			if p := `{"a":[` + list(n, entry) + `]}`; len(p) <= MaxBytes {
				return p
			}
		}
	}
	same := func(cost int, entry string) string { return entries(cost, func(int) string { return entry }) }
	return map[string]struct{ pattern, value string }{
		"anything-but":              {same(1, `{"anything-but":1}`), `1`},
		"anything-but strings":      {same(1, `{"anything-but":""}`), `""`},
		"wildcards":                 {same(5, `{"wildcard":"*b*"}`), `""`},
		"wildcards of long strings": {same(5, `{"wildcard":"*b*"}`), `"` + strings.Repeat("a", 4000) + `"`},
		"wildcards of slow strings": {same(5, `{"wildcard":"*`+strings.Repeat("a", 60)+`b*"}`), `"` + strings.Repeat("a", 4000) + `"`},
		"long strings":              {same(1, `{"suffix":"b`+strings.Repeat("a", 100)+`"}`), `"` + strings.Repeat("a", 101) + `"`},
		"cidr":                      {entries(2, func(i int) string { return fmt.Sprintf(`{"cidr":"1.%d.0.0/16"}`, i) }), `"::"`},
		"numeric":                   {entries(2, func(i int) string { return fmt.Sprintf(`{"numeric":[">",%d]}`, i+9) }), `1`},
		"branches":                  {`{"a":{"$or":[` + list(MaxCost, func(int) string { return `{"a":[1]}` }) + `]}}`, `{}`},
		"fields":                    {`{"a":{` + list((MaxCost-1)/2, func(i int) string { return fmt.Sprintf(`"%x":[{"exists":false}]`, i) }) + `,"z":[1]}}`, `{}`},
	}
}

// filled returns data with a list that repeats the value up to the given length.
func filled(value string, size int) json.RawMessage {
	return json.RawMessage(`{"a":[` + list(size/(len(value)+1), func(int) string { return value }) + `]}`)
}

// The work grows with the number of values, so that a part of the largest data shows how much all of it takes.
func TestAnyFilterWithinItsCostMeetsAnyEvent(t *testing.T) {
	const part = 16
	for name, c := range worst() {
		t.Run(name, func(t *testing.T) {
			w := NewWork(t.Context(), MaxWork/part)
			if p, faults := Check(json.RawMessage(c.pattern)); p == nil {
				t.Fatal(faults)
			}
			if parsed(t, c.pattern).Match(Decode(filled(c.value, webhook.MaxDataBytes/part)), w) || w.Err() != nil {
				t.Errorf("got a match or %v after %d steps, want neither", w.Err(), w.Done())
			}
		})
	}
}

func BenchmarkStep(b *testing.B) {
	for name, c := range worst() {
		b.Run(name, func(b *testing.B) {
			p, d, steps := parsed(b, c.pattern), Decode(filled(c.value, webhook.MaxDataBytes)), 0
			for b.Loop() {
				w := NewWork(b.Context(), 0)
				p.Match(d, w)
				steps = w.Done()
			}
			b.ReportMetric(float64(steps), "steps/op")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*steps), "ns/step")
		})
	}
	b.Run("parse", func(b *testing.B) {
		raw := []byte(strings.Repeat(`{"a":`, MaxDepth) + `[` + list(700, strconv.Itoa) + `]` + strings.Repeat(`}`, MaxDepth))
		steps := 0
		for b.Loop() {
			w := NewWork(b.Context(), 0)
			w.Parse(raw)
			steps = w.Done()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*steps), "ns/step")
	})
}

func parsed(t testing.TB, raw string) *Pattern {
	t.Helper()
	p, faults := Parse(json.RawMessage(raw))
	if p == nil {
		t.Fatalf("%s: %v", raw, faults)
	}
	return p
}

func list(n int, element func(i int) string) string {
	elements := make([]string, n)
	for i := range elements {
		elements[i] = element(i)
	}
	return strings.Join(elements, ",")
}
