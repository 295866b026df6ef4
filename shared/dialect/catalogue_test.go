package dialect_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"hookline/events"
	"hookline/shared/dialect"
	"hookline/shared/systemevent"
	"hookline/shared/webhook"
)

// TestExamplesPassTheirSchemas also checks that every entry has an example in a file and a schema, and that every file belongs to
// an entry.
func TestExamplesPassTheirSchemas(t *testing.T) {
	set, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range set.Names() {
		t.Run(name, func(t *testing.T) {
			d := builtin(t, name)
			for _, e := range d.EventTypes() {
				if e.ComingSoon {
					continue
				}
				if e.Schema == nil || e.Example == nil {
					t.Errorf("%s: no schema or no example", e.Name)
					continue
				}
				if _, err := fs.Stat(events.FS(), name+"/"+e.Name+".json"); err != nil {
					t.Error(err)
				}
				schema := compile(t, e)
				example, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.Example))
				if err != nil {
					t.Fatal(err)
				}
				if err := schema.Validate(example); err != nil {
					t.Errorf("%s: %v", e.Name, err)
				}
				if schema.Validate(map[string]any{}) == nil {
					t.Errorf("%s: the schema takes anything", e.Name)
				}
			}
			files, err := fs.Glob(events.FS(), name+"/*.json")
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				eventType := strings.TrimSuffix(path.Base(file), ".json")
				if _, ok := d.EventType(eventType); !ok {
					t.Errorf("%s belongs to no entry of the catalogue", file)
				}
			}
		})
	}
}

func compile(t *testing.T, e dialect.EventType) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("schema.json")
	if err != nil {
		t.Fatalf("%s: %v", e.Name, err)
	}
	return schema
}

func TestKnows(t *testing.T) {
	tests := []struct {
		dialect, name      string
		publish, subscribe bool
	}{
		{"axiestudio", "user.created", true, true},
		{"axiestudio", "webhook.test", true, true},
		{"axiestudio", "deployment.registered", true, true},
		{"axiestudio", "deployment.*", false, true},
		{"axiestudio", "user.*", false, true},
		{"axiestudio", "*", false, true},
		{"axiestudio", "user", false, false},
		{"axiestudio", "user.created.*", false, false},
		{"axiestudio", "invoice.paid", false, false},
		{"axiestudio", "invoice.*", false, false},
		{"axiestudio", "chat_interface", false, false},
		{"axiestudio", "chat_interface.*", false, false},
		{"axiestudio", "webhook.*", false, false}, // test events are taken by name only
		{"axiestudio", "delivery.*", false, false},
		{"axiestudio", "webhook.failing", false, true},
		{"axiestudio", "delivery.failed", false, true},
		{"axiestudio", "webhook.other", false, false},
		{"axiestudio", "user.*.created", false, false},
		{"axiestudio", "User.created", false, false},
		{"axiestudio", "", false, false},
		{"axiestudio", "**", false, false},
		{"standard", "invoice.paid", true, true},
		{"standard", "anything.at_all", true, true},
		{"standard", "anything.*", false, true},
		{"standard", "delivery.failed", false, true},
		{"standard", "webhook.test", true, true},
		{"standard", "not valid", false, false},
		{"standard", "a.b.c.d.e.f", false, false},
		{"standard", ".", false, false},
		{"standard", ".*", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.dialect+" "+tt.name, func(t *testing.T) {
			d := builtin(t, tt.dialect)
			if got := d.Knows(tt.name); got != tt.publish {
				t.Errorf("Knows = %v, want %v", got, tt.publish)
			}
			if got := d.KnowsPattern(tt.name); got != tt.subscribe {
				t.Errorf("KnowsPattern = %v, want %v", got, tt.subscribe)
			}
		})
	}
}

// TestSystemEvents checks that each system event has a description, that its example fits its schema, and that no catalogue
// has it.
func TestSystemEvents(t *testing.T) {
	d := builtin(t, "standard")
	for _, name := range webhook.SystemTypes() {
		e, ok := d.EventType(name)
		if !ok || e.Description == "" {
			t.Errorf("%s is not described", name)
			continue
		}
		example, err := jsonschema.UnmarshalJSON(bytes.NewReader(d.Example(name)))
		if err != nil {
			t.Fatal(err)
		}
		schema := compile(t, e)
		if err := schema.Validate(example); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if schema.Validate(map[string]any{}) == nil {
			t.Errorf("%s: the schema takes anything", name)
		}
		if slices.ContainsFunc(d.EventTypes(), func(e dialect.EventType) bool { return e.Name == name }) || d.Knows(name) {
			t.Errorf("%s is in the catalogue, or can be published", name)
		}
	}
	for name, data := range map[string]any{
		"webhook.created": new(systemevent.WebhookData), "webhook.failing": new(systemevent.WebhookData), "webhook.disabled": new(systemevent.WebhookData),
		"webhook.recovered": new(systemevent.WebhookData), "delivery.failed": new(systemevent.DeliveryData),
	} {
		dec := json.NewDecoder(bytes.NewReader(d.Example(name)))
		dec.DisallowUnknownFields()
		if err := dec.Decode(data); err != nil {
			t.Errorf("the example of %s is none: %v", name, err)
		}
		if again, err := json.Marshal(data); err != nil || string(again) != string(d.Example(name)) {
			t.Errorf("the example of %s is %s, which is sent as %s", name, d.Example(name), again)
		}
	}
}

func TestExample(t *testing.T) {
	d := builtin(t, "axiestudio")
	for _, eventType := range []string{webhook.TestType, "chat_interface", "no.such"} {
		if got := string(d.Example(eventType)); got != webhook.TestData {
			t.Errorf("Example(%q) = %s, want the test's", eventType, got)
		}
	}
	got := d.Example("user.deleted")
	want := `{"userId":"user_xyz789","email":"john@company.com","deletedBy":"sarah@company.com"}`
	if string(got) != want {
		t.Errorf("Example = %s, want %s", got, want)
	}
	clear(got)
	if string(d.Example("user.deleted")) != want {
		t.Error("a caller can change the dialect's example")
	}
}
