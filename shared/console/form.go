package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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

// webhookForm is what the form to make or change a webhook shows. Values are the fields as they were entered.
type webhookForm struct {
	ID      string // "" for a new one
	Values  url.Values
	Groups  []eventGroup
	Errors  map[string]string
	Problem string // of no field

	SecretRule string // of secrets of one's own, "" where the product's words say it
	Timeout    int    // of attempts, where the form has none
	Types      []string
	Preview    *preview // nil where the key may not see it
	Trial      trial
}

// Has reports whether a pattern is among the chosen events.
func (f webhookForm) Has(pattern string) bool { return slices.Contains(f.Values["events"], pattern) }

// Get returns a field's value.
func (f webhookForm) Get(name string) string { return f.Values.Get(name) }

// Fields are those of the form, in its order.
func (webhookForm) Fields() []string {
	return []string{
		"url", "events", "secret", "name", "content_type", "format", "filter", "headers", "timeout_seconds", "max_per_second",
		"metadata", "active",
	}
}

// First returns the first field at fault, which gets the focus.
func (f webhookForm) First() string {
	for _, field := range f.Fields() {
		if f.Errors[field] != "" {
			return field
		}
	}
	return ""
}

// More reports whether one of the fields that few need has something to show.
func (f webhookForm) More() bool {
	return slices.ContainsFunc([]string{"headers", "timeout_seconds", "max_per_second", "metadata"}, func(field string) bool {
		return f.Errors[field] != "" || f.Get(field) != ""
	})
}

// Filtered reports whether there is a filter to show.
func (f webhookForm) Filtered() bool {
	return f.Errors["filter"] != "" || f.Get("filter") != "" || f.Trial.Done
}

// Insecure reports whether the URL as entered sends events in the clear.
func (f webhookForm) Insecure() bool {
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(f.Get("url"))), "http://")
}

type eventGroup struct {
	Name    string // "" for none
	Pattern string // takes all of the group and those to come, "" where no pattern does
	Events  []dialect.EventType
}

// Choosable reports whether there is more than one to choose.
func (g eventGroup) Choosable() bool { return len(g.Events) > 1 && !g.soon() }

// soon reports whether all of the group is announced only.
func (g eventGroup) soon() bool {
	return !slices.ContainsFunc(g.Events, func(e dialect.EventType) bool { return !e.ComingSoon })
}

const otherEvents = "Other events"

// groups returns the catalogue as it is chosen from, in its order: under the product's own headings where it has some,
// else those whose names begin alike under that beginning.
func groups(d *dialect.Dialect) []eventGroup {
	events := d.EventTypes()
	alike := make(map[string]int)
	for _, e := range events {
		alike[beginning(e.Name)]++
	}
	var out []eventGroup
	for _, e := range events {
		g := eventGroup{Name: e.Group}
		begins := beginning(e.Name)
		switch {
		case g.Name != "":
		case alike[begins] > 1 && begins != e.Name && !webhook.IsSystemType(e.Name):
			g.Name, g.Pattern = strings.ToUpper(begins[:1])+begins[1:]+" events", begins+".*"
		default:
			g.Name = otherEvents
		}
		i := slices.IndexFunc(out, func(o eventGroup) bool { return o.Name == g.Name })
		if i < 0 {
			i = len(out)
			out = append(out, g)
		}
		out[i].Events = append(out[i].Events, e)
	}
	slices.SortStableFunc(out, func(a, b eventGroup) int { // what cannot be chosen comes last
		return strings.Compare(strconv.FormatBool(a.soon()), strconv.FormatBool(b.soon()))
	})
	return out
}

func beginning(eventType string) string {
	begins, _, _ := strings.Cut(eventType, ".")
	return begins
}

