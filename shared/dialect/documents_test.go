package dialect_test

import (
	"encoding/base64"
	"encoding/hex"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/dialect"
	"hookline/shared/ladder"
	"hookline/shared/webhook"
)

// promise has the content of a product's document and, where it says nothing, of our own documentation.
type promise struct {
	ladder               ladder.Ladder
	timeout              time.Duration
	succeeds             []int // of statuses
	failing              bool  // a delivery out of attempts turns the webhook failing
	overlap, mostOverlap time.Duration
	schemes              []string // of schemes
	warned               bool     // of http
	contentTypes         []string
	made                 string   // what a made secret looks like
	takes, refuses       []string // secrets
	headers              []string // of sample, in order; the signature is signed's
	signed               func(body string) string
	events               []string // the catalogue, as "name: description", before what every catalogue has
	soon                 []string // announced ones, the same
	printed              []printed
}

// printed is a body as a document prints it.
type printed struct {
	id, eventType, tenant, timestamp string
	text                             string
	data                             string // "" is the catalogue's example: the document's own
}

const sampleTime = 1732294800 // as a document prints it

// sample is the request whose headers are compared.
func sample(body []byte, secret string) dialect.Message {
	return dialect.Message{
		EventID: "evt_abc123", Type: "webhook.test", Tenant: "ent_abc123", Webhook: "wh_1", Delivery: "dlv_1",
		Timestamp: "2025-11-23T10:30:15Z", Sent: time.Unix(sampleTime, 999), Body: body, Secrets: []string{secret},
	}
}

func hexMAC(key, text string) string { return hex.EncodeToString(digest([]byte(key), []byte(text))) }

func base64MAC(key, text string) string {
	return base64.StdEncoding.EncodeToString(digest([]byte(key), []byte(text)))
}

const week = 7 * 24 * time.Hour

