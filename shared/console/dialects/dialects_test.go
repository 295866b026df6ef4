package dialects_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
	"testing"

	"hookline/shared/api"
	"hookline/shared/console/consoletest"
	"hookline/shared/egress"
	"hookline/shared/webhook"
)

// parcel is a description of a deployment's own, with a line for each part.
const parcel = `{
  "product": "Parcelbird",
  "envelope": {"topic": "{type}", "parcel": "{data}"},
  "body": "plain",
  "headers": {"X-Parcel-Signature": "{signature}"},
  "signature": {"signed": "{body}", "encoding": "hex"},
  "secret": {"key": "utf8", "min": 8, "made_bytes": 32},
  "rotation_overlap_seconds": 0,
  "ladder": ["1m", "1h"],
  "success": "2xx",
  "timeout_seconds": 10,
  "url": {"schemes": ["https"]},
  "content_types": ["application/json", "application/x-www-form-urlencoded"],
  "catalogue": {
    "events": [
      {"name": "parcel.sent", "description": "Sent", "wire_name": "parcel/sent",
       "schema": {"type": "object", "required": ["id"]}, "example": {"id": 7}},
      {"name": "parcel.lost", "description": "Lost", "coming_soon": true}
    ]
  }
}`

const (
	home  = "/console/admin/dialects"
	fresh = "/console/admin/new-dialect"
)

// written returns the form of the editor with a description.
func written(do, description string, more ...string) url.Values {
	return consoletest.Form(append([]string{"do", do, "description", description}, more...)...)
}

func TestList(t *testing.T) {
	w := consoletest.New(t)
	b := w.Operator()
	w.Call(201, consoletest.AdminKey, "PUT", "/v1/dialects/parcelbird", parcel, nil)
	for i := range 5 {
		w.Tenant(fmt.Sprintf("t-%d", i), "parcelbird")
	}
	p := b.Get(home).Is(200).Has("Axoria", "Built in", "Parcelbird", "This deployment", "t-0, t-1, t-2 and 2 more", `href="`+fresh+`?from=axoria"`)
	if n := strings.Count(p.Body, "Built in"); n != 5 {
		t.Errorf("%d are built in, want 5", n)
	}
	b.Get(home + "?cursor=x").Is(422)
}

// TestNew makes a dialect of a copy of a built-in one.
func TestNew(t *testing.T) {
	w := consoletest.New(t)
	b := w.Operator()
	b.Get(fresh + "?from=absent").Is(404)
	p := b.Get(fresh+"?from=agiletune").Is(200).Has("AgileTune", "X-AgileTune-Signature", "verify.mjs", "Take its description")
	form := p.Filled()
	description := form.Get("description")
	if strings.Contains(description, `"version"`) || !strings.Contains(description, "\n  \"product\": ") {
		t.Errorf("got %s", description)
	}
	for name, problem := range map[string]string{
		"": "Give it a name", "Agile": "It must be a–z", "standard": "There is a dialect with this name", "..": "It must be a–z", "a@1": "It must be a–z",
	} {
		b.Post(fresh, written("save", description, "name", name)).Is(422).Has(problem, "X-AgileTune-Signature")
	}
	b.Post(fresh, written("check", description)).Is(200).Has("X-AgileTune-Signature").Lacks("Give it a name")
	b.Post(fresh, written("save", description, "name", "ours"), "Sec-Fetch-Site", "cross-site").Is(403)
	b.Post(fresh, written("save", description, "name", "ours")).Leads(home + "/ours?saved=1")
	b.Get(home+"/ours?saved=1").Has("Version 1 is saved", "Save as version 2")
	b.Post(fresh, written("save", description, "name", "ours")).Is(422).Has("There is a dialect with this name")

	var got, want json.RawMessage
	w.Call(200, consoletest.AdminKey, "GET", "/v1/dialects/ours", "", &got)
	w.Call(200, consoletest.AdminKey, "GET", "/v1/dialects/agiletune", "", &want)
	if strings.Replace(string(got), `"ours"`, `"agiletune"`, 1) != string(want) {
		t.Errorf("got %s, want a copy of %s", got, want)
	}
}

