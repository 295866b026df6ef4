package limits

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"hookline/infra/figures"
	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// call is the most that can be asked of one call. make prepares a part of it, 1 being all, and returns the call itself.
type call struct {
	name string
	want int // the answer's status
	make func(t *testing.T, admin *stacktest.Stack, c *stacktest.Client, part float64) func() int
}

// cost is what a call took of the process.
type cost struct {
	processor time.Duration
	memory    uint64 // allocated, in bytes
	status    int
}

func measure(fn func() int) cost {
	runtime.GC()
	var before, after runtime.MemStats
	var from, to syscall.Rusage
	runtime.ReadMemStats(&before)
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &from)
	status := fn()
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &to)
	runtime.ReadMemStats(&after)
	used := func(u syscall.Rusage) time.Duration { return time.Duration(u.Utime.Nano() + u.Stime.Nano()) }
	return cost{used(to) - used(from), after.TotalAlloc - before.TotalAlloc, status}
}

// bytesOfAll is how much of memory the whole of a call may take beyond four times a quarter of it: what does not depend on
// its size, and what grows in steps.
const bytesOfAll = 16 << 20

// TestWorstCalls measures each call at a quarter of its size and at its whole (in full runs; else at less): memory, which the
// machine's load does not change, is at most half more than in proportion. Processor time is printed, and is that of the
// whole process.
func TestWorstCalls(t *testing.T) {
	for i, c := range calls() {
		if testing.Short() && i%3 != 0 { // under the race detector, every third
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			var got [2]cost
			for i, part := range []float64{.25, 1} {
				switch {
				case testing.Short(): // under the race detector
					part /= 20
				case !figures.Full():
					part /= 4
				}
				s := stacktest.World{Receiver: &stacktest.Receiver{}, LogsErrors: true}.Start(t)
				do := c.make(t, s, s.Tenant("acme", "standard"), part)
				got[i] = measure(do)
				if got[i].status != c.want && (figures.Full() || got[i].status >= 500) { // less may be taken that is refused whole
					t.Fatalf("answered %d, want %d", got[i].status, c.want)
				}
			}
			if most := got[0].memory*6 + bytesOfAll; got[1].memory > most {
				t.Errorf("a quarter took %d bytes, and the whole %d, want %d at most", got[0].memory, got[1].memory, most)
			}
			figures.Note(t, "worst call: "+c.name, fmt.Sprintf("%v of a processor, %.1f MB allocated (a quarter of it: %v, %.1f MB)",
				got[1].processor.Round(time.Millisecond), float64(got[1].memory)/1e6, got[0].processor.Round(time.Millisecond), float64(got[0].memory)/1e6))
		})
	}
}

// size returns a part of n, at least one.
func size(n int, part float64) int { return max(int(float64(n)*part), 1) }

// asks returns a call of the API.
func asks(t *testing.T, c *stacktest.Client, method, path string, body any) func() int {
	return func() int {
		got, err := c.Try(method, path, body, nil)
		if err != nil {
			t.Fatal(err)
		}
		// Lambda takes 6 MB of an answer.
		if len(got.Body) > 4<<20 {
			t.Errorf("the answer is %d bytes", len(got.Body))
		}
		if got.Status >= 400 {
			t.Logf("%d bytes: %.300s", len(got.Body), got.Body)
		}
		return got.Status
	}
}

func list(n int, of func(i int) string) string {
	all := make([]string, n)
	for i := range all {
		all[i] = of(i)
	}
	return strings.Join(all, ",")
}

// filter is about as costly as a webhook may have one.
func filter(i int) string {
	return `{"a":[` + list(60, func(j int) string { return fmt.Sprintf(`{"cidr":"10.%d.%d.0/24"}`, i, j) }) + `]}`
}

// addresses is data that the filter looks at whole, and does not take.
func addresses(part float64) string {
	return `{"a":[` + list(size(17_000, part), func(i int) string { return fmt.Sprintf(`"11.0.%d.%d"`, i/256, i%256) }) + `]}`
}

func event(data string) string { return `{"type":"order.placed","data":` + data + `}` }

func publishes(data func(part float64) string) func(*testing.T, *stacktest.Stack, *stacktest.Client, float64) func() int {
	return func(t *testing.T, _ *stacktest.Stack, c *stacktest.Client, part float64) func() int {
		c.Webhook(stacktest.Hook("*"))
		return asks(t, c, "POST", "/v1/events", event(data(part)))
	}
}

