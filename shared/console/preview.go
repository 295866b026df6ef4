package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"hookline/shared/chat"
	"hookline/shared/dialect"
	"hookline/shared/format"
	"hookline/shared/layout"
	"hookline/shared/webhook"
)

// preview is what a webhook would get for an event of a type, with the data of the type's example.
type preview struct {
	Type    string
	Asked   bool
	Format  string      `json:"format"`
	Body    string      `json:"body"` // as it travels
	Headers headerLines `json:"headers"`
	Message *chat.Shown // nil for what people do not read
}

// Indented returns the body as people read JSON; what is none stays.
func (p preview) Indented() layout.Text { return pretty([]byte(p.Body)) }

// Sent returns the body as it travels.
func (p preview) Sent() layout.Text { return layout.Cut(p.Body, layout.MaxBytes) }

// headerLines are headers in the order they are sent.
type headerLines []dialect.Header

// UnmarshalJSON reads the API's object.
func (h *headerLines) UnmarshalJSON(raw []byte) error {
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		var value string
		if err := dec.Decode(&value); err != nil {
			return err
		}
		text, _ := name.(string)
		*h = append(*h, dialect.Header{Name: text, Value: value})
	}
	return nil
}

// preview fills in what the form as it is would send.
func (v *visit) preview(f *webhookForm) error {
	types := eventNames(v.dialect)
	if len(types) == 0 || !v.key.Grants("events:read") {
		return nil
	}
	p := preview{Type: types[0], Asked: f.Get("do") == "preview"}
	for _, e := range append([]string{f.Get("preview_type")}, f.Values["events"]...) {
		if slices.Contains(types, e) {
			p.Type = e
			break
		}
	}
	var got struct {
		preview
		Requests []struct {
			ContentType string      `json:"content_type"`
			Body        string      `json:"body"`
			Headers     headerLines `json:"headers"`
		} `json:"requests"`
	}
	asked := f.Get("format")
	if format.Check(asked) != "" {
		asked = webhook.FormatJSON
	}
	if err := v.get("/v1/event-types/"+url.PathEscape(p.Type)+"/preview", url.Values{"format": {asked}}, &got); err != nil {
		return err
	}
	p.Format, p.Body, p.Headers = got.Format, got.Body, got.Headers
	for _, r := range got.Requests {
		if r.ContentType == f.Get("content_type") {
			p.Body, p.Headers = r.Body, r.Headers
		}
	}
	var err error
	if p.Message, err = format.Of(p.Format).Show([]byte(p.Body)); err != nil {
		return err
	}
	f.Preview = &p
	return nil
}

// trial is a filter tried on an event's data.
type trial struct {
	Type, Data string
	Done       bool
	Matches    bool
	Problems   []string
}

// prepare puts an example where there is nothing to try on.
func (t *trial) prepare(d *dialect.Dialect, f webhookForm) {
	types := eventNames(d)
	for _, e := range append(append([]string{f.Get("try_type")}, f.Values["events"]...), types...) {
		if slices.Contains(types, e) {
			t.Type = e
			break
		}
	}
	if t.Data = f.Get("try_data"); strings.TrimSpace(t.Data) == "" {
		t.Data = indented(d.Example(t.Type))
	}
}

// try asks the API whether the filter takes the data.
func (v *visit) try(f *webhookForm, filter any) error {
	f.Trial.prepare(v.dialect, *f)
	f.Trial.Done = true
	if filter == nil {
		f.Trial.Matches = true
		return nil
	}
	in := map[string]any{"filter": filter, "data": document(strings.TrimSpace(f.Trial.Data))}
	var out struct {
		Matches bool `json:"matches"`
	}
	err := v.send(http.MethodPost, "/v1/webhooks/try-filter", in, &out)
	p, ok := errors.AsType[*problem](err)
	if !ok || slices.Contains(noForms(), p.Status) || p.Status >= http.StatusInternalServerError {
		f.Trial.Matches = out.Matches
		return err
	}
	for _, e := range p.Errors {
		field, part, _ := strings.Cut(e.Field, ".")
		text := "The example " + e.Message + "."
		if field == "filter" {
			text = "The filter " + e.Message + "."
			if part != "" {
				text = part + ": " + e.Message + "."
			}
		}
		if raw, ok := in[field].(string); ok {
			text = map[string]string{"filter": "The filter", "data": "The example"}[field] + " is not JSON: " + syntax(raw) + "."
		}
		f.Trial.Problems = append(f.Trial.Problems, text)
	}
	if len(f.Trial.Problems) == 0 {
		f.Trial.Problems = []string{p.Detail}
	}
	return nil
}
