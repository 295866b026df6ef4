package dialect

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"hookline/shared/ecmajson"
	"hookline/shared/webhook"
)

// reader collects the faults of a description, so that all are reported at once.
type reader struct{ faults []webhook.FieldError }

// Bounds of a report, which has names from the description.
const (
	maxFaults    = 100
	maxFaultText = 300 // bytes
)

func (r *reader) fault(path, format string, args ...any) {
	if len(r.faults) < maxFaults {
		r.faults = append(r.faults, webhook.FieldError{Field: cut(cmp.Or(path, "description")), Message: cut(fmt.Sprintf(format, args...))})
	}
}

func cut(s string) string {
	if len(s) <= maxFaultText {
		return s
	}
	return strings.ToValidUTF8(s[:maxFaultText], "") + "…"
}

// object is a JSON object that is being read. A nil object stands for a missing one, which is reported already. It reads as
// empty and reports nothing more.
type object struct {
	r      *reader
	path   string
	names  []string // in the order given
	values map[string]json.RawMessage
	read   map[string]bool
}

// object reads a value as an object, and reports names that it has twice. raw is valid JSON.
func (r *reader) object(path string, raw json.RawMessage) *object {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if first, err := dec.Token(); err != nil || first != json.Delim('{') {
		r.fault(path, "must be an object")
		return nil
	}
	o := &object{r: r, path: path, values: make(map[string]json.RawMessage), read: make(map[string]bool)}
	for dec.More() {
		key, err := dec.Token()
		name, ok := key.(string)
		var value json.RawMessage
		if err != nil || !ok || dec.Decode(&value) != nil {
			r.fault(path, "must be an object")
			return nil
		}
		if _, twice := o.values[name]; twice {
			r.fault(o.at(name), "is there twice")
			continue
		}
		o.names = append(o.names, name)
		o.values[name] = value
	}
	return o
}

// set sets a field, in its place or, if the object does not have it, at the end.
func (o *object) set(name string, value json.RawMessage) {
	if _, there := o.values[name]; !there {
		o.names = append(o.names, name)
	}
	o.values[name] = value
}

// encode returns the object as JSON without white space.
func (o *object) encode() json.RawMessage {
	out := []byte{'{'}
	for i, name := range o.names {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(ecmajson.AppendQuoted(out, name), ':')
		out = append(out, o.values[name]...)
	}
	return append(out, '}')
}

// at returns the path of a field.
func (o *object) at(name string) string {
	if o == nil || o.path == "" {
		return name
	}
	return o.path + "." + name
}

// object reads a field that is an object. It reports a field that is missing or no object, and returns nil.
func (o *object) object(name string) *object {
	raw, ok := required[json.RawMessage](o, name)
	if !ok {
		return nil
	}
	return o.r.object(o.at(name), raw)
}

// done reports the fields that were not read.
func (o *object) done() {
	if o == nil {
		return
	}
	for _, name := range o.names {
		if !o.read[name] {
			o.r.fault(o.at(name), "is not a field of a dialect")
		}
	}
}

// required reads a field. It reports a field that is missing or of another type, and returns false.
func required[T any](o *object, name string) (T, bool) {
	v, present, ok := field[T](o, name)
	if o != nil && !present {
		o.r.fault(o.at(name), "is required")
	}
	return v, ok
}

// optional reads a field, and returns otherwise if the field is missing or of another type. The latter is reported.
func optional[T any](o *object, name string, otherwise T) T {
	if v, _, ok := field[T](o, name); ok {
		return v
	}
	return otherwise
}

func field[T any](o *object, name string) (v T, present, ok bool) {
	if o == nil {
		return v, false, false
	}
	o.read[name] = true
	raw, present := o.values[name]
	if !present {
		return v, false, false
	}
	if json.Unmarshal(raw, &v) != nil || string(raw) == "null" {
		var zero T
		o.r.fault(o.at(name), "must be %s", describe(zero))
		return zero, true, false
	}
	return v, true, true
}

// describe returns a Go type's JSON type in words.
func describe(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case int:
		return "a whole number"
	case bool:
		return "true or false"
	case []string:
		return "a list of strings"
	case []int:
		return "a list of whole numbers"
	case []json.RawMessage:
		return "a list"
	}
	return "there and not null"
}
