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

// readEntries reads the form into an input of the API. An entry that it cannot parse goes to the API as text, so that the API
// refuses it together with all other problems.
func readEntries(v *page.Visit) (values url.Values, in map[string]any, ok bool) {
	if values, ok = v.Form(); !ok {
		return nil, nil, false
	}
	in = map[string]any{
		"url": strings.TrimSpace(values.Get("url")), "events": chosenEvents(values), "active": values.Get("active") != "",
		"name": strings.TrimSpace(values.Get("name")),
	}
	for _, field := range []string{"content_type", "format"} {
		if values.Has(field) {
			in[field] = values.Get(field)
		}
	}
	for field, read := range map[string]func(string) any{
		"timeout_seconds": parseNumber, "max_per_second": parseNumber, "headers": parsePairs, "metadata": parsePairs, "filter": parseJSON,
	} {
		if values.Has(field) {
			in[field] = read(strings.TrimSpace(values.Get(field)))
		}
	}
	return values, in, true
}

// chosenEvents returns the event patterns of the form, each once. Next to "*" it leaves out those that "*" includes.
func chosenEvents(values url.Values) []string {
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

func parseNumber(text string) any {
	if text == "" {
		return nil
	}
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	return text
}

// parseJSON returns JSON as it was entered, other text as a string, and nil if there is none.
func parseJSON(text string) any {
	switch {
	case text == "":
		return nil
	case json.Valid([]byte(text)):
		return json.RawMessage(text)
	}
	return text
}

// parsePairs parses lines of a name, a colon and a value, or a JSON object, which can hold any text. It returns the first
// line that it cannot parse.
func parsePairs(text string) any {
	if strings.HasPrefix(text, "{") {
		return parseJSON(text)
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

// formatPairs writes pairs so that parsePairs can read them.
func formatPairs(m map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "%s: %s\n", name, m[name])
	}
	text := strings.TrimSpace(b.String())
	if again, ok := parsePairs(text).(map[string]string); ok && maps.Equal(again, m) {
		return text
	}
	raw, err := json.Marshal(m)
	if err != nil { // it cannot happen: they are strings
		return ""
	}
	return indentJSON(raw)
}

// syntaxProblem describes the first syntax error of a text that should be JSON.
func syntaxProblem(text string) string {
	err := json.Unmarshal([]byte(text), new(any))
	wrong, ok := errors.AsType[*json.SyntaxError](err)
	if !ok {
		return "something is missing"
	}
	before := text[:min(int(wrong.Offset), len(text))]
	line := strings.Count(before, "\n") + 1
	return fmt.Sprintf("%v, in line %d", wrong, line)
}

// indentJSON lays JSON out for a field that is sent back. It leaves JSON unchanged if it is too large to be laid out whole,
// and returns "" for null.
func indentJSON(raw json.RawMessage) string {
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	out, ok := layout.JSON(raw, layout.MaxBytes)
	if ok && !out.Whole {
		return string(raw)
	}
	return out.Text
}
