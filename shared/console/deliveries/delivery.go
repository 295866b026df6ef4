package deliveries

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"hookline/shared/api"
	"hookline/shared/console/page"
	"hookline/shared/console/record"
	"hookline/shared/console/timeline"
	"hookline/shared/console/words"
	"hookline/shared/layout"
	"hookline/shared/snippet"
	"hookline/shared/webhook"
)

// maxInline bounds the bytes of a body that a curl command contains. The command for a longer body reads a file.
const maxInline = snippet.MaxBody

// minResponse is the number of bytes of each response that are shown at least.
const minResponse = 1 << 10

// truncateResponses cuts the attempts' responses, so that all of them fit on a page. The newest get the room first.
func truncateResponses(attempts []api.Attempt) {
	room := layout.MaxBytes
	for i := range slices.Backward(attempts) {
		a := &attempts[i]
		shown := layout.Cut(a.ResponseBody, max(room, minResponse))
		room -= len(shown.Text)
		a.ResponseBody, a.ResponseTruncated = shown.Text, a.ResponseTruncated || !shown.Whole
	}
}

// deliveryPage is the data of a delivery's page.
type deliveryPage struct {
	record.Delivery
	Webhook      *record.Webhook  // nil if it was deleted or the key may not read it
	Gone         bool             // the webhook was deleted
	Logged       bool             // the event is in the event log, so that it has a page
	Rounds       []timeline.Round // the newest first
	Kept         int              // the number of attempts that are still stored
	Curl         string           // "" if the body or the URL is unknown
	InFile       bool             // the command takes the body from File
	Now          api.Time
	Replayed     bool // the visitor replayed it from this page just now
	Poll         string
	Announcement string
}

// Label is the webhook's label, or its id.
func (p *deliveryPage) Label() string {
	if p.Webhook == nil {
		return p.WebhookID
	}
	return p.Webhook.Label()
}

// Cancelled reports whether the delivery was cancelled.
func (p *deliveryPage) Cancelled() bool { return p.endedBy(webhook.ReasonCancelled) }

// Erased reports whether the payload of the delivery's event was erased.
func (p *deliveryPage) Erased() bool { return p.endedBy(webhook.ReasonErased) }

func (p *deliveryPage) endedBy(reason webhook.AttemptError) bool {
	return p.LastAttempt != nil && record.Fault(*p.LastAttempt) == reason
}

func showDelivery(v *page.Visit) {
	id := v.ID()
	p := deliveryPage{Now: api.Time{Time: v.Now()}, Replayed: v.R.URL.Query().Has("replayed")}
	if err := v.Get("/v1/deliveries/"+id, nil, &p.Delivery); err != nil {
		v.Failed(err)
		return
	}
	var err error
	if p.Webhook, p.Gone, err = webhookOf(v, p.WebhookID); err != nil {
		v.Failed(err)
		return
	}
	mark := page.Digest(p.DeliveryDetail.Delivery, p.Attempts, p.Webhook) // without the request's headers: until it is made they have the present time
	if v.Unchanged(mark) {
		return
	}
	if p.Logged, err = inEventLog(v, p.EventID); err != nil {
		v.Failed(err)
		return
	}
	truncateResponses(p.Attempts)
	p.Rounds = timeline.Rounds(v.Dialect.Ladder, p.Attempts, p.NextAttemptAt)
	slices.Reverse(p.Rounds)
	p.Kept = len(p.Attempts)
	if p.Body != nil && p.Webhook != nil {
		data := *p.Body
		if p.InFile = len(data) > maxInline; p.InFile {
			data = "@" + p.File()
		}
		p.Curl = curl(p.Webhook.URL, p.RequestHeaders, data, p.InFile)
	}
	if p.Status == webhook.Pending {
		q := url.Values{"seen": {mark}}
		if p.Replayed {
			q.Set("replayed", "")
		}
		p.Poll = page.Address("/console/deliveries/"+id, q)
	}
	p.Announcement = fmt.Sprintf("%s: %s, attempts: %s.", p.EventType, v.Dialect.Words[string(p.Status)], words.Grouped(p.AttemptCount))
	v.Show(http.StatusOK, "delivery", "delivery", "deliveries", p.EventType, &p)
}

// webhookOf returns a webhook, nil if it was deleted or the visitor's key may not read it.
func webhookOf(v *page.Visit, id string) (w *record.Webhook, gone bool, err error) {
	if !v.Key.Grants("webhooks:read") {
		return nil, false, nil
	}
	w = new(record.Webhook)
	err = v.Get("/v1/webhooks/"+url.PathEscape(id), nil, w)
	if page.Answered(err, http.StatusNotFound) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	return w, false, nil
}

// inEventLog reports whether an event is in the event log and the visitor's key may read it. Test events are not in it.
func inEventLog(v *page.Visit, id string) (bool, error) {
	if !v.Key.Grants("events:read") {
		return false, nil
	}
	err := v.Get("/v1/events/"+url.PathEscape(id), nil, nil)
	if page.Answered(err, http.StatusNotFound) {
		return false, nil
	}
	return err == nil, err
}

func replayDelivery(v *page.Visit) {
	id := v.ID()
	err := v.Send(http.MethodPost, "/v1/deliveries/"+id+"/replay", map[string]any{}, nil)
	if page.PayloadErased(err) {
		v.ShowError(http.StatusConflict, "It cannot be sent again", "The payload of its event was erased: there is nothing to send.")
		return
	}
	if page.Answered(err, http.StatusConflict) {
		v.ShowError(http.StatusConflict, "It cannot be sent again", "The webhook was deleted: there is nowhere to send it.")
		return
	}
	if err != nil {
		v.Failed(err)
		return
	}
	v.Redirect("/console/deliveries/" + id + "?replayed")
}

func cancelDelivery(v *page.Visit) {
	id := v.ID()
	err := v.Send(http.MethodPost, "/v1/deliveries/"+id+"/cancel", map[string]any{}, nil)
	if page.Answered(err, http.StatusConflict) {
		v.ShowError(http.StatusConflict, "It cannot be cancelled", "The delivery has ended: nothing more is sent.")
		return
	}
	if err != nil {
		v.Failed(err)
		return
	}
	v.Redirect("/console/deliveries/" + id)
}

// downloadBody answers with the body of a delivery.
func downloadBody(v *page.Visit) {
	var d record.Delivery
	if err := v.Get("/v1/deliveries/"+v.ID(), nil, &d); err != nil {
		v.Failed(err)
		return
	}
	if d.Body == nil {
		v.ShowError(http.StatusNotFound, "The body is gone", "It is no longer kept.")
		return
	}
	contentType := page.JSON
	if d.Form() {
		contentType = d.RequestHeaders["Content-Type"]
	}
	v.Download(d.File(), contentType, []byte(*d.Body))
}
