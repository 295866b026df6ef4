package input

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Whole names the body itself where it is at fault.
const Whole = "body"

// Object is a JSON object that is read field by field. A fault of a field goes to the faults that it was read with, and
// the field then counts as left out.
type Object struct {
	prefix string // "3." for the fourth of a list
	raw    map[string]json.RawMessage
	faults *Faults
}

// Read reads raw, which is valid JSON. at names the object itself; its fields are named below prefix.
func Read(raw json.RawMessage, at, prefix string, faults *Faults) Object {
	o := Object{prefix: prefix, faults: faults}
	var twice []string
	var ok bool
	if o.raw, twice, ok = Split(raw); !ok {
		faults.Add(at, "must be a JSON object")
	}
	for _, name := range twice {
		faults.Add(prefix+Shown(name), "is given twice")
	}
	return o
}

// Body reads a request's body, which is valid JSON, into v, as Into does.
func Body(raw json.RawMessage, v any, faults *Faults, ours ...string) {
	Read(raw, Whole, "", faults).Into(v, ours...)
}

// Is reports whether it was an object at all.
func (o Object) Is() bool { return o.raw != nil }

// Into reads the fields into v, which is a pointer to a struct of Fields (also in embedded structs) that are named by
// json tags. A map of strings whose tag input is "null drops" may hold null, which leaves a name out; in others null is
// a fault. The fields that v does not have are refused; ours are those that the answer has and a request cannot set.
func (o Object) Into(v any, ours ...string) {
	taken := make(map[string]bool)
	o.into(reflect.ValueOf(v).Elem(), taken)
	for _, name := range slices.Sorted(maps.Keys(o.raw)) {
		switch {
		case taken[name]:
		case slices.Contains(ours, name):
			o.faults.Add(o.prefix+name, "is set by us and cannot be given")
		default:
			o.faults.Add(o.prefix+Shown(name), "is not a field of this call")
		}
	}
}

// Names returns the names of the fields that were given, of a struct as Into reads it.
func Names(v any) []string { return names(reflect.ValueOf(v)) }

func names(v reflect.Value) (out []string) {
	for info, value := range v.Fields() {
		name, _, _ := strings.Cut(info.Tag.Get("json"), ",")
		switch {
		case info.Anonymous:
			out = append(out, names(value)...)
		case name != "-" && !value.IsZero():
			out = append(out, name)
		}
	}
	return out
}

func (o Object) into(v reflect.Value, taken map[string]bool) {
	for info, value := range v.Fields() {
		if info.Anonymous {
			o.into(value, taken)
			continue
		}
		name, _, _ := strings.Cut(info.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		taken[name] = true
		value.Addr().Interface().(field).read(o, name, info.Tag.Get("input") == "null drops") //nolint:forcetypeassert // a struct of Fields
	}
}

// field is implemented by pointers to Field.
type field interface {
	read(o Object, name string, nullDrops bool)
}

func (f *Field[T]) read(o Object, name string, nullDrops bool) {
	raw, ok := o.raw[name]
	*f = Field[T]{Set: ok, Null: ok && string(raw) == "null"}
	if !f.Given() {
		return
	}
	if want := o.parse(raw, name, nullDrops, &f.Value); want != "" {
		o.faults.Add(o.prefix+name, "must be "+want)
		*f = Field[T]{}
	}
}

// parse reads a field's value into what v points to, and returns what it must be where it is not.
func (o Object) parse(raw json.RawMessage, name string, nullDrops bool, v any) (want string) {
	var ok bool
	switch v := v.(type) {
	case *json.RawMessage:
		*v, ok = raw, true
	case *string:
		*v, ok = text(raw)
		want = "a string"
	case *int:
		*v, ok = integer(raw)
		want = "a whole number"
	case *bool:
		*v, ok = string(raw) == "true", string(raw) == "true" || string(raw) == "false"
		want = "true or false"
	case *time.Time:
		*v, ok = moment(raw)
		want = TimeRule
	case *[]string:
		*v, ok = o.texts(raw, name)
		want = "a list of strings"
	case *map[string]string:
		*v, ok = o.pairs(raw, name, nullDrops)
		want = "an object of strings"
	}
	if ok {
		return ""
	}
	return want
}

// texts reads a list of strings. An entry of another type is at fault by its position, and stands as "".
func (o Object) texts(raw json.RawMessage, name string) ([]string, bool) {
	var entries []json.RawMessage
	if json.Unmarshal(raw, &entries) != nil {
		return nil, false
	}
	out := make([]string, len(entries))
	for i, entry := range entries {
		var ok bool
		if out[i], ok = text(entry); !ok {
			o.faults.Add(o.prefix+name+"."+strconv.Itoa(i), "must be a string")
		}
	}
	return out, true
}

// pairs reads an object of strings. A value of another type is at fault by its name, and stands as "".
func (o Object) pairs(raw json.RawMessage, name string, nullDrops bool) (map[string]string, bool) {
	object, twice, ok := Split(raw)
	if !ok {
		return nil, false
	}
	for _, k := range twice {
		o.faults.Add(o.prefix+name+"."+Shown(k), "is given twice")
	}
	out := make(map[string]string, len(object))
	for _, k := range slices.Sorted(maps.Keys(object)) {
		if nullDrops && string(object[k]) == "null" {
			continue
		}
		var ok bool
		if out[k], ok = text(object[k]); !ok {
			o.faults.Add(o.prefix+name+"."+Shown(k), "must be a string")
		}
	}
	return out, true
}

// Split returns the fields of a JSON object as they stand, and the names that occur more than once.
func Split(raw json.RawMessage) (object map[string]json.RawMessage, twice []string, ok bool) {
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

// moment reads a time, cut to whole milliseconds.
func moment(raw json.RawMessage) (time.Time, bool) {
	s, _ := text(raw)
	t, ok := Time(s)
	if !ok {
		return time.Time{}, false
	}
	return Since1970(t).Truncate(time.Millisecond), true
}

// Shown bounds a name that came from the client and goes back to it.
func Shown(name string) string {
	const longest = 200
	if len(name) <= longest {
		return name
	}
	return strings.ToValidUTF8(name[:longest], "") + "…"
}
