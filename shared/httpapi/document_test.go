package httpapi

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"hookline/shared/api"
	"hookline/shared/input"
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
		if want := slices.Sorted(slices.Values(r.query)); !slices.Equal(got, want) {
			t.Errorf("%s: the document has %q, the code %q", r.key(), got, want)
		}
	}
}

func TestDocumentHasTheTimes(t *testing.T) {
	quoted, _ := json.Marshal(input.TimePattern) // a text
	want := `"pattern": ` + strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(quoted))
	if n := strings.Count(string(openAPI), want); n < 5 {
		t.Errorf("the document has the pattern of times that are read %d times, want it at each of them: %s", n, want)
	}
}

func TestDocumentHasTheShapes(t *testing.T) {
	doc := readDocument(t)
	for name, shape := range map[string]any{
		"Problem": api.Problem{}, "FieldError": webhook.FieldError{}, "Tenant": api.Tenant{}, "CreatedTenant": api.CreatedTenant{},
		"Key": api.Key{}, "CreatedKey": api.CreatedKey{}, "CreatedWebhook": api.CreatedWebhook{}, "WebhookList": api.WebhookList{},
		"TestResult": api.TestResult{}, "Rotated": api.Rotated{}, "Attempt": api.Attempt{}, "Delivery": api.Delivery{},
		"DeliveryDetail": api.DeliveryDetail{}, "EventResult": api.EventResult{}, "EventResults": api.Results[api.EventResult]{},
		"EventType": api.EventType{}, "DialectSummary": api.DialectSummary{}, "DialectList": api.List[api.DialectSummary]{}, "Move": api.Move{},
		"Replay": api.Replay{}, "ReplayStarted": api.ReplayStarted{}, "DeadLetters": api.DeadLetters{}, "RedriveStarted": api.RedriveStarted{}, "Health": api.Health{},
		"TenantList": api.List[api.Tenant]{}, "KeyList": api.List[api.Key]{}, "DeliveryList": api.List[api.Delivery]{},
		"Source": api.Source{}, "CreatedSource": api.CreatedSource{}, "SourceList": api.List[api.Source]{},
		"Deployment": api.Deployment{}, "DeploymentList": api.List[api.Deployment]{}, "Received": api.Received{},
		"Stats": api.Stats{}, "WebhookStats": api.WebhookStats{}, "HourCounts": api.HourCounts{}, "DeliveryCounts": api.DeliveryCounts{},
		"ImportCheck": api.ImportCheck{}, "ImportOutcome": api.ImportOutcome{}, "ImportedWebhooks": api.Results[api.CreatedWebhook]{},
		"Event": api.Event{}, "EventDetail": api.EventDetail{}, "SkippedWebhook": api.SkippedWebhook{}, "EventList": api.List[api.Event]{},
		"EventTypeList": api.List[api.EventType]{}, "Preview": api.Preview{}, "TriedFilter": api.TriedFilter{}, "PreviewRequest": api.PreviewRequest{},
		"PortalLink": api.PortalLink{},
	} {
		got, required := shapeOf(doc, doc.Components.Schemas[name])
		want, always := fieldsOf(reflect.TypeOf(shape))
		if !slices.Equal(got, want) {
			t.Errorf("%s: the document has %q, the code %q", name, got, want)
		}
		if name != "CreatedWebhook" && !slices.Equal(required, always) { // there secret is required, in a webhook it is not
			t.Errorf("%s: the document requires %q, the code always has %q", name, required, always)
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

func TestDocumentHasTheCodes(t *testing.T) {
	var doc struct {
		Components struct {
			Schemas struct {
				Problem struct {
					Properties struct {
						Code struct{ Enum []string }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(openAPI, &doc); err != nil {
		t.Fatal(err)
	}
	codes := doc.Components.Schemas.Problem.Properties.Code.Enum
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
