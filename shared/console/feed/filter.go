package feed

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"hookline/shared/console/page"
	"hookline/shared/webhook"
)

// Filter selects rows of a list. Its fields are those of the list's form; a list without one of them leaves it empty.
type Filter struct {
	Status, EventType, Within, Since, Until string
	Matched                                 string // "true", "false" or "" for both

	faults map[string]string
}

// Period is a preset of the time filter.
type Period struct {
	Name, Label string
	span        time.Duration
}

func periods() []Period {
	return []Period{{"", "Any time", 0}, {"1h", "Last hour", time.Hour}, {"24h", "Last 24 hours", 24 * time.Hour}, {"7d", "Last 7 days", 7 * 24 * time.Hour}}
}

// Statuses are the statuses of deliveries that a filter offers.
func (*Filter) Statuses() []string {
	return []string{string(webhook.Succeeded), string(webhook.Failed), string(webhook.Pending)}
}

// filterOf reads a filter from a query. It ignores choices that the form does not offer.
func filterOf(asked url.Values) Filter {
	f := Filter{
		Status: asked.Get("status"), EventType: strings.TrimSpace(asked.Get("event_type")), Within: asked.Get("within"),
		Since: asked.Get("since"), Until: asked.Get("until"), Matched: asked.Get("matched"), faults: map[string]string{},
	}
	if !slices.Contains(f.Statuses(), f.Status) {
		f.Status = ""
	}
	if !slices.Contains([]string{"true", "false"}, f.Matched) {
		f.Matched = ""
	}
	if !slices.ContainsFunc(periods(), func(p Period) bool { return p.Name == f.Within }) {
		f.Within = ""
	}
	return f
}

// Any reports whether the filter selects by anything.
func (f *Filter) Any() bool {
	return f.Status != "" || f.EventType != "" || f.Within != "" || f.Since != "" || f.Until != "" || f.Matched != ""
}

// Faults are the problems with the filter, in the order of its fields.
func (f *Filter) Faults() []string {
	var out []string
	for _, field := range slices.Sorted(maps.Keys(f.faults)) {
		out = append(out, f.faults[field])
	}
	return out
}

// Wrong reports whether there is a problem with a field.
func (f *Filter) Wrong(field string) bool { return f.faults[field] != "" }

// address returns the address of the list with this filter. more are pairs of a name and a value to add.
func (f *Filter) address(path string, more ...string) string {
	q := url.Values{}
	for field, value := range map[string]string{
		"status": f.Status, "event_type": f.EventType, "within": f.Within, "since": f.Since, "until": f.Until, "matched": f.Matched,
	} {
		if value != "" {
			q.Set(field, value)
		}
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return page.Address(path, q)
}

// query returns the filter as a query of the API, which calls the event type typeField. Since overrides Within.
func (f *Filter) query(now time.Time, typeField string) url.Values {
	q := url.Values{}
	for field, value := range map[string]string{"status": f.Status, typeField: f.EventType, "matched": f.Matched} {
		if value != "" {
			q.Set(field, value)
		}
	}
	for _, p := range periods() {
		if p.span > 0 && p.Name == f.Within {
			q.Set("since", now.Add(-p.span).Format(time.RFC3339Nano))
		}
	}
	for _, field := range []struct{ name, word, value string }{{"since", "from", f.Since}, {"until", "until", f.Until}} {
		if field.value == "" {
			continue
		}
		at, ok := page.Moment(field.value)
		if !ok { // links of the console may have a time of the API
			var err error
			if at, err = time.Parse(time.RFC3339Nano, field.value); err != nil {
				f.faults[field.name] = "The time " + field.word + " which to list is not one: write it as 2026-03-20T12:00."
				continue
			}
		}
		q.Set(field.name, at.Format(time.RFC3339))
	}
	return q
}
