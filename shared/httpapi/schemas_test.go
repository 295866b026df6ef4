package httpapi

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/invopop/jsonschema"

	"hookline/shared/api"
	"hookline/shared/deployment"
	"hookline/shared/format"
	"hookline/shared/ingest"
	"hookline/shared/input"
	"hookline/shared/webhook"
)

// Terms are the schemas that many fields have in common. A field's tag ref names the one that it has.
type Terms struct {
	// A time of RFC 3339 in UTC with milliseconds, in the deployment's clock.
	Time string `jsonschema:"format=date-time,example=2026-03-20T12:00:00.000Z"`
	// A time of RFC 3339, with any offset.
	GivenTime string `jsonschema:"format=date-time"`
	// An id that a client chooses.
	GivenID string `jsonschema:"pattern=^[A-Za-z0-9_:-]{1\\,128}$"`
	// 1 to 5 segments joined by dots.
	EventTypeName string `jsonschema:"pattern=^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+){0\\,4}$,maxLength=100,example=invoice.paid"`
	// An event type of the catalogue, `prefix.*` (any deeper name, not the prefix itself) or `*`. The last two cover product
	// events; system events (`webhook.created`, `webhook.failing`, `webhook.recovered`, `webhook.disabled`,
	// `delivery.failed`) and `webhook.test` are named exactly.
	EventPattern string `jsonschema:"maxLength=102,example=invoice.paid,example=invoice.*,example=*,pattern=^(\\*|[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+){0\\,3}(\\.[A-Za-z0-9_-]+|\\.\\*)?)$"`
	// What a key may do.
	Scope string
	// How a body travels.
	ContentType string
	// The form in which events are sent.
	Format string
	// The product that reports deployments.
	SourceKind string
	// true or false, in a query.
	Boolean string `jsonschema:"enum=true,enum=false"`
}

// keywords are what a struct tag cannot say of a field, by its type and its name in JSON. They are put over what the tags
// say.
func keywords() map[string]string {
	return map[string]string{
		"Problem.type":  `{"const":"about:blank"}`,
		"Health.status": `{"const":"ok"}`,
		"WebhookInput.headers": `{"maxProperties":20,"propertyNames":{"pattern":"^[!#$%&'*+.^_\\x60|~0-9A-Za-z-]{1,100}$"},` +
			`"additionalProperties":{"type":"","anyOf":[{"type":"string","maxLength":4096,"pattern":"^([!-~]([\\t -~]*[!-~])?)?$"},{"type":"null"}]}}`,
		"WebhookInput.metadata": `{"maxProperties":50,"propertyNames":{"minLength":1,"maxLength":64},"additionalProperties":{"maxLength":500}}`,
		"WebhookInput.filter":   `{"minProperties":1}`,
		"WebhookChange.active":  `{"description":"Left out: it stays."}`,
		"ImportWebhook.secret":  `{"maxLength":4096,"description":"Any that can sign in the tenant's dialect, whatever its length. Left out, null or empty: one is made."}`,
		"ImportWebhooks":        `{"minItems":1,"maxItems":100}`,
		"NewPortalLink.user": `{"properties":{"id":{"type":"string","minLength":1,"maxLength":128,"pattern":"^[^\\x00-\\x1f\\x7f-\\x9f]*$"},` +
			`"name":{"description":"Left out or null: the id.","anyOf":[{"type":"string","maxLength":200,"pattern":"^[^\\x00-\\x1f\\x7f-\\x9f]*$"},{"type":"null"}]}},` +
			`"required":["id"],"additionalProperties":false}`,
		"TestResult.status":           `{"enum":["succeeded","failed"]}`,
		"DialectDescription.headers":  `{"minProperties":1,"maxProperties":50,"propertyNames":{"pattern":"^[!#$%&'*+.^_\\x60|~0-9A-Za-z-]+$"},"additionalProperties":{"pattern":"^[ -~]{1,200}$"}}`,
		"DialectDescription.success":  `{"oneOf":[{"const":"2xx"},{"type":"array","items":{"type":"integer","minimum":200,"maximum":299},"minItems":1}]}`,
		"TenantInput.frame_ancestors": `{"items":{"maxLength":255,"examples":["https://app.example.com"],"pattern":"^[Hh][Tt][Tt][Pp][Ss]?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?/?$"}}`,
	}
}

