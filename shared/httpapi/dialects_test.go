package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"hookline/shared/webhook"
)

func TestOwnDialects(t *testing.T) {
	w := newWorld(t)
	first := w.dialect("house").is(201)
	if got := first.num("version"); got != 1 {
		t.Errorf("got version %d", got)
	}
	shown := w.do("GET", "/v1/dialects/house", adminKey, "").is(200)
	if shown.body != first.body || !strings.Contains(shown.body, `"example":{"id":"usr_`) {
		t.Errorf("put  %s\ngot  %s", first.body, shown.body)
	}
	// The shown description can be put back: it changes nothing, nor does a version that somebody gives.
	if again := w.do("PUT", "/v1/dialects/house", adminKey, shown.body).is(200); again.body != first.body {
		t.Errorf("the same again makes %s", again.body)
	}
	spaced := strings.Replace(shown.body, `"version":1`, ` "version" : "any"`, 1)
	if again := w.do("PUT", "/v1/dialects/house", adminKey, spaced).is(200); again.body != first.body {
		t.Errorf("the same again makes %s", again.body)
	}
	edited := strings.Replace(shown.body, `"timeout_seconds":15`, `"timeout_seconds":7`, 1)
	if got := w.do("PUT", "/v1/dialects/house", adminKey, edited).is(200).num("version"); got != 2 {
		t.Errorf("got version %d, want 2", got)
	}

	key := w.tenant("home", "house")
	hook := w.do("POST", "/v1/webhooks", key, `{"url":"https://example.com/hook","events":["invoice.paid"]}`).is(201)
	if got := hook.num("timeout_seconds"); got != 7 {
		t.Errorf("a webhook's timeout is %d, want the newest version's 7", got)
	}
	renamed := strings.Replace(edited, `"name":"invoice.paid"`, `"name":"bill.paid"`, 1)
	renamed = strings.Replace(renamed, `"open":true`, `"open":false`, 1)
	w.do("PUT", "/v1/dialects/house", adminKey, renamed).is(200)
	w.do("POST", "/v1/events", key, `{"type":"invoice.paid","data":{}}`).faults("type")
	w.do("POST", "/v1/events", key, `{"type":"bill.paid","data":{}}`).is(202)
	// The webhook stays as it is, and can be changed in all but events it could not have today.
	w.do("PATCH", "/v1/webhooks/"+hook.str("id"), key, `{"name":"N"}`).is(200)
	if got := w.do("GET", "/v1/webhooks/"+hook.str("id"), key, "").is(200); !strings.Contains(got.body, `"events":["invoice.paid"]`) {
		t.Errorf("got %s", got.body)
	}
	for version, seconds := range map[string]int{"house@1": 15, "house@2": 7} {
		if got := w.do("GET", "/v1/dialects/"+version, adminKey, "").is(200).num("timeout_seconds"); got != seconds {
			t.Errorf("%s: got %d seconds, want %d", version, got, seconds)
		}
	}

	list := w.do("GET", "/v1/dialects", adminKey, "").is(200)
	if got := list.ids(); !slices.Contains(got, "house") || !slices.Contains(got, "standard") || !slices.IsSorted(got) {
		t.Errorf("got %q", got)
	}
	for _, want := range []string{
		`{"name":"house","version":3,"product":"Standard Webhooks","built_in":false}`,
		`{"name":"standard","version":1,"product":"Standard Webhooks","built_in":true}`,
	} {
		if !strings.Contains(list.body, want) {
			t.Errorf("no %s in %s", want, list.body)
		}
	}

	if got := w.do("DELETE", "/v1/dialects/house", adminKey, "").problem(409, "dialect-in-use"); !strings.Contains(got.body, "1 tenant has") {
		t.Errorf("got %s", got.body)
	}
	w.do("DELETE", "/v1/tenants/home", adminKey, "").is(204)
	w.do("DELETE", "/v1/dialects/house", adminKey, "").is(204)
	w.do("DELETE", "/v1/dialects/house", adminKey, "").problem(404, "not-found")
	w.do("GET", "/v1/dialects/house", adminKey, "").problem(404, "not-found")
	w.do("POST", "/v1/dialects/house/preview", adminKey, `{"type":"bill.paid"}`).problem(404, "not-found")
	w.do("GET", "/v1/dialects/house@3", adminKey, "").is(200)
	if got := w.do("GET", "/v1/dialects", adminKey, "").ids(); slices.Contains(got, "house") {
		t.Errorf("a deleted dialect is listed: %q", got)
	}
	w.do("POST", "/v1/tenants", adminKey, `{"id":"late","name":"Late","dialect":"house"}`).faults("dialect")
	if got := w.do("PUT", "/v1/dialects/house", adminKey, renamed).is(201).num("version"); got != 4 {
		t.Errorf("put again: got version %d, want 4", got)
	}
}

