// Package eventbridge puts the stack's notices on its event bus.
//
// The package guarantees: when Announce returns nil, EventBridge has taken every notice. After an error some may be on the
// bus, and are there twice when they are announced again. It does not look at who reads them.
package eventbridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"hookline/shared/systemevent"
	"hookline/shared/webhook"
)

// maxEntries is how many entries one call takes. API Reference, PutEvents.
const maxEntries = 10

// API is what is called of EventBridge.
type API interface {
	PutEvents(ctx context.Context, in *eventbridge.PutEventsInput, opts ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error)
}

// Bus is an event bus that takes notices. Source is the stack's own, which its rule for events leaves out.
type Bus struct {
	API    API
	Name   string
	Source string
}

// Announce puts notices on the bus. An error is webhook.Unavailable: what EventBridge refuses for good, such as a bus
// that is gone, is mended outside, and the notices are still there then.
func (b Bus) Announce(ctx context.Context, ns []systemevent.Notice) error {
	for some := range slices.Chunk(ns, maxEntries) {
		var in eventbridge.PutEventsInput
		for _, n := range some {
			detail, err := json.Marshal(n.Detail)
			if err != nil {
				return fmt.Errorf("notice: %w", err)
			}
			in.Entries = append(in.Entries, types.PutEventsRequestEntry{
				EventBusName: &b.Name, Source: &b.Source, DetailType: &n.DetailType, Detail: aws.String(string(detail)), Time: &n.Time,
			})
		}
		out, err := b.API.PutEvents(ctx, &in)
		if err != nil {
			return webhook.ErrUnavailable(err)
		}
		// A call succeeds also when entries of it fail: API Reference, PutEvents, FailedEntryCount.
		if out.FailedEntryCount > 0 {
			return webhook.ErrUnavailable(refused(out.Entries))
		}
	}
	return nil
}

func refused(entries []types.PutEventsResultEntry) error {
	var all []error
	for _, e := range entries {
		if e.ErrorCode != nil {
			all = append(all, fmt.Errorf("%s: %s", *e.ErrorCode, aws.ToString(e.ErrorMessage)))
		}
	}
	return errors.Join(all...)
}
