package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"hookline/shared/webhook"
)

// sentView is a delivery with what was sent.
type sentView struct {
	deliveryView
	Body           *string           `json:"body"`
	RequestHeaders map[string]string `json:"request_headers"`
	Attempts       []attemptView     `json:"attempts"`
}

// mostPretty is how long a body may be to be shown a second time, laid out.
const mostPretty = 64 << 10

// Pretty is the body's JSON laid out for reading, of a form that of its field; "" where there is none, or too much.
func (s sentView) Pretty() string {
	if s.Body == nil || len(*s.Body) > mostPretty {
		return ""
	}
	text := *s.Body
	if s.RequestHeaders["Content-Type"] == webhook.ContentForm {
		fields, err := url.ParseQuery(text)
		if err != nil {
			return ""
		}
		text = fields.Get("payload")
	}
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(text), "", "  "); err != nil {
		return ""
	}
	return b.String()
}

// Masked reports whether a header's value is not shown.
func (s sentView) Masked() bool {
	for _, value := range s.RequestHeaders {
		if value == mask {
			return true
		}
	}
	return false
}

// mask is what the API shows in the place of what it does not.
const mask = "********"

// deliveryPage is one delivery, with all that is known of it.
type deliveryPage struct {
	sentView
	Webhook  *webhookView // nil where it is gone, or not for this key
	Gone     bool         // the webhook was deleted
	Logged   bool         // the event has a page
	Rounds   []round      // the newest first
	Kept     int          // attempts shown; earlier ones are not kept
	Curl     string       // "" without a body or a URL
	Now      time.Time
	Replayed bool // just now, from this page
	Poll     string
	Said     string
}

// Label is what the webhook is called.
func (p deliveryPage) Label() string {
	if p.Webhook == nil {
		return p.WebhookID
	}
	return p.Webhook.Label()
}

func (v *visit) delivery() {
	id := url.PathEscape(v.r.PathValue("id"))
	p := deliveryPage{Now: v.now(), Replayed: v.r.URL.Query().Has("replayed")}
	if err := v.get("/v1/deliveries/"+id, nil, &p.sentView); err != nil {
		v.failed(err)
		return
	}
	var err error
	if p.Webhook, p.Gone, err = v.webhookOf(p.WebhookID); err != nil {
		v.failed(err)
		return
	}
	mark := markOf(p.deliveryView, p.Attempts, p.Webhook) // headers of a request that was not made yet have the present time
	if v.unchanged(mark) {
		return
	}
	if p.Logged, err = v.logged(p.EventID); err != nil {
		v.failed(err)
		return
	}
	p.Rounds = rounds(v.dialect.Ladder, p.Attempts, p.NextAttemptAt)
	slices.Reverse(p.Rounds)
	p.Kept = len(p.Attempts)
	if p.Body != nil && p.Webhook != nil {
		p.Curl = curl(p.Webhook.URL, p.RequestHeaders, *p.Body)
	}
	if p.Status == webhook.Pending {
		q := url.Values{"seen": {mark}}
		if p.Replayed {
			q.Set("replayed", "")
		}
		p.Poll = address("/console/deliveries/"+id, q)
	}
	p.Said = fmt.Sprintf("%s: %s, attempts: %d.", p.EventType, v.dialect.Words[string(p.Status)], p.AttemptCount)
	v.show(http.StatusOK, "delivery", "delivery", "deliveries", p.EventType, p)
}

// webhookOf returns a webhook, nil when it was deleted or is not for this key to see.
func (v *visit) webhookOf(id string) (w *webhookView, gone bool, err error) {
	if !v.key.Grants("webhooks:read") {
		return nil, false, nil
	}
	w = new(webhookView)
	err = v.get("/v1/webhooks/"+url.PathEscape(id), nil, w)
	if p, ok := errors.AsType[*problem](err); ok && p.Status == http.StatusNotFound {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	return w, false, nil
}

// logged reports whether an event is in the log, for this key to see. Tests are not.
func (v *visit) logged(id string) (bool, error) {
	if !v.key.Grants("events:read") {
		return false, nil
	}
	err := v.get("/v1/events/"+url.PathEscape(id), nil, nil)
	if p, ok := errors.AsType[*problem](err); ok && p.Status == http.StatusNotFound {
		return false, nil
	}
	return err == nil, err
}

func (v *visit) replayDelivery() {
	id := url.PathEscape(v.r.PathValue("id"))
	err := v.send(http.MethodPost, "/v1/deliveries/"+id+"/replay", map[string]any{}, nil)
	if p, ok := errors.AsType[*problem](err); ok && p.Status == http.StatusConflict {
		v.sorry(p.Status, "It cannot be sent again", "The webhook was deleted: there is nowhere to send it.")
		return
	}
	if err != nil {
		v.failed(err)
		return
	}
	v.redirect("/console/deliveries/" + id + "?replayed")
}
