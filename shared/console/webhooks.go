package console

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"hookline/shared/webhook"
)

// webhookView is a webhook as the API shows it.
type webhookView struct {
	ID             string            `json:"id"`
	URL            string            `json:"url"`
	Name           string            `json:"name"`
	Events         []string          `json:"events"`
	Active         bool              `json:"active"`
	Status         webhook.Status    `json:"status"`
	ContentType    string            `json:"content_type"`
	Format         string            `json:"format"`
	Headers        map[string]string `json:"headers"`
	TimeoutSeconds int               `json:"timeout_seconds"`
	Filter         json.RawMessage   `json:"filter"`
	MaxPerSecond   *int              `json:"max_per_second"`
	Metadata       map[string]string `json:"metadata"`
	CreatedAt      string            `json:"created_at"`
	UpdatedAt      string            `json:"updated_at"`
	FailingSince   *string           `json:"failing_since"`
	Secret         string            `json:"secret"`
	Warnings       []string          `json:"warnings"`
	Stats          *webhookStats     `json:"stats"` // in lists
}

// Filtered reports whether a filter lets only some events pass.
func (w webhookView) Filtered() bool { return len(w.Filter) > 0 && string(w.Filter) != "null" }

// Label is what a webhook is called: its name, or where it leads.
func (w webhookView) Label() string {
	if w.Name != "" {
		return w.Name
	}
	if u, err := url.Parse(w.URL); err == nil && u.Host != "" {
		return u.Host
	}
	return w.ID
}

// list is a page of a list of the API.
type list[T any] struct {
	Data       []T     `json:"data"`
	NextCursor *string `json:"next_cursor"`
}

type webhooksPage struct {
	list[webhookView]
	Total    int `json:"total"`
	Active   int `json:"active"`
	Inactive int `json:"inactive"`
	Failing  int `json:"failing"`

	EventTypes     int
	Day            dayCounts // of all the tenant's webhooks
	Search, Status string
	Next           string // the address of the next page, "" at the end
	First          bool   // it is the first page
}

// Filtered reports whether the list was asked for in part.
func (p webhooksPage) Filtered() bool { return p.Search != "" || p.Status != "" }

// Filter returns the address of the list with another status.
func (p webhooksPage) Filter(status string) string {
	q := url.Values{}
	if p.Search != "" {
		q.Set("search", p.Search)
	}
	if status != "" {
		q.Set("status", status)
	}
	return address("/console/webhooks", q)
}

