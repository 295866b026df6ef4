package dialect_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/signature"
	"hookline/shared/webhook"
)

// minimal is a description without optional fields.
const minimal = `{
	"name": "acme", "version": 1, "product": "Acme",
	"envelope": {"n": 1.0, "e": "{type}", "d": "{data}"}, "body": "plain",
	"headers": {"X-Acme-Signature": "{signature}"},
	"signature": {"signed": "{body}", "encoding": "hex"},
	"secret": {"key": "utf8", "min": 8, "made_bytes": 32},
	"rotation_overlap_seconds": 0, "ladder": ["5s"], "success": "2xx", "timeout_seconds": 15,
	"url": {"schemes": ["https"]}, "content_types": ["application/json"],
	"catalogue": {"events": [{"name": "a.b", "description": "A thing"}]}
}`

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name     string
		old, new string // in minimal
		want     []string
	}{
		{"unknown field", `"body"`, `"colour": 1, "body"`, []string{"colour"}},
		{"unknown field in signature", `"encoding"`, `"algorithm": "md5", "encoding"`, []string{"signature.algorithm"}},
		{"unknown field in secret", `"min"`, `"minimum": 1, "min"`, []string{"secret.minimum"}},
		{"unknown field in url", `"schemes"`, `"ports": [], "schemes"`, []string{"url.ports"}},
		{"unknown field in an entry", `"description"`, `"desc": "", "description"`, []string{"catalogue.events.0.desc"}},
		{"unknown field in the catalogue", `"events"`, `"closed": true, "events"`, []string{"catalogue.closed"}},
		{"unknown word", `"body"`, `"words": {"titel": "Webhooks"}, "body"`, []string{"words.titel"}},
		{"other case", `"body"`, `"Name": "x", "body"`, []string{"Name"}},
		{"twice", `"body"`, `"name": "x", "body"`, []string{"name"}},
		{"null", `"name": "acme"`, `"name": null`, []string{"name"}},
		{"wrong type", `"name": "acme"`, `"name": 1`, []string{"name"}},
		{"name", `"acme"`, `"Acme Inc"`, []string{"name"}},
		{"name with a version", `"acme"`, `"acme@1"`, []string{"name"}},
		{"version", `"version": 1`, `"version": 0`, []string{"version"}},
		{"fractional version", `"version": 1`, `"version": 1.5`, []string{"version"}},
		{"product", `"Acme"`, `""`, []string{"product"}},
		{"words", `"body"`, `"words": [], "body"`, []string{"words"}},
		{"empty word", `"body"`, `"words": {"title": ""}, "body"`, []string{"words.title"}},
		{"body", `"plain"`, `"canonical"`, []string{"body"}},
		{"envelope without data", `"{data}"`, `"data"`, []string{"envelope"}},
		{"envelope with data inside text", `"{data}"`, `"x {data}"`, []string{"envelope"}},
		{"envelope with the data twice", `"{data}"`, `["{data}", "{data}"]`, []string{"envelope"}},
		{"envelope too large", `"{type}"`, `"` + strings.Repeat("x", 17<<10) + `"`, []string{"envelope"}},
		{"envelope with an unknown placeholder", `"{type}"`, `"{kind}"`, []string{"envelope"}},
		{"envelope with a placeholder in a key", `"e":`, `"{type}":`, []string{"envelope"}},
		{"envelope null", `{"n": 1.0, "e": "{type}", "d": "{data}"}`, `null`, []string{"envelope"}},
		{"no signature header", `"{signature}"`, `"{id}"`, []string{"headers"}},
		{"two signature headers", `"{signature}"`, `"{signature}", "X-B": "{signature}"`, []string{"headers"}},
		{"header twice", `"{signature}"`, `"{signature}", "x-acme-signature": "1"`, []string{"headers.x-acme-signature"}},
		{"header with an unknown placeholder", `"{signature}"`, `"{signature} {body}"`, []string{"headers.X-Acme-Signature"}},
		{"header that is reserved", `"{signature}"`, `"{signature}", "host": "x"`, []string{"headers.host"}},
		{"header that we set", `"{signature}"`, `"{signature}", "Webhook-ID": "x"`, []string{"headers.Webhook-ID"}},
		{"header that is no name", `"{signature}"`, `"{signature}", "X Y": "x"`, []string{"headers.X Y"}},
		{"header with a line break", `"{signature}"`, `"{signature}\n"`, []string{"headers.X-Acme-Signature"}},
		{"header that is no string", `"{signature}"`, `"{signature}", "X-N": 1`, []string{"headers.X-N"}},
		{"signed without the body", `"{body}"`, `"{id}"`, []string{"signature.signed"}},
		{"signed with the body twice", `"{body}"`, `"{body}{body}"`, []string{"signature.signed"}},
		{"signed too long", `"{body}"`, `"{body}` + strings.Repeat("x", 200) + `"`, []string{"signature.signed"}},
		{"signed with an unknown placeholder", `"{body}"`, `"{body}{type}"`, []string{"signature.signed"}},
		{"signature encoding", `"hex"`, `"utf8"`, []string{"signature.encoding"}},
		{"join in the prefix", `"encoding": "hex"`, `"encoding": "hex", "prefix": "v1,", "join": ","`, []string{"signature.join"}},
		{"join in the alphabet", `"encoding": "hex"`, `"encoding": "hex", "join": "a"`, []string{"signature.join"}},
		{"key", `"utf8"`, `"hex"`, []string{"secret.key"}},
		{"least", `"min": 8`, `"min": 0`, []string{"secret.min"}},
		{"most", `"min": 8`, `"min": 8, "max": 7`, []string{"secret.max", "secret.made_bytes"}},
		{"made too short", `"min": 8`, `"min": 100`, []string{"secret.made_bytes"}},
		{"made weak", `"made_bytes": 32`, `"made_bytes": 8`, []string{"secret.made_bytes"}},
		{"overlap without join", `"rotation_overlap_seconds": 0`, `"rotation_overlap_seconds": 60`, []string{"rotation_overlap_seconds"}},
		{"rung", `["5s"]`, `["5s", "soon", "25h", "10ms", "-5s"]`, []string{"ladder.1", "ladder.2", "ladder.3", "ladder.4"}},
		{"ladder too long", `["5s"]`, `["24h","24h","24h","24h","24h","24h","24h","1s"]`, []string{"ladder"}},
		{"success word", `"2xx"`, `"3xx"`, []string{"success"}},
		{"success with a redirect", `"2xx"`, `[200, 302]`, []string{"success"}},
		{"success without codes", `"2xx"`, `[]`, []string{"success"}},
		{"timeout", `"timeout_seconds": 15`, `"timeout_seconds": 31`, []string{"timeout_seconds"}},
		{"scheme", `["https"]`, `["https", "ftp"]`, []string{"url.schemes"}},
		{"warning of what is refused", `"schemes"`, `"warn_of_http": true, "schemes"`, []string{"url.warn_of_http"}},
		{"content type", `["application/json"]`, `["text/xml"]`, []string{"content_types"}},
		{"content type twice", `["application/json"]`, `["application/json", "application/json"]`, []string{"content_types"}},
		{"event name", `"a.b"`, `"a..b"`, []string{"catalogue.events.0.name"}},
		{"system event", `"a.b"`, `"webhook.failing"`, []string{"catalogue.events.0.name"}},
		{"event twice", `"A thing"}`, `"A thing"}, {"name": "a.b", "description": "Again"}`, []string{"catalogue.events.1.name"}},
		{"wire name", `"A thing"`, `"A thing", "wire_name": "a\nb"`, []string{"catalogue.events.0.wire_name"}},
		{"wire name that is empty", `"A thing"`, `"A thing", "wire_name": ""`, []string{"catalogue.events.0.wire_name"}},
		{"group", `"A thing"`, `"A thing", "group": "` + strings.Repeat("x", 501) + `"`, []string{"catalogue.events.0.group"}},
		{"prefixes too long", `"encoding": "hex"}`, `"encoding": "hex", "prefix": "` + strings.Repeat("x", 201) + `"}`, []string{"signature.prefix"}},
		{"schema", `"A thing"`, `"A thing", "schema": "string"`, []string{"catalogue.events.0.schema"}},
		{"entry that is none", `[{"name": "a.b", "description": "A thing"}]`, `["a.b"]`, []string{"catalogue.events.0"}},
		{"whole part of another type", `{"schemes": ["https"]}`, `"https"`, []string{"url"}},
		{"no object", minimal, `[]`, []string{"description"}},
		{"everything at once", minimal, `{"nmae": "acme", "signature": {}}`, []string{
			"name", "version", "product", "body", "envelope", "headers", "signature.signed", "signature.encoding",
			"secret", "rotation_overlap_seconds", "ladder", "success", "timeout_seconds", "url", "content_types",
			"catalogue", "nmae",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(minimal, tt.old) {
				t.Fatalf("minimal has no %s", tt.old)
			}
			d, err := dialect.Parse([]byte(strings.Replace(minimal, tt.old, tt.new, 1)), nil)
			if err == nil {
				t.Fatalf("Parse = %v, want an error", d)
			}
			e, ok := errors.AsType[*webhook.Error](err)
			if !ok || e.Kind != webhook.Invalid {
				t.Fatalf("%v, want Invalid", err)
			}
			var got []string
			for _, f := range e.Fields {
				got = append(got, f.Field)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
	for _, raw := range []string{"", "{", "name: acme", "\xff"} {
		if _, err := dialect.Parse([]byte(raw), nil); !webhook.Is(err, webhook.Malformed) {
			t.Errorf("Parse(%q): %v, want Malformed", raw, err)
		}
	}
}

func TestParse(t *testing.T) {
	d, err := dialect.Parse([]byte(minimal), map[string]json.RawMessage{"a.b": []byte(`{ "x": 1.0 }`), "no.such": nil})
	if err != nil {
		t.Fatal(err)
	}
	body, err := bodyOf(d, webhook.Event{Type: "a.b", Data: d.Example("a.b")})
	if want := `{"n":1.0,"e":"a.b","d":{"x":1.0}}`; err != nil || string(body) != want {
		t.Errorf("Body = %s, %v, want %s", body, err, want)
	}
	var names []string
	for _, e := range d.EventTypes() {
		names = append(names, e.Name)
	}
	if diff := cmp.Diff([]string{"a.b", webhook.TestType, webhook.DeploymentType}, names); diff != "" {
		t.Error(diff)
	}
	if want := strings.Replace(compact(t, minimal), `"A thing"`, `"A thing","example":{"x":1.0}`, 1); string(d.Description) != want {
		t.Errorf("Description = %s, want %s", d.Description, want)
	}
}

func TestParseDetails(t *testing.T) {
	tests := []struct {
		name     string
		old, new string // in minimal
		data     string
		want     string // body
	}{
		{"the data alone", `{"n": 1.0, "e": "{type}", "d": "{data}"}`, `"{data}"`, `[1]`, `[1]`},
		{"the data deep", `"{data}"`, `[{"x": "{data}"}, 1]`, `1.50`, `{"n":1.0,"e":"a.b","d":[{"x":1.50},1]}`},
		{"seconds", `"{type}"`, `["{timestamp_unix}", "at {timestamp_unix}"]`, `1`, `{"n":1.0,"e":[1774008000,"at 1774008000"],"d":1}`},
		{"milliseconds", `"{type}"`, `["{timestamp_ms}", "{timestamp_unix_ms}", "at {timestamp_unix_ms}"]`, `1`, `{"n":1.0,"e":["2026-03-20T12:00:00.250Z",1774008000250,"at 1774008000250"],"d":1}`},
		{"escaped seconds", `"{type}"`, `"\u007btimestamp_unix}"`, `1`, `{"n":1.0,"e":1774008000,"d":1}`},
		{"a name of its own", `"A thing"`, `"A thing", "wire_name": "a/b \"c"`, `1`, `{"n":1.0,"e":"a/b \"c","d":1}`},
		{"text around placeholders", `"{type}"`, `"<{type}|{id}|{timestamp}|{tenant}>"`, `1`, `{"n":1.0,"e":"<a.b|e\"1|2026-03-20T12:00:00Z|t>","d":1}`},
		{"escapes around placeholders", `"{type}"`, `"\u0041\"{id}\n"`, `1`, `{"n":1.0,"e":"A\"e\"1\n","d":1}`},
		{"escaped placeholder", `"{type}"`, `"\u007btype}"`, `1`, `{"n":1.0,"e":"a.b","d":1}`},
		{"other braces", `"{type}"`, `"{} {TYPE} {1} { type }"`, `1`, `{"n":1.0,"e":"{} {TYPE} {1} { type }","d":1}`},
		{"order and duplicates of keys", `"e"`, `"2": 0, "1": 0, "n": 2.0, "e"`, `1`, `{"n":1.0,"2":0,"1":0,"n":2.0,"e":"a.b","d":1}`},
		{"ecmascript", `"plain"`, `"ecmascript"`, `{"b":1.0,"1":2}`, `{"n":1,"e":"a.b","d":{"1":2,"b":1}}`},
		{"ecmascript without an event", `"e": "{type}", "d": "{data}"}, "body": "plain"`, `"7": "{data}", "3": "{id}"}, "body": "ecmascript"`, `1e2`, `{"3":"e\"1","7":100,"n":1}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(minimal, tt.old) {
				t.Fatalf("minimal has no %s", tt.old)
			}
			d, err := dialect.Parse([]byte(strings.Replace(minimal, tt.old, tt.new, 1)), nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := bodyOf(d, webhook.Event{ID: `e"1`, Type: "a.b", Tenant: "t", Timestamp: "2026-03-20T12:00:00.250Z", Data: []byte(tt.data)})
			if err != nil || string(got) != tt.want {
				t.Errorf("Body = %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestExamplesAreChecked(t *testing.T) {
	_, err := dialect.Parse([]byte(minimal), map[string]json.RawMessage{"a.b": []byte(`{`)})
	e, ok := errors.AsType[*webhook.Error](err)
	if !ok || len(e.Fields) != 1 || e.Fields[0].Field != "examples.a.b" {
		t.Errorf("Parse: %v, want examples.a.b", err)
	}
	described := strings.Replace(minimal, `"A thing"}`, `"A thing", "example": {"own": 1}}, {"name": "webhook.test", "description": "Ours", "example": 7}`, 1)
	d, err := dialect.Parse([]byte(described), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(d.Example("a.b")); got != `{"own":1}` {
		t.Errorf("Example = %s", got)
	}
	if test, _ := d.EventType(webhook.TestType); test.Description != "Ours" || len(d.EventTypes()) != 3 {
		t.Errorf("a description cannot describe %s itself: %v", webhook.TestType, d.EventTypes())
	}
}

func FuzzParse(f *testing.F) {
	seeds := []string{
		minimal,
		strings.Replace(minimal, `"plain"`, `"ecmascript"`, 1),
		strings.Replace(minimal, `"utf8", "min": 8`, `"base64", "prefix": "p_", "min": 8`, 1),
		strings.Replace(minimal, `{"n": 1.0, "e": "{type}", "d": "{data}"}`, `"{data}"`, 1),
		strings.Replace(minimal, `"{signature}"`, `"t={unix},{signature};{delivery}", "X-{": "{webhook}{timestamp}{tenant}{id}"`, 1),
		strings.NewReplacer(`"{type}"`, `["{timestamp_unix}", "{timestamp_unix_ms}{type}", "{timestamp_ms}"]`, `"A thing"`, `"A thing", "wire_name": "a/b"`).Replace(minimal),
		strings.Replace(minimal, `"encoding": "hex"`, `"encoding": "base64", "prefix": "v1=", "join": ","`, 1),
	}
	set, err := dialect.Builtin()
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range set.Names() {
		seeds = append(seeds, string(builtin(f, name).Description))
	}
	for _, seed := range seeds {
		f.Add([]byte(seed), []byte(`{"a":[1.50,"\u0041 ",{}]}`))
	}
	f.Fuzz(promised)
}

// FuzzFields is FuzzParse for the fields of templates and signatures, which random bytes seldom reach.
func FuzzFields(f *testing.F) {
	f.Add(`{"e":"{type}","d":"{data}"}`, "X-Sig", "t={unix},{signature}", "{unix}.{body}", "v1=", ",", "whsec_", "orders/create", "base64")
	f.Add(`"{data}"`, "User-Agent", "{signature}", "{body}", "", "", "", "a b", "hex")
	f.Add(`[{"":["{timestamp_unix}","{data}"]},"{id}{tenant}"]`, "x", "{delivery}{signature}{webhook}", "{id}{body}{id}", "sha256=", " ", "{id}", "{type}", "hex")
	f.Fuzz(func(t *testing.T, envelope, header, value, signed, prefix, join, secretPrefix, wireName, encoding string) {
		if !json.Valid([]byte(envelope)) {
			envelope = `"{data}"`
		}
		quote := func(s string) string {
			q, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			return string(q)
		}
		raw := strings.NewReplacer(
			`{"n": 1.0, "e": "{type}", "d": "{data}"}`, envelope, `"X-Acme-Signature": "{signature}"`, quote(header)+": "+quote(value),
			`"signed": "{body}", "encoding": "hex"`,
			`"signed": `+quote(signed)+`, "prefix": `+quote(prefix)+`, "join": `+quote(join)+`, "encoding": `+quote(encoding),
			`"key": "utf8"`, `"key": "utf8", "prefix": `+quote(secretPrefix), `"A thing"`, `"A thing", "wire_name": `+quote(wireName),
			`"min": 8`, `"min": 8, "max": 1000`,
		).Replace(minimal)
		promised(t, []byte(raw), []byte(`{"a":[1.50,"\u0041",{}]}`))
		promised(t, []byte(strings.NewReplacer(`"plain"`, `"ecmascript"`, `"key": "utf8"`, `"key": "base64"`).Replace(raw)), []byte(`{"b":1.50,"1":2}`))
	})
}

// promised checks that a description is refused with an explanation, or that its dialect can send every event.
func promised(t *testing.T, raw, data []byte) {
	d, err := dialect.Parse(raw, nil)
	if err != nil {
		e, ok := errors.AsType[*webhook.Error](err)
		if !ok || e.Kind != webhook.Malformed && (e.Kind != webhook.Invalid || len(e.Fields) == 0) {
			t.Fatalf("%v says too little", err)
		}
		return
	}
	if _, err := ecmajson.Compact(data); err != nil {
		data = []byte("{}") // ingest takes nothing else
	}
	secret := d.NewSecret()
	if problem := d.CheckSecret(secret); problem != "" {
		t.Errorf("a secret we made %s", problem)
	}
	for _, e := range append(d.EventTypes(), dialect.EventType{Name: "of.no_catalogue"}) {
		body, err := bodyOf(d, webhook.Event{ID: "evt_1", Type: e.Name, Tenant: "t", Timestamp: "2026-03-20T12:00:00Z", Data: data})
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ecmajson.Compact(body); err != nil || !bytes.Equal(again, body) {
			t.Errorf("body %q is not compact JSON: %v", body, err)
		}
		for _, contentType := range d.ContentTypes {
			m := dialect.Message{
				EventID: "evt_1", Type: e.Name, Tenant: "t", Webhook: "wh_1", Delivery: "dlv_1", Timestamp: "2026-03-20T12:00:00Z",
				Sent: time.Unix(1, 0), Body: body, ContentType: contentType, Secrets: []string{secret},
			}
			headers, err := d.Headers(m)
			if err != nil || len(headers) < 3 {
				t.Errorf("Headers = %v, %v", headers, err)
			}
			for _, h := range headers {
				if !d.Owns(h.Name) {
					t.Errorf("%s is sent and not owned", h.Name)
				}
			}
			if !signedBy(t, d, m, headers) {
				t.Errorf("the signature in %q does not verify", headers)
			}
		}
	}
	if second, err := dialect.Parse(d.Description, nil); err != nil || second.Ref() != d.Ref() {
		t.Errorf("its own description is refused: %v", err)
	}
	named, err := dialect.Named(raw, d.Name, 7)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := dialect.Parse(named, nil); err != nil || again.Version != 7 || len(again.EventTypes()) != len(d.EventTypes()) {
		t.Errorf("under version 7: %v, %v", again, err)
	}
}

// signedBy reads a dialect's description as the author of a receiver would, and verifies the message by it.
func signedBy(t *testing.T, d *dialect.Dialect, m dialect.Message, headers []dialect.Header) bool {
	t.Helper()
	var says struct {
		Headers   map[string]string
		Signature struct{ Signed, Encoding, Prefix, Join string }
		Secret    struct{ Key, Prefix string }
	}
	if err := json.Unmarshal(d.Description, &says); err != nil {
		t.Fatal(err)
	}
	scheme := signature.Scheme{
		Signed: says.Signature.Signed, Encoding: signature.Encoding(says.Signature.Encoding), Prefix: says.Signature.Prefix, Join: says.Signature.Join,
		Key: signature.Key{Encoding: signature.Encoding(says.Secret.Key), Prefix: says.Secret.Prefix},
	}
	known := strings.NewReplacer(
		"{id}", m.EventID, "{tenant}", m.Tenant, "{webhook}", m.Webhook, "{delivery}", m.Delivery, "{timestamp}", m.Timestamp, "{unix}", "1",
	)
	wireName := m.Type
	if e, ok := d.EventType(m.Type); ok && e.WireName != "" {
		wireName = e.WireName
	}
	for _, h := range headers {
		template := says.Headers[h.Name]
		before, after, ok := strings.Cut(template, "{signature}")
		if !ok {
			continue
		}
		fill := func(s string) string { return strings.ReplaceAll(known.Replace(s), "{type}", wireName) }
		value := strings.TrimSuffix(strings.TrimPrefix(h.Value, fill(before)), fill(after))
		return scheme.Verify(value, signature.Message{ID: m.EventID, Time: m.Sent, Body: dialect.Wire(m.Body, m.ContentType)}, m.Secrets...)
	}
	return false
}
