package sqs

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"hookline/shared/queue"
	"hookline/shared/webhook"
)

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantPart checks that a batch's entries failed with these errors and no others did. A wanted error of nil means
// webhook.Unavailable.
func wantPart(t *testing.T, err error, want map[int]error) {
	t.Helper()
	partial, ok := errors.AsType[*queue.PartialError](err)
	if !ok {
		t.Fatalf("got %v, want a partial failure", err)
	}
	for i := range max(len(want), len(partial.Failed)) + queue.MaxBatch {
		got, failed := partial.Failed[i]
		wanted, expected := want[i]
		switch {
		case failed != expected:
			t.Errorf("entry %d: got %v, want failed: %v", i, got, expected)
		case failed && wanted == nil && !webhook.Is(got, webhook.Unavailable):
			t.Errorf("entry %d: got %v, want it unavailable", i, got)
		case failed && wanted != nil && !errors.Is(got, wanted):
			t.Errorf("entry %d: got %v, want %v", i, got, wanted)
		}
	}
}

func TestSend(t *testing.T) {
	s := &service{answer: func(r request, _ int) answer { return took(r) }}
	err := s.start(t).Send(t.Context(), []queue.Outgoing{
		{Body: "plain"},
		{Body: "grouped", Group: "wh_1"},
		{Body: "delayed", Delay: 2 * time.Second},
		{Body: "rounded up", Delay: 2*time.Second + time.Nanosecond},
		{Body: "<&>\u2028 \U0001F980"},
	})
	ok(t, err)
	want := []request{{Action: "SendMessageBatch", Body: map[string]any{"QueueUrl": mainURL, "Entries": []any{
		map[string]any{"Id": "0", "MessageBody": "plain"},
		map[string]any{"Id": "1", "MessageBody": "grouped", "MessageGroupId": "wh_1"},
		map[string]any{"Id": "2", "MessageBody": "delayed", "DelaySeconds": 2.0},
		map[string]any{"Id": "3", "MessageBody": "rounded up", "DelaySeconds": 3.0},
		map[string]any{"Id": "4", "MessageBody": "<&>\u2028 \U0001F980"},
	}}}}
	if diff := cmp.Diff(want, s.requests()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestSendInPart(t *testing.T) {
	for name, tt := range map[string]struct {
		failed []map[string]any
		want   map[int]error
	}{
		"an internal fault": {
			[]map[string]any{entryFailed("1", "InternalError", "", false)},
			map[int]error{1: nil},
		},
		"a fault of SQS's own by any name": {
			[]map[string]any{entryFailed("1", "SomethingElse", "", false)},
			map[int]error{1: nil},
		},
		"a throttle": {
			[]map[string]any{entryFailed("0", "RequestThrottled", "Rate exceeded", true)},
			map[int]error{0: nil},
		},
		"a throttle of KMS": {
			[]map[string]any{entryFailed("0", "KMS.ThrottlingException", "", true)},
			map[int]error{0: nil},
		},
		"a bad delay": {
			[]map[string]any{entryFailed("2", "InvalidParameterValue", "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.", true)},
			map[int]error{2: queue.ErrRefused},
		},
		"bad characters": {
			[]map[string]any{entryFailed("1", "InvalidMessageContents", "Invalid binary character", true)},
			map[int]error{1: queue.ErrRefused},
		},
		"too long": {
			[]map[string]any{entryFailed("1", "InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.", true)},
			map[int]error{1: queue.ErrTooLarge},
		},
		"two of them": {
			[]map[string]any{entryFailed("0", "InternalError", "", false), entryFailed("2", "AWS.SimpleQueueService.InvalidMessageContents", "", true)},
			map[int]error{0: nil, 2: queue.ErrRefused},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &service{answer: func(r request, _ int) answer { return took(r, tt.failed...) }}
			err := s.start(t).Send(t.Context(), []queue.Outgoing{{Body: "a"}, {Body: "b"}, {Body: "c"}})
			wantPart(t, err, tt.want)
		})
	}
}

func TestSendNoText(t *testing.T) {
	s := &service{answer: func(r request, _ int) answer {
		return took(r, entryFailed("2", "InternalError", "", false))
	}}
	q := s.start(t)
	err := q.Send(t.Context(), []queue.Outgoing{{Body: "a"}, {Body: "\xff"}, {Body: "c"}, {Body: "d"}})
	wantPart(t, err, map[int]error{1: queue.ErrRefused, 2: nil})
	wantPart(t, q.Send(t.Context(), []queue.Outgoing{{Body: "\xff"}}), map[int]error{0: queue.ErrRefused})
	if got := len(s.requests()); got != 1 {
		t.Errorf("got %d calls, want 1: there was nothing to send in the other", got)
	}
}

// TestSendUnmentioned shows that an entry which the answer leaves out counts as not sent.
func TestSendUnmentioned(t *testing.T) {
	s := &service{answer: func(r request, _ int) answer {
		a := took(r, entryFailed("1", "InternalError", "", false))
		a.Body.(map[string]any)["Failed"] = nil
		return a
	}}
	err := s.start(t).Send(t.Context(), []queue.Outgoing{{Body: "a"}, {Body: "b"}})
	wantPart(t, err, map[int]error{1: nil})
}

// TestSendAllFinishes shows that the entries which SQS refused of a batch are sent again, and the others are not.
func TestSendAllFinishes(t *testing.T) {
	s := &service{answer: func(r request, n int) answer {
		switch n {
		case 1:
			return took(r, entryFailed("1", "InternalError", "", false), entryFailed("3", "RequestThrottled", "", true))
		case 2:
			return took(r, entryFailed("1", "InternalError", "", false))
		}
		return took(r)
	}}
	ok(t, queue.SendAll(t.Context(), s.start(t), []queue.Outgoing{{Body: "a"}, {Body: "b"}, {Body: "c"}, {Body: "d"}}))
	var got [][]any
	for _, r := range s.requests() {
		var bodies []any
		for _, e := range r.entries() {
			bodies = append(bodies, e["MessageBody"])
		}
		got = append(got, bodies)
	}
	if diff := cmp.Diff([][]any{{"a", "b", "c", "d"}, {"b", "d"}, {"d"}}, got); diff != "" {
		t.Errorf("bodies, -want +got\n%s", diff)
	}
}

// TestLostAnswer has SQS take a batch and loses its answer. The client sends again, so the messages are there twice and
// not lost.
func TestLostAnswer(t *testing.T) {
	s := &service{answer: func(r request, n int) answer {
		if n == 1 {
			return answer{}
		}
		return took(r)
	}}
	ok(t, s.start(t).Send(t.Context(), []queue.Outgoing{{Body: "a"}}))
	if got := len(s.requests()); got != 2 {
		t.Errorf("got %d calls, want 2", got)
	}

	s = &service{answer: always(answer{})}
	err := s.start(t).Send(t.Context(), []queue.Outgoing{{Body: "a"}})
	if !webhook.Is(err, webhook.Unavailable) {
		t.Errorf("all answers lost: got %v, want it unavailable", err)
	}
	if partial, ok := errors.AsType[*queue.PartialError](err); ok {
		t.Errorf("got %v, want nothing said of single entries", partial)
	}
}

// TestDamaged shows that an answer whose checksum is not the body's counts as none.
func TestDamaged(t *testing.T) {
	s := &service{answer: func(r request, _ int) answer {
		a := took(r)
		a.Body.(map[string]any)["Successful"].([]map[string]any)[0]["MD5OfMessageBody"] = "0cc175b9c0f1b6a831c399e269772662"
		return a
	}}
	err := s.start(t).Send(t.Context(), []queue.Outgoing{{Body: "b"}})
	if !webhook.Is(err, webhook.Unavailable) {
		t.Errorf("got %v, want it unavailable", err)
	}
}

func TestHide(t *testing.T) {
	s := &service{answer: func(r request, _ int) answer { return took(r) }}
	ok(t, s.start(t).Hide(t.Context(), []queue.Visibility{
		{Handle: "now"},
		{Handle: "past", For: -time.Minute},
		{Handle: "minute", For: time.Minute},
		{Handle: "rounded up", For: time.Minute + time.Millisecond},
		{Handle: "longest", For: queue.MaxVisibility},
	}))
	want := []request{{Action: "ChangeMessageVisibilityBatch", Body: map[string]any{"QueueUrl": mainURL, "Entries": []any{
		map[string]any{"Id": "0", "ReceiptHandle": "now", "VisibilityTimeout": 0.0}, // SQS refuses an entry without it
		map[string]any{"Id": "1", "ReceiptHandle": "past", "VisibilityTimeout": 0.0},
		map[string]any{"Id": "2", "ReceiptHandle": "minute", "VisibilityTimeout": 60.0},
		map[string]any{"Id": "3", "ReceiptHandle": "rounded up", "VisibilityTimeout": 61.0},
		map[string]any{"Id": "4", "ReceiptHandle": "longest", "VisibilityTimeout": 43200.0},
	}}}}
	if diff := cmp.Diff(want, s.requests()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestHideInPart(t *testing.T) {
	s := &service{answer: func(r request, _ int) answer {
		return took(
			r,
			entryFailed("1", "ReceiptHandleIsInvalid", `The input receipt handle "b" is not a valid receipt handle.`, true),
			entryFailed("2", "InvalidParameterValue", "Value c for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.", true),
			entryFailed("3", "InvalidParameterValue", "Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]", true),
			entryFailed("4", "InternalError", "", false),
			entryFailed("5", "AWS.SimpleQueueService.MessageNotInflight", "", true),
		)
	}}
	var vs []queue.Visibility
	for i := range 7 {
		vs = append(vs, queue.Visibility{Handle: string(rune('a' + i)), For: time.Hour})
	}
	wantPart(t, s.start(t).Hide(t.Context(), vs), map[int]error{
		1: queue.ErrStaleHandle, 2: queue.ErrStaleHandle, 3: queue.ErrBeyondLimit, 4: nil, 5: queue.ErrStaleHandle,
	})
}

func TestDeleteInPart(t *testing.T) {
	s := &service{answer: func(r request, _ int) answer {
		return took(r, entryFailed("0", "ReceiptHandleIsInvalid", "", true), entryFailed("2", "InternalError", "", false))
	}}
	wantPart(t, s.start(t).Delete(t.Context(), "a", "b", "c"), map[int]error{0: queue.ErrStaleHandle, 2: nil})
	want := []any{"a", "b", "c"}
	var got []any
	for _, e := range s.requests()[0].entries() {
		got = append(got, e["ReceiptHandle"])
	}
	if !slices.Equal(got, want) {
		t.Errorf("got handles %v, want %v", got, want)
	}
}

func TestNothingToDo(t *testing.T) {
	s := &service{answer: always(answer{})}
	q := s.start(t)
	for name, err := range map[string]error{
		"Send": q.Send(t.Context(), nil), "Delete": q.Delete(t.Context()), "Hide": q.Hide(t.Context(), nil),
	} {
		if err != nil || len(s.requests()) > 0 {
			t.Errorf("%s: got %v and %d calls, want neither", name, err, len(s.requests()))
		}
	}
}

func TestReceive(t *testing.T) {
	sum := md5.Sum([]byte("hello"))
	s := &service{answer: always(answer{Status: http.StatusOK, Body: map[string]any{"Messages": []any{map[string]any{
		"MessageId": "m1", "ReceiptHandle": "h1", "Body": "hello", "MD5OfBody": hex.EncodeToString(sum[:]),
		"Attributes": map[string]any{
			"ApproximateReceiveCount": "3", "SentTimestamp": "1700000000123", "ApproximateFirstReceiveTimestamp": "1700000001456",
			"MessageGroupId": "wh_1", "DeadLetterQueueSourceArn": "arn:aws-cn:sqs:cn-north-1:123456789012:other",
		},
	}}}})}
	got, err := s.start(t).Receive(t.Context(), 7, 1500*time.Millisecond)
	ok(t, err)
	want := []queue.Received{{
		ID: "m1", Handle: "h1", Body: "hello", Group: "wh_1", ReceiveCount: 3, SentAt: time.UnixMilli(1_700_000_000_123).UTC(),
		FirstReceived: time.UnixMilli(1_700_000_001_456).UTC(), DeadLetterOf: "other",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	asked := s.requests()[0].Body
	if asked["MaxNumberOfMessages"] != 7.0 || asked["WaitTimeSeconds"] != 2.0 {
		t.Errorf("asked for %v in %v s, want 7 in 2", asked["MaxNumberOfMessages"], asked["WaitTimeSeconds"])
	}
}

// TestReceiveNone shows that there are no messages and no error at the in-flight cap, and when the caller has gone.
func TestReceiveNone(t *testing.T) {
	s := &service{answer: always(refuse(http.StatusForbidden, "OverLimit", "Too many messages in flight"))}
	if got, err := s.start(t).Receive(t.Context(), 10, 0); len(got) > 0 || err != nil {
		t.Errorf("at the cap: got %v and %v, want neither", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	q := New(fake{receive: func(ctx context.Context) (*sqs.ReceiveMessageOutput, error) {
		cancel()
		return nil, ctx.Err()
	}}, mainURL, mainARN)
	if got, err := q.Receive(ctx, 10, queue.MaxWait); len(got) > 0 || err != nil {
		t.Errorf("cancelled: got %v and %v, want neither", got, err)
	}
}

func TestReceiveOfNone(t *testing.T) {
	s := &service{answer: always(answer{})}
	if _, err := s.start(t).Receive(t.Context(), 0, 0); !errors.Is(err, queue.ErrRefused) || len(s.requests()) > 0 {
		t.Errorf("got %v after %d calls, want %v and none", err, len(s.requests()), queue.ErrRefused)
	}
}

func TestCounts(t *testing.T) {
	s := &service{answer: always(answer{Status: http.StatusOK, Body: map[string]any{"Attributes": map[string]any{
		"ApproximateNumberOfMessages": "1", "ApproximateNumberOfMessagesNotVisible": "20", "ApproximateNumberOfMessagesDelayed": "300",
	}}})}
	got, err := s.start(t).Counts(t.Context())
	ok(t, err)
	if want := (queue.Counts{Visible: 1, InFlight: 20, Delayed: 300}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	s = &service{answer: always(answer{Status: http.StatusOK, Body: map[string]any{"Attributes": map[string]any{}}})}
	if got, err := s.start(t).Counts(t.Context()); err == nil {
		t.Errorf("got %+v and no error from an answer without numbers", got)
	}
}

// TestCallFails has whole calls fail, with the words that SQS uses.
func TestCallFails(t *testing.T) {
	unavailable := webhook.ErrUnavailable(nil)
	for name, tt := range map[string]struct {
		answer answer
		want   error // of package queue, or unavailable; nil is any other
		calls  int
	}{
		"a throttle":               {refuse(403, "RequestThrottled", "Request throttled"), unavailable, 3},
		"Throttling":               {refuse(400, "Throttling", "Rate exceeded"), unavailable, 3},
		"a throttle of KMS":        {refuse(400, "KMS.ThrottlingException", "Rate exceeded"), unavailable, 0},
		"500":                      {refuse(500, "InternalFailure", ""), unavailable, 3},
		"503":                      {refuse(503, "ServiceUnavailable", ""), unavailable, 3},
		"503 of a proxy":           {answer{Status: 503, Body: "no JSON of SQS"}, unavailable, 3},
		"a lost connection":        {answer{}, unavailable, 3},
		"a batch too long":         {refuse(400, "AWS.SimpleQueueService.BatchRequestTooLong", "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes."), queue.ErrTooLarge, 1},
		"too many entries":         {refuse(400, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent 11."), queue.ErrRefused, 1},
		"a bad value":              {refuse(400, "InvalidParameterValue", "Value 21 for parameter WaitTimeSeconds is invalid."), queue.ErrRefused, 1},
		"no queue":                 {refuse(400, "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."), queue.ErrRefused, 1},
		"no right":                 {refuse(403, "AccessDenied", "Access to the resource is denied."), nil, 1},
		"a code as JSON alone has": {answer{Status: 400, Body: map[string]any{"__type": "com.amazonaws.sqs#BatchRequestTooLong", "message": ""}}, queue.ErrTooLarge, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := &service{answer: always(tt.answer)}
			err := s.start(t).Send(t.Context(), []queue.Outgoing{{Body: "a"}})
			if err == nil {
				t.Fatal("got no error")
			}
			passing := webhook.Is(err, webhook.Unavailable)
			switch {
			case tt.want == error(unavailable):
				if !passing {
					t.Errorf("got %v, want it unavailable", err)
				}
			case passing:
				t.Errorf("got %v, want it refused for good", err)
			case tt.want != nil && !errors.Is(err, tt.want):
				t.Errorf("got %v, want %v", err, tt.want)
			case tt.want == nil && errors.Is(err, queue.ErrRefused):
				t.Errorf("got %v, want an error of its own", err)
			}
			if got := len(s.requests()); tt.calls > 0 && got != tt.calls {
				t.Errorf("got %d calls, want %d", got, tt.calls)
			}
		})
	}
}

// TestThrottledThenTaken shows that the caller does not notice a throttle that passes.
func TestThrottledThenTaken(t *testing.T) {
	s := &service{answer: func(r request, n int) answer {
		if n < 3 {
			return refuse(403, "RequestThrottled", "Request throttled")
		}
		return took(r)
	}}
	ok(t, s.start(t).Send(t.Context(), []queue.Outgoing{{Body: "a"}}))
}

// TestOutOfTime shows that a call which ran out of its caller's time is reported as one that may be tried again.
func TestOutOfTime(t *testing.T) {
	s := &service{answer: always(answer{})}
	q := s.start(t)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	for name, err := range map[string]error{
		"Send": q.Send(ctx, []queue.Outgoing{{Body: "a"}}), "Hide": q.Hide(ctx, []queue.Visibility{{Handle: "h"}}),
		"Delete": q.Delete(ctx, "h"),
	} {
		if !webhook.Is(err, webhook.Unavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want it unavailable for want of time", name, err)
		}
	}
}
