package httpapi

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"hookline/shared/management"
)

// whole names the body itself where it is at fault.
const whole = "body"

// fields is a JSON object read field by field. What is wrong with one goes to faults, and the field counts as left out;
// rest then names those that nobody asked for.
type fields struct {
	prefix string // "3." for the fourth of a list
	raw    map[string]json.RawMessage
	taken  map[string]bool
	faults *management.Faults
}

// object reads raw, which is valid JSON. at names the object itself; its fields are named below prefix.
func object(raw json.RawMessage, at, prefix string, faults *management.Faults) fields {
	f := fields{prefix: prefix, taken: map[string]bool{}, faults: faults}
	var twice []string
	var ok bool
	if f.raw, twice, ok = split(raw); !ok {
		faults.Add(at, "must be a JSON object")
	}
	for _, name := range twice {
		faults.Add(prefix+cut(name), "is given twice")
	}
	return f
}

// split returns the fields of a JSON object as they stand, and the names that occur more than once.
func split(raw json.RawMessage) (object map[string]json.RawMessage, twice []string, ok bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, false
	}
	object = make(map[string]json.RawMessage)
	for d.More() {
		t, err := d.Token()
		name, isName := t.(string)
		var value json.RawMessage
		if err != nil || !isName || d.Decode(&value) != nil {
			return nil, nil, false
		}
		if _, ok := object[name]; ok {
			twice = append(twice, name)
		}
		object[name] = value
	}
	return object, twice, true
}

// take returns the named field as it stands.
func (f fields) take(name string) management.Field[json.RawMessage] {
	f.taken[name] = true
	raw, ok := f.raw[name]
	return management.Field[json.RawMessage]{Value: raw, Set: ok, Null: ok && string(raw) == "null"}
}

// as reads the named field with parse; want says what it must be.
func as[T any](f fields, name, want string, parse func(json.RawMessage) (T, bool)) management.Field[T] {
	raw := f.take(name)
	out := management.Field[T]{Set: raw.Set, Null: raw.Null}
	if !raw.Set || raw.Null {
		return out
	}
	v, ok := parse(raw.Value)
	if !ok {
		f.faults.Add(f.prefix+name, "must be "+want)
		return management.Field[T]{}
	}
	out.Value = v
	return out
}

func (f fields) text(name string) management.Field[string] { return as(f, name, "a string", text) }

func (f fields) integer(name string) management.Field[int] {
	return as(f, name, "a whole number", integer)
}

func (f fields) boolean(name string) management.Field[bool] {
	return as(f, name, "true or false", func(raw json.RawMessage) (bool, bool) {
		return string(raw) == "true", string(raw) == "true" || string(raw) == "false"
	})
}

// texts reads a list of strings. An entry of another type is at fault by its position, and stands as "".
func (f fields) texts(name string) management.Field[[]string] {
	return as(f, name, "a list of strings", func(raw json.RawMessage) ([]string, bool) {
		var entries []json.RawMessage
		if json.Unmarshal(raw, &entries) != nil {
			return nil, false
		}
		out := make([]string, len(entries))
		for i, entry := range entries {
			var ok bool
			if out[i], ok = text(entry); !ok {
				f.faults.Add(f.prefix+name+"."+strconv.Itoa(i), "must be a string")
			}
		}
		return out, true
	})
}

// pairs reads an object of strings. A value of another type is at fault by its name, and stands as "".
func (f fields) pairs(name string) management.Field[map[string]string] { return f.object(name, false) }

// headers is pairs in which null leaves a name out, so that it can be said of each that it is dropped.
func (f fields) headers(name string) management.Field[map[string]string] { return f.object(name, true) }

func (f fields) object(name string, nullable bool) management.Field[map[string]string] {
	return as(f, name, "an object of strings", func(raw json.RawMessage) (map[string]string, bool) {
		object, twice, ok := split(raw)
		if !ok {
			return nil, false
		}
		for _, k := range twice {
			f.faults.Add(f.prefix+name+"."+cut(k), "is given twice")
		}
		out := make(map[string]string, len(object))
		for _, k := range sortedKeys(object) {
			if nullable && string(object[k]) == "null" {
				continue
			}
			var ok bool
			if out[k], ok = text(object[k]); !ok {
				f.faults.Add(f.prefix+name+"."+cut(k), "must be a string")
			}
		}
		return out, true
	})
}

// rest refuses the fields that were not asked for; those of ours get a word of their own.
func (f fields) rest(ours ...string) {
	for _, name := range sortedKeys(f.raw) {
		switch {
		case f.taken[name]:
		case slices.Contains(ours, name):
			f.faults.Add(f.prefix+name, "is set by us and cannot be given")
		default:
			f.faults.Add(f.prefix+cut(name), "is not a field of this call")
		}
	}
}

func text(raw json.RawMessage) (s string, ok bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	return s, json.Unmarshal(raw, &s) == nil
}

// integer reads a JSON number that is whole, however it is spelled: 10, 10.0 and 1e1 are the same number.
func integer(raw json.RawMessage) (int, bool) {
	if len(raw) == 0 || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return 0, false
	}
	if n, err := strconv.Atoi(string(raw)); err == nil {
		return n, true
	}
	// Beyond 2^53 a float is not exact; whatever is so large is out of every range.
	const exact = 1 << 53
	x, _ := strconv.ParseFloat(string(raw), 64)
	x = math.Max(-exact, math.Min(x, exact))
	return int(x), x == math.Trunc(x)
}

// cut bounds a name that came from the client and goes back to it.
func cut(name string) string {
	const longest = 200
	if len(name) <= longest {
		return name
	}
	return strings.ToValidUTF8(name[:longest], "") + "…"
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