// TestEdit goes through the versions of a dialect.
func TestEdit(t *testing.T) {
	w := consoletest.New(t)
	b := w.Operator()
	b.Get(home + "/parcelbird").Is(404)
	b.Get(home + "/standard@1").Is(404)
	w.Call(201, consoletest.AdminKey, "PUT", "/v1/dialects/parcelbird", parcel, nil)
	at := home + "/parcelbird"
	b.Get(at).Is(200).Has("version 1", "3 of 3", "parcel/sent", html.EscapeString(`{"topic":"parcel/sent","parcel":{"id":7}}`), "payload=%7B%22topic", "X-Parcel-Signature: ",
		"is only announced", "No tenant has it", "openssl").Lacks("webhook.test as")

	renamed := strings.Replace(parcel, "X-Parcel-Signature", "X-Parcel-Sig", 1)
	rows := w.Rows()
	b.Post(at, written("check", renamed, "version", "1")).Is(200).Has("X-Parcel-Sig: ", "Save as version 2")
	b.HTMX = true
	b.Post(at, written("", renamed, "version", "1")).Is(200).Has("X-Parcel-Sig: ", `id="faults"`).Lacks("<textarea", "<html")
	b.HTMX = false
	if w.Rows() != rows {
		t.Error("a description that is only tried is stored")
	}
	b.Post(at, written("save", renamed, "version", "1")).Leads(at + "?saved=2")
	b.Post(at, written("save", renamed, "version", "2")).Leads(at + "?saved=2") // it has that already
	b.Post(at, written("save", parcel, "version", "1")).Is(422).Has("Version 2 was saved meanwhile", `name="version" value="2"`)
	b.Get(at).Has("X-Parcel-Sig: ", "?version=1", "headers", "/console/admin/audit-log?target=parcelbird")
	b.Get(at+"?version=1").Is(200).Has("X-Parcel-Signature: ", "The newest is", "makes it version 3")
	b.Get(at + "?version=9").Is(404)

	var log api.List[api.AuditEntry]
	w.Call(200, consoletest.AdminKey, "GET", "/v1/admin/audit-logs?action=dialect.put&limit=1", "", &log)
	if e := log.Data[0]; e.Actor.Type != "admin" || e.Target.ID != "parcelbird" || fmt.Sprint(e.Changed) != "[headers]" {
		t.Errorf("got %+v, want the change of the headers by an admin", e)
	}

	for i := range 12 {
		next := strings.Replace(parcel, `"timeout_seconds": 10`, fmt.Sprintf(`"timeout_seconds": %d`, 11+i), 1)
		b.Post(at, written("save", next, "version", fmt.Sprint(2+i))).Is(303)
	}
	b.Get(at).Has("?version=5", "?before=5").Lacks("?version=4")
	b.Get(at+"?before=5").Has("?version=4", "?version=1", "the first").Lacks("?version=5", "Older versions")
}

// TestFaults shows that what is wrong is said at its line, whoever finds it.
func TestFaults(t *testing.T) {
	w := consoletest.New(t)
	b := w.Operator()
	w.Call(201, consoletest.AdminKey, "PUT", "/v1/dialects/parcelbird", parcel, nil)
	change := func(old, with string) string { return strings.Replace(parcel, old, with, 1) }
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"not JSON":     {change(`"body": "plain",`, `"body": "plain"`), []string{"Line 5", html.EscapeString(`"headers": {`), "not JSON"}},
		"cut off":      {parcel[:strings.Index(parcel, "signed")], []string{"Line 6", "unexpected end"}},
		"empty":        {"", []string{"Line 1", "unexpected end"}},
		"no object":    {"[1]", []string{"Line 1", "must be an object"}},
		"a value":      {change(`"hex"`, `"hexx"`), []string{"Line 6", "signature.encoding", "must be &#34;hex&#34;"}},
		"missing":      {change(`, "encoding": "hex"`, ``), []string{"Line 6", "signature.encoding", "is required"}},
		"unknown":      {change(`"url"`, `"urls": 1, "url"`), []string{"Line 12", "is not a field"}},
		"twice":        {change(`"success"`, `"product": "Again", "success"`), []string{"Line 10", "is there twice"}},
		"two":          {change(`"plain"`, `"fancy"`), []string{"1 fault", "Line 4"}},
		"of an event":  {change(`"parcel.lost"`, `"parcel lost"`), []string{"Line 18", "catalogue.events.1.name"}},
		"its schema":   {change(`"type": "object"`, `"type": "thing"`), []string{"Line 17", "must be a JSON Schema"}},
		"its example":  {change(`{"id": 7}`, `{"no": 7}`), []string{"Line 17", "does not pass the schema", "2 of 3", "Fails"}},
		"its form":     {change(`"schema": {"type": "object", "required": ["id"]}, "example": {"id": 7}`, `"example": 7`), []string{"must be a JSON object", "Fails"}},
		"the secret":   {change(`"utf8"`, `"base64"`), []string{"Line 7", "must keep its key"}},
		"too deep":     {change(`{"id": 7}`, strings.Repeat(`[`, 6000)+strings.Repeat(`]`, 6000)), []string{"nest"}},
		"the name":     {change(`"product"`, `"name": "other", "product"`), []string{"Line 2", "must be left out or parcelbird"}},
		"too large":    {change(`"Sent"`, `"`+strings.Repeat("x", 300<<10)+`"`), []string{"over 256 KiB"}},
		"many":         {change(`"events": [`, `"events": [`+strings.Repeat("{},", 30)), []string{"and ", "Line 15"}},
		"not verified": {change(`"{body}"`, `"{unix}.{body}"`), []string{"Nobody can verify"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, do := range []string{"check", "save"} {
				status := 422
				if name == "not verified" || name == "its form" {
					status = 200
					if do == "save" { // it can be done, as with PUT
						continue
					}
				}
				b.Post(home+"/parcelbird", written(do, tt.text, "version", "1")).Is(status).Has(tt.want...)
			}
		})
	}
	b.Get(home + "/parcelbird").Has("version 1")
}