// formatted publishes to a webhook of a chat.
func formatted(format string, data func(part float64) string) func(*testing.T, *stacktest.Stack, *stacktest.Client, float64) func() int {
	return func(t *testing.T, _ *stacktest.Stack, c *stacktest.Client, part float64) func() int {
		c.Webhook(map[string]any{"url": "https://example.com/hook", "events": []string{"*"}, "format": format})
		return asks(t, c, "POST", "/v1/events", event(data(part)))
	}
}

// described puts a dialect with a schema of an event.
func described(schema, example func(part float64) string) func(*testing.T, *stacktest.Stack, *stacktest.Client, float64) func() int {
	return func(t *testing.T, s *stacktest.Stack, _ *stacktest.Client, part float64) func() int {
		body := `{"product":"P","envelope":{"data":"{data}"},"body":"plain","headers":{"X-S":"{signature}"},
			"signature":{"signed":"{body}","encoding":"hex"},"secret":{"key":"utf8","min":16,"made_bytes":32},"rotation_overlap_seconds":0,"ladder":["1m"],"success":"2xx",
			"timeout_seconds":10,"url":{"schemes":["https"]},"content_types":["application/json"],
			"catalogue":{"events":[{"name":"a.b","description":"A","schema":` + schema(part) + `,"example":` + example(part) + `}]}}`
		return asks(t, s.Client, "PUT", "/v1/dialects/worst", body)
	}
}

// listed lists what a history of up to 400 has.
func listed(path string) func(*testing.T, *stacktest.Stack, *stacktest.Client, float64) func() int {
	return func(t *testing.T, _ *stacktest.Stack, c *stacktest.Client, part float64) func() int {
		c.Webhook(stacktest.Hook("*"))
		for range size(16, part) {
			c.PublishBatch(stacktest.Batch(100, "order.placed", map[string]any{"x": strings.Repeat("x", 5_000)}))
		}
		stacktest.Until(t, time.Minute, "sent", func() bool { return len(c.Deliveries("&status=pending")) == 0 })
		return asks(t, c, "GET", path, nil)
	}
}

// visits signs in to the console and visits a page. prepare makes what the page is of, and returns its path.
func visits(prepare func(t *testing.T, c *stacktest.Client, part float64) string) func(*testing.T, *stacktest.Stack, *stacktest.Client, float64) func() int {
	return func(t *testing.T, s *stacktest.Stack, c *stacktest.Client, part float64) func() int {
		path := prepare(t, c, part)
		visit := func(r *http.Request, cookies []*http.Cookie) *http.Response {
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			for _, cookie := range cookies {
				r.AddCookie(cookie)
			}
			w := httptest.NewRecorder()
			s.Console.ServeHTTP(w, r)
			return w.Result()
		}
		form := httptest.NewRequest("POST", "/console/sign-in", strings.NewReader(url.Values{"key": {c.Key}}.Encode()))
		form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		cookies := visit(form, nil).Cookies()
		return func() int { return visit(httptest.NewRequest("GET", path, nil), cookies).StatusCode }
	}
}

// shown visits the page of an event.
func shown(data func(part float64) string) func(*testing.T, *stacktest.Stack, *stacktest.Client, float64) func() int {
	return visits(func(_ *testing.T, c *stacktest.Client, part float64) string {
		c.Webhook(stacktest.Hook("*"))
		return "/console/events/" + c.PublishEvent(event(data(part))).ID
	})
}

// delivered visits the page of an event's delivery.
func delivered(data func(part float64) string) func(*testing.T, *stacktest.Stack, *stacktest.Client, float64) func() int {
	return visits(func(t *testing.T, c *stacktest.Client, part float64) string {
		c.Webhook(stacktest.Hook("*"))
		c.PublishEvent(event(data(part)))
		stacktest.Until(t, time.Minute, "sent", func() bool { return len(c.Deliveries("&status=succeeded")) == 1 })
		return "/console/deliveries/" + c.Deliveries("")[0].ID
	})
}

// largeWebhooks makes up to 400 webhooks with long names and URLs.
func largeWebhooks(c *stacktest.Client, part float64) {
	for range size(400, part) {
		c.Webhook(map[string]any{"url": "https://example.com/" + strings.Repeat("p", 2_000), "events": []string{"*"}, "name": strings.Repeat("n", 200)})
	}
}

func members(n int) string {
	return list(n, func(i int) string { return fmt.Sprintf(`"k%d":%d`, i, i) })
}