// promises returns the table. The bodies, names and descriptions are the documents' own.
func promises() map[string]promise {
	const s, m, h = time.Second, time.Minute, time.Hour
	schedule := ladder.Ladder{5 * s, 5 * m, 30 * m, 2 * h, 5 * h, 10 * h, 10 * h} // the Standard Webhooks specification's
	any2xx := []int{200, 201, 202, 204, 299}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(specSecret, "whsec_"))
	if err != nil {
		panic(err)
	}
	whsec := func(n int) string {
		return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", n)))
	}
	const made = `^[0-9a-f]{64}$`
	return map[string]promise{
		"standard": {
			ladder: schedule, timeout: 15 * s, succeeds: any2xx, overlap: 24 * h, mostOverlap: week, schemes: []string{"https"},
			contentTypes: []string{webhook.ContentJSON},
			made:         `^whsec_[A-Za-z0-9+/]{43}=$`,
			takes:        []string{specSecret, whsec(24), whsec(64)},
			refuses:      []string{"", "whsec_", whsec(23), whsec(65), strings.TrimPrefix(specSecret, "whsec_"), "a secret of at least 32 characters"},
			headers: []string{
				"Content-Type: application/json", "User-Agent: Hookline/1.0", "webhook-id: evt_abc123", "webhook-timestamp: 1732294800",
				"webhook-signature: <signed>",
			},
			signed: func(body string) string { return "v1," + base64MAC(string(key), "evt_abc123.1732294800."+body) },
			events: []string{
				"user.created: A user was created", "user.updated: A user's profile was changed", "user.deleted: A user was deleted",
				"invoice.created: An invoice was issued", "invoice.paid: An invoice was paid in full",
			},
			// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
			printed: []printed{
				{"msg_1", "example.event", "t", "2022-11-03T20:26:10.344522Z", `{
					"type": "example.event", "timestamp": "2022-11-03T20:26:10.344522Z", "data": {"foo": "bar", "fizzbuzz": 2}}`, `{"foo": "bar", "fizzbuzz": 2}`},
				{"msg_1", "contact.created", "t", "2022-11-03T20:26:10.344522Z", `{
					"type": "contact.created", "timestamp": "2022-11-03T20:26:10.344522Z",
					"data": {"id": "1f81eb52-5198-4599-803e-771906343485"}}`, `{"id": "1f81eb52-5198-4599-803e-771906343485"}`},
			},
		},
		"axoria": {
			ladder: schedule, timeout: 30 * s, succeeds: any2xx, schemes: []string{"http", "https"}, warned: true,
			contentTypes: []string{webhook.ContentJSON}, made: made,
			takes: []string{"12345678", "éééééééé", textSecret}, refuses: []string{"", "1234567", "ééééééé"},
			headers: []string{
				"Content-Type: application/json", "User-Agent: Hookline/1.0", "webhook-id: evt_abc123",
				"X-Axoria-Signature: <signed>", "X-Axoria-Event: webhook.test",
			},
			signed: func(body string) string { return "sha256=" + base64MAC(textSecret, body) },
			events: []string{
				"issue.created: A new issue is created", "issue.updated: Issue fields are changed", "issue.deleted: An issue is deleted",
				"status.changed: An issue's status changes", "comment.added: A comment is added to an issue",
				"sprint.started: A sprint is started", "sprint.completed: A sprint is completed",
			},
			printed: []printed{{"evt_1", "status.changed", "t", "2026-03-20T12:00:00Z", `{
				"event": "status.changed",
				"payload": {"issue": {"id": "...", "key": "SHOP-42", "title": "Fix checkout bug", "type": "BUG",
					"priority": "HIGH", "status": "In Review"}}}`, ""}},
		},
		"agiletune": {
			ladder: ladder.Ladder{1 * m, 5 * m, 30 * m, 2 * h, 12 * h}, timeout: 30 * s, succeeds: any2xx, failing: true,
			schemes: []string{"http", "https"}, contentTypes: []string{webhook.ContentJSON, webhook.ContentForm}, made: made,
			takes: []string{"12345678", "éééééééé", textSecret}, refuses: []string{"", "1234567", "ééééééé"},
			headers: []string{
				"Content-Type: application/json", "User-Agent: Hookline/1.0", "webhook-id: evt_abc123",
				"X-AgileTune-Event: webhook.test", "X-AgileTune-Signature: <signed>",
			},
			signed: func(body string) string { return hexMAC(textSecret, body) },
			events: []string{
				"task.created: A new task is created", "task.updated: A task's fields are changed",
				"task.deleted: A task is permanently deleted", "task.moved: A task is moved to a different column",
				"comment.created: A comment is added to a task", "member.added: A member is added to the organization",
				"member.removed: A member is removed from the organization", "project.created: A new project is created",
			},
			printed: []printed{{"evt_1", "task.updated", "t", "2026-03-20T12:00:00Z", `{
				"event": "task.updated", "timestamp": "2026-03-20T12:00:00Z",
				"data": {"id": "tsk_abc123", "title": "Implement login page", "status": "in_progress",
					"assignee": {"id": "usr_xyz789", "name": "Jane Doe"},
					"changes": {"status": {"from": "todo", "to": "in_progress"}}}}`, ""}},
		},
		"codmir": {
			ladder: schedule, timeout: 30 * s, succeeds: any2xx, schemes: []string{"http", "https"},
			contentTypes: []string{webhook.ContentJSON}, made: made,
			takes: []string{"12345678", "your-webhook-secret", textSecret}, refuses: []string{"", "1234567", "ééééééé"},
			headers: []string{
				"Content-Type: application/json", "User-Agent: Hookline/1.0", "webhook-id: evt_abc123",
				"X-Codmir-Event: webhook.test", "X-Codmir-Signature: <signed>",
			},
			signed: func(body string) string { return "sha256=" + hexMAC(textSecret, body) },
			events: []string{
				"ticket.created: A new ticket was created", "ticket.updated: A ticket was updated", "ticket.deleted: A ticket was deleted",
				"ticket.status_changed: A ticket status was changed", "ticket.assigned: A ticket was assigned",
				"comment.created: A comment was added to a ticket", "project.created: A new project was created",
				"member.added: A member was added to a project",
			},
			printed: []printed{{"evt_abc123", "ticket.created", "t", "2024-01-15T10:30:00Z", `{
				"id": "evt_abc123", "type": "ticket.created", "timestamp": "2024-01-15T10:30:00Z",
				"data": {"ticket": {"id": "tkt_xyz789", "title": "Bug in login flow", "status": "open", "priority": "high"},
					"project": {"id": "proj_def456", "name": "Main App"}, "user": {"id": "usr_ghi012", "name": "John Doe"}}}`, ""}},
		},
		"axiestudio": {
			ladder: ladder.Ladder{2 * s, 4 * s, 8 * s, 16 * s}, timeout: 30 * s, succeeds: []int{200}, failing: true, schemes: []string{"https"},
			contentTypes: []string{webhook.ContentJSON}, made: made,
			takes: []string{strings.Repeat("x", 32), textSecret}, refuses: []string{"", strings.Repeat("x", 31), "12345678"},
			headers: []string{
				"Content-Type: application/json", "webhook-id: evt_abc123", "X-Webhook-Event: webhook.test", "X-Webhook-Signature: <signed>",
				"X-Webhook-Timestamp: 1732294800", "User-Agent: AxieStudio-Webhook/1.0",
			},
			signed: func(body string) string { return "sha256=" + hexMAC(textSecret, body) },
			events: []string{
				"user.created: New team member added to enterprise", "user.updated: Team member profile or settings updated",
				"user.deleted: Team member removed from enterprise", "role.changed: Team member role changed (Owner/Admin/User)",
				"enterprise.created: Enterprise account created", "enterprise.updated: Enterprise settings or configuration updated",
				"settings.updated: Enterprise settings changed",
			},
			soon: []string{"chat_interface: Chat interface events", "document_upload: Document upload events", "api_key: API key events"},
			printed: []printed{
				{"evt_1", "webhook.test", "ent_abc123", "2025-11-23T10:30:15Z", `{
					"event": "webhook.test", "timestamp": "2025-11-23T10:30:15Z", "version": "v1", "enterpriseId": "ent_abc123",
					"data": {"message": "This is a test webhook"}}`, ""},
				{"evt_1", "user.created", "ent_abc123", "2025-11-23T10:30:15Z", `{
					"event": "user.created", "timestamp": "2025-11-23T10:30:15Z", "version": "v1", "enterpriseId": "ent_abc123",
					"data": {"userId": "user_xyz789", "email": "john@company.com", "name": "John Smith", "role": "user",
						"invitedBy": "sarah@company.com", "invitedByEmail": "sarah@company.com"}}`, ""},
				{"evt_1", "user.updated", "ent_abc123", "2025-11-23T10:30:15Z", `{
					"event": "user.updated", "timestamp": "2025-11-23T10:30:15Z", "version": "v1", "enterpriseId": "ent_abc123",
					"data": {"userId": "user_xyz789", "email": "john@company.com", "name": "John Smith", "role": "user",
						"updatedFields": ["name", "role"]}}`, ""},
				{"evt_1", "user.deleted", "ent_abc123", "2025-11-23T10:30:15Z", `{
					"event": "user.deleted", "timestamp": "2025-11-23T10:30:15Z", "version": "v1", "enterpriseId": "ent_abc123",
					"data": {"userId": "user_xyz789", "email": "john@company.com", "deletedBy": "sarah@company.com"}}`, ""},
				{"evt_1", "role.changed", "ent_abc123", "2025-11-23T10:30:15Z", `{
					"event": "role.changed", "timestamp": "2025-11-23T10:30:15Z", "version": "v1", "enterpriseId": "ent_abc123",
					"data": {"userId": "user_xyz789", "email": "john@company.com", "oldRole": "user", "newRole": "admin",
						"changedBy": "sarah@company.com"}}`, ""},
			},
		},
	}
}

