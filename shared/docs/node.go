package docs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// node is a schema as it is shown.
type node struct {
	Type   string // "array of strings", "object or null"
	Ref    string // the schema's name in the document, "" for one without
	Text   string
	Rules  []string // the rules of a value, beside its type
	Fields []field  // of an object
	Either []node   // it is one of these
	Items  *node    // the items of an array, where a type does not say enough
	Values *node    // the values of an object with any names, likewise
}

type field struct {
	Name     string
	Required bool
	Node     node
}

// Rich reports whether a node needs more than one line.
func (n node) Rich() bool {
	return len(n.Fields) > 0 || len(n.Either) > 0 || n.Items != nil || n.Values != nil
}

// nodes makes nodes of schemas. In a call's body a schema with a name is laid out where it is used; in the list of schemas
// it is a link.
type nodes struct {
	schemas ordered[schema]
	expand  bool
}

func named(ref, kind string) (string, error) {
	name, ok := strings.CutPrefix(ref, "#/components/"+kind+"/")
	if !ok || name == "" {
		return "", fmt.Errorf("%s leads to none of %s", ref, kind)
	}
	return name, nil
}

// of makes the node of a schema. within are the names of the schemas around it, so that a schema within itself ends.
func (ns nodes) of(s schema, within ...string) (node, error) {
	if s.Ref == "" {
		return ns.plain(s, within)
	}
	name, err := named(s.Ref, "schemas")
	if err != nil {
		return node{}, err
	}
	target, ok := ns.schemas.get(name)
	if !ok {
		return node{}, fmt.Errorf("there is no schema %s", name)
	}
	n, err := ns.of(target, append(slices.Clone(within), name)...)
	if err != nil {
		return node{}, err
	}
	if !ns.expand || slices.Contains(within, name) {
		n = node{Type: n.Type}
	}
	n.Ref = name
	if s.Description != "" {
		n.Text = s.Description
	}
	return n, nil
}

func (ns nodes) plain(s schema, within []string) (node, error) {
	n := node{Type: typeOf(s), Text: s.Description, Rules: rulesOf(s)}
	if s.Title != "" {
		n.Rules = append([]string{s.Title}, n.Rules...)
	}
	if len(within) > 8 { // deeper than any body: the schema is within itself
		return n, nil
	}
	for _, p := range s.Properties {
		inner, err := ns.of(p.Value, within...)
		if err != nil {
			return node{}, fmt.Errorf("%s: %w", p.Name, err)
		}
		n.Fields = append(n.Fields, field{p.Name, slices.Contains(s.Required, p.Name), inner})
	}
	for _, part := range s.AllOf {
		if err := ns.add(&n, part, within); err != nil {
			return node{}, err
		}
	}
	for _, alternative := range slices.Concat(s.OneOf, s.AnyOf) {
		inner, err := ns.of(alternative, within...)
		if err != nil {
			return node{}, err
		}
		n.Either = append(n.Either, inner)
	}
	var err error
	if n.Items, err = ns.element(s.Items, within); err != nil {
		return node{}, fmt.Errorf("items: %w", err)
	}
	if n.Values, err = ns.element(s.AdditionalProperties, within); err != nil {
		return node{}, fmt.Errorf("additionalProperties: %w", err)
	}
	return n, nil
}

// add adds the fields of a part of an allOf to a node. They replace fields of the same name.
func (ns nodes) add(n *node, part schema, within []string) error {
	// A part with a name is laid out everywhere, because it is half of an object.
	inner, err := nodes{schemas: ns.schemas, expand: true}.of(part, within...)
	if err != nil {
		return err
	}
	for _, f := range inner.Fields {
		if i := slices.IndexFunc(n.Fields, func(have field) bool { return have.Name == f.Name }); i >= 0 {
			n.Fields[i] = f
			continue
		}
		n.Fields = append(n.Fields, f)
	}
	for i := range n.Fields {
		n.Fields[i].Required = n.Fields[i].Required || slices.Contains(part.Required, n.Fields[i].Name)
	}
	n.Either = append(n.Either, inner.Either...)
	n.Rules = append(n.Rules, inner.Rules...)
	if n.Type == "" || n.Type == "any" {
		n.Type = inner.Type
	}
	if n.Text == "" {
		n.Text = inner.Text
	}
	return nil
}

