package console

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"hookline/shared/layout"
	"hookline/shared/webhook"
)

// sentView is a delivery with what was sent.
type sentView struct {
	deliveryView
	Body           *string           `json:"body"`
	RequestHeaders map[string]string `json:"request_headers"`
	Attempts       []attemptView     `json:"attempts"`
}

// Pretty is the body's JSON laid out for reading, of a form that of its field; empty where there is none.
func (s sentView) Pretty() layout.Text {
	if s.Body == nil {
		return layout.Text{}
	}
	text := *s.Body
	if s.form() {
		fields, err := url.ParseQuery(text)
		if err != nil {
			return layout.Text{}
		}
		text = fields.Get("payload")
	}
	out, _ := layout.JSON([]byte(text), layout.MaxBytes)
	return out
}

// Exact is the body byte for byte.
func (s sentView) Exact() layout.Text {
	if s.Body == nil {
		return layout.Text{}
	}
	return layout.Cut(*s.Body, layout.MaxBytes)
}

func (s sentView) form() bool { return s.RequestHeaders["Content-Type"] == webhook.ContentForm }

// File is what the body's file is called when it is downloaded.
func (s sentView) File() string {
	if s.form() {
		return strings.TrimSuffix(fileOf(s.ID), ".json") + ".txt"
	}
	return fileOf(s.ID)
}

// leastAnswer is how much of each answer is shown, in bytes, however many there are.
const leastAnswer = 1 << 10

// cutAnswers leaves of the attempts' answers, the newest first, what a page shows.
func cutAnswers(attempts []attemptView) {
	room := layout.MaxBytes
	for i := range slices.Backward(attempts) {
		a := &attempts[i]
		shown := layout.Cut(a.ResponseBody, max(room, leastAnswer))
		room -= len(shown.Text)
		a.ResponseBody, a.Truncated = shown.Text, a.Truncated || !shown.Whole
	}
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
	InFile   bool         // the command takes the body from File
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
	cutAnswers(p.Attempts)
	p.Rounds = rounds(v.dialect.Ladder, p.Attempts, p.NextAttemptAt)
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
