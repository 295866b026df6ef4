package main

import (
	"context"
	"encoding/json"
	"errors"

	"hookline/shared/gateway"
	"hookline/shared/queue/sqs"
)

// either takes requests and batches of a queue, so that they share warm processes. It tells them apart by what only one of
// them has.
func either(
	request func(context.Context, gateway.Event) (gateway.Answer, error), batch func(context.Context, sqs.Event) (sqs.Answer, error),
) func(context.Context, json.RawMessage) (any, error) {
	return func(ctx context.Context, raw json.RawMessage) (any, error) {
		var r gateway.Event
		if err := json.Unmarshal(raw, &r); err == nil && gateway.IsRequest(r) {
			return request(ctx, r)
		}
		var b sqs.Event
		if err := json.Unmarshal(raw, &b); err != nil {
			return nil, err
		}
		if !sqs.IsBatch(b) {
			return nil, errors.New("event is neither a request nor a batch of a queue")
		}
		return batch(ctx, b)
	}
}
