package sqs

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// A list as SQS gives it: the handle is there while the task runs.
func tasks(all ...map[string]any) answer {
	return answer{Status: http.StatusOK, Body: map[string]any{"Results": all}}
}

func running() map[string]any {
	return map[string]any{
		"TaskHandle": "handle", "Status": "RUNNING", "SourceArn": mainARN, "StartedTimestamp": 1_700_000_000_002,
		"DestinationArn":               "arn:aws-cn:sqs:cn-north-1:123456789012:other",
		"MaxNumberOfMessagesPerSecond": 50, "ApproximateNumberOfMessagesMoved": 3, "ApproximateNumberOfMessagesToMove": 9,
	}
}

func ended(status string) map[string]any {
	return map[string]any{"Status": status, "SourceArn": mainARN, "StartedTimestamp": 1_700_000_000_001, "ApproximateNumberOfMessagesMoved": 1}
}

// moving answers StartMessageMoveTask with a handle, CancelMessageMoveTask with a number, and lists as told.
func moving(list answer) *service {
	return &service{answer: func(r request, _ int) answer {
		switch r.Action {
		case "StartMessageMoveTask":
			return answer{Status: http.StatusOK, Body: map[string]any{"TaskHandle": "handle"}}
		case "CancelMessageMoveTask":
			return answer{Status: http.StatusOK, Body: map[string]any{"ApproximateNumberOfMessagesMoved": 3}}
		}
		return list
	}}
}

func TestStartMove(t *testing.T) {
	another := running()
	another["TaskHandle"] = "another"
	for name, tt := range map[string]struct {
		destination string
		rate        int
		list        answer
		want        string // the id
		asked       map[string]any
	}{
		"back to where each came from": {
			list: tasks(running(), ended("COMPLETED")), want: "1700000000002",
			asked: map[string]any{"SourceArn": mainARN},
		},
		"to a queue, paced": {
			destination: "other", rate: 50, list: tasks(ended("CANCELLED"), running()), want: "1700000000002",
			asked: map[string]any{
				"SourceArn": mainARN, "DestinationArn": "arn:aws-cn:sqs:cn-north-1:123456789012:other", "MaxNumberOfMessagesPerSecond": 50.0,
			},
		},
		"ended before it is listed": {
			list: tasks(ended("COMPLETED")), want: "1700000000001", asked: map[string]any{"SourceArn": mainARN},
		},
		"not listed yet": {
			list: tasks(), want: "handle", asked: map[string]any{"SourceArn": mainARN},
		},
		"another is listed": {
			list: tasks(another), want: "handle", asked: map[string]any{"SourceArn": mainARN},
		},
		"no list": {
			list: refuse(500, "InternalFailure", ""), want: "handle", asked: map[string]any{"SourceArn": mainARN},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := moving(tt.list)
			got, err := s.start(t).StartMove(t.Context(), tt.destination, tt.rate)
			ok(t, err)
			if got != tt.want {
				t.Errorf("got id %q, want %q", got, tt.want)
			}
			if diff := cmp.Diff(tt.asked, s.requests()[0].Body); diff != "" {
				t.Errorf("asked, -want +got\n%s", diff)
			}
		})
	}
}

func TestStartMoveRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		answer answer
		want   error
	}{
		"one is running": {
			refuse(400, "AWS.SimpleQueueService.UnsupportedOperation", "There is already a task running. Only one active task is allowed for a source queue arn at a given time."),
			queue.ErrMoveRunning,
		},
		"no dead-letter queue": {
			refuse(400, "InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue."), queue.ErrRefused,
		},
		"no destination": {
			refuse(404, "ResourceNotFoundException", "The resource that you specified for the DestinationArn parameter doesn't exist."), queue.ErrRefused,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &service{answer: always(tt.answer)}
			if id, err := s.start(t).StartMove(t.Context(), "other", 0); !errors.Is(err, tt.want) {
				t.Errorf("got %q, %v, want %v", id, err, tt.want)
			}
		})
	}
}

func TestMoves(t *testing.T) {
	cancelling := running()
	cancelling["Status"] = "CANCELLING"
	cancelling["StartedTimestamp"] = 1_700_000_000_003
	got, err := moving(tasks(running(), ended("FAILED"), cancelling)).start(t).Moves(t.Context())
	ok(t, err)
	at := func(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
	want := []queue.Move{
		{ID: "1700000000003", Destination: "other", Status: "RUNNING", Moved: 3, ToMove: 9, MaxPerSecond: 50, StartedAt: at(1_700_000_000_003)},
		{ID: "1700000000002", Destination: "other", Status: "RUNNING", Moved: 3, ToMove: 9, MaxPerSecond: 50, StartedAt: at(1_700_000_000_002)},
		{ID: "1700000000001", Status: "FAILED", Moved: 1, StartedAt: at(1_700_000_000_001)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestCancelMove(t *testing.T) {
	cancelling := running()
	cancelling["Status"] = "CANCELLING"
	const done = webhook.Kind(-1)
	for name, tt := range map[string]struct {
		list  answer
		id    string
		want  webhook.Kind
		calls int // of CancelMessageMoveTask
	}{
		"by its id":     {tasks(running(), ended("COMPLETED")), "1700000000002", done, 1},
		"by its handle": {tasks(running()), "handle", done, 1},
		"twice":         {tasks(cancelling), "1700000000002", done, 0},
		"unknown":       {tasks(running()), "1700000000009", webhook.NotFound, 0},
		"ended":         {tasks(ended("COMPLETED")), "1700000000001", webhook.Conflict, 0},
		"no list":       {refuse(503, "ServiceUnavailable", ""), "1700000000001", webhook.Unavailable, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := moving(tt.list)
			err := s.start(t).CancelMove(t.Context(), tt.id)
			if ok := tt.want == done; ok && err != nil || !ok && !webhook.Is(err, tt.want) {
				t.Errorf("got %v, want kind %v", err, tt.want)
			}
			calls := 0
			for _, r := range s.requests() {
				if r.Action == "CancelMessageMoveTask" {
					calls++
					if r.Body["TaskHandle"] != "handle" {
						t.Errorf("cancelled %v, want handle", r.Body["TaskHandle"])
					}
				}
			}
			if calls != tt.calls {
				t.Errorf("got %d calls to cancel, want %d", calls, tt.calls)
			}
		})
	}
}