// renamed returns the Go types that are schemas by another name, and those whose values are a closed set.
func renamed() map[reflect.Type]string {
	return map[reflect.Type]string{
		reflect.TypeFor[webhook.Status]():               "WebhookStatus",
		reflect.TypeFor[webhook.DeliveryStatus]():       "DeliveryStatus",
		reflect.TypeFor[webhook.AttemptError]():         "AttemptError",
		reflect.TypeFor[webhook.ErrorDetail]():          "AttemptErrorDetail",
		reflect.TypeFor[webhook.ReplayStatus]():         "ReplayStatus",
		reflect.TypeFor[webhook.ReplayOf]():             "ReplayOf",
		reflect.TypeFor[ingest.Reason]():                "SkipReason",
		reflect.TypeFor[deployment.Outcome]():           "ReceivedStatus",
		reflect.TypeFor[api.Code]():                     "Code",
		reflect.TypeFor[api.ImportOutcomeStatus]():      "ImportOutcomeStatus",
		reflect.TypeFor[api.Time]():                     "Time",
		reflect.TypeFor[api.NewEvents]():                "NewEvents",
		reflect.TypeFor[api.Accepted]():                 "Accepted",
		reflect.TypeFor[api.List[api.DialectSummary]](): "DialectList",
	}
}

// schemas makes JSON Schemas of Go types by their tags and doc comments.
type schemas struct {
	comments    map[string]string // by package, type and field, joined by dots
	constants   map[string][]constant
	types       map[string]reflect.Type
	definitions jsonschema.Definitions
}

// constant is a value of a type that has a closed set of them.
type constant struct{ value, text string }

func newSchemas(t *testing.T) schemas {
	t.Helper()
	s := schemas{
		constants: make(map[string][]constant), types: make(map[string]reflect.Type), definitions: make(jsonschema.Definitions),
	}
	const here = "hookline/shared/httpapi"
	var read jsonschema.Reflector
	for _, dir := range []string{".", "../api", "../management", "../webhook", "../ingest", "../deployment"} {
		if err := read.AddGoComments(here, dir, jsonschema.WithFullComment()); err != nil {
			t.Fatal(err)
		}
		if err := s.readConstants(dir); err != nil {
			t.Fatal(err)
		}
	}
	s.comments = read.CommentMap
	maps.Insert(s.definitions, s.of(reflect.TypeFor[Terms]()).Properties.FromOldest())
	delete(s.definitions, "Terms")
	s.definitions["GivenTime"].Pattern = input.TimePattern
	for name, values := range map[string][]string{
		"Scope": webhook.Scopes(), "Format": format.Names(), "SourceKind": deployment.Kinds(), "ContentType": {webhook.ContentJSON, webhook.ContentForm},
	} {
		for _, v := range values {
			s.definitions[name].Enum = append(s.definitions[name].Enum, v)
		}
	}
	for t, name := range renamed() {
		if t.Kind() == reflect.String {
			s.definitions[name] = s.closed(t)
		}
	}
	s.definitions["NewEvents"] = &jsonschema.Schema{
		Description: s.comment(reflect.TypeFor[api.NewEvents](), ""),
		OneOf:       []*jsonschema.Schema{s.strict(reflect.TypeFor[api.NewEvent]()), s.text(`{"type":"array","description":"Taken whole or not at all.","minItems":1,"maxItems":100,"items":{"$ref":"#/$defs/NewEvent"}}`)},
	}
	s.definitions["Accepted"] = &jsonschema.Schema{
		Description: s.comment(reflect.TypeFor[api.Accepted](), ""),
		AnyOf:       []*jsonschema.Schema{s.of(reflect.TypeFor[api.EventResult]()), s.of(reflect.TypeFor[api.Results[api.EventResult]]())},
	}
	return s
}

