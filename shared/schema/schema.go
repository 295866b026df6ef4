// Package schema holds the examples of a dialect's catalogue against their JSON Schemas, with bounded work.
//
// It is apart from package management because its library compiles the schemas of schemas when a process starts, whether it
// needs them or not: 7 ms, which is half of a function's start. The functions that take dialects spend them: webhooks and, for the
// operators' editor, console.
package schema

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"hookline/shared/dialect"
	"hookline/shared/input"
)

// Check returns a fault for each entry of a catalogue whose schema is no JSON Schema, or whose example does not pass
// it. All schemas of a description together may cost maxSteps. The schema at which they are used up is at fault, and those
// after it are not checked.
func Check(d *dialect.Dialect) (faults input.Faults) {
	m := &meter{left: maxSteps}
	for i, e := range d.EventTypes() {
		if e.Schema == nil {
			continue
		}
		field := "catalogue.events." + strconv.Itoa(i)
		inSchema, inExample := m.judge(e.Schema, e.Example)
		if inSchema != "" {
			faults.Add(field+".schema", inSchema)
		}
		if inExample != "" {
			faults.Add(field+".example", inExample)
		}
		if m.left < 0 {
			break
		}
	}
	return faults
}

// Messages about schemas and examples.
const (
	noSchema   = "must be a JSON Schema that refers to nothing outside itself"
	notPassed  = "does not pass the schema"
	tooCostly  = "costs too much to check: its references, alternatives or patterns multiply, or there is too much of it; make it simpler"
	oddNumbers = "has a number with more than 1000 digits, or an exponent beyond 1000"
)

// A schema of some hundred bytes can ask for more work than a machine can do: references double what they refer to,
// patterns go through a text many times, and numbers like 1e999999 have that many digits. So all work is counted before it
// is done.
const (
	// maxSteps bounds the cost of a description's schemas to about a second. A step takes about 10 ns.
	maxSteps = 100_000_000
	// perVisit is the cost of checking a value against a schema, beside the cost of the schema's keywords.
	perVisit = 250
	// perReference is the cost of following a reference, for each value of the schema that it may lead to.
	perReference = 25
	// maxNumber bounds the digits of a number and its exponent.
	maxNumber = 1000
)

// meter counts the steps that are left. spend panics when there are none; judge recovers.
type meter struct{ left int }

type spent struct{}

func (m *meter) spend(steps int) {
	if m.left -= min(steps, maxSteps+1); m.left < 0 {
		panic(spent{})
	}
}

// judge returns what is wrong with a schema and with its example, "" for nothing. example is nil where there is none.
func (m *meter) judge(schema, example json.RawMessage) (inSchema, inExample string) {
	compiled := false
	defer func() {
		switch r := recover(); {
		case r == nil:
		case r == any(spent{}):
			inSchema, inExample = tooCostly, ""
		case compiled: // the library panics at values that it cannot compare
			inSchema, inExample = "", notPassed
		default:
			inSchema, inExample = noSchema, ""
		}
	}()
	in := count(schema)
	if in.odd {
		return oddNumbers, ""
	}
	m.spend(in.values + in.schemas*in.schemas) // the library looks up each schema among all those before it
	m.spend(in.references * in.values * perReference)
	s, err := m.compile(schema)
	if err != nil {
		return noSchema, ""
	}
	compiled = true
	if example == nil {
		return "", ""
	}
	if count(example).odd {
		return "", oddNumbers
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(example))
	if err != nil || s.Validate(v) == nil { // s is the schema's opposite
		return "", notPassed
	}
	return "", ""
}

// counts says how much there is in a JSON text.
type counts struct {
	values     int // with the names of objects' members
	schemas    int // values that can be one: objects and booleans
	references int
	odd        bool // a number is too long or too large
}

// count counts the values of a valid JSON text.
func count(raw json.RawMessage) (c counts) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	for {
		token, err := dec.Token()
		if err != nil {
			return c
		}
		c.values++
		switch t := token.(type) {
		case json.Delim:
			if t == '{' {
				c.schemas++
			}
		case bool:
			c.schemas++
		case json.Number:
			digits, exponent, _ := strings.Cut(strings.ToLower(t.String()), "e")
			n, err := strconv.Atoi(cmp.Or(exponent, "0"))
			c.odd = c.odd || err != nil || len(digits) > maxNumber || n > maxNumber || n < -maxNumber
		case string:
			if strings.HasPrefix(t, "$") && strings.HasSuffix(strings.ToLower(t), "ref") {
				c.references++
			}
		}
	}
}

const (
	schemaPlace = "urn:schema"
	judgePlace  = "urn:judge"
)

// compile returns the opposite of a schema: a value passes one of the two. The library lists all faults of a value, which
// could need more memory than there is, and under "not" it lists none.
func (m *meter) compile(raw json.RawMessage) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{}) // it has no schemes, so nothing is read from files or the network
	c.UseRegexpEngine(m.expression)
	if err := c.AddResource(schemaPlace, doc); err != nil {
		return nil, err
	}
	if err := c.AddResource(judgePlace, map[string]any{"not": map[string]any{"$ref": schemaPlace}}); err != nil {
		return nil, err
	}
	if _, err := c.Compile(schemaPlace); err != nil {
		return nil, err
	}
	s, err := c.Compile(judgePlace)
	if err != nil {
		return nil, err
	}
	w := watcher{m, make(map[*jsonschema.Schema]bool)}
	w.watch(s)
	for _, place := range anchored("", doc) { // no field of a compiled schema leads to these
		if at, err := c.Compile(schemaPlace + "#" + place); err == nil {
			w.watch(at)
		}
	}
	return s, nil
}

