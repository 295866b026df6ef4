package checks

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"math"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/google/go-cmp/cmp"

	"hookline/shared/egress"
	"hookline/shared/metrics"
	"hookline/shared/notify"
	"hookline/shared/queue"
	"hookline/shared/seal/kms"
	"hookline/shared/stack"
	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

var update = flag.Bool("update", false, "copy infra/dashboard.json into template.yaml")

// post takes mails unless it is closed.
type post struct{ closed bool }

func (p *post) Send(context.Context, notify.Mail) error {
	if p.closed {
		return webhook.ErrUnavailable(errors.New("sending is paused"))
	}
	return nil
}

// seldom is a queue that hands out messages in one minute of five, as where the function that takes them is throttled.
type seldom struct{ queue.Queue }

func (s seldom) Receive(ctx context.Context, most int, _ time.Duration) ([]queue.Received, error) {
	if time.Now().Minute()%5 == 4 {
		if msgs, err := s.Queue.Receive(ctx, most, 0); len(msgs) > 0 || err != nil {
			return msgs, err
		}
	}
	select {
	case <-time.After(10 * time.Second):
	case <-ctx.Done():
	}
	return nil, nil
}

// never is a queue that hands out nothing.
type never struct{ queue.Queue }

func (never) Receive(ctx context.Context, _ int, _ time.Duration) ([]queue.Received, error) {
	<-ctx.Done()
	return nil, nil
}

// inDeliveryQueue replaces DeliveryQueue.
func inDeliveryQueue(by func(queue.Queue) queue.Queue) func(map[string]queue.Queue) {
	return func(all map[string]queue.Queue) { all[stack.DeliveryQueue] = by(all[stack.DeliveryQueue]) }
}

// inQueue puts a value of one of AWS's own metrics of a queue.
func (w *watch) inQueue(metric, queue string, n float64) {
	w.put(time.Now(), n, "AWS/SQS", metric, "QueueName", stackName+"-"+queue)
}

