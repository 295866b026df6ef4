package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/layout"
	"hookline/shared/webhook"
)

// What the help says of other products' settings is theirs as of 2026, from:
//
//	Slack    https://api.slack.com/messaging/webhooks
//	Teams    https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook, which
//	         says that connectors are retired; the steps with a template as https://argo-cd.readthedocs.io/en/release-3.3/operator-manual/notifications/services/teams-workflows/
//	         has them
//	Zapier   https://help.zapier.com/hc/en-us/articles/8496288690317-Trigger-Zaps-from-webhooks: webhooks need a paid plan, and it
//	         answers with a success whether or not a Zap is on
//	Discord  https://support.discord.com/hc/en-us/articles/228383668-Intro-to-Webhooks

// helpPage is how webhooks work in the tenant's dialect.
type helpPage struct {
	At       string // which of the help's pages
	Timeout  string
	Success  string
	HTTPS    bool // URLs must be
	Attempts []attemptRow
	Failing  bool // a delivery out of attempts turns its webhook failing
	Jitter   bool // some waits are lengthened

	Example  string // a body
	Fields   []meaning
	Headers  []meaning
	Events   []helpEvent
	Earlier  string // the address of the events before, "" at the beginning
	Later    string
	From, To int
	Total    int
	Code     receiverCode
}

// meaning says what a name stands for.
type meaning struct{ Name, Text string }

// attemptRow is an attempt and when it is made.
type attemptRow struct {
	Number int
	When   string
}

// helpEvent is an event type with what is sent for it.
type helpEvent struct {
	dialect.EventType
	Payload string
}

// Last returns how many attempts there are.
func (p helpPage) Last() int { return len(p.Attempts) }

// InTime fills the time limit into a text.
func (p helpPage) InTime(text string) string {
	return strings.ReplaceAll(text, "{seconds} seconds", p.Timeout)
}

func (v *visit) help() {
	p := v.about("help")
	from, err := strconv.Atoi(v.r.URL.Query().Get("from"))
	events := v.dialect.EventTypes()
	if err != nil || from < 0 || from >= len(events) {
		from = 0
	}
	to := min(from+perPage, len(events))
	for _, e := range events[from:to] {
		shown := helpEvent{EventType: e}
		if !e.ComingSoon {
			shown.Payload = v.payload(e.Name)
		}
		p.Events = append(p.Events, shown)
	}
	at := func(from int) string { return "/console/help?from=" + strconv.Itoa(from) + "#about-events" }
	if from > 0 {
		p.Earlier = at(max(0, from-perPage))
	}
	if to < len(events) {
		p.Later = at(to)
	}
	p.From, p.To, p.Total = from+1, to, len(events)
	if names := eventNames(v.dialect); len(names) > 0 {
		p.Example = v.payload(names[0])
	}
	p.Fields, p.Headers = fieldsOf(v.dialect), headersOf(v.dialect)
	v.show(http.StatusOK, "help", "content", "help", "Help", p)
}

func (v *visit) helpIntegrations() {
	p := v.about("integrations")
	var err error
	if p.Code, err = v.code(webhookView{Format: webhook.FormatJSON, ContentType: v.dialect.ContentTypes[0]}); err != nil {
		v.failed(err)
		return
	}
	v.show(http.StatusOK, "help-integrations", "content", "help", "Integrations", p)
}

func (v *visit) helpBestPractices() {
	v.show(http.StatusOK, "help-best-practices", "content", "help", "Best practices", v.about("best-practices"))
}

func (v *visit) helpTroubleshooting() {
	v.show(http.StatusOK, "help-troubleshooting", "content", "help", v.dialect.Words["troubleshooting"], v.about("troubleshooting"))
}

// about is what all the help's pages know of the dialect.
func (v *visit) about(at string) helpPage {
	d := v.dialect
	p := helpPage{
		At: at, Timeout: lasting(d.Timeout), Success: "2xx", HTTPS: !slices.Contains(d.Schemes(), "http"), Failing: d.FailingWhenExhausted,
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
		p.Attempts = append(p.Attempts, attemptRow{i + 2, lasting(wait) + " later"})
		p.Jitter = p.Jitter || wait >= 5*time.Minute
	}
	return p
}

// payload returns the body of an event of a type with the data of its example, indented.
func (v *visit) payload(eventType string) string {
	example, _ := ecmajson.Read(v.dialect.Example(eventType))
	body, err := v.dialect.Body(webhook.Event{
		Tenant: v.tenant.ID, ID: "evt_01JDB8Z6T0000000000000000", Type: eventType, Timestamp: "2026-03-20T12:00:00Z",
	}, example)
	if err != nil { // an example that is no JSON cannot be there
		return ""
	}
	return layout.Readable(body, maxListed).Text
}

// fieldsOf says what the fields of a body hold, nil where the body is the event's data alone.
func fieldsOf(d *dialect.Dialect) []meaning {
	var described struct {
		Envelope json.RawMessage `json:"envelope"`
	}
	_ = json.Unmarshal(d.Description, &described) // it was parsed before
	dec := json.NewDecoder(bytes.NewReader(described.Envelope))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil
	}
	var out []meaning
	for dec.More() {
		name, err := dec.Token()
		var value any
		if err != nil || dec.Decode(&value) != nil {
			return out
		}
		text := "Always as in the example"
		if s, ok := value.(string); ok {
			text = meant(s)
		}
		out = append(out, meaning{fmt.Sprint(name), text})
	}
	return out
}

func headersOf(d *dialect.Dialect) []meaning {
	var out []meaning
	for _, h := range d.Verification().Headers {
		text := meant(h.Value)
		if strings.EqualFold(h.Name, "Content-Type") {
			text = strings.Join(d.ContentTypes, " or ")
		}
		out = append(out, meaning{h.Name, text})
	}
	return out
}

// meant says what a template of an envelope or a header stands for.
func meant(template string) string {
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
