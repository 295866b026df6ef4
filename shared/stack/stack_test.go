package stack_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hookline/shared/api"
	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// arrived is a request as it came over the socket.
type arrived struct {
	header http.Header
	body   string
}

// inbox is a receiver that takes everything and keeps it by path.
type inbox struct {
	mu  sync.Mutex
	got map[string][]arrived
}

func (i *inbox) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.got[r.URL.Path] = append(i.got[r.URL.Path], arrived{r.Header, string(body)})
}

// wait returns what came to a path once that is n requests.
func (i *inbox) wait(t *testing.T, path string, n int) []arrived {
	t.Helper()
	var got []arrived
	stacktest.Until(t, 20*time.Second, fmt.Sprintf("%d requests came to %s", n, path), func() bool {
		i.mu.Lock()
		defer i.mu.Unlock()
		got = slices.Clone(i.got[path])
		return len(got) >= n
	})
	return got
}

func mac(secret, message string) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(message))
	return h.Sum(nil)
}

// rest is what the dialects below have in common.
const rest = `"body": "plain", "secret": {"key": "utf8", "min": 8, "made_bytes": 32}, "success": "2xx", "url": {"schemes": ["https"]},`

// serve starts a stack whose API and receivers are reached over sockets.
func serve(t *testing.T) *stacktest.Client {
	s := stacktest.World{}.Start(t)
	server := httptest.NewServer(s.API)
	t.Cleanup(server.Close)
	return stacktest.Dial(t, server.URL, stacktest.AdminKey)
}