// form shows the form; fragment is the block of it that htmx asks for.
func (v *visit) form(status int, fragment string, f webhookForm) {
	f.Groups = groups(v.dialect)
	f.Types = eventNames(v.dialect)
	f.Timeout = int(v.dialect.Timeout / time.Second)
	if rule := v.dialect.CheckSecret(""); !strings.Contains(v.dialect.Words["secret_hint"], rule) {
		f.SecretRule = rule
	}
	if wrong := f.Errors["content_type"]; wrong != "" && len(v.dialect.ContentTypes) < 2 { // there is no such field
		f.Problem = wrong
		delete(f.Errors, "content_type")
	}
	if err := v.preview(&f); err != nil {
		v.failed(err)
		return
	}
	f.Trial.prepare(v.dialect, f)
	title := v.dialect.Words["create_title"]
	if f.ID != "" {
		title = v.dialect.Words["edit"]
	}
	v.show(status, "webhook-form", fragment, "webhooks", title, f)
}

// eventNames returns the names of the types that can be published.
func eventNames(d *dialect.Dialect) []string {
	var out []string
	for _, e := range d.EventTypes() {
		if !e.ComingSoon {
			out = append(out, e.Name)
		}
	}
	return out
}

func (v *visit) newWebhook() {
	v.form(http.StatusOK, "panel", webhookForm{Values: url.Values{
		"active": {"on"}, "content_type": {v.dialect.ContentTypes[0]}, "format": {webhook.FormatJSON},
	}})
}

func (v *visit) editWebhook() {
	var w webhookView
	if err := v.get("/v1/webhooks/"+url.PathEscape(v.r.PathValue("id")), nil, &w); err != nil {
		v.failed(err)
		return
	}
	values := url.Values{
		"url": {w.URL}, "name": {w.Name}, "content_type": {w.ContentType}, "format": {w.Format},
		"headers": {lines(w.Headers)}, "metadata": {lines(w.Metadata)}, "filter": {indented(w.Filter)},
	}
	if w.TimeoutSeconds != int(v.dialect.Timeout/time.Second) {
		values.Set("timeout_seconds", strconv.Itoa(w.TimeoutSeconds))
	}
	if w.MaxPerSecond != nil {
		values.Set("max_per_second", strconv.Itoa(*w.MaxPerSecond))
	}
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
	v.form(http.StatusOK, "panel", webhookForm{ID: w.ID, Values: values})
}

// listed reports whether the form has a box for a pattern; the others are written.
func listed(d *dialect.Dialect, pattern string) bool {
	return pattern == "*" || slices.ContainsFunc(groups(d), func(g eventGroup) bool {
		return pattern == g.Pattern || slices.ContainsFunc(g.Events, func(e dialect.EventType) bool { return e.Name == pattern && !e.ComingSoon })
	})
}

// separates reports whether a character stands between written events.
func separates(r rune) bool { return r == ',' || unicode.IsSpace(r) }

// submitted reads the form into the API's input. What it cannot read goes as it was entered, for the API to say what is
// wrong with it, beside all else that is.
func (v *visit) submitted() (url.Values, map[string]any, bool) {
	if err := v.r.ParseForm(); err != nil {
		v.sorry(http.StatusBadRequest, "The form is not readable", "Please go back and try again.")
		return nil, nil, false
	}
	values := v.r.PostForm
	in := map[string]any{
		"url": strings.TrimSpace(values.Get("url")), "events": chosen(values), "active": values.Get("active") != "",
		"name": strings.TrimSpace(values.Get("name")),
	}
	for _, field := range []string{"content_type", "format"} {
		if values.Has(field) {
			in[field] = values.Get(field)
		}
	}
	for field, read := range map[string]func(string) any{
		"timeout_seconds": number, "max_per_second": number, "headers": pairs, "metadata": pairs, "filter": document,
	} {
		if values.Has(field) {
			in[field] = read(strings.TrimSpace(values.Get(field)))
		}
	}
	return values, in, true
}