// anchored returns the places, as JSON pointers, of the schemas that have a $dynamicAnchor.
func anchored(at string, v any) []string {
	var out []string
	switch v := v.(type) {
	case map[string]any:
		if v["$dynamicAnchor"] != nil {
			out = append(out, at)
		}
		for name, inner := range v {
			escaped := strings.NewReplacer("~", "~0", "/", "~1", "%", "%25").Replace(name)
			out = append(out, anchored(at+"/"+escaped, inner)...)
		}
	case []any:
		for i, inner := range v {
			out = append(out, anchored(at+"/"+strconv.Itoa(i), inner)...)
		}
	}
	return out
}

// watcher makes every schema spend before it checks a value's parts or hands the value to another schema. It stands in the
// place of the schema's format, which the library checks first.
type watcher struct {
	m    *meter
	seen map[*jsonschema.Schema]bool
}

func (w watcher) watch(s *jsonschema.Schema) {
	if s == nil || w.seen[s] {
		return
	}
	w.seen[s] = true
	once, perPart := schemasOf(s)
	cost, costPerPart := perVisit, 1+10*len(s.PatternProperties)
	for _, inner := range once {
		cost += base(inner)
		w.watch(inner)
	}
	for _, inner := range perPart {
		costPerPart += base(inner)
		w.watch(inner)
	}
	was := s.Format
	s.Format = &jsonschema.Format{Name: "", Validate: func(v any) error {
		w.m.spend(cost + parts(v)*costPerPart)
		if s.UniqueItems {
			w.m.spend(20 * size(v)) // the library compares each pair of a short list
		}
		if was == nil {
			return nil
		}
		return was.Validate(v)
	}}
}

// schemasOf returns the schemas that a schema hands a value to, at most once each, and those that it hands each part to.
func schemasOf(s *jsonschema.Schema) (once, perPart []*jsonschema.Schema) {
	once = append(once, s.Ref, s.RecursiveRef, s.Not, s.If, s.Then, s.Else, s.ContentSchema)
	if s.DynamicRef != nil {
		once = append(once, s.DynamicRef.Ref)
	}
	for _, list := range [][]*jsonschema.Schema{s.AllOf, s.AnyOf, s.OneOf, s.PrefixItems} {
		once = append(once, list...)
	}
	for _, named := range []map[string]*jsonschema.Schema{s.Properties, s.DependentSchemas} {
		for _, inner := range named {
			once = append(once, inner)
		}
	}
	for _, dependency := range s.Dependencies {
		if inner, ok := dependency.(*jsonschema.Schema); ok {
			once = append(once, inner)
		}
	}
	perPart = append(perPart, s.PropertyNames, s.UnevaluatedProperties, s.Contains, s.Items2020, s.UnevaluatedItems)
	for _, inner := range s.PatternProperties {
		perPart = append(perPart, inner)
	}
	for _, either := range []any{s.AdditionalProperties, s.AdditionalItems, s.Items} {
		switch inner := either.(type) {
		case *jsonschema.Schema:
			perPart = append(perPart, inner)
		case []*jsonschema.Schema:
			once = append(once, inner...)
		}
	}
	return once, perPart
}

// base is the cost of a schema before its format is checked.
func base(s *jsonschema.Schema) int {
	if s == nil {
		return 0
	}
	cost := perVisit + 20*len(s.Required)
	if s.Enum != nil {
		for _, v := range s.Enum.Values {
			cost += 50 * size(v)
		}
	}
	if s.Const != nil {
		cost += 50 * size(*s.Const)
	}
	return cost
}

// parts returns how many values are directly in a value.
func parts(v any) int {
	switch v := v.(type) {
	case map[string]any:
		return len(v)
	case []any:
		return len(v)
	}
	return 0
}

// size returns how many values there are in a value at any depth, with itself. A text counts by its length.
func size(v any) int {
	n := 1
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			n += len(name)/64 + size(inner)
		}
	case []any:
		for _, inner := range v {
			n += size(inner)
		}
	case string:
		n += len(v) / 64
	}
	return n
}

// expression is a regular expression that makes the meter spend before it matches.
type expression struct {
	*regexp.Regexp
	m     *meter
	steps int // the length of its program
}

// MatchString costs at most the whole program for each character.
func (e expression) MatchString(s string) bool {
	e.m.spend(2 * (1 + len(s)) * e.steps)
	return e.Regexp.MatchString(s)
}

// expression compiles a pattern. A part that repeats is compiled as often as it repeats, so its cost is counted first.
func (m *meter) expression(pattern string) (jsonschema.Regexp, error) {
	m.spend(len(pattern))
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("pattern: %w", err)
	}
	steps := program(parsed)
	m.spend(20 * steps)
	compiled, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("pattern: %w", err)
	}
	return expression{compiled, m, steps}, nil
}

// program returns about how many instructions a pattern is compiled to, at most maxSteps.
func program(re *syntax.Regexp) int {
	n := 1 + len(re.Rune)
	for _, sub := range re.Sub {
		n += program(sub)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Min, re.Max, 1)
	}
	return min(n, maxSteps)
}