// TestProducts adds dialects of well-known products by their description alone. Each delivery passes the check that the
// product documents for its receivers.
func TestProducts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		description string
		eventType   string
		data        string // has to arrive as it is
		body        string // as printed with the data, the event's id and its time in seconds
		headers     map[string]string
		check       func(h http.Header, body, secret string) error
	}{
		// https://shopify.dev/docs/apps/build/webhooks/delivery-structure and
		// https://shopify.dev/docs/apps/build/webhooks/verify-deliveries
		"shopify": {
			description: `{
				"product": "Shopify", "envelope": "{data}",
				"headers": {
					"X-Shopify-Topic": "{type}", "X-Shopify-Hmac-Sha256": "{signature}", "X-Shopify-Shop-Domain": "{tenant}.myshopify.com",
					"X-Shopify-API-Version": "2026-01", "X-Shopify-Webhook-Id": "{delivery}", "X-Shopify-Event-Id": "{id}",
					"X-Shopify-Triggered-At": "{timestamp}"
				},
				"signature": {"signed": "{body}", "encoding": "base64"},
				"rotation_overlap_seconds": 0, "ladder": ["1m", "5m", "15m", "30m", "1h", "1h", "1h", "1h"], "timeout_seconds": 5,
				"content_types": ["application/json"], ` + rest + `
				"catalogue": {"events": [
					{"name": "orders.create", "wire_name": "orders/create", "description": "An order is created", "example": {"id": 820982911946154508}}
				]}
			}`,
			eventType: "orders.create",
			data:      `{"id":820982911946154508,"total_price":"403.00","note":"T\u002dShirt \/ <L>"}`,
			body:      `%[1]s`,
			headers: map[string]string{
				"X-Shopify-Topic": "orders/create", "X-Shopify-Shop-Domain": "shopify-tenant.myshopify.com", "X-Shopify-Event-Id": "evt-1",
				"X-Shopify-Triggered-At": "2026-03-20T12:00:00Z", "Content-Type": "application/json",
			},
			check: func(h http.Header, body, secret string) error {
				want := base64.StdEncoding.EncodeToString(mac(secret, body))
				if got := h.Get("X-Shopify-Hmac-Sha256"); !hmac.Equal([]byte(got), []byte(want)) {
					return fmt.Errorf("got %q, want %q", got, want)
				}
				if h.Get("X-Shopify-Webhook-Id") == "" {
					return errors.New("no X-Shopify-Webhook-Id")
				}
				return nil
			},
		},
		// https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers and
		// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
		"github": {
			description: `{
				"product": "GitHub", "envelope": "{data}",
				"headers": {
					"User-Agent": "GitHub-Hookshot/044aadd", "X-GitHub-Hook-ID": "{webhook}", "X-GitHub-Event": "{type}", "X-GitHub-Delivery": "{id}",
					"X-Hub-Signature-256": "{signature}"
				},
				"signature": {"signed": "{body}", "encoding": "hex", "prefix": "sha256="},
				"rotation_overlap_seconds": 0, "ladder": [], "timeout_seconds": 10,
				"content_types": ["application/json", "application/x-www-form-urlencoded"], ` + rest + `
				"catalogue": {"events": [
					{"name": "issues.opened", "wire_name": "issues", "description": "An issue was opened", "example": {"action": "opened"}},
					{"name": "issues.closed", "wire_name": "issues", "description": "An issue was closed", "example": {"action": "closed"}}
				]}
			}`,
			eventType: "issues.opened",
			data:      `{"action":"opened","issue":{"number":1347,"title":"Found a bug 🐞"}}`,
			body:      `%[1]s`,
			headers:   map[string]string{"X-GitHub-Event": "issues", "X-GitHub-Delivery": "evt-1", "User-Agent": "GitHub-Hookshot/044aadd"},
			check: func(h http.Header, body, secret string) error {
				verify := func(header, body, secret string) bool {
					return hmac.Equal([]byte(header), []byte("sha256="+hex.EncodeToString(mac(secret, body))))
				}
				// The document's own values, to test an implementation with.
				if !verify("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", "Hello, World!", "It's a Secret to Everybody") {
					return errors.New("the check itself is wrong")
				}
				if got := h.Get("X-Hub-Signature-256"); !verify(got, body, secret) {
					return fmt.Errorf("got %q", got)
				}
				if !strings.HasPrefix(h.Get("X-GitHub-Hook-ID"), "wh_") {
					return errors.New("no X-GitHub-Hook-ID")
				}
				return nil
			},
		},
		// https://docs.stripe.com/webhooks/signature and https://docs.stripe.com/api/events/object
		"stripe": {
			description: `{
				"product": "Stripe",
				"envelope": {
					"id": "{id}", "object": "event", "api_version": "2026-01-28", "created": "{timestamp_unix}", "data": {"object": "{data}"},
					"livemode": true, "pending_webhooks": 1, "request": {"id": null, "idempotency_key": null}, "type": "{type}"
				},
				"headers": {"Stripe-Signature": "t={unix},{signature}"},
				"signature": {"signed": "{unix}.{body}", "encoding": "hex", "prefix": "v1=", "join": ","},
				"secret": {"key": "utf8", "prefix": "whsec_", "min": 8, "made_bytes": 32},
				"rotation_overlap_seconds": 86400, "ladder": ["5m", "30m", "2h", "5h", "10h", "12h", "12h"], "timeout_seconds": 10,
				"content_types": ["application/json"], "body": "plain", "success": "2xx", "url": {"schemes": ["https"]},
				"catalogue": {"open": true, "events": [{"name": "invoice.paid", "description": "An invoice was paid"}]}
			}`,
			eventType: "invoice.paid",
			data:      `{"id":"in_1MtHbELkdIwHu7ixl4OzzPMv","amount_paid":100.00}`,
			body: `{"id":"%[2]s","object":"event","api_version":"2026-01-28","created":%[3]d,"data":{"object":%[1]s},` +
				`"livemode":true,"pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"invoice.paid"}`,
			check: func(h http.Header, body, secret string) error {
				var at string
				var signatures []string
				for part := range strings.SplitSeq(h.Get("Stripe-Signature"), ",") {
					switch key, value, _ := strings.Cut(part, "="); key {
					case "t":
						at = value
					case "v1":
						signatures = append(signatures, value)
					}
				}
				seconds, err := strconv.ParseInt(at, 10, 64)
				if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
					return fmt.Errorf("t=%q is no time within the tolerance", at)
				}
				want := hex.EncodeToString(mac(secret, at+"."+body))
				if !slices.Contains(signatures, want) {
					return fmt.Errorf("no signature of %q is %s", signatures, want)
				}
				return nil
			},
		},
	}
	in := &inbox{got: make(map[string][]arrived)}
	server := httptest.NewServer(in)
	defer server.Close()
	s := serve(t)
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		tt := tests[name]
		t.Run(name, func(t *testing.T) {
			s := s.In(t)
			s.Do(http.StatusCreated, "PUT", "/v1/dialects/"+name, tt.description, nil)
			owner := s.Tenant(name+"-tenant", name)
			hook := owner.Webhook(map[string]any{"url": server.URL + "/" + name, "events": []string{"*"}})
			publish := func(id string) {
				owner.Do(http.StatusAccepted, "POST", "/v1/events",
					fmt.Sprintf(`{"id":%q,"type":%q,"timestamp":"2026-03-20T12:00:00Z","data":%s}`, id, tt.eventType, tt.data), nil)
			}
			publish("evt-1")
			got := in.wait(t, "/"+name, 1)[0]
			if want := fmt.Sprintf(tt.body, tt.data, "evt-1", 1774008000); got.body != want {
				t.Errorf("got body %s, want %s", got.body, want)
			}
			for header, want := range tt.headers {
				if v := got.header.Get(header); v != want {
					t.Errorf("%s: got %q, want %q", header, v, want)
				}
			}
			if err := tt.check(got.header, got.body, hook.Secret); err != nil {
				t.Errorf("the product's own check refuses it: %v", err)
			}
			if tt.check(got.header, got.body+" ", hook.Secret) == nil || tt.check(got.header, got.body, "another secret") == nil {
				t.Error("the product's own check takes what was not signed")
			}

			// A secret of the customer's own, and a rotation.
			var rotated struct{ Secret string }
			owner.Do(http.StatusOK, "POST", "/v1/webhooks/"+hook.ID+"/rotate-secret", `{"secret":"a secret that the customer chose"}`, &rotated)
			publish("evt-2")
			got = in.wait(t, "/"+name, 2)[1]
			if err := tt.check(got.header, got.body, rotated.Secret); err != nil {
				t.Errorf("after the rotation: %v", err)
			}
			if err := tt.check(got.header, got.body, hook.Secret); (err == nil) != (name == "stripe") { // which signs with both for a while
				t.Errorf("with the old secret: %v", err)
			}
		})
	}
}

