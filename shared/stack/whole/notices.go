package whole

import (
	"context"
	"encoding/json"

	"hookline/shared/queue"
	"hookline/shared/systemevent"
)

// noticeSource is the source of the stack's own notices on this machine.
const noticeSource = "hookline.local"

// notices hands the stack's notices to the queue that a rule on its event bus hands them to on AWS.
type notices struct{ queue queue.Sender }

func (n notices) Announce(ctx context.Context, ns []systemevent.Notice) error {
	msgs := make([]queue.Outgoing, 0, len(ns))
	for _, notice := range ns {
		notice.Source = noticeSource
		body, err := json.Marshal(notice)
		if err != nil {
			return err
		}
		msgs = append(msgs, queue.Outgoing{Body: string(body), Group: notice.Detail.Tenant})
	}
	return queue.SendAll(ctx, n.queue, msgs)
}
