package help_test

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"

	"hookline/shared/console/consoletest"
)

func TestHelp(t *testing.T) {
	tests := map[string]struct {
		attempts, says, lacks []string // of how webhooks work
		practice              []string
	}{
		"standard": {
			[]string{"Immediate", "5 seconds later", "5 minutes later", "30 minutes later", "2 hours later", "5 hours later", "10 hours later", "10 hours later"},
			[]string{"HTTP 2xx response", "Response within 15 seconds", "up to a tenth longer", "All webhook URLs must use HTTPS", "<code>webhook-signature</code>", "Max: 8 attempts total"},
			[]string{"marked as failing"},
			[]string{"Respond within 15 seconds"},
		},
		"agiletune": {
			[]string{"Immediate", "1 minute later", "5 minutes later", "30 minutes later", "2 hours later", "12 hours later"},
			[]string{"Webhook is marked as failing", "<code>task.created</code>", "tsk_abc123", "application/json or application/x-www-form-urlencoded"},
			[]string{"must use HTTPS"},
			[]string{"Respond within 30 seconds"},
		},
		"axiestudio": {
			[]string{"Immediate", "2 seconds later", "4 seconds later", "8 seconds later", "16 seconds later"},
			[]string{"Webhook is marked as failed", "You Respond (200 OK = success)", "HTTP 200 response", "Response within 30 seconds", "Non-200 response", "Max: 5 attempts total", "After 5 Failed Attempts", "Chat interface events", "<code>enterpriseId</code>", "Dashboard → Enterprise → Webhooks", "localtunnel"},
			[]string{"up to a tenth longer"},
			[]string{"Return 200 OK immediately, then process", "Respond within 30 seconds"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := consoletest.New(t)
			key := w.Tenant("acme", name)
			b := w.Browser(key)
			p := b.Get("/console/help").Is(200).Has(tt.says...).Lacks(tt.lacks...)
			var got []string
			for _, m := range regexp.MustCompile(`<td data-label="When">([^<]*)</td>`).FindAllStringSubmatch(p.Body, -1) {
				got = append(got, m[1])
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.attempts) {
				t.Errorf("got attempts %q, want %q", got, tt.attempts)
			}
			b.Get("/console/help/best-practices").Is(200).Has(tt.practice...)
			b.Get("/console/help/integrations").Is(200).Has("Slack message", "Workflows", "Connectors", "Catch Hook", "Copy Webhook URL", "createServer", "Create webhook in ")
			b.Get("/console/help/troubleshooting").Is(200).Has("Server responds within").Lacks("{seconds}")
			for _, p := range b.Seen {
				ids := map[string]bool{}
				for _, e := range consoletest.Elements(p.Body) {
					if id := e.Attrs["id"]; id != "" && ids[id] {
						t.Errorf("%s: the id %s is there twice", p.What, id)
					} else {
						ids[id] = true
					}
				}
			}
		})
	}
}

// TestHelpOfAnyDialect shows the help for a dialect with many events, no envelope and a header of several values.
func TestHelpOfAnyDialect(t *testing.T) {
	w := consoletest.New(t)
	var events []string
	for i := range 45 {
		events = append(events, fmt.Sprintf(`{"name":"parcel.n%02d","description":"Number %d <b>","example":{"n":%d}}`, i, i, i))
	}
	w.Call(201, consoletest.AdminKey, "PUT", "/v1/dialects/house", `{"product":"House <b>","envelope":"{data}","body":"plain",
		"headers":{"X-Sign":"t={unix},{signature}","X-By":"us"},"signature":{"signed":"{unix}.{body}","encoding":"hex"},
		"secret":{"key":"utf8","min":8,"made_bytes":16},"rotation_overlap_seconds":0,"ladder":["90s"],"success":[200,204],"timeout_seconds":1,
		"url":{"schemes":["http","https"]},"content_types":["application/json"],"catalogue":{"events":[`+strings.Join(events, ",")+`]}}`, nil)
	b := w.Browser(w.Tenant("acme", "house"))
	p := b.Get("/console/help").Is(200).
		Has("nothing around it", "HTTP 200 or 204 response", "90 seconds later", "Response within 1 second", "Made like this: t={unix},{signature}", html.EscapeString(`Always "us"`), "1 to 20 of 47").
		Lacks("<b>", "parcel.n20")
	_, rest, _ := strings.Cut(p.Body, `href="/console/help?from=20#about-events`)
	if rest == "" {
		t.Fatalf("got %s, want a link to the next page", p.Body)
	}
	b.Get("/console/help?from=40").Is(200).Has("parcel.n44", "41 to 47 of 47", "Previous page", "webhook.test").Lacks("parcel.n39", "Next page")
	for _, odd := range []string{"-1", "x", "47", "99999999999999999999"} {
		b.Get("/console/help?from=" + odd).Is(200).Has("1 to 20 of 47")
	}
	b.Get("/console/help/integrations").Is(200).Has("regexp.MustCompile").Lacks("<b>")
}