// TestBuiltInUnderAnotherName puts what is shown of every built-in dialect under a name of the deployment's own: all its
// events can be sent, and look the same.
func TestBuiltInUnderAnotherName(t *testing.T) {
	w := newWorld(t)
	for _, name := range w.do("GET", "/v1/dialects", adminKey, "").ids() {
		shown := w.do("GET", "/v1/dialects/"+name, adminKey, "").is(200).body
		w.do("PUT", "/v1/dialects/my-"+name, adminKey, strings.Replace(shown, `"name":"`+name+`",`, "", 1)).is(201)
		var d struct {
			Catalogue struct {
				Events []struct {
					Name       string
					ComingSoon bool `json:"coming_soon"`
				}
			}
		}
		if err := json.Unmarshal([]byte(shown), &d); err != nil || len(d.Catalogue.Events) < 5 {
			t.Fatalf("%s: %d events, %v", name, len(d.Catalogue.Events), err)
		}
		for _, e := range d.Catalogue.Events {
			if e.ComingSoon {
				continue
			}
			var bodies []string
			for _, one := range []string{name, "my-" + name} {
				r := w.do("POST", "/v1/dialects/"+one+"/preview", adminKey, `{"type":"`+e.Name+`"}`).is(200)
				bodies = append(bodies, strings.NewReplacer(r.str("event_id"), "", r.str("timestamp"), "").Replace(r.str("body")))
			}
			if bodies[0] != bodies[1] {
				t.Errorf("%s of %s: got %s, want %s", e.Name, name, bodies[1], bodies[0])
			}
		}
	}
}