// visible puts how many messages a queue of the stack has.
func (w *watch) visible(s *stacktest.Stack, name string) {
	w.t.Helper()
	c, err := s.Queues[name].Counts(s.T.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	w.inQueue("ApproximateNumberOfMessagesVisible", name, float64(c.Visible))
}

// mailed returns a tenant whose owner gets mails.
func mailed(s *stacktest.Stack) *stacktest.Client {
	acme := s.Tenant("acme", "axiestudio")
	acme.Do(http.StatusOK, "PATCH", "/v1/tenant", map[string]any{"notify_email": "ops@example.com"}, nil)
	return acme
}

// refuse sends the stack an entry that is no event.
func refuse(t *testing.T, s *stacktest.Stack) {
	t.Helper()
	if err := queue.SendAll(t.Context(), s.Queues[stack.IngestQueue], []queue.Outgoing{{Body: `{"detail-type":"x","detail":{}}`}}); err != nil {
		t.Fatal(err)
	}
}

// disabled is a KMS whose key is.
type disabled struct{ kms.API }

func (disabled) GenerateDataKey(context.Context, *awskms.GenerateDataKeyInput, ...func(*awskms.Options)) (*awskms.GenerateDataKeyOutput, error) {
	return nil, errors.New("the key is disabled")
}

func (w *watch) sealWithout(s *stacktest.Stack) {
	keys := &kms.Keyring{API: disabled{}, KeyID: "key", Stack: stackName, Shelf: s.Store}
	if _, _, err := keys.Current(metrics.With(s.T.Context(), w)); err == nil {
		w.t.Error("a key that is disabled seals")
	}
}

// ordinary is a stack's day, in which no alarm is on: receivers that answer, one that does not now and then.
func ordinary(t *testing.T, w *watch, s *stacktest.Stack) {
	acme := mailed(s)
	acme.Webhook(stacktest.Hook("user.*"))
	for i := range 30 {
		acme.PublishBatch(stacktest.Batch(5, "user.created", nil))
		stacktest.Pass(time.Minute)
		w.put(time.Now(), 10, "AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", "Table")
		for _, name := range []string{stack.DeliveryQueue, stack.RetryQueue, stack.BulkQueue, stack.DeadQueue, stack.RefusedQueue, stack.IngestQueue, stack.NotifyQueue, stack.NotifyDeadQueue} {
			w.visible(s, name)
			w.inQueue("ApproximateAgeOfOldestMessage", name, 30)
			w.inQueue("ApproximateNumberOfMessagesNotVisible", name, 20)
		}
		w.put(time.Now(), float64(i%2), "AWS/ApiGateway", "5xx", "ApiId", "Api")
		w.put(time.Now(), 0.01, "AWS/SES", "Reputation.BounceRate")
	}
}

// TestAlarms has the condition of each alarm happen on a stack that runs, and evaluates the alarm by what the stack counts then. The
// metrics that AWS counts have the values that the condition gives them; only what is too large for a test is put as a number.
func TestAlarms(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	type condition struct {
		world stacktest.World
		run   func(t *testing.T, w *watch, s *stacktest.Stack)
	}
	only := func(put func(w *watch)) condition {
		return condition{run: func(_ *testing.T, w *watch, _ *stacktest.Stack) {
			put(w)
			stacktest.Pass(time.Hour)
		}}
	}
	conditions := map[string]condition{
		"Errors": only(func(w *watch) { w.put(time.Now(), 1, "Hookline", stackName+"-errors") }),
		"DeliveryLate": {
			stacktest.World{WrapQueues: inDeliveryQueue(func(q queue.Queue) queue.Queue { return never{q} })},
			func(t *testing.T, w *watch, s *stacktest.Stack) {
				acme := s.Tenant("acme", "standard")
				acme.Webhook(stacktest.Hook("*"))
				published := time.Now()
				acme.Publish("a.b", map[string]any{})
				stacktest.Pass(16 * time.Minute)
				if c, err := s.Queues[stack.DeliveryQueue].Counts(t.Context()); err == nil && c.Visible > 0 {
					w.inQueue("ApproximateAgeOfOldestMessage", stack.DeliveryQueue, time.Since(published).Seconds())
				}
				stacktest.Pass(4 * time.Minute)
			},
		},
		"FirstAttemptsLate": {
			stacktest.World{WrapQueues: inDeliveryQueue(func(q queue.Queue) queue.Queue { return seldom{q} })},
			func(_ *testing.T, _ *watch, s *stacktest.Stack) {
				acme := s.Tenant("acme", "standard")
				acme.Webhook(stacktest.Hook("*"))
				for range 20 {
					acme.Publish("a.b", map[string]any{})
					stacktest.Pass(time.Minute)
				}
			},
		},
		"InFlight": only(func(w *watch) {
			w.inQueue("ApproximateNumberOfMessagesNotVisible", stack.DeliveryQueue, 1)
			w.inQueue("ApproximateNumberOfMessagesNotVisible", stack.BulkQueue, 100_001)
		}),
		"DeadLettersIn": {stacktest.World{Receiver: &stacktest.Receiver{Answer: stacktest.Status(500)}}, func(_ *testing.T, _ *watch, s *stacktest.Stack) {
			acme := s.Tenant("acme", "axiestudio")
			acme.Webhook(stacktest.Hook("user.*"))
			acme.PublishBatch(stacktest.Batch(10, "user.created", nil))
			stacktest.Pass(15 * time.Minute)
		}},
		"DeadLettersExpire": only(func(w *watch) { w.inQueue("ApproximateAgeOfOldestMessage", stack.DeadQueue, 12*24*3600+1) }),
		"EventsRefused": {run: func(t *testing.T, w *watch, s *stacktest.Stack) {
			refuse(t, s)
			stacktest.Pass(time.Minute)
			w.visible(s, stack.RefusedQueue)
			stacktest.Pass(4 * time.Minute)
		}},
		"KeyFails": {run: func(_ *testing.T, w *watch, s *stacktest.Stack) {
			w.sealWithout(s)
			stacktest.Pass(time.Minute)
		}},
		"WritesUnexplained": {run: func(t *testing.T, w *watch, s *stacktest.Stack) {
			ordinary(t, w, s)
			for range 3 {
				w.put(time.Now(), 40_000, "AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", "Table")
				stacktest.Pass(5 * time.Minute)
			}
		}},
		"MailsFail": {stacktest.World{Mailer: &post{closed: true}, LogsErrors: true}, func(_ *testing.T, _ *watch, s *stacktest.Stack) {
			acme := mailed(s)
			for range 5 {
				acme.Webhook(stacktest.Hook("user.*"))
			}
			stacktest.Pass(15 * time.Minute)
		}},
		"MailsLate":   only(func(w *watch) { w.inQueue("ApproximateAgeOfOldestMessage", stack.NotifyQueue, 3601) }),
		"MailsBounce": only(func(w *watch) { w.put(time.Now(), 0.06, "AWS/SES", "Reputation.BounceRate") }),
		"MailsRefused": {stacktest.World{Mailer: &post{}, LogsErrors: true}, func(t *testing.T, w *watch, s *stacktest.Stack) {
			if err := queue.SendAll(t.Context(), s.Queues[stack.NotifyQueue], []queue.Outgoing{{Body: "no notice"}}); err != nil {
				t.Fatal(err)
			}
			stacktest.Pass(time.Minute)
			w.visible(s, stack.NotifyDeadQueue)
			stacktest.Pass(4 * time.Minute)
		}},
		"ApiFails": only(func(w *watch) {
			for range 5 {
				w.put(time.Now(), 1, "AWS/ApiGateway", "5xx", "ApiId", "Api")
			}
		}),
	}
	if got, want := slices.Sorted(maps.Keys(conditions)), tm.of("AWS::CloudWatch::Alarm"); !cmp.Equal(got, want) {
		t.Fatalf("conditions of %v, want of %v", got, want)
	}
	run := func(t *testing.T, c condition) (*watch, time.Time) {
		w := newWatch(t)
		c.world.Metrics = w
		if c.world.Receiver == nil {
			c.world.Receiver = &stacktest.Receiver{}
		}
		var now time.Time
		c.world.Run(t, func(t *testing.T, s *stacktest.Stack) {
			c.run(t, w, s)
			now = time.Now()
		})
		return w, now
	}
	quiet, end := run(t, condition{stacktest.World{Mailer: &post{}}, ordinary})
	for name, c := range conditions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := tm.alarm(t, name)
			if at, ok := quiet.everOn(a, end); ok {
				t.Errorf("it is on in an ordinary day, at %s", at)
			}
			w, now := run(t, c)
			if _, ok := w.everOn(a, now); !ok {
				t.Errorf("it is never on, by %v", w.values)
			}
		})
	}
}