func address(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// perPage is how many rows a page of a list shows: with them the first page is under 100 KB in all.
const perPage = 20

func (v *visit) home() { v.redirect(v.start()) }

func (v *visit) webhooks() {
	asked := v.r.URL.Query()
	p := webhooksPage{Search: asked.Get("search"), Status: asked.Get("status"), First: asked.Get("cursor") == ""}
	if !slices.Contains([]string{"active", "inactive", "failing"}, p.Status) {
		p.Status = ""
	}
	query := url.Values{"limit": {strconv.Itoa(perPage)}}
	for name, value := range map[string]string{"search": p.Search, "status": p.Status, "cursor": asked.Get("cursor")} {
		if value != "" {
			query.Set(name, value)
		}
	}
	asking := maps.Clone(query)
	asking.Set("stats", "true")
	err := v.get("/v1/webhooks", asking, &p)
	if err == nil && !v.partial() {
		p.Day, err = v.day()
	}
	if err != nil {
		v.failed(err)
		return
	}
	for _, e := range v.dialect.EventTypes() {
		if !e.ComingSoon {
			p.EventTypes++
		}
	}
	if p.NextCursor != nil {
		query.Del("limit")
		query.Set("cursor", *p.NextCursor)
		p.Next = address("/console/webhooks", query)
	}
	v.show(http.StatusOK, "webhooks", "list", "webhooks", v.dialect.Words["title"], p)
}

// webhookPage is one webhook, with how it has fared lately.
type webhookPage struct {
	Webhook webhookView
	State   *state // nil where there is nothing to explain
	Day     webhookStats
	Recent  recentPage
}

// recentPage is a webhook's latest deliveries, as its page shows them.
type recentPage struct {
	deliveryRows
	ID      string // the webhook's
	Allowed bool   // the key may read deliveries
	Poll    string
	Said    string
}

const recentRows = 10

// recent returns a webhook's latest deliveries, none for a key that may not read them.
func (v *visit) recent(id string) (recentPage, error) {
	p := recentPage{ID: id, Allowed: v.key.Grants("deliveries:read")}
	if !p.Allowed {
		return p, nil
	}
	var l list[deliveryView]
	err := v.get("/v1/webhooks/"+url.PathEscape(id)+"/deliveries", url.Values{"limit": {strconv.Itoa(recentRows)}}, &l)
	p.Data = l.Data
	p.Poll = address("/console/webhooks/"+url.PathEscape(id)+"/recent", url.Values{"seen": {markOf(p.Data)}})
	if len(p.Data) > 0 {
		p.Said = "The newest delivery: " + p.Data[0].EventType + ", " + v.dialect.Words[string(p.Data[0].Status)] + "."
	}
	return p, err
}

func (v *visit) webhook() {
	var p webhookPage
	err := v.get("/v1/webhooks/"+url.PathEscape(v.r.PathValue("id")), nil, &p.Webhook)
	if err == nil {
		p.Recent, err = v.recent(p.Webhook.ID)
	}
	if err == nil {
		err = v.get("/v1/webhooks/"+url.PathEscape(p.Webhook.ID)+"/stats", nil, &p.Day)
	}
	if err != nil {
		v.failed(err)
		return
	}
	p.State = stateOf(p.Webhook, p.Recent.Data)
	v.show(http.StatusOK, "webhook", "", "webhooks", p.Webhook.Label(), p)
}

// recentDeliveries is the part of a webhook's page that asks for what is new.
func (v *visit) recentDeliveries() {
	id := v.r.PathValue("id")
	if !v.partial() {
		v.redirect("/console/webhooks/" + url.PathEscape(id))
		return
	}
	p, err := v.recent(id)
	if err != nil {
		v.failed(err)
		return
	}
	if !v.unchanged(markOf(p.Data)) {
		v.show(http.StatusOK, "webhook", "recent", "webhooks", "", webhookPage{Recent: p})
	}
}

// question asks before something that cannot be undone.
type question struct {
	Webhook webhookView
	Groups  []eventGroup // to test with
}

func (v *visit) ask(page string, title string) {
	var q question
	if err := v.get("/v1/webhooks/"+url.PathEscape(v.r.PathValue("id")), nil, &q.Webhook); err != nil {
		v.failed(err)
		return
	}
	q.Groups = slices.DeleteFunc(groups(v.dialect), eventGroup.soon)
	v.show(http.StatusOK, page, "panel", "webhooks", title, q)
}

func (v *visit) askDelete() { v.ask("delete", v.dialect.Words["delete"]) }

func (v *visit) deleteWebhook() {
	if err := v.send(http.MethodDelete, "/v1/webhooks/"+url.PathEscape(v.r.PathValue("id")), nil, nil); err != nil {
		v.failed(err)
		return
	}
	v.redirect("/console/webhooks")
}

func (v *visit) askTest() { v.ask("test", v.dialect.Words["test"]) }

// testPage is what came of a test.
type testPage struct {
	Webhook    webhookView
	Type       string
	DeliveryID string `json:"delivery_id"`
	Outcome    string `json:"status"`
	attemptView
	Sent sentView
}

func (v *visit) testWebhook() {
	path := "/v1/webhooks/" + url.PathEscape(v.r.PathValue("id"))
	p := testPage{Type: v.r.PostFormValue("event_type")}
	in := map[string]any{}
	if p.Type != "" {
		in["event_type"] = p.Type
	}
	err := v.get(path, nil, &p.Webhook)
	if err == nil {
		err = v.send(http.MethodPost, path+"/test", in, &p)
	}
	if err == nil && v.key.Grants("deliveries:read") {
		err = v.get("/v1/deliveries/"+url.PathEscape(p.DeliveryID), nil, &p.Sent)
	}
	if err != nil {
		v.failed(err)
		return
	}
	v.show(http.StatusOK, "tested", "panel", "webhooks", v.dialect.Words["test"], p)
}

// count writes how many there are of something.
func count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return strconv.Itoa(n) + " " + of + "s"
}

// took writes a duration as people read it.
func took(ms int64) string {
	if ms < 1 {
		return "under 1 ms"
	}
	if ms < 1000 {
		return fmt.Sprintf("%d ms", ms)
	}
	return fmt.Sprintf("%.1f s", (time.Duration(ms) * time.Millisecond).Seconds())
}