// element makes the node of the items of an array, or of the values of an object.
func (ns nodes) element(s *schema, within []string) (*node, error) {
	if s == nil || s.never {
		return nil, nil //nolint:nilnil // there is nothing to show
	}
	n, err := ns.of(*s, within...)
	if err != nil {
		return nil, err
	}
	if !n.Rich() && n.Ref == "" && n.Text == "" && len(n.Rules) == 0 { // the type says everything
		return nil, nil //nolint:nilnil // there is nothing to show
	}
	return &n, nil
}

// typeOf returns the type of a value in words.
func typeOf(s schema) string {
	switch {
	case s.never:
		return "nothing"
	case len(s.Type) == 0 && len(s.Properties) > 0:
		return "object"
	case len(s.Type) == 0 && (len(s.OneOf) > 0 || len(s.AnyOf) > 0):
		return "one of"
	case len(s.Type) == 0 && len(s.AllOf) > 0:
		return "object"
	case len(s.Type) == 0 && (len(s.Enum) > 0 || s.Const != nil):
		return "value"
	case len(s.Type) == 0:
		return "any"
	}
	words := slices.Clone(s.Type)
	for i, word := range words {
		if word == "array" && s.Items != nil {
			if of := nameOf(*s.Items); of != "" {
				words[i] = "array of " + of
			}
		}
		if word == "object" && s.AdditionalProperties != nil && len(s.Properties) == 0 && !s.AdditionalProperties.never {
			if of := nameOf(*s.AdditionalProperties); of != "" {
				words[i] = "object of " + of
			}
		}
	}
	return strings.Join(words, " or ")
}

// nameOf returns the name of a schema, or its type in the plural, for the items of an array.
func nameOf(s schema) string {
	if s.Ref != "" {
		return s.Ref[strings.LastIndex(s.Ref, "/")+1:]
	}
	if len(s.Type) == 1 {
		return s.Type[0] + "s"
	}
	return ""
}

// rulesOf returns the rules of a value, beside its type.
func rulesOf(s schema) []string {
	var out []string
	say := func(format string, value json.RawMessage) {
		if value != nil {
			out = append(out, fmt.Sprintf(format, value))
		}
	}
	between := func(least, most json.RawMessage, of string) {
		switch {
		case least != nil && most != nil:
			out = append(out, fmt.Sprintf("%s to %s%s", least, most, of))
		case least != nil:
			out = append(out, fmt.Sprintf("at least %s%s", least, of))
		case most != nil:
			out = append(out, fmt.Sprintf("at most %s%s", most, of))
		}
	}
	if s.Format != "" {
		out = append(out, s.Format)
	}
	between(s.Minimum, s.Maximum, "")
	between(s.MinLength, s.MaxLength, " characters")
	between(s.MinItems, s.MaxItems, " items")
	between(s.MinProperties, s.MaxProperties, " members")
	if s.Pattern != "" {
		out = append(out, "matches `"+s.Pattern+"`")
	}
	if s.PropertyNames != nil {
		for _, rule := range rulesOf(*s.PropertyNames) {
			out = append(out, "names: "+rule)
		}
	}
	if values := listed(s.Enum); values != "" {
		out = append(out, "one of "+values)
	}
	say("always `%s`", s.Const)
	say("default `%s`", s.Default)
	if values := listed(s.Examples); values != "" {
		out = append(out, "for example "+values)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.never {
		out = append(out, "no other fields")
	}
	return out
}

func listed(values []json.RawMessage) string {
	var out []string
	for _, v := range values {
		out = append(out, "`"+string(v)+"`")
	}
	return strings.Join(out, ", ")
}