var runbook = regexp.MustCompile(`Runbook: (infra/runbooks/[a-z-]+\.md)$`)

// TestAlarmsNameRunbooks holds each description to the runbook that its reader opens next.
func TestAlarmsNameRunbooks(t *testing.T) {
	tm := readTemplate(t)
	for _, name := range tm.of("AWS::CloudWatch::Alarm") {
		text, _ := at(tm.Resources[name].Properties["AlarmDescription"], "Fn::Sub").(string)
		named := runbook.FindStringSubmatch(text)
		if named == nil {
			t.Errorf("%s names no runbook: %q", name, text)
			continue
		}
		if _, err := os.Stat("../../" + named[1]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// dashboard is infra/dashboard.json.
type dashboard struct {
	Widgets []struct {
		Type                string
		X, Y, Width, Height int
		Properties          struct {
			Markdown string
			Region   string
			Title    string
			View     string
			Stat     string
			Period   int
			Query    string
			Stacked  bool
			Metrics  []json.RawMessage
			YAxis    json.RawMessage

			Annotations json.RawMessage
		}
	}
}

// panelMetric is a line of a panel: a metric, or an expression over those that have ids.
type panelMetric struct {
	metric []string
	ID     string `json:"id"`
	Label  string `json:"label"`
	Stat   string `json:"stat"`

	Expression string `json:"expression"`
	Visible    *bool  `json:"visible"`
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	text, err := os.ReadFile("../dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	var out dashboard
	if err := d.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// panelLines returns the lines of a panel, as CloudFormation resolves their names.
func panelLines(t *testing.T, raw []json.RawMessage) []panelMetric {
	t.Helper()
	var out []panelMetric
	for _, r := range raw {
		var parts []json.RawMessage
		if err := json.Unmarshal(r, &parts); err != nil {
			t.Fatal(err)
		}
		var m panelMetric
		for i, p := range parts {
			var name string
			if json.Unmarshal(p, &name) == nil {
				m.metric = append(m.metric, names.Replace(name))
				continue
			}
			d := json.NewDecoder(strings.NewReader(string(p)))
			d.DisallowUnknownFields()
			if err := d.Decode(&m); err != nil || i != len(parts)-1 {
				t.Errorf("%s: %v", r, err)
			}
		}
		if (m.Expression == "") == (len(m.metric) < 2 || len(m.metric)%2 != 0) || m.Expression != "" && m.metric != nil {
			t.Errorf("%s is neither a metric nor an expression", r)
		}
		out = append(out, m)
	}
	return out
}

// names resolves what the dashboard takes from the stack.
var names = strings.NewReplacer("${AWS::StackName}", stackName, "${Table}", "Table", "${Api}", "Api", "${DeliverFunction}", "DeliverFunction",
	"${IngestFunction}", "IngestFunction")

// TestDashboardCopy holds the dashboard of template.yaml to the file; -update copies it.
func TestDashboardCopy(t *testing.T) {
	file, err := os.ReadFile("../dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		const begins, ends = "      DashboardBody: !Sub |\n", "\nOutputs:\n"
		text, err := os.ReadFile("../../template.yaml")
		if err != nil {
			t.Fatal(err)
		}
		before, rest, ok := strings.Cut(string(text), begins)
		_, after, ok2 := strings.Cut(rest, ends)
		if !ok || !ok2 {
			t.Fatal("template.yaml has no place for the dashboard")
		}
		var body strings.Builder
		for line := range strings.Lines(string(file)) {
			body.WriteString("        " + line)
		}
		if err := os.WriteFile("../../template.yaml", []byte(before+begins+body.String()+ends+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tm := readTemplate(t)
	if diff := cmp.Diff(any(string(file)), at(tm.Resources["Dashboard"].Properties["DashboardBody"], "Fn::Sub")); diff != "" {
		t.Errorf("template.yaml has another dashboard than infra/dashboard.json (-file +template):\n%s", diff)
	}
	for _, name := range regexp.MustCompile(`\$\{([^}:]+)\}`).FindAllStringSubmatch(string(file), -1) {
		if r, ok := tm.Resources[name[1]]; !ok || r.Condition != "" {
			t.Errorf("%s is no resource that every stack has", name[1])
		}
	}
}

// TestDashboardForm follows the CloudWatch API Reference, Dashboard body structure and syntax.
func TestDashboardForm(t *testing.T) {
	var questions []string
	bottom := 0
	for _, w := range readDashboard(t).Widgets {
		p := w.Properties
		if w.Width < 1 || w.Height < 1 || w.X < 0 || w.X+w.Width > 24 || w.Y < bottom-w.Height {
			t.Errorf("%q lies at %d, %d and is %d by %d", p.Title, w.X, w.Y, w.Width, w.Height)
		}
		bottom = max(bottom, w.Y+w.Height)
		switch w.Type {
		case "text":
			questions = append(questions, p.Markdown)
		case "log":
			if p.Region == "" || p.Title == "" || !strings.HasPrefix(p.Query, "SOURCE '") || p.View != "table" {
				t.Errorf("got the query %+v", p)
			}
		case "metric":
			if p.Region == "" || p.Title == "" || p.View != "timeSeries" || p.Stat == "" || p.Period%60 != 0 || p.Period == 0 || len(p.Metrics) == 0 {
				t.Errorf("got the panel %+v", p)
			}
			ids := make(map[string]bool)
			for _, m := range panelLines(t, p.Metrics) {
				if m.ID != "" && (ids[m.ID] || !regexp.MustCompile(`^[a-z]\w*$`).MatchString(m.ID)) || m.Label == "" && m.Visible == nil {
					t.Errorf("%q: got the line %+v", p.Title, m)
				}
				ids[m.ID] = true
			}
		default:
			t.Errorf("there is no %q", w.Type)
		}
	}
	want := []string{"## Are events coming in?", "## Are they going out?", "## How late are they?", "## Who is failing?", "## What waits?"}
	if diff := cmp.Diff(want, questions); diff != "" {
		t.Errorf("what it answers (-want +got):\n%s", diff)
	}
}

// TestMetricsAreRead runs a stack in which all happens that is counted. Each series of the table has values then, and is read
// by an alarm or a panel, and what those read is there; every expression of a panel has a value.
func TestMetricsAreRead(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	fails := map[string]webhook.AttemptError{"timeout": webhook.ReasonTimeout, "dns": webhook.ReasonDNS, "500": webhook.ReasonBadStatus}
	r := &stacktest.Receiver{Answer: func(r egress.Request, _ int) egress.Response {
		path := r.URL[strings.LastIndexByte(r.URL, '/')+1:]
		if path == "ok" {
			return egress.Response{Status: 200}
		}
		return egress.Response{Err: fails[path]}
	}}
	mails := &post{closed: true}
	var begun time.Time
	stacktest.World{Receiver: r, Mailer: mails, LogsErrors: true, Metrics: w}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		begun = time.Now()
		acme := mailed(s)
		for _, path := range []string{"ok", "500", "timeout", "dns"} {
			acme.Webhook(map[string]any{"url": "https://example.com/" + path, "events": []string{"user.*"}})
		}
		stacktest.Pass(time.Second)
		mails.closed = false
		acme.Publish("user.created", map[string]any{})
		refuse(t, s)
		w.sealWithout(s)
		const document = `{ "deployed_at": "2023-10-27T00:00:00Z", "environment": "production", "commit_sha": "56e05fced214c44a37759efa2dfc25a65d8ae98d", "repository_id": "123", "repository_url": "https://git.scm-provider.ca/my-project/my-repo" }`
		var src struct{ URL string }
		acme.Do(http.StatusCreated, "POST", "/v1/sources", map[string]any{"kind": "custom", "name": "Jenkins", "secret": "secret"}, &src)
		got, err := acme.As("").Try("POST", strings.TrimPrefix(src.URL, acme.Base), document, nil,
			"X-Axify-Deployment-Event-Signature", "sha256=94849743b7c6c5772dcd0abb37b37e9834062b0639ca1fcd69678bd7526816d7")
		if err != nil || got.Status != http.StatusCreated {
			t.Fatalf("got %d %s, %v", got.Status, got.Body, err)
		}
		stacktest.Pass(2 * time.Minute)
		acme.Do(http.StatusAccepted, "POST", "/v1/deliveries/"+acme.Deliveries("&status=failed")[0].ID+"/replay", nil, nil)
		stacktest.Pass(2 * time.Minute)
	})
	tm := readTemplate(t)
	read := make(map[string]bool)
	for _, name := range tm.of("AWS::CloudWatch::Alarm") {
		for _, m := range tm.alarm(t, name).metrics {
			if m.metric[0] == metrics.Namespace {
				read[m.metric[1]] = true
			}
		}
	}
	for _, widget := range readDashboard(t).Widgets {
		p := widget.Properties
		ids := make(map[string]float64)
		for _, m := range panelLines(t, p.Metrics) {
			if m.Expression != "" {
				if v, err := calculate(m.Expression, ids); err != nil || math.IsNaN(v) || v <= 0 || v > 100 {
					t.Errorf("%s: %s is %v, %v", p.Title, m.Expression, v, err)
				}
				continue
			}
			stat := p.Stat
			if m.Stat != "" {
				stat = m.Stat
			}
			v := w.stat(m.metric, stat, begun, time.Duration(p.Period)*time.Second)
			if m.ID != "" {
				ids[m.ID] = v
			}
			if m.metric[0] == metrics.Namespace && m.metric[1] != stackName+"-errors" {
				read[m.metric[1]] = true
				if math.IsNaN(v) {
					t.Errorf("%s: %v has no value", p.Title, m.metric)
				}
			}
		}
	}
	delete(read, stackName+"-errors")
	var all []string
	for _, row := range metrics.Table() {
		all = append(all, string(row.Metric))
	}
	slices.Sort(all)
	if diff := cmp.Diff(all, slices.Sorted(maps.Keys(read))); diff != "" {
		t.Errorf("what is read (-counted +read):\n%s", diff)
	}
	if diff := cmp.Diff(all, w.names(metrics.Namespace)); diff != "" {
		t.Errorf("what has values (-table +run):\n%s", diff)
	}
}