// TestSend sends examples of a description that is not saved.
func TestSend(t *testing.T) {
	w := consoletest.New(t)
	b := w.Operator()
	rows := w.Rows()
	send := func(url, eventType, description string) consoletest.Page {
		t.Helper()
		return b.Post(fresh, written("send", description, "url", url, "type", eventType))
	}
	send("https://example.com/hook", "parcel.sent", parcel).Is(200).Has("200 OK", "fine", "was made for it")
	sent := w.Posted[len(w.Posted)-1]
	if string(sent.Body) != `{"topic":"parcel/sent","parcel":{"id":7}}` || !slices.ContainsFunc(sent.Headers, func(h egress.Header) bool { return h.Name == "X-Parcel-Signature" }) {
		t.Errorf("got %s with %v", sent.Body, sent.Headers)
	}
	w.Answer = egress.Response{Status: 503, Body: "<b>busy</b>"}
	send("https://example.com/hook", "parcel.sent", parcel).Has("503 Service Unavailable", "&lt;b&gt;busy")
	w.Answer = egress.Response{Err: webhook.ReasonDNS}
	send("https://example.com/hook", "parcel.sent", parcel).Has("no answer")
	n := len(w.Posted)
	send("http://example.com/hook", "parcel.sent", parcel).Has("The URL must use https")
	send("https://127.0.0.1/hook", "parcel.sent", parcel).Has("The URL must")
	send("", "parcel.sent", parcel).Has("The URL must be")
	send("https://example.com/hook", "parcel.lost", parcel).Has("example cannot be sent")
	send("https://example.com/hook", "parcel.sent", parcel[1:]).Is(422).Has("Nothing was sent")
	send("https://example.com/hook", "parcel.sent", strings.Replace(parcel, "plain", "x", 1)).Is(422).Has("Nothing was sent")
	if len(w.Posted) != n || w.Rows() != rows {
		t.Error("a trial that is refused was sent, or something was stored")
	}
}

func TestDelete(t *testing.T) {
	w := consoletest.New(t)
	b := w.Operator()
	w.Call(201, consoletest.AdminKey, "PUT", "/v1/dialects/parcelbird", parcel, nil)
	w.Tenant("acme", "parcelbird")
	at := home + "/parcelbird"
	b.Get(at+"/delete").Is(200).Has("These have it", "acme").Lacks(`method="post" action="` + at)
	b.Post(at+"/delete", nil).Is(409).Has("1 tenant has this dialect")
	b.Get(at).Is(200).Has("acme")
	w.Call(204, consoletest.AdminKey, "DELETE", "/v1/tenants/acme", "", nil)
	b.Post(at+"/delete", nil, "Sec-Fetch-Site", "cross-site").Is(403)
	b.Get(at + "/delete").Has(`method="post" action="` + at + `/delete"`)
	b.Post(at+"/delete", nil).Leads(home)
	b.Get(at).Is(404)
	b.Post(at, written("save", parcel, "version", "1")).Is(404)
	b.Get(at + "/delete").Is(404)
	b.Post(fresh, written("save", parcel, "name", "parcelbird")).Leads(at + "?saved=2")

	b.Get(home+"/standard").Is(200).Has("is built in", "webhook-signature").Lacks("<textarea", "/standard/delete")
	b.Post(home+"/standard/delete", nil).Is(409).Has("comes with the system")
	b.Post(home+"/standard", written("save", parcel, "version", "1")).Is(422)
}

// TestManyEvents shows a catalogue of more than fits on a page.
func TestManyEvents(t *testing.T) {
	w := consoletest.New(t)
	b := w.Operator()
	var events strings.Builder
	for i := range 200 {
		fmt.Fprintf(&events, `{"name":"e.n%d","description":"d","example":{"a":%q}},`, i, strings.Repeat("é", 500))
	}
	w.Call(201, consoletest.AdminKey, "PUT", "/v1/dialects/big", strings.Replace(parcel, `"events": [`, `"events": [`+events.String(), 1), nil)
	p := b.Get(home+"/big").Is(200).Has("203 of 203", "is left out because this page is long")
	if len(p.Body) > 1<<20 {
		t.Errorf("the page has %d bytes", len(p.Body))
	}
}