// TestDocuments compares every built-in dialect with its document.
func TestDocuments(t *testing.T) {
	set, err := builtins()
	if err != nil {
		t.Fatal(err)
	}
	table := promises()
	if got := slices.Sorted(maps.Keys(table)); !slices.Equal(got, set.Names()) {
		t.Fatalf("the table has %q, built in are %q", got, set.Names())
	}
	for name, want := range table {
		t.Run(name, func(t *testing.T) {
			d := builtin(t, name)
			equal := func(what string, want, got any) {
				t.Helper()
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: -want +got\n%s", what, diff)
				}
			}
			equal("reference", name+"@1", d.Ref())
			equal("ladder", want.ladder, d.Ladder)
			equal("timeout", want.timeout, d.Timeout)
			equal("failing when exhausted", want.failing, d.FailingWhenExhausted)
			equal("overlap", want.overlap, d.Overlap)
			equal("longest overlap", want.mostOverlap, d.MaxOverlap)
			equal("warning of http", want.warned, d.WarnOfHTTP)
			equal("content types", want.contentTypes, d.ContentTypes)

			var succeeds []int
			for _, status := range []int{0, 100, 199, 200, 201, 202, 204, 299, 300, 302, 410, 500} {
				if d.Succeeded(status) {
					succeeds = append(succeeds, status)
				}
			}
			equal("success", want.succeeds, succeeds)
			var schemes []string
			for _, scheme := range []string{"", "HTTPS", "file", "ftp", "http", "https", "javascript"} {
				if d.CheckScheme(scheme) == "" {
					schemes = append(schemes, scheme)
				}
			}
			equal("schemes", want.schemes, schemes)

			made := regexp.MustCompile(want.made)
			if one, two := d.NewSecret(), d.NewSecret(); one == two || !made.MatchString(one) || d.CheckSecret(one) != "" {
				t.Errorf("made the secrets %q and %q", one, two)
			}
			for _, secret := range want.takes {
				equal("secret "+secret, "", d.CheckSecret(secret))
			}
			for _, secret := range want.refuses {
				if d.CheckSecret(secret) == "" {
					t.Errorf("the secret %q is taken", secret)
				}
			}

			body := []byte(`{"as": "it travels"}`)
			secret := textSecret
			if name == "standard" {
				secret = specSecret
			}
			headers, err := d.Headers(sample(body, secret))
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, h := range headers {
				if h.Value == want.signed(string(body)) {
					h.Value = "<signed>"
				}
				lines = append(lines, h.Name+": "+h.Value)
			}
			equal("headers", want.headers, lines)

			var events, soon []string
			for _, e := range d.EventTypes() {
				if line := e.Name + ": " + e.Description; e.ComingSoon {
					soon = append(soon, line)
				} else {
					events = append(events, line)
				}
			}
			common := len(events) - 2
			equal("events", want.events, events[:common])
			equal("announced", want.soon, soon)
			for i, name := range []string{webhook.TestType, webhook.DeploymentType} {
				if !strings.HasPrefix(events[common+i], name+": ") {
					t.Errorf("got %q, want %s", events[common+i], name)
				}
			}

			for _, p := range want.printed {
				ev := webhook.Event{Tenant: p.tenant, ID: p.id, Type: p.eventType, Timestamp: p.timestamp, Data: []byte(p.data)}
				if p.data == "" {
					ev.Data = d.Example(p.eventType)
				}
				got, err := bodyOf(d, ev)
				if err != nil {
					t.Fatal(err)
				}
				equal("body of "+p.eventType, compact(t, p.text), string(got))
			}
		})
	}
}

