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
	"hookline/shared/layout"
	"hookline/shared/snippet"
	"hookline/shared/webhook"
)

// maxArgued is how many bytes of a body a command holds; a longer one is in a file beside it.
const maxArgued = snippet.MaxBody

// leastAnswer is how much of each answer is shown, in bytes, however many there are.
const leastAnswer = 1 << 10

// cutAnswers leaves of the attempts' answers, the newest first, what a page shows.
func cutAnswers(attempts []api.Attempt) {
	room := layout.MaxBytes
	for i := range slices.Backward(attempts) {
		a := &attempts[i]
		shown := layout.Cut(a.ResponseBody, max(room, leastAnswer))
		room -= len(shown.Text)
		a.ResponseBody, a.ResponseTruncated = shown.Text, a.ResponseTruncated || !shown.Whole
	}
}

// deliveryPage is one delivery, with all that is known of it.
type deliveryPage struct {
	record.Delivery
	Webhook  *record.Webhook  // nil where it is gone, or not for this key
	Gone     bool             // the webhook was deleted
	Logged   bool             // the event has a page
	Rounds   []timeline.Round // the newest first
	Kept     int              // attempts shown; earlier ones are not kept
	Curl     string           // "" without a body or a URL
	InFile   bool             // the command takes the body from File
	Now      api.Time
	Replayed bool // just now, from this page
	Poll     string
	Said     string
}

// Label is what the webhook is called.
func (p *deliveryPage) Label() string {
	if p.Webhook == nil {
		return p.WebhookID
	}
	return p.Webhook.Label()
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
	mark := page.Mark(p.DeliveryDetail.Delivery, p.Attempts, p.Webhook) // headers of a request that was not made yet have the present time
	if v.Unchanged(mark) {
		return
	}
	if p.Logged, err = logged(v, p.EventID); err != nil {
		v.Failed(err)
		return
	}
	cutAnswers(p.Attempts)
	p.Rounds = timeline.Rounds(v.Dialect.Ladder, p.Attempts, p.NextAttemptAt)
	slices.Reverse(p.Rounds)
	p.Kept = len(p.Attempts)
	if p.Body != nil && p.Webhook != nil {
		data := *p.Body
		if p.InFile = len(data) > maxArgued; p.InFile {
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
	p.Said = fmt.Sprintf("%s: %s, attempts: %d.", p.EventType, v.Dialect.Words[string(p.Status)], p.AttemptCount)
	v.Show(http.StatusOK, "delivery", "delivery", "deliveries", p.EventType, &p)
}

// webhookOf returns a webhook, nil when it was deleted or is not for this key to see.
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

// logged reports whether an event is in the log, for this key to see. Tests are not.
func logged(v *page.Visit, id string) (bool, error) {
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
	if page.Answered(err, http.StatusConflict) {
		v.Sorry(http.StatusConflict, "It cannot be sent again", "The webhook was deleted: there is nowhere to send it.")
		return
	}
	if err != nil {
		v.Failed(err)
		return
	}
	v.Redirect("/console/deliveries/" + id + "?replayed")
}

// downloadBody is the body that a delivery sends.
func downloadBody(v *page.Visit) {
	var d record.Delivery
	if err := v.Get("/v1/deliveries/"+v.ID(), nil, &d); err != nil {
		v.Failed(err)
		return
	}
	if d.Body == nil {
		v.Sorry(http.StatusNotFound, "The body is gone", "It is no longer kept.")
		return
	}
	contentType := page.JSON
	if d.Form() {
		contentType = d.RequestHeaders["Content-Type"]
	}
	v.Download(d.File(), contentType, []byte(*d.Body))
}