func TestDialectsRefuse(t *testing.T) {
	w := newWorld(t)
	w.dialect("standard").problem(409, "dialect-built-in")
	w.do("DELETE", "/v1/dialects/standard", adminKey, "").problem(409, "dialect-built-in")
	w.do("PUT", "/v1/dialects/house", adminKey, w.do("GET", "/v1/dialects/axoria", adminKey, "").body).faults("name")
	w.do("PUT", "/v1/dialects/House", adminKey, `{}`).problem(422, "invalid")
	aFile := filepath.Join(t.TempDir(), "schema.json")
	if err := os.WriteFile(aFile, []byte(`{"type":"object"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var doubling string // each refers to the next one twice
	for i := range 40 {
		doubling += fmt.Sprintf(`"a%d":{"allOf":[{"$ref":"#/$defs/a%d"},{"$ref":"#/$defs/a%d"}]},`, i, i+1, i+1)
	}
	for name, tt := range map[string]struct {
		old, new string
		want     []string
	}{
		"envelope":               {`"data":"{data}"`, `"data":"{date}"`, []string{"envelope"}},
		"ladder":                 {`"ladder":["5s","5m","30m"`, `"ladder":["5s","5m","soon"`, []string{"ladder.2"}},
		"schema":                 {`"schema":{"type":"object"`, `"schema":{"type":"thing"`, []string{"catalogue.events.0.schema", "catalogue.events.1.schema", "catalogue.events.2.schema", "catalogue.events.3.schema", "catalogue.events.4.schema"}},
		"a file's schema":        {`"schema":{"type":"object","required":["id","deleted_at"]`, `"schema":{"$ref":"file://` + aFile + `","required":["id","deleted_at"]`, []string{"catalogue.events.2.schema"}},
		"example":                {`"required":["id","deleted_at"]`, `"required":["id","deleted_by"]`, []string{"catalogue.events.2.example"}},
		"references that double": {`"schema":{"type":"object","required":["id","deleted_at"]`, `"schema":{"$defs":{` + doubling + `"a40":{}},"$ref":"#/$defs/a0","required":["id","deleted_at"]`, []string{"catalogue.events.2.schema"}},
		"a number":               {`"required":["id","deleted_at"]`, `"multipleOf":1e999999,"required":["id","deleted_at"]`, []string{"catalogue.events.2.schema"}},
		"placeholders":           {`"data":"{data}"`, `"data":"{data}","more":"` + strings.Repeat("{type}{tenant}", 1000) + `"`, []string{"envelope"}},
		"two at once":            {`"timeout_seconds":15`, `"timeout_seconds":99,"colour":"red"`, []string{"timeout_seconds", "colour"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.t = t
			w.dialect("house", tt.old, tt.new).faults(tt.want...)
		})
	}
	w.dialect("house", `"product":"Standard`, `"product":"`+strings.Repeat("x", 256<<10)).problem(413, "too-large")
	if r := w.do("PUT", "/v1/dialects/house", adminKey, `{"nonsense":`+strings.Repeat("[", 3000)+strings.Repeat("]", 3000)+`}`); r.status != 422 {
		t.Errorf("got %d %s for a deep description", r.status, r.body)
	}
	w.do("GET", "/v1/dialects/house", adminKey, "").problem(404, "not-found")

	// Webhooks have secrets in a form: it stays.
	w.dialect("house").is(201)
	w.dialect("house", `"key":"base64"`, `"key":"utf8"`, `"max":64`, `"max":80`).faults("secret")
	w.dialect("house", `"prefix":"whsec_"`, `"prefix":"sec_"`).faults("secret")
	w.dialect("house", `"min":24`, `"min":32`).is(200)
}

// TestDialectRaces puts from many sides at once: every version is one of theirs, and none is lost.
func TestDialectRaces(t *testing.T) {
	w := newWorld(t)
	w.dialect("house").is(201)
	base := w.do("GET", "/v1/dialects/house", adminKey, "").body
	var once bool
	w.faults.Before = func(call string) error {
		if call == "PutDialect" && !once {
			once = true
			w.do("PUT", "/v1/dialects/house", adminKey, strings.Replace(base, `"timeout_seconds":15`, `"timeout_seconds":8`, 1)).is(200)
		}
		return nil
	}
	got := w.do("PUT", "/v1/dialects/house", adminKey, strings.Replace(base, `"timeout_seconds":15`, `"timeout_seconds":9`, 1)).is(200)
	if got.num("version") != 3 || got.num("timeout_seconds") != 9 {
		t.Errorf("got %s", got.body)
	}
}

// TestDeletedDialectServes has a tenant made while its dialect is deleted.
func TestDeletedDialectServes(t *testing.T) {
	w := newWorld(t)
	w.dialect("house").is(201)
	var key string
	w.faults.Before = func(call string) error {
		if call == "DeleteDialect" && key == "" {
			key = w.tenant("late", "house")
		}
		return nil
	}
	w.do("DELETE", "/v1/dialects/house", adminKey, "").is(204)
	if key == "" {
		t.Fatal("no tenant was made meanwhile")
	}
	w.webhook(key)
	w.do("POST", "/v1/events", key, `{"type":"invoice.paid","data":{}}`).is(202)
	w.do("GET", "/v1/event-types", key, "").is(200)
}

// The preview has the time of an event as the dialect asks for it, which is how it is sent.
func TestPreviewOfMilliseconds(t *testing.T) {
	w := newWorld(t)
	w.dialect("house", `"timestamp":"{timestamp}"`, `"timestamp":"{timestamp_ms}","unix":"{timestamp_unix_ms}"`).is(201)
	r := w.do("POST", "/v1/dialects/house/preview", adminKey, `{"type":"invoice.paid","data":{}}`).is(200)
	var body struct {
		Timestamp string
		Unix      int64
	}
	if err := json.Unmarshal([]byte(r.str("body")), &body); err != nil {
		t.Fatal(err)
	}
	if got := time.UnixMilli(body.Unix).UTC(); body.Timestamp != got.Format(webhook.TimeFormat) || r.str("timestamp") != got.Format(webhook.BodyTimeFormat) {
		t.Errorf("got %s in %s at %s, want one time", r.str("body"), r.body, r.str("timestamp"))
	}
	w.dialect("other", `"timestamp":"{timestamp}"`, `"timestamp":"{timestamp_us}"`).faults("envelope")
}

func TestPreview(t *testing.T) {
	w := newWorld(t)
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	r := w.do("POST", "/v1/dialects/standard/preview", adminKey, `{"type":"invoice.paid","data":{ "n": 1.50 },"secret":"`+secret+`"}`).is(200)
	if want := fmt.Sprintf(`{"type":"invoice.paid","timestamp":"%s","data":{"n":1.50}}`, r.str("timestamp")); r.str("body") != want {
		t.Errorf("got body %s, want %s", r.str("body"), want)
	}
	header := make(map[string][]string)
	for name, value := range r.field("headers").(map[string]any) {
		header[http.CanonicalHeaderKey(name)] = []string{value.(string)}
	}
	wh, err := standardwebhooks.NewWebhook(r.str("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if err := wh.Verify([]byte(r.str("body")), header); err != nil || r.str("secret") != secret {
		t.Errorf("the preview does not verify: %v in %s", err, r.body)
	}
	if i, j := strings.Index(r.body, `"Content-Type"`), strings.Index(r.body, `"webhook-signature"`); i < 0 || j < i {
		t.Errorf("headers out of order in %s", r.body)
	}

	// Without data the example; a secret is made; every content type.
	r = w.do("POST", "/v1/dialects/agiletune/preview", adminKey, `{"type":"task.updated"}`).is(200)
	var got struct {
		Requests []struct {
			ContentType string `json:"content_type"`
			Body        string
			Headers     map[string]string
		}
	}
	r.into(&got)
	if len(got.Requests) != 2 || got.Requests[0].Body != r.str("body") || !strings.HasPrefix(got.Requests[1].Body, "payload=%7B") {
		t.Errorf("got %s", r.body)
	}
	if a, b := got.Requests[0].Headers["X-AgileTune-Signature"], got.Requests[1].Headers["X-AgileTune-Signature"]; len(a) != 64 || len(b) != 64 || a == b {
		t.Errorf("got signatures %q and %q", a, b)
	}
	var body struct{ Data json.RawMessage }
	if err := json.Unmarshal([]byte(r.str("body")), &body); err != nil || !strings.Contains(string(body.Data), "tsk_abc123") {
		t.Errorf("got body %s, %v", r.str("body"), err)
	}

	refused := func(target, body string) reply { return w.do("POST", target, adminKey, body) }
	refused("/v1/dialects/standard/preview", `{}`).faults("type")
	refused("/v1/dialects/standard/preview", `{"type":"a..b","data":[]}`).faults("type", "data")
	refused("/v1/dialects/axoria/preview", `{"type":"invoice.paid"}`).faults("type")
	refused("/v1/dialects/axiestudio/preview", `{"type":"api_key"}`).faults("type")
	refused("/v1/dialects/standard/preview", `{"type":"webhook.failing"}`).faults("type")
	refused("/v1/dialects/standard/preview", `{"type":"invoice.paid","secret":"?"}`).faults("secret")
	refused("/v1/dialects/standard/preview", `{"type":"invoice.paid","data":{"x":"`+strings.Repeat("x", 256<<10)+`"}}`).problem(413, "too-large")
}

func TestPreviewFormats(t *testing.T) {
	w := newWorld(t)
	shapes := map[string]string{"json": `{"type":"invoice.paid"`, "slack": `"blocks":[`, "teams": `AdaptiveCard`, "discord": `"embeds":[`}
	for format, shape := range shapes {
		admins := w.do("POST", "/v1/dialects/standard/preview", adminKey, `{"type":"invoice.paid","format":"`+format+`"}`).is(200)
		theirs := w.do("GET", "/v1/event-types/invoice.paid/preview?format="+format, w.key, "").is(200)
		for _, r := range []reply{admins, theirs} {
			if signed := strings.Contains(r.body, "webhook-signature"); signed != (format == "json") || !strings.Contains(r.str("body"), shape) || r.str("format") != format {
				t.Errorf("%s: got signed %t, want %t, and %s in %s", format, signed, format == "json", shape, r.body)
			}
		}
	}
	if r := w.do("GET", "/v1/event-types/invoice.paid/preview", w.key, "").is(200); r.str("format") != "json" || r.str("tenant") != "acme" {
		t.Errorf("got %s, want JSON for acme", r.body)
	}
	// The chats take JSON alone, whatever the dialect offers.
	if r := w.do("POST", "/v1/dialects/agiletune/preview", adminKey, `{"type":"task.updated","format":"teams"}`).is(200); strings.Contains(r.body, "form-urlencoded") {
		t.Errorf("got a form: %s", r.body)
	}
	w.do("GET", "/v1/event-types/invoice.paid/preview?format=fax", w.key, "").faults("format")
	w.do("POST", "/v1/dialects/standard/preview", adminKey, `{"type":"invoice.paid","format":"fax"}`).faults("format")
	for _, unlisted := range []string{"no.such.type", "webhook.failing", "*", "a b"} {
		w.do("GET", "/v1/event-types/"+url.PathEscape(unlisted)+"/preview", w.key, "").problem(404, "not-found")
	}
}

func TestTryFilter(t *testing.T) {
	w := newWorld(t)
	try := func(body string) reply { return w.do("POST", "/v1/webhooks/try-filter", w.key, body) }
	tests := map[string]struct {
		body string
		want bool
	}{
		"data that matches":    {`{"filter":{"total":[{"numeric":[">",100]}]},"data":{"total":250}}`, true},
		"data that does not":   {`{"filter":{"total":[{"numeric":[">",100]}]},"data":{"total":50}}`, false},
		"the example":          {`{"filter":{"message":[{"prefix":"This is"}]},"type":"webhook.test"}`, true},
		"a system event's":     {`{"filter":{"status":["failing"]},"type":"webhook.failing"}`, true},
		"data before the type": {`{"filter":{"message":["hello"]},"type":"webhook.test","data":{"message":"hello"}}`, true},
		"null is no data":      {`{"filter":{"message":["hello"]},"type":"webhook.test","data":null}`, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := try(tt.body).is(200).field("matches"); got != tt.want {
				t.Errorf("got matches %v, want %t", got, tt.want)
			}
		})
	}
	try(`{}`).faults("data", "filter")
	try(`{"filter":null,"type":"nope nope"}`).faults("filter", "type")
	try(`{"filter":{"total":5},"data":[]}`).faults("data", "filter.total")
	try(`{"filter":{"total":[{"numeric":["~",5]}]},"data":{}}`).faults("filter.total.0.numeric")
	try(`{"filter":{"a":[` + numbered(`{"wildcard":"x%d*"}`, 41) + `]},"data":{}}`).faults("filter")
	w.api.MatchWork = 1000
	w.handler = w.api.Handler()
	r := try(`{"filter":{"a":[1]},"data":{"a":[`+strings.Repeat(`0,`, 1000)+`0]}}`).problem(422, "filter-budget")
	if !strings.Contains(r.body, `"field":"data"`) {
		t.Errorf("the data is not named in %s", r.body)
	}
}

func TestSystemEventsAreTestedNotPublished(t *testing.T) {
	w := newWorld(t)
	id := w.webhook(w.key)
	w.do("POST", "/v1/webhooks/"+id+"/test", w.key, `{"event_type":"webhook.failing"}`).is(200)
	w.do("POST", "/v1/webhooks/"+id+"/test", w.key, `{"event_type":"webhook.other.type.of.many.parts"}`).faults("event_type")
	w.do("POST", "/v1/webhooks/"+w.webhook(w.other)+"/test", w.other, `{"event_type":"webhook.other"}`).faults("event_type")
	if got := w.do("GET", "/v1/event-types?limit=100", w.key, ""); strings.Contains(got.body, `"webhook.failing"`) {
		t.Errorf("a system event is in the catalogue: %s", got.body)
	}
}
