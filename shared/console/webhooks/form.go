package webhooks

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hookline/shared/api"
	"hookline/shared/console/page"
	"hookline/shared/console/receiver"
	"hookline/shared/console/record"
	"hookline/shared/console/words"
	"hookline/shared/dialect"
	"hookline/shared/format"
	"hookline/shared/webhook"
)

// form is the data of the page that makes or changes a webhook. Values are the entries.
type form struct {
	ID      string // "" for a new one
	Values  url.Values
	Groups  []eventGroup
	Errors  map[string]string
	Problem string // a problem that no field has

	SecretRule   string // the rule for a chosen secret, "" if the product's words say it
	Timeout      int    // the default, in seconds
	InsecureWord string // see insecureWord
	Types        []string
	Preview      *receiver.Preview // nil if the visitor's key may not see it
	Trial        trial
}

// Has reports whether a pattern is checked.
func (f *form) Has(pattern string) bool { return slices.Contains(f.Values["events"], pattern) }

// Get returns a field's value.
func (f *form) Get(name string) string { return f.Values.Get(name) }

// Fields are the names of the fields, in the order of the form.
func (*form) Fields() []string {
	return []string{
		"url", "events", "secret", "name", "content_type", "format", "filter", "headers", "timeout_seconds", "max_per_second",
		"metadata", "active",
	}
}

// First returns the first field with a problem. It gets the focus.
func (f *form) First() string {
	for _, field := range f.Fields() {
		if f.Errors[field] != "" {
			return field
		}
	}
	return ""
}

// More reports whether one of the fields under "More" has a value or a problem.
func (f *form) More() bool {
	return slices.ContainsFunc([]string{"headers", "timeout_seconds", "max_per_second", "metadata"}, func(field string) bool {
		return f.Errors[field] != "" || f.Get(field) != ""
	})
}

// Filtered reports whether the part with the filter is open.
func (f *form) Filtered() bool {
	return f.Errors["filter"] != "" || f.Get("filter") != "" || f.Trial.Done
}

// Insecure reports whether the entered URL is http.
func (f *form) Insecure() bool {
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(f.Get("url"))), "http://")
}

// insecureWord names the word that tells what http means, "" where it is as good as https.
func insecureWord(d *dialect.Dialect) string {
	switch {
	case !slices.Contains(d.Schemes(), "http"):
		return "https_only"
	case d.WarnOfHTTP:
		return "insecure"
	}
	return ""
}

// Formats are those that a webhook can choose from; their labels are the words format_<name>.
func (*form) Formats() []string { return format.Names() }

// PreviewAsked reports whether the preview was asked for.
func (f *form) PreviewAsked() bool { return f.Get("do") == "preview" }

// wanted returns the event types to take an example of, the best first: that of a field, then the chosen ones.
func (f *form) wanted(field string) []string {
	return append([]string{f.Get(field)}, f.Values["events"]...)
}

// showForm shows the form. fragment is the block that htmx asks for.
func showForm(v *page.Visit, status int, fragment string, f form) {
	f.Groups = groups(v.Dialect)
	f.Types = v.EventNames()
	f.InsecureWord = insecureWord(v.Dialect)
	f.Timeout = int(v.Dialect.Timeout / time.Second)
	if rule := v.Dialect.CheckSecret(""); !strings.Contains(v.Dialect.Words["secret_hint"], rule) {
		f.SecretRule = rule
	}
	if wrong := f.Errors["content_type"]; wrong != "" && len(v.Dialect.ContentTypes) < 2 { // the form has no such field
		f.Problem = wrong
		delete(f.Errors, "content_type")
	}
	var err error
	if f.Preview, err = receiver.PreviewOf(v, f.Get("format"), f.Get("content_type"), f.wanted("preview_type")...); err != nil {
		v.Failed(err)
		return
	}
	f.Trial.prepare(v, f)
	title := v.Dialect.Words["create_title"]
	if f.ID != "" {
		title = v.Dialect.Words["edit"]
	}
	v.Show(status, "webhook-form", fragment, "webhooks", title, &f)
}

func newWebhook(v *page.Visit) {
	showForm(v, http.StatusOK, "panel", form{Values: url.Values{
		"active": {"on"}, "content_type": {v.Dialect.ContentTypes[0]}, "format": {webhook.FormatJSON},
	}})
}

