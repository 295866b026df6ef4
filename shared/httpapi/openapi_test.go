package httpapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	orderedmap "github.com/pb33f/ordered-map/v2"

	"hookline/shared/api"
	"hookline/shared/webhook"
)

var update = flag.Bool("update", false, "write the golden files")

// TestOpenAPI holds openapi.json to the route table and the types of package api, of which -update writes it. The texts
// that belong to no call and no type stand in testdata/openapi.md, the requests' examples in testdata/examples.json.
func TestOpenAPI(t *testing.T) {
	got := newDocument(t).write(t)
	if *update {
		if err := os.WriteFile("openapi.json", got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(got, openAPI) {
		t.Error("openapi.json is not what the routes and types make: run go test ./shared/httpapi -run TestOpenAPI -update")
	}
}

// ordered is a JSON object whose members stand in the order they were set in.
type ordered[T any] = orderedmap.OrderedMap[string, T]

func newOrdered[T any]() *ordered[T] { return orderedmap.New[string, T]() }

// openAPIDocument is the part of OpenAPI that is written, https://spec.openapis.org/oas/v3.1.0.
type openAPIDocument struct {
	OpenAPI    string                                `json:"openapi"`
	Info       openAPIInfo                           `json:"info"`
	Servers    []openAPIServer                       `json:"servers"`
	Tags       []openAPITag                          `json:"tags"`
	Paths      *ordered[*ordered[*openAPIOperation]] `json:"paths"`
	Components struct {
		SecuritySchemes map[string]securityScheme `json:"securitySchemes"`
		Headers         map[string]openAPIHeader  `json:"headers"`
		Parameters      *ordered[openAPIParam]    `json:"parameters"`
		Responses       *ordered[openAPIResponse] `json:"responses"`
		Schemas         jsonschema.Definitions    `json:"schemas"`
	} `json:"components"`

	schemas schemas
}

type openAPIInfo struct {
	Title       string `json:"title"`
	Version     string `json:"version"`
	Description string `json:"description"`
}

type openAPIServer struct {
	URL string `json:"url"`
}

type openAPITag struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

type securityScheme struct {
	Type        string `json:"type"`
	Scheme      string `json:"scheme"`
	Description string `json:"description"`
}

type openAPIOperation struct {
	ID          string                    `json:"operationId"`
	Tags        []string                  `json:"tags"`
	Summary     string                    `json:"summary"`
	Description string                    `json:"description,omitempty"`
	Security    []map[string][]string     `json:"security"`
	Parameters  []openAPIParam            `json:"parameters,omitempty"`
	Body        *openAPIBody              `json:"requestBody,omitempty"`
	Responses   *ordered[openAPIResponse] `json:"responses"`
}

// openAPIParam is a parameter, or a reference to one.
type openAPIParam struct {
	Ref         string             `json:"$ref,omitempty"`
	Name        string             `json:"name,omitempty"`
	In          string             `json:"in,omitempty"`
	Required    bool               `json:"required,omitempty"`
	Description string             `json:"description,omitempty"`
	Schema      *jsonschema.Schema `json:"schema,omitempty"`
}

type openAPIBody struct {
	Required bool                     `json:"required"`
	Content  *ordered[openAPIContent] `json:"content"`
}

type openAPIContent struct {
	Schema   *jsonschema.Schema       `json:"schema"`
	Examples *ordered[openAPIExample] `json:"examples,omitempty"`
}

type openAPIExample struct {
	Value json.RawMessage `json:"value"`
}

// openAPIResponse is a response, or a reference to one.
type openAPIResponse struct {
	Ref         string                   `json:"$ref,omitempty"`
	Description string                   `json:"description,omitempty"`
	Headers     *ordered[openAPIHeader]  `json:"headers,omitempty"`
	Content     *ordered[openAPIContent] `json:"content,omitempty"`
}

// openAPIHeader is a header, or a reference to one.
type openAPIHeader struct {
	Ref         string             `json:"$ref,omitempty"`
	Description string             `json:"description,omitempty"`
	Schema      *jsonschema.Schema `json:"schema,omitempty"`
}

const problemsRef = "#/components/responses/"

func newDocument(t *testing.T) *openAPIDocument {
	t.Helper()
	d := &openAPIDocument{
		OpenAPI: "3.1.0", Servers: []openAPIServer{{URL: "/"}}, Paths: newOrdered[*ordered[*openAPIOperation]](), schemas: newSchemas(t),
	}
	d.readTexts(t)
	examples := readExamples(t)
	c := &d.Components
	c.SecuritySchemes = map[string]securityScheme{
		"tenantKey": {Type: "http", Scheme: "bearer", Description: "An API key of a tenant, with the scope that each call names."},
		"adminKey":  {Type: "http", Scheme: "bearer", Description: "The admin key on one machine. On AWS these calls are signed (SigV4) instead."},
	}
	c.Headers = map[string]openAPIHeader{"X-Request-Id": {Description: "Names this request in our log.", Schema: aString()}}
	c.Parameters = newOrdered[openAPIParam]()
	for _, name := range []string{"id", "name"} {
		c.Parameters.Set(name, openAPIParam{Name: name, In: "path", Required: true, Schema: d.schemas.text(`{"minLength":1}`)})
	}
	c.Parameters.Set("traceparent", openAPIParam{
		Name: "traceparent", In: "header", Schema: aString(),
		Description: "The trace that the publisher is in (W3C Trace Context). Its deliveries carry it; one that is not valid is ignored.",
	})
	c.Parameters.Set("idempotencyKey", openAPIParam{
		Name: "Idempotency-Key", In: "header", Schema: d.schemas.text(`{"minLength":1,"maxLength":255,"pattern":"^[ -~]+$"}`),
		Description: "The same key and body from the same credential within 24 h get the first answer again (with " +
			"`Idempotent-Replayed: true`), the same key with another body gets 409. A credential is an API key, the session of a portal " +
			"link or, where IAM signs, a user or role, whichever session of the role; a key that another credential used is another key. " +
			"A refused call (400 and above) leaves no trace of the key. While the first call is under way a repeat waits for up to 5 s.",
	})
	c.Responses = d.problems()
	for _, r := range routes() {
		op := d.operation(r)
		if op.Body != nil {
			e, ok := examples.Delete(r.id)
			if !ok {
				t.Errorf("testdata/examples.json has none of %s", r.id)
			}
			content := op.Body.Content.Oldest()
			content.Value.Examples = e
		}
		ops, ok := d.Paths.Get(r.path)
		if !ok {
			ops = newOrdered[*openAPIOperation]()
			d.Paths.Set(r.path, ops)
		}
		ops.Set(strings.ToLower(r.method), op)
	}
	for id := range examples.KeysFromOldest() {
		t.Errorf("testdata/examples.json has examples of %s, which is no call with a body", id)
	}
	c.Schemas = d.schemas.finished()
	return d
}

// write returns the document as JSON.
func (d *openAPIDocument) write(t *testing.T) []byte {
	t.Helper()
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	raw = []byte(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&", "#/$defs/", "#/components/schemas/").Replace(string(raw)))
	var out bytes.Buffer
	layOut(&out, raw, "\n")
	out.WriteByte('\n')
	return out.Bytes()
}

// layOut writes JSON with each object and list on a line of its own where it fits there, else with a line for each member.
// newline begins a line.
func layOut(out *bytes.Buffer, raw json.RawMessage, newline string) {
	const width = 120
	open, end := raw[0], raw[len(raw)-1]
	if len(newline)+len(raw) <= width || open != '{' && open != '[' {
		out.Write(raw)
		return
	}
	inner := newline + " "
	out.WriteByte(open)
	separator := inner
	if open == '[' {
		var items []json.RawMessage
		must(json.Unmarshal(raw, &items))
		for _, item := range items {
			out.WriteString(separator)
			layOut(out, item, inner)
			separator = "," + inner
		}
	} else {
		members := newOrdered[json.RawMessage]()
		must(json.Unmarshal(raw, members))
		for name, member := range members.FromOldest() {
			out.WriteString(separator + strconv.Quote(name) + ": ")
			layOut(out, member, inner)
			separator = "," + inner
		}
	}
	out.WriteString(newline)
	out.WriteByte(end)
}

// readTexts reads the title, the description and the tags with theirs.
func (d *openAPIDocument) readTexts(t *testing.T) {
	t.Helper()
	raw, err := os.ReadFile("testdata/openapi.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split(string(raw), "\n## ")
	title, text, _ := strings.Cut(strings.TrimPrefix(sections[0], "# "), "\n")
	d.Info = openAPIInfo{Title: title, Version: "1.0.0", Description: unwrapped(text)}
	for _, section := range sections[1:] {
		name, text, _ := strings.Cut(section, "\n")
		d.Tags = append(d.Tags, openAPITag{Name: name, Description: unwrapped(text)})
	}
}

// readExamples reads the examples of requests, by operation.
func readExamples(t *testing.T) *ordered[*ordered[openAPIExample]] {
	t.Helper()
	raw, err := os.ReadFile("testdata/examples.json")
	if err != nil {
		t.Fatal(err)
	}
	values := newOrdered[*ordered[json.RawMessage]]()
	if err := json.Unmarshal(raw, values); err != nil {
		t.Fatal(err)
	}
	out := newOrdered[*ordered[openAPIExample]]()
	for id, named := range values.FromOldest() {
		examples := newOrdered[openAPIExample]()
		for name, value := range named.FromOldest() {
			examples.Set(name, openAPIExample{value})
		}
		out.Set(id, examples)
	}
	return out
}

func (d *openAPIDocument) operation(r route) *openAPIOperation {
	op := &openAPIOperation{
		ID: r.id, Tags: []string{r.tag}, Summary: r.summary, Description: r.text, Security: securityOf(r), Parameters: d.parameters(r),
		Responses: newOrdered[openAPIResponse](),
	}
	if r.takes != nil {
		op.Body = &openAPIBody{Required: r.body != optionalBody, Content: newOrdered[openAPIContent]()}
		op.Body.Content.Set(jsonType, openAPIContent{Schema: d.schemas.request(r)})
		if r.form != nil {
			op.Body.Content.Set(webhook.ContentForm, openAPIContent{Schema: d.schemas.of(typeOf(r.form))})
		}
	}
	for _, g := range append([]given{r.gives}, r.also...) {
		answer := openAPIResponse{Description: g.text, Headers: requestID()}
		if answer.Description == "" {
			answer.Description = "Done."
		}
		if g.body != nil || g.types != nil {
			answer.Content = newOrdered[openAPIContent]()
		}
		if g.body != nil {
			answer.Content.Set(jsonType, openAPIContent{Schema: d.schemas.of(typeOf(g.body))})
		}
		for _, media := range g.types {
			schema := aString()
			if media == jsonType {
				schema = &jsonschema.Schema{Type: "object"}
			}
			answer.Content.Set(media, openAPIContent{Schema: schema})
		}
		op.Responses.Set(strconv.Itoa(g.status), answer)
	}
	for _, status := range errorsOf(r) {
		code := strconv.Itoa(status)
		op.Responses.Set(code, openAPIResponse{Ref: problemsRef + code})
		if status == http.StatusUnauthorized && r.inbound {
			op.Responses.Set(code, d.problem("The credential is missing or wrong; `detail` says what it must be.",
				"WWW-Authenticate", "Basic, where that is the credential; else a name for what is asked for."))
		}
	}
	op.Responses.Set("default", openAPIResponse{Ref: problemsRef + "default"})
	return op
}

func securityOf(r route) []map[string][]string {
	switch r.scope {
	case anyone:
		return []map[string][]string{}
	case admin:
		return []map[string][]string{{"adminKey": {}}}
	}
	return []map[string][]string{{"tenantKey": {r.scope}}}
}

// errorsOf returns the statuses of the errors that a call is answered with: those that follow from the steps that it goes
// through, and its own.
func errorsOf(r route) []int {
	out := slices.Clone(r.errors)
	if r.scope != anyone || r.inbound {
		out = append(out, http.StatusUnauthorized)
	}
	if r.scope != anyone {
		out = append(out, http.StatusForbidden)
	}
	if strings.Contains(r.path, "{") && r.method != http.MethodPut { // PUT makes what is not there
		out = append(out, http.StatusNotFound)
	}
	if r.body != noBody {
		out = append(out, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity)
	}
	if takesKey(r) || r.method == http.MethodPatch {
		out = append(out, http.StatusConflict)
	}
	if r.query != nil {
		out = append(out, http.StatusUnprocessableEntity)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// takesKey reports whether an Idempotency-Key makes a difference.
func takesKey(r route) bool { return r.method == http.MethodPost && r.body != rawBody }

func (d *openAPIDocument) parameters(r route) []openAPIParam {
	var out []openAPIParam
	if _, after, ok := strings.Cut(r.path, "{"); ok {
		name, _, _ := strings.Cut(after, "}")
		out = append(out, openAPIParam{Ref: "#/components/parameters/" + name})
	}
	if takesKey(r) {
		out = append(out, openAPIParam{Ref: "#/components/parameters/idempotencyKey"})
	}
	if r.publishes {
		out = append(out, openAPIParam{Ref: "#/components/parameters/traceparent"})
	}
	if r.query != nil {
		properties := d.schemas.query(typeOf(r.query))
		for _, name := range r.parameters() {
			schema := properties.Value(name)
			p := openAPIParam{Name: name, In: "query", Description: schema.Description, Schema: schema}
			schema.Description = ""
			out = append(out, d.shared(p))
		}
	}
	for _, h := range r.headers {
		out = append(out, openAPIParam{Name: h.name, In: "header", Required: h.required, Description: h.text, Schema: aString()})
	}
	return out
}

// shared puts a parameter of the query among the components, and returns a reference to it: the first of each name.
func (d *openAPIDocument) shared(p openAPIParam) openAPIParam {
	key := "query." + p.Name // event_type would be EventType in clients, which is a schema
	there, ok := d.Components.Parameters.Get(key)
	if !ok {
		d.Components.Parameters.Set(key, p)
	} else if a, b := asJSON(there), asJSON(p); a != b {
		return p
	}
	return openAPIParam{Ref: "#/components/parameters/" + key}
}

func asJSON(v any) string {
	raw, _ := json.Marshal(v) // of types that can be
	return string(raw)
}

// problems returns the answers that are errors.
func (d *openAPIDocument) problems() *ordered[openAPIResponse] {
	out := newOrdered[openAPIResponse]()
	out.Set("400", d.problem("The body is not JSON."))
	out.Set("401", d.problem("The key is missing, empty or wrong.", "WWW-Authenticate", "Bearer"))
	out.Set("403", d.problem("The key lacks the scope, or the call is not for this sort of credential."))
	out.Set("404", d.problem("It does not exist, or is another tenant's."))
	out.Set("409", d.problem("It conflicts with what is there; see `code`."))
	out.Set("413", d.problem("The request is over 1 MiB, an event's data over 256 KiB, or a report of a deployment over 300 KB when compressed."))
	out.Set("415", d.problem("The Content-Type is not JSON, or the body has a Content-Encoding, which `detail` names."))
	out.Set("422", d.problem("Understood but refused; `errors` names every field at fault."))
	out.Set("default", d.problem("Our fault (500), a passing fault (503), or too many requests (429).", "Retry-After", "Seconds, with 429 and 503."))
	return out
}

// problem returns an answer that is an error. headers are names and their descriptions in turn.
func (d *openAPIDocument) problem(text string, headers ...string) openAPIResponse {
	out := openAPIResponse{Description: text, Headers: requestID(), Content: newOrdered[openAPIContent]()}
	for pair := range slices.Chunk(headers, 2) {
		out.Headers.Set(pair[0], openAPIHeader{Description: pair[1], Schema: aString()})
	}
	out.Content.Set(problemType, openAPIContent{Schema: d.schemas.of(typeOf(api.Problem{}))})
	return out
}

func requestID() *ordered[openAPIHeader] {
	out := newOrdered[openAPIHeader]()
	out.Set("X-Request-Id", openAPIHeader{Ref: "#/components/headers/X-Request-Id"})
	return out
}

func aString() *jsonschema.Schema { return &jsonschema.Schema{Type: "string"} }