// TestGuide compares the example in the guide for authors of dialects with what the dialect sends.
func TestGuide(t *testing.T) {
	raw, err := os.ReadFile("../../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(language string) string {
		_, rest, _ := strings.Cut(string(raw), "\n```"+language+"\n")
		text, _, ok := strings.Cut(rest, "\n```\n")
		if !ok {
			t.Fatalf("no %s in the guide", language)
		}
		return text
	}
	named, err := dialect.Named([]byte(block("json")), "parcelbird", 1)
	if err != nil {
		t.Fatal(err)
	}
	d, err := dialect.Parse(named, nil)
	if err != nil {
		t.Fatal(err)
	}
	eventType := d.EventTypes()[0].Name
	body, err := bodyOf(d, webhook.Event{ID: "evt_1", Type: eventType, Timestamp: "2026-03-20T12:00:00Z", Data: d.Example(eventType)})
	if err != nil {
		t.Fatal(err)
	}
	secret := d.NewSecret()
	headers, err := d.Headers(dialect.Message{EventID: "evt_1", Type: eventType, Sent: time.Unix(1774008005, 0), Body: body, Secrets: []string{secret}})
	if err != nil {
		t.Fatal(err)
	}
	var sent strings.Builder
	for _, h := range headers {
		sent.WriteString(h.Name + ": " + h.Value + "\n")
	}
	sent.WriteString("\n" + string(body))
	signed := hexMAC(secret, "1774008005."+string(body))
	got := strings.Replace(sent.String(), signed, `<hex of HMAC-SHA256 over "1774008005." and the body>`, 1)
	if diff := cmp.Diff(block("http"), got); diff != "" {
		t.Errorf("-guide +sent\n%s", diff)
	}
}
