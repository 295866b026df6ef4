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

// Filter is what a list can be asked for, as its form has it. A list that has no status, or no matched, leaves that empty.
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

// Statuses are those of deliveries, as a filter offers them.
func (*Filter) Statuses() []string {
	return []string{string(webhook.Succeeded), string(webhook.Failed), string(webhook.Pending)}
}

// filterOf reads a filter from an address. It leaves out a choice that is not offered.
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

// Any reports whether it leaves anything out.
func (f *Filter) Any() bool {
	return f.Status != "" || f.EventType != "" || f.Within != "" || f.Since != "" || f.Until != "" || f.Matched != ""
}

// Faults are what is wrong with it, in the order of the fields.
func (f *Filter) Faults() []string {
	var out []string
	for _, field := range slices.Sorted(maps.Keys(f.faults)) {
		out = append(out, f.faults[field])
	}
	return out
}

// Wrong reports whether something is wrong with a field.
func (f *Filter) Wrong(field string) bool { return f.faults[field] != "" }

// address returns that of the list at path with the filter, and with more: pairs of a name and a value.
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

// query is the filter as the API takes it, whose parameter for the event type is typeField. A beginning that is given
// counts, and not the preset.
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
		if !ok { // a link of ours may have a time of the API
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
