package webhooks

import (
	"errors"
	"net/http"
	"strings"

	"hookline/shared/api"
	"hookline/shared/console/page"
	"hookline/shared/console/receiver"
)

// trial is the result of trying a filter on an event's data.
type trial struct {
	Type, Data string
	Done       bool
	Matches    bool
	Problems   []string
}

// prepare chooses the event type, and takes its example as data if no data was entered.
func (t *trial) prepare(v *page.Visit, f form) {
	t.Type = receiver.First(v.EventNames(), f.wanted("try_type")...)
	if t.Data = f.Get("try_data"); strings.TrimSpace(t.Data) == "" {
		t.Data = indentJSON(v.Dialect.Example(t.Type))
	}
}

// try asks the API whether the filter matches the data.
func try(v *page.Visit, f *form, filter any) error {
	f.Trial.prepare(v, *f)
	f.Trial.Done = true
	if filter == nil {
		f.Trial.Matches = true
		return nil
	}
	in := map[string]any{"filter": filter, "data": parseJSON(strings.TrimSpace(f.Trial.Data))}
	var out api.TriedFilter
	err := v.Send(http.MethodPost, "/v1/webhooks/try-filter", in, &out)
	p, ok := errors.AsType[*page.Problem](err)
	if !ok || !p.Correctable() {
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
			text = map[string]string{"filter": "The filter", "data": "The example"}[field] + " is not JSON: " + syntaxProblem(raw) + "."
		}
		f.Trial.Problems = append(f.Trial.Problems, text)
	}
	if len(f.Trial.Problems) == 0 {
		f.Trial.Problems = []string{p.Detail}
	}
	return nil
}
