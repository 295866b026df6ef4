package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/dialect"
	"hookline/shared/webhook"
)

// snippets has the products' documents as far as they are code and tables of events: what they print is in one .txt for
// each, and beside it their code in files, with the indentation that it lost in print.
const snippets = "testdata/snippets"

// stringify is no document's code: it parses and prints a body, and accepts it if that is what it was.
const stringify = "JSON.stringify"

// judging says by what code a dialect's receivers verify.
type judging struct {
	codes     []string
	signature string // the header, in lower case
	reprints  bool   // the code parses the body and verifies what it prints of it
	keys
}

// keys are the secret that signs and another.
type keys struct{ secret, another string }

var (
	textKey   = keys{"a secret of at least 32 characters", "a secret of at least 32 characterz"}
	base64Key = keys{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx"}
)

// judged has every built-in dialect, and what its receivers have.
var judged = map[string]struct {
	judge          judging
	contentTypes   []string
	endpoint, path string // the document's whole endpoint and its path, where it has one
}{
	"standard": {
		judge:        judging{codes: libraries, signature: "webhook-signature", keys: base64Key},
		contentTypes: []string{webhook.ContentJSON},
	},
	"axoria": {
		judge:        judging{codes: []string{"axoria.py", "axoria.js"}, signature: "x-axoria-signature", keys: textKey},
		contentTypes: []string{webhook.ContentJSON},
	},
	"agiletune": {
		judge:        judging{codes: []string{"agiletune.ts"}, signature: "x-agiletune-signature", keys: textKey},
		contentTypes: []string{webhook.ContentJSON, webhook.ContentForm},
	},
	"codmir": {
		judge:        judging{codes: []string{"codmir.ts"}, signature: "x-codmir-signature", keys: textKey},
		contentTypes: []string{webhook.ContentJSON},
		endpoint:     "codmir-endpoint.js", path: "/webhooks/codmir",
	},
	"axiestudio": {
		judge:        judging{codes: []string{"axiestudio.js", stringify}, signature: "x-webhook-signature", reprints: true, keys: textKey},
		contentTypes: []string{webhook.ContentJSON},
		endpoint:     "axiestudio-endpoint.js", path: "/webhooks/axie",
	},
}

// beyond are numbers that JavaScript cannot hold, so that a receiver who parses and prints a body loses them. They stay
// as they came all the same.
const beyond = `{"big":12345678901234567890,"bigger":1e400,"fine":0.1000000000000000055511151231257827}`

// hostile is data that breaks signatures wherever somebody parses and prints, or thinks that text is ASCII.
var hostile = map[string]string{
	"unicode":           `{"raw":"Zoë 😀 日本 ` + "\u2028\u2029\u007f\ufeff" + `","escaped":"\u00e9\ud83d\ude00\u2028\u0000\/","markup":"</script>&<>'"}`,
	"lone surrogates":   `{"\udc00":"\ud800x\udc00"}`,
	"controls":          `{"escaped":"\b\t\n\f\r\u0007\u001F\"\\"}`,
	"numbers":           `{"n":[1.50,1e2,1e21,1E+21,100000000000000000000,-0,-0.0,0e5,1e-7,0.000001,9007199254740991,1.5e300]}`,
	"numbers beyond":    beyond,
	"duplicate keys":    `{"a":1,"b":2,"a":{"c":3,"c":4},"\u0061":5}`,
	"prototype":         `{"__proto__":{"admin":true},"constructor":{"prototype":1},"toString":null,"__proto__":7}`,
	"integer-like keys": `{"b":1,"10":2,"2":3,"-1":4,"01":5,"4294967295":6,"4294967294":7,"":8,"a":{"1":1,"0":0}}`,
	"deep nesting":      strings.Repeat(`{"a":[`, 250) + strings.Repeat("]}", 250),
	"white space":       " {\t\"a\" :\n[ 1 , \"  \" ]\r\n} ",
	"nothing":           `{}`,
	"an envelope":       `{"event":"{event} ${x} %s","data":{"data":{}},"signature":"sha256=","timestamp":0}`,
	"a form":            `{"payload":"payload=%7B%22a%22%3A1%7D&b=c+d;e"}`,
	"a long text":       `{"text":"` + strings.Repeat("é", 40_000) + `"}`,
}

// TestDocuments has the documents' own code, and the reference libraries, judge what the system sends: every event type
// of every dialect, and hostile data. The request as sent is accepted; with a byte changed in the body or in the signature, or
// with another key, it is refused.
func TestDocuments(t *testing.T) {
	t.Parallel()
	judges := startJudges(t, textKey.secret)
	s := startSystem(t, t.TempDir(), nil)
	dialects, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(judged)), dialects.Names()); diff != "" {
		t.Errorf("dialects (-judged +built in):\n%s", diff)
	}
	for name, by := range judged {
		t.Run(name, func(t *testing.T) {
			tenant := s.in(t).tenant(name, name)
			events := tenant.everything()
			m := startMailbox(t)
			hooks := make(map[string]string) // by content type
			for _, contentType := range by.contentTypes {
				hooks[contentType] = tenant.signed(m.URL+"/"+contentType, by.judge.secret, contentType, events)
			}
			var endpoint, endpointHook string
			if by.endpoint != "" {
				endpoint = judges.endpoints[by.endpoint] + by.path
				endpointHook = tenant.signed(endpoint, by.judge.secret, webhook.ContentJSON, events)
			}
			tenant.publishAll("first", events)
			for _, contentType := range by.contentTypes {
				got := m.wait(t, "/"+contentType, "first", events)
				for id, d := range got {
					if d.Headers["content-type"] != contentType {
						t.Errorf("%s came as %s, want %s", id, d.Headers["content-type"], contentType)
					}
				}
				judge(t, judges, by.judge, by.judge.secret, events, got)
			}
			switch name {
			case "standard": // signed with both secrets in an overlap
				var rotated struct{ Secret string }
				hook := hooks[webhook.ContentJSON]
				tenant.do(http.StatusOK, "POST", "/v1/webhooks/"+hook+"/rotate-secret", map[string]any{}, &rotated)
				tenant.publishAll("second", events)
				got := m.wait(t, "/"+webhook.ContentJSON, "second", events)
				judge(t, judges, by.judge, rotated.Secret, events, got)
				judge(t, judges, by.judge, by.judge.secret, events, got)
			case "codmir":
				tenant.reach(endpointHook, `OK`, events)
			case "axiestudio":
				held := slices.DeleteFunc(slices.Clone(events), func(ev event) bool { return ev.data == beyond })
				tenant.reach(endpointHook, `{"received":true}`, held)
				turnAway(t, tenant, endpoint, m.wait(t, "/"+webhook.ContentJSON, "first", events)[events[0].id])
			}
		})
	}
}