// chosen returns the events of the form, each once. Beside "*" those that it takes are left out.
func chosen(values url.Values) []string {
	events := append(slices.Clone(values["events"]), strings.FieldsFunc(values.Get("more_events"), separates)...)
	all := slices.Contains(events, "*")
	out := []string{}
	for _, e := range events {
		taken := all && e != "*" && webhook.ValidPattern(e) && !webhook.IsSystemType(e)
		if !taken && !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}

func number(text string) any {
	if text == "" {
		return nil
	}
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	return text
}

// document reads JSON that is passed on as it stands.
func document(text string) any {
	switch {
	case text == "":
		return nil
	case json.Valid([]byte(text)):
		return json.RawMessage(text)
	}
	return text
}

// pairs reads lines of a name, a colon and a value; or a JSON object, which can hold any text.
func pairs(text string) any {
	if strings.HasPrefix(text, "{") {
		return document(text)
	}
	out := make(map[string]string)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		name, value, ok := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); line == "" {
			continue
		}
		if _, twice := out[name]; !ok || twice {
			return line
		}
		out[name] = strings.TrimSpace(value)
	}
	return out
}

// lines writes what pairs reads.
func lines(m map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "%s: %s\n", name, m[name])
	}
	text := strings.TrimSpace(b.String())
	if again, ok := pairs(text).(map[string]string); ok && maps.Equal(again, m) {
		return text
	}
	raw, err := json.Marshal(m)
	if err != nil { // cannot be: it is texts
		return ""
	}
	return indented(raw)
}

func (v *visit) createWebhook() {
	values, in, ok := v.submitted()
	if !ok {
		return
	}
	in["secret"] = values.Get("secret")
	for field, value := range in {
		if value == nil {
			delete(in, field)
		}
	}
	var made webhookView
	if err := v.create("/v1/webhooks", in, &made); err != nil {
		if p := v.refused(err); p != nil {
			v.form(http.StatusUnprocessableEntity, "panel", refusedForm("", values, in, p))
		}
		return
	}
	v.showSecret(http.StatusCreated, v.dialect.Words["create_title"], secretPage{Webhook: made, Secret: made.Secret, New: true})
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
			v.form(http.StatusUnprocessableEntity, "panel", refusedForm(id, values, in, p))
		}
		return
	}
	v.redirect("/console/webhooks/" + url.PathEscape(id))
}

// draftWebhook shows the form as it is filled, with what its buttons ask: a preview, an example, or a trial of the
// filter. Nothing is changed.
func (v *visit) draftWebhook() {
	values, in, ok := v.submitted()
	if !ok {
		return
	}
	f := webhookForm{Values: values}
	if id := values.Get("id"); webhook.ValidGivenID(id) {
		f.ID = id
	}
	fragment := "trial"
	switch values.Get("do") {
	case "preview":
		fragment = "preview"
	case "try":
		if err := v.try(&f, in["filter"]); err != nil {
			v.failed(err)
			return
		}
	default:
		values.Del("try_data") // the example of the type takes its place
	}
	if values.Get("secret") != "" {
		f.Errors = map[string]string{"secret": enterAgain}
	}
	v.form(http.StatusOK, fragment, f)
}

const enterAgain = "Enter it again: no page shows a secret that was entered."

// refusedForm is the form again, with what is wrong beside the fields, or on top where the form has no such field. in is
// what the API refused.
func refusedForm(id string, values url.Values, in map[string]any, p *problem) webhookForm {
	f := webhookForm{ID: id, Values: values, Errors: make(map[string]string)}
	events, _ := in["events"].([]string)
	for _, e := range p.Errors {
		field, part, _ := strings.Cut(e.Field, ".")
		if i, err := strconv.Atoi(part); err == nil && field == "events" && i < len(events) {
			part = events[i]
		}
		text := strings.ToUpper(e.Message[:1]) + e.Message[1:] + "."
		if part != "" {
			text = part + ": " + e.Message + "."
		}
		if raw, ok := in[field].(string); ok && (field == "filter" || strings.HasPrefix(raw, "{")) {
			text = "Not JSON: " + syntax(raw) + "."
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

// syntax says where a text stops being JSON.
func syntax(text string) string {
	err := json.Unmarshal([]byte(text), new(any))
	wrong, ok := errors.AsType[*json.SyntaxError](err)
	if !ok {
		return "something is missing"
	}
	before := text[:min(int(wrong.Offset), len(text))]
	line := strings.Count(before, "\n") + 1
	return fmt.Sprintf("%v, in line %d", wrong, line)
}
