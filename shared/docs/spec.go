package docs

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// ordered is a JSON object whose members keep their order, because readers see them in it.
type ordered[T any] []member[T]

type member[T any] struct {
	Name  string
	Value T
}

func (o *ordered[T]) UnmarshalJSON(raw []byte) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	open, err := d.Token()
	if err != nil {
		return err
	}
	if open != json.Delim('{') {
		return fmt.Errorf("got %v, want an object", open)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		m := member[T]{}
		m.Name, _ = name.(string) // a member's name is a string
		if err := d.Decode(&m.Value); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		*o = append(*o, m)
	}
	return nil
}

func (o ordered[T]) get(name string) (value T, ok bool) {
	for _, m := range o {
		if m.Name == name {
			return m.Value, true
		}
	}
	return value, false
}

// spec is the part of OpenAPI that the package knows, https://spec.openapis.org/oas/v3.1.0.
type spec struct {
	OpenAPI string `json:"openapi"`
	Info    struct {
		Title, Version, Description string
	} `json:"info"`
	Servers    []json.RawMessage           `json:"servers"`
	Tags       []tag                       `json:"tags"`
	Paths      ordered[ordered[operation]] `json:"paths"`
	Components components                  `json:"components"`
}

type tag struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

type components struct {
	SecuritySchemes ordered[securityScheme] `json:"securitySchemes"`
	Headers         ordered[header]         `json:"headers"`
	Parameters      ordered[parameter]      `json:"parameters"`
	Responses       ordered[response]       `json:"responses"`
	Schemas         ordered[schema]         `json:"schemas"`
}

type securityScheme struct {
	Type        string `json:"type"`
	Scheme      string `json:"scheme"`
	Description string `json:"description"`
}

type operation struct {
	ID          string                `json:"operationId"`
	Tags        []string              `json:"tags"`
	Summary     string                `json:"summary"`
	Description string                `json:"description"`
	Security    []map[string][]string `json:"security"`
	Parameters  []parameter           `json:"parameters"`
	RequestBody *struct {
		Description string           `json:"description"`
		Required    bool             `json:"required"`
		Content     ordered[content] `json:"content"`
	} `json:"requestBody"`
	Responses ordered[response] `json:"responses"`
}

type parameter struct {
	Ref         string  `json:"$ref"`
	Name        string  `json:"name"`
	In          string  `json:"in"`
	Required    bool    `json:"required"`
	Description string  `json:"description"`
	Schema      *schema `json:"schema"`
}

type header struct {
	Ref         string  `json:"$ref"`
	Description string  `json:"description"`
	Required    bool    `json:"required"`
	Schema      *schema `json:"schema"`
}

type response struct {
	Ref         string           `json:"$ref"`
	Description string           `json:"description"`
	Headers     ordered[header]  `json:"headers"`
	Content     ordered[content] `json:"content"`
}

type content struct {
	Schema   *schema          `json:"schema"`
	Example  json.RawMessage  `json:"example"`
	Examples ordered[example] `json:"examples"`
}

type example struct {
	Summary     string          `json:"summary"`
	Description string          `json:"description"`
	Value       json.RawMessage `json:"value"`
}

// schema is the part of JSON Schema that the package knows, https://json-schema.org/draft/2020-12/schema.
type schema struct {
	Ref                  string            `json:"$ref"`
	Type                 oneOrMore         `json:"type"`
	Title                string            `json:"title"`
	Description          string            `json:"description"`
	Format               string            `json:"format"`
	Enum                 []json.RawMessage `json:"enum"`
	Const                json.RawMessage   `json:"const"`
	Default              json.RawMessage   `json:"default"`
	Examples             []json.RawMessage `json:"examples"`
	Minimum              json.RawMessage   `json:"minimum"`
	Maximum              json.RawMessage   `json:"maximum"`
	MinLength            json.RawMessage   `json:"minLength"`
	MaxLength            json.RawMessage   `json:"maxLength"`
	MinItems             json.RawMessage   `json:"minItems"`
	MaxItems             json.RawMessage   `json:"maxItems"`
	MinProperties        json.RawMessage   `json:"minProperties"`
	MaxProperties        json.RawMessage   `json:"maxProperties"`
	Pattern              string            `json:"pattern"`
	Required             []string          `json:"required"`
	Properties           ordered[schema]   `json:"properties"`
	AdditionalProperties *schema           `json:"additionalProperties"`
	PropertyNames        *schema           `json:"propertyNames"`
	Items                *schema           `json:"items"`
	AllOf                []schema          `json:"allOf"`
	AnyOf                []schema          `json:"anyOf"`
	OneOf                []schema          `json:"oneOf"`

	never bool // it is the schema false, which no value fulfils
}

func (s *schema) UnmarshalJSON(raw []byte) error {
	switch string(bytes.TrimSpace(raw)) {
	case "true":
		return nil
	case "false":
		s.never = true
		return nil
	}
	type plain schema // the same type without this method
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode((*plain)(s))
}

// oneOrMore is a string or a list of strings.
type oneOrMore []string

func (o *oneOrMore) UnmarshalJSON(raw []byte) error {
	var one string
	if err := json.Unmarshal(raw, &one); err == nil {
		*o = oneOrMore{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(o))
}