// typeOf returns the type that the route table gives by its zero value, or by a nil pointer.
func typeOf(v any) reflect.Type {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// text returns the schema of a string with more keywords.
func (schemas) text(keywords string) *jsonschema.Schema {
	out := aString()
	if err := json.Unmarshal([]byte(keywords), out); err != nil {
		panic(err)
	}
	return out
}

// of returns the schema of what we answer.
func (s schemas) of(t reflect.Type) *jsonschema.Schema { return s.reflect(t, true) }

// strict returns the schema of what is asked of us: unknown fields are refused.
func (s schemas) strict(t reflect.Type) *jsonschema.Schema { return s.reflect(t, false) }

// request returns the schema of a route's body. A report is a product's, and may hold more than we read.
func (s schemas) request(r route) *jsonschema.Schema { return s.reflect(typeOf(r.takes), r.inbound) }

// query returns the schemas of a query's parameters.
func (s schemas) query(t reflect.Type) *ordered[*jsonschema.Schema] {
	s.of(t)
	out := s.definitions[t.Name()]
	delete(s.definitions, t.Name())
	s.finish(t.Name(), t, out)
	return out.Properties
}

func (s schemas) reflect(t reflect.Type, open bool) *jsonschema.Schema {
	r := jsonschema.Reflector{
		Anonymous: true, AllowAdditionalProperties: open, Mapper: s.mapped, Namer: s.name, LookupComment: s.comment,
		ExpandedStruct: t == reflect.TypeFor[Terms](),
	}
	out := r.ReflectFromType(t)
	for name, schema := range out.Definitions {
		if _, ok := s.definitions[name]; !ok || !open {
			s.definitions[name] = schema
		}
	}
	out.Version, out.Definitions = "", nil
	return out
}

// name returns a type's name among the schemas.
func (s schemas) name(t reflect.Type) string {
	name, ok := renamed()[t]
	if !ok {
		name = t.Name()
		if generic, of, ok := strings.Cut(name, "["); ok {
			of = strings.TrimSuffix(of[strings.LastIndexByte(of, '.')+1:], "]")
			name = map[string]string{"List": of + "List", "Results": of + "s"}[generic]
		}
	}
	s.types[name] = t
	return name
}

// mapped returns the schemas of types that are not what they look like.
func (s schemas) mapped(t reflect.Type) *jsonschema.Schema {
	name, ok := renamed()[t]
	switch {
	case ok && t.Kind() != reflect.Struct || t == reflect.TypeFor[api.Time]():
		return &jsonschema.Schema{Ref: "#/$defs/" + name}
	case t == reflect.TypeFor[api.Headers]():
		return s.mapped(reflect.TypeFor[input.Field[map[string]string]]())
	case t.PkgPath() == reflect.TypeFor[input.Faults]().PkgPath() && strings.HasPrefix(t.Name(), "Field["):
		r := jsonschema.Reflector{Anonymous: true, DoNotReference: true}
		out := r.ReflectFromType(t.Field(0).Type)
		out.Version = ""
		return out
	}
	return nil
}

// comment returns the doc comment of a type, or of one of its fields, as a description.
func (s schemas) comment(t reflect.Type, field string) string {
	name, _, _ := strings.Cut(t.Name(), "[")
	key := t.PkgPath() + "." + name
	if field != "" {
		return unwrapped(s.comments[key+"."+field])
	}
	text := unwrapped(s.comments[key])
	for _, verb := range []string{" is ", " are "} {
		if after, ok := strings.CutPrefix(text, name+verb); ok {
			first, size := utf8.DecodeRuneInString(after)
			return string(unicode.ToUpper(first)) + after[size:]
		}
	}
	return text
}

// unwrapped returns a text with each paragraph, and each item of a list, on a line.
func unwrapped(text string) string {
	var out strings.Builder
	for line := range strings.Lines(strings.TrimSpace(text)) {
		switch line = strings.TrimSpace(line); {
		case line == "":
			out.WriteString("\n\n")
			continue
		case strings.HasPrefix(line, "- "):
			out.WriteString("\n")
		case out.Len() > 0 && !strings.HasSuffix(out.String(), "\n"):
			out.WriteString(" ")
		}
		out.WriteString(line)
	}
	return strings.ReplaceAll(out.String(), "\n\n\n", "\n\n")
}

// closed returns the schema of a string type whose values are its constants.
func (s schemas) closed(t reflect.Type) *jsonschema.Schema {
	out := aString()
	out.Description = s.comment(t, "")
	values := s.constants[t.PkgPath()+"."+t.Name()]
	if t == reflect.TypeFor[ingest.Reason]() {
		values = append(values, constant{api.SkippedDeleted, "it matched, and was deleted before the first attempt"})
	}
	list := ""
	for _, v := range values {
		out.Enum = append(out.Enum, v.value)
		if v.text != "" {
			list += "\n- `" + v.value + "`: " + v.text
		}
	}
	out.Description = strings.TrimSpace(out.Description + "\n" + list)
	return out
}

// readConstants reads the constants of string types in a package, with their comments.
func (s schemas) readConstants(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		for _, d := range parsed.Decls {
			group, ok := d.(*ast.GenDecl)
			if !ok || group.Tok != token.CONST {
				continue
			}
			for _, spec := range group.Specs {
				spec := spec.(*ast.ValueSpec)
				typeName, isNamed := spec.Type.(*ast.Ident)
				if !isNamed || len(spec.Values) != 1 {
					continue
				}
				literal, ok := spec.Values[0].(*ast.BasicLit)
				if !ok || literal.Kind != token.STRING {
					continue
				}
				value, err := strconv.Unquote(literal.Value)
				if err != nil {
					return err
				}
				text := spec.Comment.Text()
				if text == "" {
					text = spec.Doc.Text()
				}
				key := "hookline/shared/" + parsed.Name.Name + "." + typeName.Name
				s.constants[key] = append(s.constants[key], constant{value, unwrapped(text)})
			}
		}
	}
	return nil
}

