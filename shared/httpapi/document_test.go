package httpapi

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hookline/shared/input"
	"hookline/shared/portal"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

type described struct {
	Paths map[string]map[string]struct {
		Security    []map[string][]string
		RequestBody *struct{ Required bool }
		Parameters  []parameter
	}
	Components struct {
		Schemas    map[string]schema
		Parameters map[string]parameter
	}
}

type parameter struct {
	Ref      string `json:"$ref"`
	Name, In string
	Schema   any
}

type schema struct {
	Ref        string `json:"$ref"`
	Properties map[string]json.RawMessage
	Required   []string
	AllOf      []schema
}

func readDocument(t *testing.T) described {
	t.Helper()
	var doc described
	if err := json.Unmarshal(openAPI, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestDocumentHasTheRoutes(t *testing.T) {
	doc := readDocument(t)
	var got []string
	for path, ops := range doc.Paths {
		for method := range ops {
			got = append(got, strings.ToUpper(method)+" "+path)
		}
	}
	var want []string
	for _, r := range routes() {
		want = append(want, r.method+" "+r.path)
		op := doc.Paths[r.path][strings.ToLower(r.method)]
		security := []map[string][]string{{"tenantKey": {r.scope}}}
		switch r.scope {
		case anyone:
			security = []map[string][]string{}
		case admin:
			security = []map[string][]string{{"adminKey": {}}}
		default:
			if !slices.Contains(webhook.Scopes(), r.scope) {
				t.Errorf("%s %s needs %q, which is not a scope", r.method, r.path, r.scope)
			}
		}
		if !reflect.DeepEqual(op.Security, security) {
			t.Errorf("%s %s: the document says %v, the code %v", r.method, r.path, op.Security, security)
		}
		rule := noBody
		if op.RequestBody != nil {
			if rule = optionalBody; op.RequestBody.Required {
				rule = requiredBody
			}
		}
		if r.body == rawBody && rule == requiredBody {
			rule = rawBody // it is required like any other
		}
		if rule != r.body {
			t.Errorf("%s %s: the document has body rule %d, the code %d", r.method, r.path, rule, r.body)
		}
		if (r.method == http.MethodPost || r.method == http.MethodPatch || r.method == http.MethodPut) == (r.body == noBody) {
			t.Errorf("%s %s: body rule %d", r.method, r.path, r.body)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestDocumentHasTheParameters(t *testing.T) {
	doc := readDocument(t)
	for _, r := range routes() {
		var got []string
		for _, p := range doc.Paths[r.path][strings.ToLower(r.method)].Parameters {
			if name, ok := strings.CutPrefix(p.Ref, "#/components/parameters/"); ok {
				p = doc.Components.Parameters[name]
			}
			if p.In == "query" {
				got = append(got, p.Name)
			}
		}
		slices.Sort(got)
		if want := slices.Sorted(slices.Values(r.parameters())); !slices.Equal(got, want) {
			t.Errorf("%s: the document has %q, the code %q", r.key(), got, want)
		}
	}
}

func TestDocumentHasTheTimes(t *testing.T) {
	quoted, _ := json.Marshal(input.TimePattern) // a text
	want := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(quoted))
	if n := strings.Count(string(openAPI), want); n != 1 {
		t.Errorf("the document has the pattern of times that are read %d times, want it once: %s", n, want)
	}
	if n := strings.Count(string(openAPI), `"#/components/schemas/GivenTime"`); n < 5 {
		t.Errorf("the document refers to it %d times, want that at each time that is read", n)
	}
}

// TestDocumentHasTheShapes holds the schemas of all answers to what encoding/json makes of their types.
func TestDocumentHasTheShapes(t *testing.T) {
	doc, names := readDocument(t), newSchemas(t)
	for _, r := range routes() {
		for _, g := range append([]given{r.gives}, r.also...) {
			if g.body == nil || typeOf(g.body).Kind() != reflect.Struct {
				continue
			}
			body := typeOf(g.body)
			got, required := shapeOf(doc, doc.Components.Schemas[names.name(body)])
			want, always := fieldsOf(body)
			if !slices.Equal(got, want) || len(got) == 0 {
				t.Errorf("%s: the document has %q, the code %q", body, got, want)
			}
			if !slices.Equal(required, always) {
				t.Errorf("%s: the document requires %q, the code always has %q", body, required, always)
			}
		}
	}
}

func shapeOf(doc described, s schema) (properties, required []string) {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return shapeOf(doc, doc.Components.Schemas[name])
	}
	properties, required = slices.Sorted(maps.Keys(s.Properties)), slices.Clone(s.Required)
	for _, part := range s.AllOf {
		p, r := shapeOf(doc, part)
		properties, required = append(properties, p...), append(required, r...)
	}
	slices.Sort(properties)
	slices.Sort(required)
	return properties, required
}

func fieldsOf(t reflect.Type) (all, always []string) {
	for f := range t.Fields() {
		if f.Anonymous {
			a, b := fieldsOf(f.Type)
			all, always = append(all, a...), append(always, b...)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		all = append(all, name)
		if options != "omitempty" {
			always = append(always, name)
		}
	}
	slices.Sort(all)
	slices.Sort(always)
	return all, always
}

// TestDocumentHasTheLimits holds the numbers in the types' tags to those that the code checks.
func TestDocumentHasTheLimits(t *testing.T) {
	doc := readDocument(t)
	for at, want := range map[string]int{
		"NewTenant.name.maxLength": input.MaxName, "NewSource.name.maxLength": input.MaxName, "NewKey.name.maxLength": input.MaxKeyName,
		"NewTenant.frame_ancestors.maxItems": input.MaxFrameAncestors, "NewSource.secret.maxLength": input.MaxSourceSecret,
		"NewWebhook.url.maxLength": webhook.MaxURLBytes, "NewWebhook.name.maxLength": webhook.MaxWebhookName,
		"NewWebhook.events.maxItems": webhook.MaxWebhookEvents, "NewWebhook.timeout_seconds.maximum": webhook.MaxTimeoutSeconds,
		"NewWebhook.headers.maxProperties": input.MaxHeaders, "NewWebhook.metadata.maxProperties": input.MaxMetadata,
		"NewWebhook.max_per_second.maximum": input.MaxRate, "Rotation.overlap_seconds.maximum": input.MaxOverlapSeconds,
		"NewPortalLink.expires_in.minimum": int(portal.MinLife / time.Second), "NewPortalLink.expires_in.maximum": int(portal.MaxLife / time.Second),
		"NewPortalLink.expires_in.default": int(portal.DefaultLife / time.Second), "Redrive.max_per_second.maximum": queue.MaxMovesPerSec,
	} {
		path := strings.Split(at, ".")
		var keywords map[string]any
		if err := json.Unmarshal(doc.Components.Schemas[path[0]].Properties[path[1]], &keywords); err != nil {
			t.Errorf("%s: %v", at, err)
			continue
		}
		if got := keywords[path[2]]; got != float64(want) {
			t.Errorf("%s: got %v, want %d", at, got, want)
		}
	}
	for name, want := range map[string]int{"limit": maxLimit, "cursor": 2048} {
		raw, _ := json.Marshal(doc.Components.Parameters["query."+name].Schema) // of JSON
		if !regexp.MustCompile(`"max(imum|Length)":` + strconv.Itoa(want) + `\b`).Match(raw) {
			t.Errorf("%s: got %s, want at most %d", name, raw, want)
		}
	}
}

func TestDocumentHasTheCodes(t *testing.T) {
	var doc struct {
		Components struct {
			Schemas struct {
				Code struct{ Enum []string }
			}
		}
	}
	if err := json.Unmarshal(openAPI, &doc); err != nil {
		t.Fatal(err)
	}
	codes := doc.Components.Schemas.Code.Enum
	for kind := webhook.Internal; kind <= webhook.Unavailable; kind++ {
		if _, code := statusOf(kind); !slices.Contains(codes, code) && kind != webhook.Forbidden && kind != webhook.Conflict {
			t.Errorf("code %q of kind %d is not documented", code, kind)
		}
	}
}

// TestMatch holds the table to one route for each path and method.
func TestMatch(t *testing.T) {
	table := routes()
	for i, r := range table {
		path := strings.NewReplacer("{id}", "some%20id", "{name}", "some%20id").Replace(r.path)
		got, name, _ := match(table, r.method, path)
		if got != &table[i] {
			t.Errorf("%s %s is shadowed by another route", r.method, r.path)
		}
		if want := "some id"; strings.Contains(r.path, "{") && name != want {
			t.Errorf("%s %s: got name %q, want %q", r.method, path, name, want)
		}
	}
}
