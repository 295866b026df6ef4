package console

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"hookline/shared/dialect"
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
	MaxPerSecond   *int              `json:"max_per_second"`
	Metadata       map[string]string `json:"metadata"`
	CreatedAt      string            `json:"created_at"`
	UpdatedAt      string            `json:"updated_at"`
	FailingSince   *string           `json:"failing_since"`
	Secret         string            `json:"secret"`
	Warnings       []string          `json:"warnings"`
}

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
	if err := v.get("/v1/webhooks", query, &p); err != nil {
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

// webhookForm is what the form to make or change a webhook shows.
type webhookForm struct {
	ID      string // "" for a new one
	Values  url.Values
	Groups  []eventGroup
	Errors  map[string]string
	Problem string
}

// Has reports whether a pattern is among the chosen events.
func (f webhookForm) Has(pattern string) bool { return slices.Contains(f.Values["events"], pattern) }

// Get returns a field's value.
func (f webhookForm) Get(name string) string { return f.Values.Get(name) }

type eventGroup struct {
	Name   string
	Events []dialect.EventType
}

// groups returns the catalogue as it is chosen from, in its order.
func groups(d *dialect.Dialect) []eventGroup {
	var out []eventGroup
	for _, e := range d.EventTypes() {
		i := slices.IndexFunc(out, func(g eventGroup) bool { return g.Name == e.Group })
		if i < 0 {
			i = len(out)
			out = append(out, eventGroup{Name: e.Group})
		}
		out[i].Events = append(out[i].Events, e)
	}
	return out
}

func (v *visit) form(status int, f webhookForm) {
	f.Groups = groups(v.dialect)
	title := v.dialect.Words["create_title"]
	if f.ID != "" {
		title = v.dialect.Words["edit"]
	}
	v.show(status, "webhook-form", "panel", "webhooks", title, f)
}

func (v *visit) newWebhook() {
	v.form(http.StatusOK, webhookForm{Values: url.Values{
		"active": {"on"}, "content_type": {v.dialect.ContentTypes[0]}, "format": {webhook.FormatJSON},
	}})
}

func (v *visit) editWebhook() {
	var w webhookView
	if err := v.get("/v1/webhooks/"+url.PathEscape(v.r.PathValue("id")), nil, &w); err != nil {
		v.failed(err)
		return
	}
	values := url.Values{"url": {w.URL}, "name": {w.Name}, "content_type": {w.ContentType}, "format": {w.Format}}
	for _, pattern := range w.Events {
		if listed(v.dialect, pattern) {
			values.Add("events", pattern)
		} else {
			values.Set("more_events", strings.TrimSpace(values.Get("more_events")+" "+pattern))
		}
	}
	if w.Active {
		values.Set("active", "on")
	}
	v.form(http.StatusOK, webhookForm{ID: w.ID, Values: values})
}

// listed reports whether the form has a box for a pattern; the others are written.
func listed(d *dialect.Dialect, pattern string) bool {
	return pattern == "*" || slices.ContainsFunc(d.EventTypes(), func(e dialect.EventType) bool { return e.Name == pattern && !e.ComingSoon })
}

// separates reports whether a character stands between written events.
func separates(r rune) bool { return r == ',' || unicode.IsSpace(r) }

// submitted reads the form into the API's input.
func (v *visit) submitted() (url.Values, map[string]any, bool) {
	if err := v.r.ParseForm(); err != nil {
		v.sorry(http.StatusBadRequest, "The form is not readable", "Please go back and try again.")
		return nil, nil, false
	}
	values := v.r.PostForm
	events := append([]string{}, values["events"]...)
	for _, more := range strings.FieldsFunc(values.Get("more_events"), separates) {
		if !slices.Contains(events, more) {
			events = append(events, more)
		}
	}
	in := map[string]any{
		"url": strings.TrimSpace(values.Get("url")), "events": events, "active": values.Get("active") != "",
		"name": strings.TrimSpace(values.Get("name")),
	}
	for _, field := range []string{"content_type", "format"} {
		if values.Has(field) {
			in[field] = values.Get(field)
		}
	}
	return values, in, true
}

func (v *visit) createWebhook() {
	values, in, ok := v.submitted()
	if !ok {
		return
	}
	in["secret"] = values.Get("secret")
	var made webhookView
	if err := v.send(http.MethodPost, "/v1/webhooks", in, &made); err != nil {
		if p := v.refused(err); p != nil {
			v.form(http.StatusUnprocessableEntity, refusedForm("", values, p))
		}
		return
	}
	v.show(http.StatusCreated, "secret", "panel", "webhooks", v.dialect.Words["create_title"], secretPage{Webhook: made, Secret: made.Secret, New: true})
}

func (v *visit) updateWebhook() {
	values, in, ok := v.submitted()
	if !ok {
		return
	}
	id := v.r.PathValue("id")
	var changed webhookView
	if err := v.send(http.MethodPatch, "/v1/webhooks/"+url.PathEscape(id), in, &changed); err != nil {
		if p := v.refused(err); p != nil {
			v.form(http.StatusUnprocessableEntity, refusedForm(id, values, p))
		}
		return
	}
	v.redirect("/console/webhooks/" + url.PathEscape(id))
}

// refusedForm is the form again, with what is wrong beside the fields, or on top where the form has no such field.
func refusedForm(id string, values url.Values, p *problem) webhookForm {
	f := webhookForm{ID: id, Values: values, Errors: make(map[string]string)}
	for _, e := range p.Errors {
		field, _, _ := strings.Cut(e.Field, ".")
		if f.Errors[field] == "" {
			f.Errors[field] = strings.ToUpper(e.Message[:1]) + e.Message[1:] + "."
		}
		if !values.Has(field) && field != "events" {
			f.Problem = p.Detail
		}
	}
	if len(f.Errors) == 0 {
		f.Problem = p.Detail
	}
	if values.Get("secret") != "" && f.Errors["secret"] == "" {
		f.Errors["secret"] = "Enter it again: no page shows a secret that was entered."
	}
	return f
}

// secretPage shows a secret, the one time that it can be seen.
type secretPage struct {
	Webhook webhookView
	Secret  string
	New     bool
	Until   string // the old one signs until then, "" when it ended
}

// webhookPage is one webhook, with how it has fared lately.
type webhookPage struct {
	Webhook webhookView
	State   *state // nil where there is nothing to explain
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
	Types   []string // to test with
}

func (v *visit) ask(page string, title string) {
	var q question
	if err := v.get("/v1/webhooks/"+url.PathEscape(v.r.PathValue("id")), nil, &q.Webhook); err != nil {
		v.failed(err)
		return
	}
	for _, e := range v.dialect.EventTypes() {
		if !e.ComingSoon && e.Name != webhook.TestType {
			q.Types = append(q.Types, e.Name)
		}
	}
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

func (v *visit) askRotate() { v.ask("rotate", v.dialect.Words["rotate"]) }

func (v *visit) rotateSecret() {
	path := "/v1/webhooks/" + url.PathEscape(v.r.PathValue("id"))
	var made struct {
		Secret string  `json:"secret"`
		Until  *string `json:"previous_secret_expires_at"`
	}
	p := secretPage{}
	err := v.send(http.MethodPost, path+"/rotate-secret", map[string]any{}, &made)
	if err == nil {
		err = v.get(path, nil, &p.Webhook)
	}
	if err != nil {
		v.failed(err)
		return
	}
	p.Secret = made.Secret
	if made.Until != nil {
		p.Until = *made.Until
	}
	v.show(http.StatusOK, "secret", "panel", "webhooks", v.dialect.Words["rotate"], p)
}

func (v *visit) askTest() { v.ask("test", v.dialect.Words["test"]) }

// testPage is what came of a test.
type testPage struct {
	Webhook      webhookView
	Type         string
	DeliveryID   string  `json:"delivery_id"`
	Status       string  `json:"status"`
	StatusCode   *int    `json:"status_code"`
	DurationMS   int64   `json:"duration_ms"`
	Error        *string `json:"error"`
	ResponseBody string  `json:"response_body"`
	Sent         sentView
	Why          *explanation // of a failure
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
	if p.Error != nil {
		code := 0
		if p.StatusCode != nil {
			code = *p.StatusCode
		}
		why := explain(webhook.AttemptError(*p.Error), code)
		p.Why = &why
	}
	v.show(http.StatusOK, "tested", "panel", "webhooks", v.dialect.Words["test"], p)
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