func editWebhook(v *page.Visit) {
	var w record.Webhook
	if err := v.Get("/v1/webhooks/"+v.ID(), nil, &w); err != nil {
		v.Failed(err)
		return
	}
	values := url.Values{
		"url": {w.URL}, "name": {w.Name}, "content_type": {w.ContentType}, "format": {w.Format},
		"headers": {formatPairs(w.Headers)}, "metadata": {formatPairs(w.Metadata)}, "filter": {indentJSON(w.Filter)},
	}
	if w.TimeoutSeconds != int(v.Dialect.Timeout/time.Second) {
		values.Set("timeout_seconds", strconv.Itoa(w.TimeoutSeconds))
	}
	if w.MaxPerSecond != nil {
		values.Set("max_per_second", strconv.Itoa(*w.MaxPerSecond))
	}
	for _, pattern := range w.Events {
		if hasCheckbox(v.Dialect, pattern) {
			values.Add("events", pattern)
		} else {
			values.Set("more_events", strings.TrimSpace(values.Get("more_events")+" "+pattern))
		}
	}
	if w.Active {
		values.Set("active", "on")
	}
	showForm(v, http.StatusOK, "panel", form{ID: w.ID, Values: values})
}

func createWebhook(v *page.Visit) {
	values, in, ok := readEntries(v)
	if !ok {
		return
	}
	in["secret"] = values.Get("secret")
	for field, value := range in {
		if value == nil {
			delete(in, field)
		}
	}
	var made api.CreatedWebhook
	if err := v.Create("/v1/webhooks", in, &made); err != nil {
		if p := v.Refused(err); p != nil {
			showForm(v, http.StatusUnprocessableEntity, "panel", refusedForm("", values, in, p))
		}
		return
	}
	showSecret(v, http.StatusCreated, v.Dialect.Words["create_title"], secretPage{
		Webhook: record.Webhook{Webhook: made.Webhook}, Secret: made.Secret, Warnings: made.Warnings, New: true,
	})
}

func updateWebhook(v *page.Visit) {
	values, in, ok := readEntries(v)
	if !ok {
		return
	}
	if err := v.Send(http.MethodPatch, "/v1/webhooks/"+v.ID(), in, nil); err != nil {
		if p := v.Refused(err); p != nil {
			showForm(v, http.StatusUnprocessableEntity, "panel", refusedForm(v.R.PathValue("id"), values, in, p))
		}
		return
	}
	v.Redirect("/console/webhooks/" + v.ID())
}

// draftWebhook shows the form with its entries again, and with the preview, the example or the trial of the filter that was
// asked for. It changes nothing.
func draftWebhook(v *page.Visit) {
	values, in, ok := readEntries(v)
	if !ok {
		return
	}
	f := form{Values: values}
	if id := values.Get("id"); webhook.ValidGivenID(id) {
		f.ID = id
	}
	fragment := "trial"
	switch values.Get("do") {
	case "preview":
		fragment = "preview"
	case "try":
		if err := try(v, &f, in["filter"]); err != nil {
			v.Failed(err)
			return
		}
	default:
		values.Del("try_data") // the example of the type takes its place
	}
	if values.Get("secret") != "" {
		f.Errors = map[string]string{"secret": enterAgain}
	}
	showForm(v, http.StatusOK, fragment, f)
}

const enterAgain = "Enter it again: no page shows a secret that was entered."

// refusedForm returns the form with its entries and the API's problems: beside the fields, or above the form if it has no such
// field. in is the input that the API refused.
func refusedForm(id string, values url.Values, in map[string]any, p *page.Problem) form {
	f := form{ID: id, Values: values, Errors: make(map[string]string)}
	events, _ := in["events"].([]string)
	for _, e := range p.Errors {
		field, part, _ := strings.Cut(e.Field, ".")
		if i, err := strconv.Atoi(part); err == nil && field == "events" && i < len(events) {
			part = events[i]
		}
		text := words.Sentence(e.Message)
		if part != "" {
			text = part + ": " + e.Message + "."
		}
		if raw, ok := in[field].(string); ok && (field == "filter" || strings.HasPrefix(raw, "{")) {
			text = "Not JSON: " + syntaxProblem(raw) + "."
		} else if ok && (field == "headers" || field == "metadata") {
			text = raw + ": must be a name that is not there yet, a colon and a value."
		}
		if !slices.Contains(f.Fields(), field) || !values.Has(field) && field != "events" {
			f.Problem = p.Detail
		}
		f.Errors[field] = strings.TrimSpace(f.Errors[field] + " " + text)
	}
	if len(f.Errors) == 0 {
		f.Problem = p.Detail
	}
	if values.Get("secret") != "" && f.Errors["secret"] == "" {
		f.Errors["secret"] = enterAgain
	}
	return f
}
