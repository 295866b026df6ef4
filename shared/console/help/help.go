// Package help has the console's pages about how webhooks work in the tenant's dialect.
package help

import (
	"embed"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"hookline/shared/api"
	"hookline/shared/console/page"
	"hookline/shared/console/receiver"
	"hookline/shared/console/words"
	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/layout"
	"hookline/shared/webhook"
)

// The help describes other products' settings as of 2026, from:
//
//	Slack    https://api.slack.com/messaging/webhooks
//	Teams    https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook, which
//	         says that connectors are retired; the steps with a template as https://argo-cd.readthedocs.io/en/release-3.3/operator-manual/notifications/services/teams-workflows/
//	         has them
//	Zapier   https://help.zapier.com/hc/en-us/articles/8496288690317-Trigger-Zaps-from-webhooks: webhooks need a paid plan, and it
//	         answers with a success whether or not a Zap is on
//	Discord  https://support.discord.com/hc/en-us/articles/228383668-Intro-to-Webhooks

//go:embed *.html parts
var templates embed.FS

// Room returns the pages.
func Room() page.Room {
	return page.Room{
		Templates: templates,
		Parts:     []fs.FS{receiver.Parts()},
		Sections:  []page.Section{{Name: "help", Path: "/console/help", Label: "Help"}},
		Pages: map[string]func(*page.Visit){
			"GET /console/help":                 show,
			"GET /console/help/integrations":    integrations,
			"GET /console/help/best-practices":  bestPractices,
			"GET /console/help/troubleshooting": troubleshooting,
		},
	}
}

// helpPage is the data of the help's pages.
type helpPage struct {
	At       string // the page's name
	Timeout  string
	Success  string
	HTTPS    bool // URLs must be https https
	Attempts []attemptRow
	Failing  bool // a delivery that ran out of attempts makes its webhook failing
	Jitter   bool // some waits are made longer by chance

	Example  string // a body
	Fields   []description
	Headers  []description
	Events   []helpEvent
	Earlier  string // the address of the previous page of events, "" on the first
	Later    string
	From, To int
	Total    int
	Code     receiver.Code
}

// description describes a field or a header.
type description struct{ Name, Text string }

// attemptRow is an attempt and its time.
type attemptRow struct {
	Number int
	When   string
}

// helpEvent is an event type with an example of a body.
type helpEvent struct {
	dialect.EventType
	Payload string
}

// Last returns the number of the last attempt.
func (p *helpPage) Last() int { return len(p.Attempts) }

// InTime puts the timeout into a text.
func (p *helpPage) InTime(text string) string {
	return strings.ReplaceAll(text, "{seconds} seconds", p.Timeout)
}

func show(v *page.Visit) {
	p := about(v, "help")
	from, err := strconv.Atoi(v.R.URL.Query().Get("from"))
	events := v.Dialect.EventTypes()
	if err != nil || from < 0 || from >= len(events) {
		from = 0
	}
	to := min(from+page.PerPage, len(events))
	for _, e := range events[from:to] {
		shown := helpEvent{EventType: e}
		if !e.ComingSoon {
			shown.Payload = example(v, e.Name)
		}
		p.Events = append(p.Events, shown)
	}
	at := func(from int) string { return "/console/help?from=" + strconv.Itoa(from) + "#about-events" }
	if from > 0 {
		p.Earlier = at(max(0, from-page.PerPage))
	}
	if to < len(events) {
		p.Later = at(to)
	}
	p.From, p.To, p.Total = from+1, to, len(events)
	if names := v.EventNames(); len(names) > 0 {
		p.Example = example(v, names[0])
	}
	p.Fields, p.Headers = fieldsOf(v.Dialect), headersOf(v.Dialect)
	v.Show(http.StatusOK, "help", "content", "help", "Help", p)
}

func integrations(v *page.Visit) {
	p := about(v, "integrations")
	var err error
	if p.Code, err = receiver.CodeOf(v, api.Webhook{Format: webhook.FormatJSON, ContentType: v.Dialect.ContentTypes[0]}); err != nil {
		v.Failed(err)
		return
	}
	v.Show(http.StatusOK, "help-integrations", "content", "help", "Integrations", p)
}

func bestPractices(v *page.Visit) {
	v.Show(http.StatusOK, "help-best-practices", "content", "help", "Best practices", about(v, "best-practices"))
}

func troubleshooting(v *page.Visit) {
	v.Show(http.StatusOK, "help-troubleshooting", "content", "help", v.Dialect.Words["troubleshooting"], about(v, "troubleshooting"))
}

// about returns the data that all pages of the help have.
func about(v *page.Visit, at string) *helpPage {
	d := v.Dialect
	p := &helpPage{
		At: at, Timeout: words.Lasting(d.Timeout), Success: "2xx", HTTPS: !slices.Contains(d.Schemes(), "http"), Failing: d.FailingWhenExhausted,
		Attempts: []attemptRow{{1, "Immediate"}},
	}
	if codes := d.SuccessCodes(); codes != nil {
		texts := make([]string, len(codes))
		for i, code := range codes {
			texts[i] = strconv.Itoa(code)
		}
		p.Success = strings.Join(texts, " or ")
	}
	for i, wait := range d.Ladder {
		p.Attempts = append(p.Attempts, attemptRow{i + 2, words.Lasting(wait) + " later"})
		p.Jitter = p.Jitter || wait >= 5*time.Minute
	}
	return p
}

// example returns the body of an event of a type, with the type's example as data, laid out.
func example(v *page.Visit, eventType string) string {
	data, _ := ecmajson.Read(v.Dialect.Example(eventType))
	body, err := v.Dialect.Body(webhook.Event{
		Tenant: v.Tenant.ID, ID: "evt_01JDB8Z6T0000000000000000", Type: eventType, Timestamp: "2026-03-20T12:00:00Z",
	}, data)
	if err != nil { // it cannot happen: examples are valid JSON
		return ""
	}
	return layout.Readable(body, page.MaxListed).Text
}

// fieldsOf describes the fields of a body. It returns nil if the body is the event's data alone.
func fieldsOf(d *dialect.Dialect) []description {
	var out []description
	for _, f := range d.Fields() {
		text := "Always as in the example"
		if f.Text {
			text = describe(f.Template)
		}
		out = append(out, description{f.Name, text})
	}
	return out
}

func headersOf(d *dialect.Dialect) []description {
	var out []description
	for _, h := range d.Verification().Headers {
		text := describe(h.Value)
		if strings.EqualFold(h.Name, "Content-Type") {
			text = strings.Join(d.ContentTypes, " or ")
		}
		out = append(out, description{h.Name, text})
	}
	return out
}

// describe describes a template of an envelope or a header.
func describe(template string) string {
	said := map[string]string{
		"{type}": "The event type", "{timestamp}": "When the event happened (ISO 8601 format)", "{timestamp_unix}": "When the event happened, in Unix seconds",
		"{timestamp_ms}": "When the event happened, with milliseconds (ISO 8601 format)", "{timestamp_unix_ms}": "When the event happened, in Unix milliseconds",
		"{tenant}": "The id of your account", "{id}": "The event's id, the same in every attempt: so you can tell a repeat", "{data}": "Event-specific information",
		"{unix}": "When the request was sent, in Unix seconds", "{signature}": "The signature of the request", "{webhook}": "The webhook's id",
		"{delivery}": "The delivery's id, the same in all its attempts",
	}
	if text, ok := said[template]; ok {
		return text
	}
	if !strings.Contains(template, "{") {
		return "Always " + strconv.Quote(template)
	}
	return "Made like this: " + template
}
