package webhooks

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"hookline/shared/api"
	"hookline/shared/console/chart"
	"hookline/shared/console/diagnosis"
	"hookline/shared/console/page"
	"hookline/shared/console/record"
	"hookline/shared/console/words"
)

// webhookPage is the data of a webhook's page.
type webhookPage struct {
	Webhook record.Webhook
	State   *diagnosis.State // nil if there is nothing to explain
	Day     chart.Chart
	Answers string // what the day's answers were like; "" if there was none
	Recent  recentPage
}

// recentPage is the part of the page with the webhook's latest deliveries.
type recentPage struct {
	ID           string // the webhook's
	Data         []api.Delivery
	Names        map[string]string // nil: all rows are of one webhook
	Allowed      bool              // the key may read deliveries
	Poll         string
	Announcement string
}

const recentRows = 10

// recent returns a webhook's latest deliveries, none if the visitor's key may not read them.
func recent(v *page.Visit, id string) (recentPage, error) {
	p := recentPage{ID: id, Allowed: v.Key.Grants("deliveries:read")}
	if !p.Allowed {
		return p, nil
	}
	var l api.List[api.Delivery]
	err := v.Get("/v1/webhooks/"+url.PathEscape(id)+"/deliveries", url.Values{"limit": {strconv.Itoa(recentRows)}}, &l)
	p.Data = l.Data
	p.Poll = page.Address("/console/webhooks/"+url.PathEscape(id)+"/recent", url.Values{"seen": {page.Digest(p.Data)}})
	if len(p.Data) > 0 {
		p.Announcement = "The newest delivery: " + p.Data[0].EventType + ", " + v.Dialect.Words[string(p.Data[0].Status)] + "."
	}
	return p, err
}

func showWebhook(v *page.Visit) {
	var p webhookPage
	var day api.WebhookStats
	err := v.Get("/v1/webhooks/"+v.ID(), nil, &p.Webhook)
	if err == nil {
		p.Recent, err = recent(v, p.Webhook.ID)
	}
	if err == nil {
		err = v.Get("/v1/webhooks/"+url.PathEscape(p.Webhook.ID)+"/stats", nil, &day)
	}
	if err != nil {
		v.Failed(err)
		return
	}
	p.State, p.Day = diagnosis.StateOf(p.Webhook, p.Recent.Data), hours(v.Dialect.Words, day, "day")
	p.Answers = answers(day)
	v.Show(http.StatusOK, "webhook", "", "webhooks", p.Webhook.Label(), &p)
}

// answers says how many of a day's deliveries succeeded, and how quickly their receiver answered.
func answers(day api.WebhookStats) string {
	if day.P50MS == nil || day.P95MS == nil || day.SuccessRate == nil {
		return ""
	}
	return fmt.Sprintf("In the last 24 hours %.1f %% of the deliveries that ended succeeded. Half of the answers came within %s, 95 of 100 within %s.",
		100**day.SuccessRate, words.Took(int64(*day.P50MS)), words.Took(int64(*day.P95MS)))
}

// showRecent answers the part of a webhook's page that polls.
func showRecent(v *page.Visit) {
	if !v.Partial() {
		v.Redirect("/console/webhooks/" + v.ID())
		return
	}
	p, err := recent(v, v.R.PathValue("id"))
	if err != nil {
		v.Failed(err)
		return
	}
	if !v.Unchanged(page.Digest(p.Data)) {
		v.Show(http.StatusOK, "webhook", "recent", "webhooks", "", &webhookPage{Recent: p})
	}
}

// questionPage is the data of the dialogs that ask before a webhook is deleted or tested.
type questionPage struct {
	Webhook record.Webhook
	Groups  []eventGroup // the event types to test with
}

func ask(v *page.Visit, question, title string) {
	var q questionPage
	if err := v.Get("/v1/webhooks/"+v.ID(), nil, &q.Webhook); err != nil {
		v.Failed(err)
		return
	}
	q.Groups = slices.DeleteFunc(groups(v.Dialect), func(g eventGroup) bool { return g.announced() })
	v.Show(http.StatusOK, question, "panel", "webhooks", title, &q)
}

func askDelete(v *page.Visit) { ask(v, "delete", v.Dialect.Words["delete"]) }

func deleteWebhook(v *page.Visit) {
	if err := v.Send(http.MethodDelete, "/v1/webhooks/"+v.ID(), nil, nil); err != nil {
		v.Failed(err)
		return
	}
	v.Redirect("/console/webhooks")
}