// event is one to publish, and the part of its id that names it.
type event struct{ id, eventType, data string }

// everything returns an event of every type of the tenant's catalogue with its example, then the hostile data as the
// first type.
func (c client) everything() []event {
	c.t.Helper()
	var catalogue struct {
		Data []struct {
			Name       string
			Example    json.RawMessage
			ComingSoon bool `json:"coming_soon"`
		}
	}
	c.do(http.StatusOK, "GET", "/v1/event-types", nil, &catalogue)
	var events []event
	for _, entry := range catalogue.Data {
		if !entry.ComingSoon {
			events = append(events, event{strings.ReplaceAll(entry.Name, ".", "-"), entry.Name, string(entry.Example)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(hostile)) {
		events = append(events, event{strings.ReplaceAll(name, " ", "_"), events[0].eventType, hostile[name]})
	}
	return events
}

// signed makes a webhook for the types of events and returns its id.
func (c client) signed(url, secret, contentType string, events []event) string {
	c.t.Helper()
	types := make(map[string]bool)
	for _, ev := range events {
		types[ev.eventType] = true
	}
	var made struct{ ID string }
	c.do(http.StatusCreated, "POST", "/v1/webhooks", map[string]any{
		"url": url, "secret": secret, "content_type": contentType, "events": slices.Sorted(maps.Keys(types)),
	}, &made)
	return made.ID
}

// publishAll publishes the events in one batch, their ids beginning with round.
func (c client) publishAll(round string, events []event) {
	c.t.Helper()
	texts := make([]string, len(events))
	for i, ev := range events {
		texts[i] = fmt.Sprintf(`{"id":"%s-%s","type":%q,"data":%s}`, round, ev.id, ev.eventType, ev.data)
	}
	c.do(http.StatusAccepted, "POST", "/v1/events", json.RawMessage("["+strings.Join(texts, ",")+"]"), nil)
}

// reach waits until the webhook has delivered the events, each answered with 200 and this text.
func (c client) reach(hook, answer string, events []event) {
	c.t.Helper()
	type list struct {
		Data []struct {
			EventID     string `json:"event_id"`
			LastAttempt struct {
				Number       int
				StatusCode   int    `json:"status_code"`
				ResponseBody string `json:"response_body"`
			} `json:"last_attempt"`
		}
	}
	var got list
	until(c.t, soon, fmt.Sprintf("%d deliveries succeeded", len(events)), func() (bool, any) {
		got = list{}
		c.do(http.StatusOK, "GET", "/v1/webhooks/"+hook+"/deliveries?status=succeeded&limit=100", nil, &got)
		return len(got.Data) >= len(events), len(got.Data)
	})
	var ids, want []string
	for _, d := range got.Data {
		ids = append(ids, d.EventID)
		if a := d.LastAttempt; a.Number != 1 || a.StatusCode != http.StatusOK || a.ResponseBody != answer {
			c.t.Errorf("%s: the document's endpoint answered %+v, want 200 %s at once", d.EventID, a, answer)
		}
	}
	for _, ev := range events {
		want = append(want, "first-"+ev.id)
	}
	slices.Sort(ids)
	slices.Sort(want)
	if diff := cmp.Diff(want, ids); diff != "" {
		c.t.Errorf("the document's endpoint took (-want +got):\n%s", diff)
	}
}

// turnAway shows that Axie Studio's endpoint refuses: a delivery with a changed byte, and one signed with another key.
func turnAway(t *testing.T, tenant client, endpoint string, d delivery) {
	t.Helper()
	post := func(d delivery) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), "POST", endpoint, bytes.NewReader(d.Body))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range d.Headers {
			req.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(answer)
	}
	const welcome, invalid = `{"received":true}`, "Invalid signature"
	if code, answer := post(d); code != http.StatusOK || answer != welcome {
		t.Errorf("as it was sent: got %d %s, want 200 %s", code, answer, welcome)
	}
	forged := d.with(func(d *delivery) { d.Body[len(d.Body)-4] ^= 1 }) // in a text
	if code, answer := post(forged); code != http.StatusUnauthorized || answer != invalid {
		t.Errorf("a changed byte: got %d %s, want 401 %s", code, answer, invalid)
	}
	var tried struct {
		StatusCode   int    `json:"status_code"`
		ResponseBody string `json:"response_body"`
	}
	hook := tenant.signed(endpoint, textKey.another, webhook.ContentJSON, []event{{eventType: "user.created"}})
	tenant.do(http.StatusOK, "POST", "/v1/webhooks/"+hook+"/test", map[string]any{}, &tried)
	if tried.StatusCode != http.StatusUnauthorized || tried.ResponseBody != invalid {
		t.Errorf("another key: got %+v, want 401 %s", tried, invalid)
	}
}

// judge has every code of a dialect judge the deliveries, each as it was received and forged in several ways.
func judge(t *testing.T, judges *judges, by judging, secret string, events []event, got map[string]delivery) {
	t.Helper()
	type expectation struct {
		what     string
		accepted bool
	}
	var deliveries []delivery
	var want []expectation
	for _, ev := range events {
		for _, code := range by.codes {
			received := got[ev.id].with(func(d *delivery) { d.Code, d.Secret = code, secret })
			add := func(what string, accepted bool, change func(*delivery)) {
				deliveries = append(deliveries, received.with(change))
				want = append(want, expectation{ev.id + ", " + code + ", " + what, accepted})
			}
			// Code that parses and prints does not have the body of what JavaScript cannot hold.
			add("as received", !by.reprints || ev.data != beyond, func(*delivery) {})
			if code == stringify {
				continue // which knows of no signature
			}
			for at := range spread(len(received.Body)) {
				add(fmt.Sprintf("byte %d changed", at), false, func(d *delivery) { d.Body[at] ^= 1 })
			}
			// In an overlap, each of the signatures. Not the last two characters, where readers of base64 pass over bits,
			// nor what the version is split off at.
			signatures := strings.Fields(received.Headers[by.signature])
			for at := range spread(len(signatures[0]) - 2) {
				if signatures[0][at] == ',' {
					continue
				}
				add(fmt.Sprintf("character %d of the signature changed", at), false, func(d *delivery) {
					changed := make([]string, len(signatures))
					for i, s := range signatures {
						changed[i] = s[:at] + other(s[at]) + s[at+1:]
					}
					d.Headers[by.signature] = strings.Join(changed, " ")
				})
			}
			add("another key", false, func(d *delivery) { d.Secret = by.another })
		}
	}
	wrong := 0
	for i, v := range judges.judge(t, deliveries) {
		if v.Accepted == want[i].accepted && (v.Accepted || v.refused()) {
			continue
		}
		t.Errorf("%s: got accepted=%v %s %s, want accepted=%v\n%.200s", want[i].what, v.Accepted, v.Error, v.Message,
			want[i].accepted, deliveries[i].Body)
		if wrong++; wrong == 10 {
			t.FailNow()
		}
	}
}

// spread yields positions in n, first and last among them.
func spread(n int) iter.Seq[int] {
	const most = 16
	return func(yield func(int) bool) {
		for i, last := 0, -1; i < most; i++ {
			at := i * (n - 1) / (most - 1)
			if at > last && !yield(at) {
				return
			}
			last = at
		}
	}
}

// other returns another letter of base64 and of hexadecimal.
func other(c byte) string {
	if c == '0' {
		return "1"
	}
	return "0"
}

// mailbox is a receiver that keeps what it gets, by path and event id.
type mailbox struct {
	*httptest.Server
	mu  sync.Mutex
	got map[string]map[string]delivery
}

func startMailbox(t *testing.T) *mailbox {
	m := &mailbox{got: make(map[string]map[string]delivery)}
	m.Server = httptest.NewServer(m)
	t.Cleanup(m.Close)
	return m
}

func (m *mailbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	headers := make(map[string]string)
	for name, values := range r.Header {
		headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.got[r.URL.Path] == nil {
		m.got[r.URL.Path] = make(map[string]delivery)
	}
	m.got[r.URL.Path][headers["webhook-id"]] = delivery{Headers: headers, Body: body}
}

// wait returns what came for the events of a round, by the events' own part of the id.
func (m *mailbox) wait(t *testing.T, path, round string, events []event) map[string]delivery {
	t.Helper()
	got := make(map[string]delivery)
	until(t, soon, path+" has got everything", func() (bool, any) {
		m.mu.Lock()
		defer m.mu.Unlock()
		for id, d := range m.got[path] {
			if own, ok := strings.CutPrefix(id, round+"-"); ok {
				got[own] = d
			}
		}
		return len(got) == len(events), len(got)
	})
	return got
}

// TestPrinted holds the code to the documents: each file's lines stand one after another in the printed text, but for
// the indentation.
func TestPrinted(t *testing.T) {
	entries, err := os.ReadDir(snippets)
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for _, e := range entries {
		if path.Ext(e.Name()) == ".txt" {
			continue
		}
		files++
		document, _, _ := strings.Cut(strings.TrimSuffix(e.Name(), path.Ext(e.Name())), "-")
		var code strings.Builder
		for line := range strings.Lines(readFile(t, e.Name())) {
			code.WriteString(strings.TrimLeft(line, " "))
		}
		if !strings.Contains("\n"+readFile(t, document+".txt"), "\n"+strings.TrimSuffix(code.String(), "\n")) {
			t.Errorf("%s is not what %s.txt has", e.Name(), document)
		}
	}
	if files == 0 {
		t.Error("no code")
	}
}

// TestCatalogues holds the catalogues to the documents: written as each document writes its table of events, they are
// what it prints, whole and in its order. Besides, every catalogue has what every dialect sends.
func TestCatalogues(t *testing.T) {
	documents := map[string]struct{ from, to, heading, entry string }{
		"axoria":     {"| Event | When it fires |\n|---|---|\n", "Verifying the Signature\n", "", "%s |\n%s |\n"},
		"agiletune":  {"| Event | Description |\n|---|---|\n", "Signature Verification\n", "", "| %s | %s |\n"},
		"codmir":     {"| Event | Description |\n|---|---|\n", "", "", "| %s | %s |\n"},
		"axiestudio": {"Available Events\n", "Example Code (Node.js):\n", "%s:\n", "%s- %s"},
	}
	dialects, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for name, document := range documents {
		t.Run(name, func(t *testing.T) {
			d, err := dialects.Dialect(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			var group string
			var common []string
			for _, entry := range d.EventTypes() {
				switch {
				case entry.ComingSoon:
				case entry.Name == "webhook.test" || entry.Name == "deployment.registered":
					common = append(common, entry.Name)
				default:
					if entry.Group != group {
						group = entry.Group
						fmt.Fprintf(&got, "\n"+document.heading, group)
					}
					fmt.Fprintf(&got, document.entry, entry.Name, entry.Description)
				}
			}
			_, want, ok := strings.Cut(readFile(t, name+".txt"), document.from)
			if document.to != "" {
				want, _, _ = strings.Cut(want, document.to)
			}
			if diff := cmp.Diff(strings.TrimSpace(want), strings.TrimSpace(got.String())); diff != "" || !ok {
				t.Errorf("events (-document +catalogue):\n%s", diff)
			}
			slices.Sort(common)
			if diff := cmp.Diff([]string{"deployment.registered", "webhook.test"}, common); diff != "" {
				t.Errorf("events of every dialect (-want +got):\n%s", diff)
			}
		})
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(path.Join(snippets, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
