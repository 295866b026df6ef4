package sqs

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/queue"
)

// record is a message in an event of Lambda's, as its documentation shows one.
func record(id, arn string) string {
	return `{"messageId":"` + id + `","receiptHandle":"h-` + id + `","body":"b","attributes":{"ApproximateReceiveCount":"2","SentTimestamp":"1774008000250",
		"SenderId":"AIDA","ApproximateFirstReceiveTimestamp":"1774008000500","MessageGroupId":"wh_1"},
		"messageAttributes":{},"eventSource":"aws:sqs","eventSourceARN":"` + arn + `","awsRegion":"cn-north-1"}`
}

// TestFunction holds that a batch comes as messages, that the answer names those that stay and no others, and that what
// is no batch of a known queue is an error, never an empty answer, after which Lambda would delete it.
func TestFunction(t *testing.T) {
	first := queue.Received{
		ID: "1", Handle: "h-1", Body: "b", Group: "wh_1", ReceiveCount: 2,
		SentAt: time.UnixMilli(1774008000250).UTC(), FirstReceived: time.UnixMilli(1774008000500).UTC(),
	}
	second := first
	second.ID, second.Handle = "2", "h-2"
	for name, tt := range map[string]struct {
		event string
		stays []string
		fault error
		got   []queue.Received
		want  string // the answer
		err   string
	}{
		"all are done with": {event: record("1", mainARN) + "," + record("2", mainARN), got: []queue.Received{first, second}, want: `{"batchItemFailures":[]}`},
		"one stays": {
			event: record("1", mainARN) + "," + record("2", mainARN), stays: []string{"2"}, got: []queue.Received{first, second},
			want: `{"batchItemFailures":[{"itemIdentifier":"2"}]}`,
		},
		"an error":        {event: record("1", mainARN), fault: errors.New("away"), got: []queue.Received{first}, err: "away"},
		"nothing":         {err: "event is no batch of a queue"},
		"another kind":    {event: `{"eventSource":"aws:dynamodb"}`, err: "event is no batch of a queue"},
		"an unknown one":  {event: record("1", "arn:x"), err: "message from a queue that is not configured: arn:x"},
		"of two, somehow": {event: record("1", mainARN) + "," + record("2", "arn:x"), err: "batch of two queues: " + mainARN + " and arn:x"},
	} {
		t.Run(name, func(t *testing.T) {
			var e Event
			if err := json.Unmarshal([]byte(`{"Records":[`+tt.event+`]}`), &e); err != nil {
				t.Fatal(err)
			}
			var got []queue.Received
			handle := func(_ context.Context, msgs []queue.Received) ([]string, error) {
				got = msgs
				return tt.stays, tt.fault
			}
			answer, err := FunctionOf(map[string]queue.Handler{mainARN: handle})(t.Context(), e)
			if diff := cmp.Diff(tt.got, got); diff != "" {
				t.Errorf("messages, -want +got\n%s", diff)
			}
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("got error %v, want %s", err, tt.err)
				}
				return
			}
			b, _ := json.Marshal(answer)
			if err != nil || string(b) != tt.want {
				t.Errorf("got %s, %v, want %s", b, err, tt.want)
			}
		})
	}
}