// largest is a webhook with as much as its fields take.
func largest(part float64) map[string]any {
	headers, metadata := make(map[string]string), make(map[string]string)
	for i := range size(20, part) {
		headers[fmt.Sprintf("X-Header-%d", i)] = strings.Repeat("v", 4096)
	}
	for i := range size(50, part) {
		metadata[fmt.Sprintf("%064d", i)] = strings.Repeat("m", 500)
	}
	return map[string]any{
		"url": "https://example.com/" + strings.Repeat("p", size(2_000, part)), "name": strings.Repeat("n", 200), "events": []string{"*"},
		"headers": headers, "metadata": metadata, "filter": map[string]any{"a": []string{strings.Repeat("f", size(4_000, part))}},
	}
}

func calls() []call {
	const most = webhook.MaxDataBytes - 1_000
	nested := func(part float64) string {
		n := size(most/2, part)
		return strings.Repeat("[", n) + strings.Repeat("]", n)
	}
	long := func(part float64) string { return `{"a":"` + strings.Repeat("a", size(most, part)) + `"}` }
	fields := func(part float64) string { return `{` + members(size(14_000, part)) + `}` }
	labels := func(part float64) string {
		n := size(most/2, part)
		return `{"` + strings.Repeat("k", n) + `":{` + members(n/20) + `}}`
	}
	links := func(part float64) string {
		return `{"text":"` + strings.Repeat("https://a@", size(most/10, part)) + `"}`
	}
	escapes := func(part float64) string {
		return `{"text":"` + strings.Repeat(`\u0000`, size(most/6, part)) + `"}`
	}
	return []call{
		{"a filter of 60 networks over 17,000 addresses", 200, func(t *testing.T, _ *stacktest.Stack, c *stacktest.Client, part float64) func() int {
			return asks(t, c, "POST", "/v1/webhooks/try-filter", `{"filter":`+filter(0)+`,"data":`+addresses(part)+`}`)
		}},
		{"an event of 17,000 addresses for 100 webhooks with such filters", 202, func(t *testing.T, _ *stacktest.Stack, c *stacktest.Client, part float64) func() int {
			for i := range 100 {
				c.Do(http.StatusCreated, "POST", "/v1/webhooks", `{"url":"https://example.com/hook","events":["*"],"filter":`+filter(i)+`}`, nil)
			}
			return asks(t, c, "POST", "/v1/events", event(addresses(part)))
		}},
		{"an event of 256 KB, one text", 202, publishes(long)},
		{"an event of 256 KB, escapes", 202, publishes(escapes)},
		{"an event of 14,000 fields", 202, publishes(fields)},
		{"an event nested 130,000 deep", 400, publishes(nested)},
		{"100 events of 10 KB", 202, func(t *testing.T, _ *stacktest.Stack, c *stacktest.Client, part float64) func() int {
			c.Webhook(stacktest.Hook("*"))
			return asks(t, c, "POST", "/v1/events", stacktest.Batch(size(100, part), "order.placed", map[string]any{"x": strings.Repeat("x", 10_000)}))
		}},
		{"100 events for 50 webhooks", 202, func(t *testing.T, _ *stacktest.Stack, c *stacktest.Client, part float64) func() int {
			for range 50 {
				c.Webhook(stacktest.Hook("*"))
			}
			return asks(t, c, "POST", "/v1/events", stacktest.Batch(size(100, part), "order.placed", nil))
		}},
		{"an event for Slack with a long key over many fields", 202, formatted("slack", labels)},
		{"an event for Teams with a long key over many fields", 202, formatted("teams", labels)},
		{"an event for Discord with a long key over many fields", 202, formatted("discord", labels)},
		{"an event for Slack with addresses that are none", 202, formatted("slack", links)},
		{"an event for Teams with addresses that are none", 202, formatted("teams", links)},
		{"an event for Discord with addresses that are none", 202, formatted("discord", links)},
		{"a schema whose references double 60 times", 422, described(func(part float64) string {
			n := 30 + size(30, part)
			return `{"$ref":"#/$defs/a0","$defs":{` + list(n, func(i int) string {
				return fmt.Sprintf(`"a%d":{"allOf":[{"$ref":"#/$defs/a%d"},{"$ref":"#/$defs/a%d"}]}`, i, i+1, i+1)
			}) + fmt.Sprintf(`,"a%d":{}}}`, n)
		}, func(float64) string { return `{}` })},
		{"a schema of 1,001 alternatives for 20,000 values", 422, described(func(float64) string {
			return `{"items":{"anyOf":[` + strings.Repeat(`false,`, 1000) + `true]}}`
		}, func(part float64) string { return `[` + strings.Repeat("1,", size(20_000, part)) + `1]` })},
		{"a schema with a pattern that backtracks", 422, described(func(part float64) string {
			return `{"pattern":"^(` + strings.Repeat("a?", size(1000, part)) + `){10}b$"}`
		}, func(part float64) string { return `"` + strings.Repeat("a", size(100_000, part)) + `"` })},
		{"a page of 100 deliveries", 200, listed("/v1/deliveries?limit=100")},
		{
			"a page of deliveries by every filter, that takes none of 1,600", 200,
			listed("/v1/deliveries?limit=100&status=failed&event_type=order.none&since=2000-01-01T00:00:00Z&until=2100-01-01T00:00:00Z"),
		},
		{"a page of 100 events", 200, listed("/v1/events?limit=100")},
		{
			"a page of events by every filter, that takes none of 1,600", 200,
			listed("/v1/events?limit=100&matched=false&type=order.none&since=2000-01-01T00:00:00Z&until=2100-01-01T00:00:00Z"),
		},
		{"a search in 400 large webhooks, with their statistics", 200, func(t *testing.T, _ *stacktest.Stack, c *stacktest.Client, part float64) func() int {
			largeWebhooks(c, part)
			return asks(t, c, "GET", "/v1/webhooks?limit=100&stats=true&status=active&search="+strings.Repeat("p", 1_999)+"q", nil)
		}},
		{"an import of 100 webhooks of 6 KB", 201, func(t *testing.T, _ *stacktest.Stack, c *stacktest.Client, part float64) func() int {
			var all []map[string]any
			for range size(100, part) {
				all = append(all, largest(.04))
			}
			return asks(t, c, "POST", "/v1/webhooks/import", all)
		}},
		{"a change of all of a webhook's fields", 200, func(t *testing.T, _ *stacktest.Stack, c *stacktest.Client, part float64) func() int {
			made := c.Webhook(stacktest.Hook("*"))
			return asks(t, c, "PATCH", "/v1/webhooks/"+made.ID, largest(part))
		}},
		{"a change of 100,000 fields that there are not", 422, func(t *testing.T, _ *stacktest.Stack, c *stacktest.Client, part float64) func() int {
			made := c.Webhook(stacktest.Hook("*"))
			return asks(t, c, "PATCH", "/v1/webhooks/"+made.ID, `{`+list(size(100_000, part), func(i int) string { return fmt.Sprintf(`"%x":1`, i) })+`}`)
		}},
		{"a change to 250,000 event types", 422, func(t *testing.T, _ *stacktest.Stack, c *stacktest.Client, part float64) func() int {
			made := c.Webhook(stacktest.Hook("*"))
			return asks(t, c, "PATCH", "/v1/webhooks/"+made.ID, `{"events":[`+list(size(250_000, part), func(int) string { return `""` })+`]}`)
		}},
		{"the console's page of an event of 256 KB", 200, shown(fields)},
		{"the console's page of an event nested 300 deep, with many lists", 200, shown(func(part float64) string {
			return strings.Repeat(`{"a":`, 300) + "[" + strings.Repeat("[[]],", size(most/6, part)) + "1]" + strings.Repeat("}", 300)
		})},
		{"the console's page of a delivery of 256 KB", 200, delivered(fields)},
		{"the console's page of a delivery nested 300 deep, with many lists", 200, delivered(func(part float64) string {
			return strings.Repeat(`{"a":`, 300) + "[" + strings.Repeat("[[]],", size(most/6, part)) + "1]" + strings.Repeat("}", 300)
		})},
		{"the console's search in 400 large webhooks that finds none", 200, visits(func(_ *testing.T, c *stacktest.Client, part float64) string {
			largeWebhooks(c, part)
			return "/console/webhooks?search=" + strings.Repeat("p", 1_999) + "q"
		})},
		{"the console's search in 400 large webhooks that finds all", 200, visits(func(_ *testing.T, c *stacktest.Client, part float64) string {
			largeWebhooks(c, part)
			return "/console/webhooks?search=" + strings.Repeat("p", 1_999)
		})},
		{"a cursor of 2 KB that is none", 422, func(t *testing.T, _ *stacktest.Stack, c *stacktest.Client, part float64) func() int {
			return asks(t, c, "GET", "/v1/deliveries?cursor="+strings.Repeat("A.", size(1_024, part)), nil)
		}},
		{"a cursor of 200 KB", 422, func(t *testing.T, _ *stacktest.Stack, c *stacktest.Client, part float64) func() int {
			return asks(t, c, "GET", "/v1/events?cursor="+strings.Repeat("A.", size(100_000, part)), nil)
		}},
	}
}