// finished returns all schemas, with what the library does not know of.
func (s schemas) finished() jsonschema.Definitions {
	for name, schema := range s.definitions {
		if t, ok := s.types[name]; ok {
			s.finish(name, t, schema)
		}
		if more, ok := keywords()[name]; ok {
			must(json.Unmarshal([]byte(more), schema))
		}
	}
	return s.definitions
}

// finish applies the tags of ours to the fields of a struct: ref names a term, and a field that is a pointer may be null. On
// an embedded struct, required and without name fields that must be there or are not, notnull those that cannot be null.
// A struct embedded with jsonschema:"-" is a schema of its own, which the struct extends.
func (s schemas) finish(name string, t reflect.Type, schema *jsonschema.Schema) {
	if t.Kind() != reflect.Struct || schema.Properties == nil {
		return
	}
	var extends []*jsonschema.Schema
	var notNull []string
	for f := range t.Fields() {
		if !f.Anonymous {
			continue
		}
		if f.Tag.Get("jsonschema") == "-" {
			extends = append(extends, s.of(f.Type))
		}
		for _, field := range list(f.Tag.Get("without")) {
			schema.Properties.Delete(field)
			schema.Required = slices.DeleteFunc(schema.Required, func(r string) bool { return r == field })
		}
		schema.Required = append(schema.Required, list(f.Tag.Get("required"))...)
		notNull = append(notNull, list(f.Tag.Get("notnull"))...)
	}
	for _, f := range reflect.VisibleFields(t) {
		field, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		p, ok := schema.Properties.Get(field)
		if f.Anonymous || !ok {
			continue
		}
		nullable := f.Type.Kind() == reflect.Pointer && options == ""
		if len(p.OneOf) == 2 && p.OneOf[1].Type == "null" { // the library's way to say nullable
			p, nullable = p.OneOf[0], true
		}
		if isRaw := f.Type == reflect.TypeFor[json.RawMessage]() || f.Type == reflect.TypeFor[input.Field[json.RawMessage]](); isRaw && p.Type == "object" {
			p.AdditionalProperties = new(*jsonschema.TrueSchema) // a copy, which keywords may change
		}
		if term := f.Tag.Get("ref"); term != "" {
			target := &jsonschema.Schema{Ref: "#/$defs/" + term}
			if p.Items != nil {
				p.Items = target
			} else {
				target.Description = p.Description
				p = target
			}
		}
		for _, of := range []string{declaring(t, f), name} {
			if more, ok := keywords()[of+"."+field]; ok {
				must(json.Unmarshal([]byte(more), p))
			}
		}
		if nullable && !slices.Contains(notNull, field) {
			p = orNull(p)
		}
		schema.Properties.Set(field, p)
	}
	if len(extends) > 0 {
		own := &jsonschema.Schema{Type: schema.Type, Properties: schema.Properties, Required: schema.Required}
		schema.AllOf, schema.Type, schema.Properties, schema.Required = append(extends, own), "", nil, nil
	}
}

// declaring returns the name of the struct that a field stands in.
func declaring(t reflect.Type, f reflect.StructField) string {
	for _, i := range f.Index[:len(f.Index)-1] {
		t = t.Field(i).Type
	}
	return t.Name()
}

// orNull returns a schema that null fulfils, too.
func orNull(p *jsonschema.Schema) *jsonschema.Schema {
	if p.Ref != "" {
		out := &jsonschema.Schema{Description: p.Description, AnyOf: []*jsonschema.Schema{p, {Type: "null"}}}
		p.Description = ""
		return out
	}
	p.Extras = map[string]any{"type": []string{p.Type, "null"}}
	p.Type = ""
	if len(p.Enum) > 0 {
		p.Enum = append(p.Enum, nil)
	}
	return p
}

func list(tag string) []string {
	return slices.DeleteFunc(strings.Split(tag, ","), func(s string) bool { return s == "" })
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
