package conformance

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"hookline/infra/conformance/engines"
	"hookline/infra/lambda"
	"hookline/infra/receiver/receiver"
	"hookline/shared/queue"
	"hookline/shared/queue/sqs"
	"hookline/shared/store/dynamo"
	"hookline/shared/webhook"
)

// compiled is the compiled functions on stand-ins for the table, the queues and the key.
type compiled struct {
	t        *testing.T
	env      []string
	store    *dynamo.Store
	queues   map[string]*sqs.Queue // by the name that the settings have
	receiver *receiver.Receiver
	target   string // the receiver's URL
}

// newStack starts what the functions stand on.
func newStack(t *testing.T) *compiled {
	t.Helper()
	db, mq := dynamoDBLocal(t), elasticMQ(t)
	key := httptest.NewServer(new(keyService))
	t.Cleanup(key.Close)
	bus := httptest.NewServer(new(busService))
	t.Cleanup(bus.Close)
	post := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"MessageId":"0102"}`)
	}))
	t.Cleanup(post.Close)
	r, err := receiver.New(receiver.Options{Dialect: builtin(t, "standard")})
	if err != nil {
		t.Fatal(err)
	}
	target := httptest.NewServer(r)
	t.Cleanup(func() { target.CloseClientConnections(); target.Close() })
	s := &compiled{
		t: t, store: dynamo.New(db, table(t, db, "hookline"), dynamo.Options{}), queues: make(map[string]*sqs.Queue),
		receiver: r, target: target.URL,
		env: []string{
			"TABLE=hookline", "KMS_KEY_ID=key-1", "STACK=test", "RETENTION_DAYS=30", "EVENT_LOG=on", "LOG_LEVEL=DEBUG",
			"AWS_REGION=" + engines.Region, "AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any", "AWS_SESSION_TOKEN=any",
			"AWS_ENDPOINT_URL_DYNAMODB=" + *db.Options().BaseEndpoint,
			"AWS_ENDPOINT_URL_SQS=" + *mq.Options().BaseEndpoint,
			"AWS_ENDPOINT_URL_KMS=" + key.URL, "AWS_ENDPOINT_URL_SESV2=" + post.URL,
			"AWS_ENDPOINT_URL_EVENTBRIDGE=" + bus.URL, "BUS=bus", "BUS_SOURCE=hookline.test",
			"MAIL_FROM=example.com", "CONSOLE_URL=https://hooks.example.com",
			"DELIVERY_CONCURRENCY=100", "RETRY_CONCURRENCY=50", "BULK_CONCURRENCY=20",
		},
	}
	for setting, name := range map[string]string{
		"DELIVERY": "DeliveryQueue", "RETRY": "RetryQueue", "BULK": "BulkQueue", "DEAD_LETTER": "DeadLetterQueue",
		"INGEST": "IngestQueue", "INGEST_DEAD_LETTER": "IngestDeadLetterQueue",
		"NOTIFY": "NotifyQueue", "NOTIFY_DEAD_LETTER": "NotifyDeadLetterQueue",
	} {
		q := maker{client: mq}.queue(t, name, map[string]string{"VisibilityTimeout": "60"})
		s.queues[setting] = q
		url := *mq.Options().BaseEndpoint + "/" + engines.Account + "/" + name
		s.env = append(s.env, setting+"_QUEUE_URL="+url, setting+"_QUEUE_ARN="+q.ARN())
	}
	return s
}

// function returns a compiled function on the stack. private is of the build: see lambda.Build.
func (s *compiled) function(name string, private bool, timeout time.Duration) *lambda.Environment {
	s.t.Helper()
	path, err := lambda.Build(s.t.Context(), "../..", name, private)
	if err != nil {
		s.t.Fatal(err)
	}
	e := lambda.New(lambda.Function{Path: path, Env: s.env, Timeout: timeout, Log: s.t.Output()})
	s.t.Cleanup(e.Close)
	return e
}

// request calls a function with a recorded request, changed.
func (s *compiled) request(e *lambda.Environment, recording string, change func(*events.APIGatewayV2HTTPRequest), want int, out any) {
	s.t.Helper()
	var ev events.APIGatewayV2HTTPRequest
	load(s.t, recording, &ev)
	if change != nil {
		change(&ev)
	}
	var answer events.APIGatewayV2HTTPResponse
	invoke(s.t, e, ev, &answer)
	if answer.StatusCode != want {
		s.t.Fatalf("%s: got %d %s, want %d", recording, answer.StatusCode, answer.Body, want)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal([]byte(answer.Body), out); err != nil {
		s.t.Fatalf("%s: %v in %s", recording, err, answer.Body)
	}
}

// batch returns an event with what waits in a queue, at most ten messages: as the event source mapping makes it.
func (s *compiled) batch(setting string) (events.SQSEvent, []string) {
	s.t.Helper()
	got, err := s.queues[setting].Receive(s.t.Context(), queue.MaxBatch, time.Second)
	if err != nil {
		s.t.Fatal(err)
	}
	var ev events.SQSEvent
	var handles []string
	for _, m := range got {
		ev.Records = append(ev.Records, events.SQSMessage{
			MessageId: m.ID, ReceiptHandle: m.Handle, Body: m.Body, EventSource: "aws:sqs", EventSourceARN: s.queues[setting].ARN(),
			Attributes: map[string]string{"ApproximateReceiveCount": fmt.Sprint(m.ReceiveCount)}, AWSRegion: engines.Region,
		})
		handles = append(handles, m.Handle)
	}
	return ev, handles
}

// feed receives a queue's messages, expecting that many, calls the function, and deletes what it did not report. It
// returns how many it reported.
func (s *compiled) feed(e *lambda.Environment, setting string, want int) (reported int) {
	s.t.Helper()
	ev, handles := s.batch(setting)
	if len(ev.Records) != want {
		s.t.Fatalf("%s holds %d messages, want %d", setting, len(ev.Records), want)
	}
	failed := s.failures(e, ev)
	for i, m := range ev.Records {
		if failed[m.MessageId] {
			continue
		}
		if err := s.queues[setting].Delete(s.t.Context(), handles[i]); err != nil {
			s.t.Fatal(err)
		}
	}
	return len(failed)
}

// failures calls a function with a batch and returns what it reports, holding its answer to the shape that Lambda
// reads: another one would count as success.
func (s *compiled) failures(e *lambda.Environment, ev events.SQSEvent) map[string]bool {
	s.t.Helper()
	var answer map[string][]map[string]string
	invoke(s.t, e, ev, &answer)
	entries, ok := answer["batchItemFailures"]
	if !ok || len(answer) != 1 {
		s.t.Fatalf("the answer to a batch is %v, want batchItemFailures alone", answer)
	}
	failed := make(map[string]bool)
	for _, entry := range entries {
		if len(entry) != 1 || entry["itemIdentifier"] == "" {
			s.t.Fatalf("a failure is %v, want itemIdentifier alone", entry)
		}
		failed[entry["itemIdentifier"]] = true
	}
	return failed
}

func (s *compiled) recordedBatch(recording, setting string) events.SQSEvent {
	s.t.Helper()
	var ev events.SQSEvent
	load(s.t, recording, &ev)
	for i := range ev.Records {
		ev.Records[i].EventSourceARN = s.queues[setting].ARN()
	}
	return ev
}

func load(t *testing.T, recording string, into any) {
	t.Helper()
	raw, err := os.ReadFile("../../events/lambda/" + recording + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

func invoke(t *testing.T, e *lambda.Environment, event, answer any) {
	t.Helper()
	raw, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	out, err := e.Invoke(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, answer); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
}

// keyService answers as KMS does, in its JSON protocol. A wrapped key can be read by looking at it.
type keyService struct {
	mu    sync.Mutex
	calls []string
}

func (k *keyService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		KeyID             string `json:"KeyId"`
		CiphertextBlob    []byte
		EncryptionContext map[string]string
	}
	type wrapping struct {
		Context map[string]string
		Key     []byte
	}
	target := r.Header.Get("X-Amz-Target")
	k.mu.Lock()
	k.calls = append(k.calls, target)
	k.mu.Unlock()
	out := map[string]any{"KeyId": "arn:aws:kms:us-east-1:000000000000:key/key-1"}
	var wrapped wrapping
	switch err := json.NewDecoder(r.Body).Decode(&in); {
	case err != nil || in.KeyID != "key-1":
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]any{"__type": "NotFoundException"}
	case target == "TrentService.GenerateDataKey":
		wrapped.Context, wrapped.Key = in.EncryptionContext, make([]byte, 32)
		_, _ = rand.Read(wrapped.Key)
		out["CiphertextBlob"], _ = json.Marshal(wrapped) // strings and bytes
		out["Plaintext"] = wrapped.Key
	case json.Unmarshal(in.CiphertextBlob, &wrapped) != nil || !maps.Equal(wrapped.Context, in.EncryptionContext):
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]any{"__type": "InvalidCiphertextException"}
	default:
		out["Plaintext"] = wrapped.Key
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(out)
}

// busService answers as EventBridge does, in its JSON protocol, and takes every entry.
type busService struct{}

func (busService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct{ Entries []struct{} }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("X-Amz-Target") != "AWSEvents.PutEvents" {
		http.Error(w, `{"__type": "ValidationException"}`, http.StatusBadRequest)
		return
	}
	results := make([]map[string]string, len(in.Entries))
	for i := range results {
		results[i] = map[string]string{"EventId": fmt.Sprint(i)}
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(map[string]any{"FailedEntryCount": 0, "Entries": results})
}

// as makes a request another key's.
func as(key string) func(*events.APIGatewayV2HTTPRequest) {
	return func(ev *events.APIGatewayV2HTTPRequest) { ev.Headers["authorization"] = "Bearer " + key }
}

// tenant makes a tenant by a signed request and returns its key.
func (s *compiled) tenant(webhooks *lambda.Environment, id, dialect string) (key string) {
	s.t.Helper()
	var made struct {
		Key string `json:"api_key"`
	}
	s.request(webhooks, "webhooks/create-tenant", func(ev *events.APIGatewayV2HTTPRequest) {
		ev.Body = fmt.Sprintf(`{"id":%q,"name":%q,"dialect":%q}`, id, id, dialect)
	}, http.StatusCreated, &made)
	return made.Key
}

// webhook makes a webhook whose target is a path of the receiver.
func (s *compiled) webhook(webhooks *lambda.Environment, key, path, event string) (id string) {
	s.t.Helper()
	var made struct{ ID string }
	s.request(webhooks, "webhooks/create-webhook", func(ev *events.APIGatewayV2HTTPRequest) {
		as(key)(ev)
		ev.Body = fmt.Sprintf(`{"url":%q,"events":[%q]}`, s.target+path, event)
	}, http.StatusCreated, &made)
	return made.ID
}

// publish publishes an event by the recorded request, whose body is base64.
func (s *compiled) publish(ingest *lambda.Environment, key, body string, matched int) (id string) {
	s.t.Helper()
	var event struct {
		ID      string
		Matched int
	}
	s.request(ingest, "ingest/publish", func(ev *events.APIGatewayV2HTTPRequest) {
		as(key)(ev)
		if body != "" {
			ev.Body = base64.StdEncoding.EncodeToString([]byte(body))
		}
	}, http.StatusAccepted, &event)
	if event.Matched != matched {
		s.t.Fatalf("the event matched %d webhooks, want %d", event.Matched, matched)
	}
	return event.ID
}

// record is a delivery as it is shown.
type record struct {
	EventID string `json:"event_id"`
	Status  string
	Count   int `json:"attempt_count"`
	Last    *struct {
		Error *string
	} `json:"last_attempt"`
}

func (s *compiled) deliveries(webhooks *lambda.Environment, key string) []record {
	s.t.Helper()
	var list struct{ Data []record }
	s.request(webhooks, "webhooks/list-webhooks", func(ev *events.APIGatewayV2HTTPRequest) {
		as(key)(ev)
		const path = "/v1/deliveries"
		ev.RouteKey, ev.RawPath, ev.RawQueryString = "GET "+path, path, ""
		ev.RequestContext.RouteKey = ev.RouteKey
	}, http.StatusOK, &list)
	return list.Data
}

// TestAWSFunctions runs the programs that are deployed: each gets the events that AWS would send it and does what is
// asked. Only the rule against private targets is off, for the receiver is on this machine.
func TestAWSFunctions(t *testing.T) {
	s := newStack(t)
	webhooks := s.function("webhooks", true, 30*time.Second)
	ingest := s.function("ingest", false, 45*time.Second)
	deliver := s.function("deliver", true, 45*time.Second)
	sweep := s.function("sweep", false, time.Minute)

	key := s.tenant(webhooks, "acme", "standard")
	s.webhook(webhooks, key, "/ok", "invoice.*")

	t.Run("an event over HTTP is delivered", func(t *testing.T) {
		s := s.in(t)
		id := s.publish(ingest, key, "", 1)
		if failed := s.feed(deliver, "DELIVERY", 1); failed != 0 {
			t.Errorf("%d messages reported, want none", failed)
		}
		got, total := s.receiver.Received()
		if total != 1 || got[0].ID != id || got[0].Type != "invoice.paid" {
			t.Errorf("received %+v, want %s", got, id)
		}
		want := []record{{EventID: id, Status: "succeeded", Count: 1}}
		list := s.deliveries(webhooks, key)
		for i := range list {
			list[i].Last = nil
		}
		if diff := cmp.Diff(want, list); diff != "" {
			t.Errorf("deliveries (-want +got):\n%s", diff)
		}
	})

	t.Run("an entry of the bus is delivered once", func(t *testing.T) {
		s := s.in(t)
		_, before := s.receiver.Received()
		for range 2 { // EventBridge hands over at least once
			if failed := s.failures(ingest, s.recordedBatch("ingest/eventbridge-entry", "INGEST")); len(failed) != 0 {
				t.Errorf("reported %v, want nothing", failed)
			}
		}
		// The repeat's own message waits for some minutes, in case the first was lost.
		if failed := s.feed(deliver, "DELIVERY", 1); failed != 0 {
			t.Errorf("%d messages reported, want none", failed)
		}
		got, total := s.receiver.Received()
		if total != before+1 || got[len(got)-1].ID != "6a7e8feb-b491-4cf7-a9f1-bf3703467718" {
			t.Errorf("received %d more, the last %+v, want the entry", total-before, got[len(got)-1])
		}
	})

	t.Run("a bad entry goes to the ingest dead-letter queue", func(t *testing.T) {
		s := s.in(t)
		if failed := s.failures(ingest, s.recordedBatch("ingest/eventbridge-bad-entry", "INGEST")); len(failed) != 0 {
			t.Errorf("reported %v, want nothing", failed)
		}
		refused, _ := s.batch("INGEST_DEAD_LETTER")
		if len(refused.Records) != 1 || !strings.Contains(refused.Records[0].Body, `"detail.tenant"`) {
			t.Errorf("got %+v, want one entry with its reason", refused.Records)
		}
	})

	t.Run("a change that was never made is dropped", func(t *testing.T) {
		s := s.in(t)
		if failed := s.failures(ingest, s.recordedBatch("ingest/change", "INGEST")); len(failed) != 0 {
			t.Errorf("reported %v, want nothing", failed)
		}
		if sent, _ := s.batch("DELIVERY"); len(sent.Records) != 0 {
			t.Errorf("%d messages sent, want none", len(sent.Records))
		}
	})

	t.Run("the backend's own event for its tenant", func(t *testing.T) {
		s := s.in(t)
		s.request(ingest, "ingest/publish-for-tenant", nil, http.StatusAccepted, nil)
		s.request(ingest, "ingest/publish-for-tenant", func(ev *events.APIGatewayV2HTTPRequest) {
			ev.RequestContext.Authorizer = nil
		}, http.StatusUnauthorized, nil)
		if failed := s.feed(deliver, "DELIVERY", 1); failed != 0 {
			t.Errorf("%d messages reported, want none", failed)
		}
	})

	t.Run("poison goes to the dead-letter queue", func(t *testing.T) {
		s := s.in(t)
		if failed := s.failures(deliver, s.recordedBatch("deliver/poison", "BULK")); len(failed) != 0 {
			t.Errorf("reported %v, want nothing", failed)
		}
		dead, handles := s.batch("DEAD_LETTER")
		if len(dead.Records) != 2 {
			t.Errorf("got %d dead letters, want 2", len(dead.Records))
		}
		if err := s.queues["DEAD_LETTER"].Delete(t.Context(), handles...); err != nil {
			t.Error(err)
		}
	})

	t.Run("a batch is reported in part", func(t *testing.T) {
		s := s.in(t)
		key := s.tenant(webhooks, "globex", "axiestudio")
		s.webhook(webhooks, key, "/ok", "user.created")
		s.webhook(webhooks, key, "/flaky/1", "user.created")
		s.publish(ingest, key, `{"type":"user.created","data":{"id":1}}`, 2)
		if failed := s.feed(deliver, "DELIVERY", 2); failed != 1 {
			t.Errorf("%d messages reported, want the one that is parked for its next attempt", failed)
		}
		// The visibility that the function set holds: the message comes back after 2 s, not after 60.
		var back events.SQSEvent
		for try := 0; len(back.Records) == 0 && try < 10; try++ {
			back, _ = s.batch("DELIVERY")
		}
		if failed := s.failures(deliver, back); len(back.Records) != 1 || len(failed) != 0 {
			t.Errorf("%d messages came back and %d were reported, want 1 and 0", len(back.Records), len(failed))
		}
		for _, d := range s.deliveries(webhooks, key) {
			if d.Status != "succeeded" {
				t.Errorf("got %+v, want it succeeded", d)
			}
		}
	})

	t.Run("a delivery that was left behind is queued again", func(t *testing.T) {
		s := s.in(t)
		at := time.Now().Add(-3 * time.Hour).UTC().Truncate(time.Millisecond)
		d := webhook.Delivery{
			DeliveryKey: webhook.DeliveryKey{Tenant: "acme", Webhook: "wh_gone", Event: "evt_1", AcceptedAt: at},
			Type:        "invoice.paid", Dialect: "standard@1", Timestamp: "2026-03-20T12:00:00Z",
			Body: webhook.Payload{Inline: []byte("p{}")}, Status: webhook.Pending, Round: 1, NextAt: at, Via: webhook.ViaQueue,
			ExpiresAt: at.AddDate(0, 1, 0),
		}
		if err := s.store.SaveDelivery(t.Context(), d, webhook.Rev{}); err != nil {
			t.Fatal(err)
		}
		var event json.RawMessage
		load(t, "sweep/schedule", &event)
		var answer struct{ Queued int }
		invoke(t, sweep, event, &answer)
		if answer.Queued != 1 {
			t.Errorf("%d queued, want 1", answer.Queued)
		}
		if failed := s.feed(deliver, "DELIVERY", 1); failed != 0 {
			t.Errorf("%d messages reported, want none: the webhook is gone", failed)
		}
	})

	t.Run("a call that is killed loses nothing", func(t *testing.T) {
		s := s.in(t)
		key := s.tenant(webhooks, "initech", "standard")
		id := s.webhook(webhooks, key, "/slow/6", "invoice.paid")
		event := s.publish(ingest, key, "", 1)
		hasty := s.function("deliver", true, 4*time.Second)
		ev, _ := s.batch("DELIVERY")
		raw, err := json.Marshal(ev)
		if err != nil {
			t.Fatal(err)
		}
		_, err = hasty.Invoke(t.Context(), raw)
		if killed, ok := errors.AsType[*lambda.Error](err); !ok || killed.Type != lambda.TypeTimeout {
			t.Fatalf("got %v, want %s", err, lambda.TypeTimeout)
		}
		if list := s.deliveries(webhooks, key); len(list) != 0 {
			t.Errorf("the call that was killed has recorded %+v", list)
		}
		// Lambda hands the whole batch over again when its visibility ends.
		if failed := s.failures(deliver, ev); len(failed) != 0 {
			t.Errorf("reported %v, want nothing", failed)
		}
		list := s.deliveries(webhooks, key)
		if len(list) != 1 || list[0].Status != "succeeded" || list[0].Count != 1 {
			t.Errorf("got %+v, want one attempt to %s that succeeded", list, id)
		}
		got, _ := s.receiver.Received()
		if last := got[len(got)-1]; last.ID != event || last.Attempt != 2 {
			t.Errorf("the receiver saw %+v last, want %s a second time", last, event)
		}
	})

	for name, e := range map[string]*lambda.Environment{"webhooks": webhooks, "ingest": ingest, "deliver": deliver, "sweep": sweep} {
		if e.Starts() != 1 {
			t.Errorf("%s was started %d times: it died on the way", name, e.Starts())
		}
	}
}

// in returns the stack for a subtest.
func (s *compiled) in(t *testing.T) *compiled {
	sub := *s
	sub.t = t
	return &sub
}

// TestAWSFunctionsPrivate shows that what is deployed calls nothing on its own machine, where on Lambda the runtime API
// is, and takes no webhook that would have it do so.
func TestAWSFunctionsPrivate(t *testing.T) {
	s := newStack(t)
	lenient := s.function("webhooks", true, 30*time.Second)
	strict := s.function("webhooks", false, 30*time.Second)
	ingest := s.function("ingest", false, 45*time.Second)
	deliver := s.function("deliver", false, 45*time.Second)

	key := s.tenant(strict, "acme", "axoria") // which may send to http
	var refused struct{ Errors []webhook.FieldError }
	s.request(strict, "webhooks/create-webhook", func(ev *events.APIGatewayV2HTTPRequest) {
		as(key)(ev)
		ev.Body = fmt.Sprintf(`{"url":%q,"events":["issue.created"]}`, s.target+"/ok")
	}, http.StatusUnprocessableEntity, &refused)
	if len(refused.Errors) != 1 || refused.Errors[0].Field != "url" {
		t.Errorf("got %+v, want url alone at fault", refused.Errors)
	}

	s.webhook(lenient, key, "/ok", "issue.created") // as by a name that now resolves to this machine
	s.publish(ingest, key, `{"type":"issue.created","data":{}}`, 1)
	if failed := s.feed(deliver, "DELIVERY", 1); failed != 1 {
		t.Errorf("%d messages reported, want the one that is parked for its next attempt", failed)
	}
	list := s.deliveries(strict, key)
	if len(list) != 1 || list[0].Last == nil || list[0].Last.Error == nil || *list[0].Last.Error != string(webhook.ReasonBlockedTarget) {
		t.Errorf("got %+v, want an attempt that was blocked", list)
	}
	if _, total := s.receiver.Received(); total != 0 {
		t.Errorf("%d requests reached this machine", total)
	}
}
