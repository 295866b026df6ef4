package webhooks

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hookline/shared/console/page"
	"hookline/shared/layout"
	"hookline/shared/webhook"
)

// submitted reads the form into the API's input. What it cannot read goes as it was entered, for the API to say what is
// wrong with it, beside all else that is.
func submitted(v *page.Visit) (values url.Values, in map[string]any, ok bool) {
	if values, ok = v.Form(); !ok {
		return nil, nil, false
	}
	in = map[string]any{
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
	events := append(slices.Clone(values["events"]), page.Split(values.Get("more_events"))...)
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

// indented lays JSON out for a field that is sent back: whole, or else as it is. It returns "" for what is no JSON.
func indented(raw json.RawMessage) string {
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	out, ok := layout.JSON(raw, layout.MaxBytes)
	if ok && !out.Whole {
		return string(raw)
	}
	return out.Text
}
