package docs_test

import (
	"html"
	"strings"
	"testing"

	"hookline/shared/brand"
	"hookline/shared/docs"
)

// document is a small one, with room for more.
func document(more, schemas string) string {
	return `{"openapi":"3.1.0","info":{"title":"Parcels","version":"1","description":"All of **them**."},"tags":[{"name":"Own parcels"}],
		"paths":{
			"/v1/parcels/{id}":{"patch":{"operationId":"change","tags":["Own parcels"],"summary":"Change it","security":[{"tenantKey":["parcels:write"]}],
				"parameters":[{"$ref":"#/components/parameters/id"},{"name":"X-Sum","in":"header","required":true,"schema":{"type":"string"}}],
				"requestBody":{"required":true,"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Parcel"},"examples":{"small":{"value":{"note":"it's"}}}}}},
				"responses":{"200":{"description":"Done.","content":{"application/json":{"schema":{"$ref":"#/components/schemas/Parcel"}}}}}}},
			"/v1/parcels":{"get":{"operationId":"list","tags":["Own parcels"],"summary":"List <b>them</b>","security":[],"responses":{"default":{"description":"?"}}},
				"post":{"operationId":"make","tags":["Own parcels"],"summary":"Make","security":[{"adminKey":[]}],"requestBody":{"content":{"text/plain":{}}},"responses":{}}}` + more + `},
		"components":{"securitySchemes":{"tenantKey":{"type":"http","scheme":"bearer","description":"A key"},"adminKey":{"type":"http","scheme":"bearer"}},
			"parameters":{"id":{"name":"id","in":"path","required":true,"schema":{"type":"string"}}},
			"schemas":{"Parcel":{"type":"object","required":["note"],"properties":{"note":{"type":["string","null"],"maxLength":9},"inside":{"type":"array","items":{"$ref":"#/components/schemas/Parcel"}}},"additionalProperties":false},
				"Big":{"allOf":[{"$ref":"#/components/schemas/Parcel"},{"properties":{"size":{"type":"integer","minimum":1,"default":2}},"required":["size"]}]}` + schemas + `}}}`
}

func TestNew(t *testing.T) {
	s, err := docs.New(brand.Brand{})([]byte(document("", `,"Odd":{"type":"string","description":"<script>alert(1)</script>","enum":["</code>"],"pattern":"^<a>$"}`)))
	if err != nil {
		t.Fatal(err)
	}
	page := string(s.Page.Plain)
	for name, want := range map[string]string{
		"the title":             "<h1>Parcels API</h1>",
		"marked text":           "All of <strong>them</strong>.",
		"a group":               `<h2 id="tag-own-parcels">Own parcels</h2>`,
		"a scope":               `<code class="scope">parcels:write</code>`,
		"what anyone may":       "Anyone",
		"what the admin may":    "The admin’s credential",
		"a type":                `<span class="kind">string or null</span>`,
		"a rule":                "<li>at most 9 characters</li>",
		"a closed object":       "<li>no other fields</li>",
		"a required field":      `<code>note</code> <small class="must">required</small>`,
		"a field of an allOf":   `<code>size</code> <small class="must">required</small>`,
		"a default":             "<li>default <code>2</code></li>",
		"a schema in itself":    "array of Parcel",
		"a link to a schema":    `<a href="#schema-Parcel">Parcel</a>`,
		"an escaped text":       "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>",
		"an escaped value":      "<code>&#34;&lt;/code&gt;&#34;</code>",
		"an escaped summary":    "List &lt;b&gt;them&lt;/b&gt;",
		"an example":            "Example: small",
		"a command":             html.EscapeString("curl -X PATCH \"$API/v1/parcels/$ID\" \\\n  -H \"Authorization: Bearer $KEY\" \\\n  -H \"X-Sum: $X_SUM\" \\\n  -H 'Content-Type: application/json' \\\n  -d '{\n  \"note\": \"it'\\''s\"\n}'"),
		"a command of anyone's": "<code>" + html.EscapeString(`curl "$API/v1/parcels"`) + "</code>",
		"one of the admin's":    html.EscapeString("curl -X POST \"$API/v1/parcels\" \\\n  -H \"Authorization: Bearer $ADMIN\""),
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s: got %s, want %q in it", name, page, want)
		}
	}
	if strings.Index(page, `id="change"`) > strings.Index(page, `id="list"`) || strings.Index(page, "<code>note</code>") > strings.Index(page, "<code>inside</code>") {
		t.Error("calls or fields are not in the document's order")
	}
	if strings.Contains(page, "<script>") {
		t.Error("the page has a script of the document's")
	}
	for _, name := range []string{"docs.css", "docs.js"} {
		if f := s.Assets[name]; len(f.Plain) == 0 || len(f.Zipped) == 0 || !strings.HasPrefix(f.Type, "text/") {
			t.Errorf("%s: got %d bytes of type %q", name, len(f.Plain), f.Type)
		}
	}
}

// A part that no reader would be shown, or a link that leads nowhere, is refused.
func TestRefused(t *testing.T) {
	call := func(members string) string {
		return `,"/odd":{"get":{"operationId":"odd","tags":["Own parcels"],"summary":"Odd","security":[],"responses":{}` + members + `}}`
	}
	for name, tt := range map[string]struct{ more, schemas, says string }{
		"a keyword of a schema":     {"", `,"Odd":{"type":"string","contentEncoding":"base64"}`, "contentEncoding"},
		"a keyword deep in it":      {"", `,"Odd":{"properties":{"a":{"items":{"not":{}}}}}`, `"not"`},
		"a keyword of a call":       {call(`,"deprecated":true`), "", "deprecated"},
		"a keyword of a parameter":  {call(`,"parameters":[{"name":"a","in":"query","style":"form"}]`), "", "style"},
		"no such schema":            {"", `,"Odd":{"$ref":"#/components/schemas/None"}`, "no schema None"},
		"no such parameter":         {call(`,"parameters":[{"$ref":"#/components/parameters/none"}]`), "", "no parameter none"},
		"no such response":          {strings.Replace(call(""), `"responses":{}`, `"responses":{"200":{"$ref":"#/components/responses/none"}}`, 1), "", "no response none"},
		"no such header":            {strings.Replace(call(""), `"responses":{}`, `"responses":{"200":{"headers":{"X":{"$ref":"#/components/headers/none"}}}}`, 1), "", "no header none"},
		"a link to elsewhere":       {"", `,"Odd":{"$ref":"https://example.com/schema"}`, "none of schemas"},
		"a tag that is not there":   {strings.Replace(call(""), "Own parcels", "Others", 1), "", "Others"},
		"a list where an object is": {"", `,"Odd":{"properties":[]}`, "want an object"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := docs.New(brand.Brand{})([]byte(document(tt.more, tt.schemas))); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want an error that says %q", err, tt.says)
			}
		})
	}
	if _, err := docs.New(brand.Brand{})([]byte(`{`)); err == nil {
		t.Error("got no error for what is no JSON")
	}
}