// TestDataArrivesAsItWas publishes what careless code would change, to a receiver in each dialect that passes data on
// as it came.
func TestDataArrivesAsItWas(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ data, want string }{
		"numbers beyond 2^53": {data: `{"id":9007199254740993,"n":-12345678901234567890.10,"e":1E+400,"z":-0.0,"s":1.50}`},
		"duplicate keys":      {data: `{"a":1,"a":2,"b":{"a":3,"a":3}}`},
		"key order":           {data: `{"b":1,"10":2,"9":3,"a":4,"__proto__":5}`},
		"escapes":             {data: `{"\u0061":"\u0041\/\b\f\n\r\t\"\\ <>&' \u2028\u0000"}`},
		"lone surrogates":     {data: `{"a":"\ud800","b":"\udc00\ud83d"}`},
		"line separators":     {data: "{\"a\":\"\u2028\u2029\u0085\u007f\"}"},
		"emoji":               {data: `{"🪝":"👩‍👩‍👧‍👦 \ud83d\ude00 é é"}`},
		"deep nesting":        {data: `{"d":` + strings.Repeat(`[{"x":`, 200) + `null` + strings.Repeat(`}]`, 200) + `}`},
		"an empty object":     {data: `{}`},
		"empty things":        {data: `{"":"","a":[],"o":{},"n":null,"f":false}`},
		"placeholders":        {data: `{"id":"{id}","d":"{data}","t":"{timestamp}%s"}`},
		"white space":         {data: " { \"a\" :\t[ 1 ,\r\n2 ] , \"b c\" : \" d  e \" } ", want: `{"a":[1,2],"b c":" d  e "}`},
		"a large one":         {data: `{"x":"` + strings.Repeat("0123456789abcdef", 15<<10) + `"}`},
	}
	// The documents' envelopes, around data.
	dialects := map[string]struct{ eventType, body, contentType string }{
		"standard":  {"order.placed", `{"type":"order.placed","timestamp":"2026-03-20T12:00:00Z","data":%[2]s}`, webhook.ContentJSON},
		"axoria":    {"issue.created", `{"event":"issue.created","payload":%[2]s}`, webhook.ContentJSON},
		"agiletune": {"task.created", `{"event":"task.created","timestamp":"2026-03-20T12:00:00Z","data":%[2]s}`, webhook.ContentJSON},
		"codmir":    {"ticket.created", `{"id":"%[1]s","type":"ticket.created","timestamp":"2026-03-20T12:00:00Z","data":%[2]s}`, webhook.ContentJSON},
		"agiletune, in a form": {
			"task.created", `{"event":"task.created","timestamp":"2026-03-20T12:00:00Z","data":%[2]s}`, webhook.ContentForm,
		},
	}
	in := &inbox{got: make(map[string][]arrived)}
	server := httptest.NewServer(in)
	defer server.Close()
	s := serve(t)
	var seen []string
	for i, name := range slices.Sorted(maps.Keys(dialects)) {
		tt := dialects[name]
		dialectName, _, _ := strings.Cut(name, ",")
		seen = append(seen, dialectName)
		t.Run(name, func(t *testing.T) {
			s := s.In(t)
			owner := s.Tenant("t"+strconv.Itoa(i), dialectName)
			path := "/" + strconv.Itoa(i)
			owner.Webhook(map[string]any{"url": server.URL + path, "events": []string{"*"}, "content_type": tt.contentType})
			names := slices.Sorted(maps.Keys(cases))
			for n, c := range names {
				owner.Do(http.StatusAccepted, "POST", "/v1/events",
					fmt.Sprintf(`{"id":"case-%d","type":%q,"timestamp":"2026-03-20T12:00:00Z","data":%s}`, n, tt.eventType, cases[c].data), nil)
			}
			bodies := make(map[string]string)
			for _, r := range in.wait(t, path, len(names)) {
				body := r.body
				if tt.contentType == webhook.ContentForm {
					form, err := url.ParseQuery(body)
					if err != nil || len(form) != 1 {
						t.Fatalf("got the form %q, %v", body, err)
					}
					body = form.Get("payload")
				}
				bodies[r.header.Get("webhook-id")] = body
			}
			for n, c := range names {
				data := cases[c].want
				if data == "" {
					data = cases[c].data
				}
				id := "case-" + strconv.Itoa(n)
				if want := fmt.Sprintf(strings.NewReplacer("%[1]s", id, "%[2]s", "%s").Replace(tt.body), data); bodies[id] != want {
					t.Errorf("%s: got\n%.300q, want\n%.300q", c, bodies[id], want)
				}
			}
		})
	}
	// All that are built in, but the one whose document verifies over JSON.stringify(JSON.parse(body)).
	var all api.List[struct{ Name string }]
	s.Do(http.StatusOK, "GET", "/v1/dialects", nil, &all)
	for _, d := range all.Data {
		var description struct{ Body string }
		s.Do(http.StatusOK, "GET", "/v1/dialects/"+d.Name, nil, &description)
		if !slices.Contains(seen, d.Name) && description.Body != "ecmascript" {
			t.Errorf("%s is not tried", d.Name)
		}
	}
}

