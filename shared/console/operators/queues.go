package operators

import (
	"net/http"

	"hookline/shared/console/page"
	"hookline/shared/operations"
)

// queuesPage is the data of the page of the queues.
type queuesPage struct{ Queues []queueRow }

// queueRow is a queue.
type queueRow struct {
	operations.State
	About string
}

// about says what is in each queue.
func about() map[string]string {
	return map[string]string{
		"DeliveryQueue":         "New deliveries, and short waits between attempts.",
		"RetryQueue":            "Deliveries that wait for their next attempt. They are in flight while they wait.",
		"BulkQueue":             "Replay jobs, and what slow webhooks have waiting.",
		"DeadLetterQueue":       "Deliveries that ran out of attempts. Nothing takes them out but a person.",
		"IngestQueue":           "Events that are to be fanned out, and changes to be told of.",
		"IngestDeadLetterQueue": "Events that were refused, with the reason. The sender has to mend them.",
		"NotifyQueue":           "Mails to be sent.",
		"NotifyDeadLetterQueue": "Mails that could not be sent.",
	}
}

func (r room) queues(v *page.Visit) {
	all, err := r.ops.State(v.R.Context())
	if err != nil {
		v.Failed(err)
		return
	}
	var p queuesPage
	for _, q := range all {
		p.Queues = append(p.Queues, queueRow{q, about()[q.Name]})
	}
	v.Show(http.StatusOK, "queues", "list", "queues", "Queues", &p)
}
