package dialect

import (
	"encoding/json"
	"strconv"

	"hookline/shared/ecmajson"
	"hookline/shared/webhook"
)

// Named returns a description with a name and a version at its beginning and without white space. If the description has a
// name, it must be the same; its version is ignored. Everything else is left to Parse.
func Named(raw []byte, name string, version int) (json.RawMessage, error) {
	compact, err := ecmajson.Compact(raw)
	if err != nil {
		return nil, malformed(err)
	}
	var r reader
	o := r.object("", compact)
	given := optional(o, "name", name)
	if given != name {
		r.fault("name", "must be left out or %s, as in the path", name)
	}
	if len(r.faults) > 0 {
		return nil, webhook.ErrInvalid(r.faults...)
	}
	out := object{r: &r, values: make(map[string]json.RawMessage)}
	out.set("name", ecmajson.AppendQuoted(nil, name))
	out.set("version", json.RawMessage(strconv.Itoa(version)))
	for _, field := range o.names {
		if field != "name" && field != "version" {
			out.set(field, o.values[field])
		}
	}
	return out.encode(), nil
}

// Unnamed returns a valid description without its name and version, for another name.
func Unnamed(description json.RawMessage) json.RawMessage {
	var r reader
	o := r.object("", description)
	out := object{r: &r, values: make(map[string]json.RawMessage)}
	for _, field := range o.names {
		if field != "name" && field != "version" {
			out.set(field, o.values[field])
		}
	}
	return out.encode()
}