// TestVersions puts a new version while a delivery of the one before is being retried.
func TestVersions(t *testing.T) {
	t.Parallel()
	r := &stacktest.Receiver{Answer: stacktest.Status(500)}
	stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		put := func(want int, rung, header string) {
			s.Do(want, "PUT", "/v1/dialects/house", `{
				"product": "House", "envelope": {"`+header+`": "{data}"}, "headers": {"`+header+`": "{type}", "X-Signature": "{signature}"},
				"signature": {"signed": "{body}", "encoding": "hex"}, "rotation_overlap_seconds": 0, "ladder": ["`+rung+`"], "timeout_seconds": 5,
				"content_types": ["application/json"], `+rest+` "catalogue": {"open": true, "events": []}}`, nil)
		}
		put(http.StatusCreated, "1h", "X-One")
		home := s.Tenant("home", "house")
		w := stacktest.Hook("*")
		w["headers"] = map[string]string{"X-Two": "mine", "X-Other": "mine"}
		home.Webhook(w)
		home.Publish("a.b", map[string]any{"n": 1})
		stacktest.Pass(time.Second)
		put(http.StatusOK, "1m", "X-Two")
		home.Publish("a.b", map[string]any{"n": 2})
		stacktest.Pass(2 * time.Hour)
		got := r.Requests()
		var bodies []string
		for _, r := range got {
			bodies = append(bodies, string(r.Body))
		}
		want := []string{`{"X-One":{"n":1}}`, `{"X-Two":{"n":2}}`, `{"X-Two":{"n":2}}`, `{"X-One":{"n":1}}`}
		if !slices.Equal(bodies, want) {
			t.Fatalf("got %q, want %q", bodies, want)
		}
		if one, two := stacktest.Header(got[3], "X-One"), stacktest.Header(got[3], "X-Two"); one != "a.b" || two != "mine" {
			t.Errorf("in version 1: got X-One %q and X-Two %q, want a.b and mine", one, two)
		}
		// A header that the dialect has come to set is no longer the webhook's.
		var twos int
		for _, h := range got[2].Headers {
			if h.Name == "X-Two" {
				twos++
			}
		}
		if value := stacktest.Header(got[2], "X-Two"); value != "a.b" || twos != 1 || stacktest.Header(got[2], "X-Other") != "mine" {
			t.Errorf("in version 2: got X-Two %q, %d times, and X-Other %q", value, twos, stacktest.Header(got[2], "X-Other"))
		}
		var raw json.RawMessage
		s.Do(http.StatusOK, "GET", "/v1/dialects/house@1", nil, &raw)
	})
}
