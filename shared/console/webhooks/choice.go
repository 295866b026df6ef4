package webhooks

import (
	"slices"
	"strconv"
	"strings"

	"hookline/shared/dialect"
	"hookline/shared/webhook"
)

// eventGroup is a group of event types to choose from, under a heading.
type eventGroup struct {
	Name    string // "" for none
	Pattern string // it matches all of the group and future types, "" if no pattern does
	Events  []dialect.EventType
}

// Choosable reports whether there are several types to choose.
func (g *eventGroup) Choosable() bool { return len(g.Events) > 1 && !g.announced() }

// announced reports whether no type of the group can be chosen yet.
func (g *eventGroup) announced() bool {
	return !slices.ContainsFunc(g.Events, func(e dialect.EventType) bool { return !e.ComingSoon })
}

const otherEvents = "Other events"

// groups groups the catalogue by the product's own headings, and types without one by the first part of their names. It keeps
// the order of the catalogue.
func groups(d *dialect.Dialect) []eventGroup {
	events := d.EventTypes()
	alike := make(map[string]int)
	for _, e := range events {
		alike[firstPart(e.Name)]++
	}
	var out []eventGroup
	for _, e := range events {
		g := eventGroup{Name: e.Group}
		begins := firstPart(e.Name)
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
	slices.SortStableFunc(out, func(a, b eventGroup) int { // announced types come last
		return strings.Compare(strconv.FormatBool(a.announced()), strconv.FormatBool(b.announced()))
	})
	return out
}

func firstPart(eventType string) string {
	begins, _, _ := strings.Cut(eventType, ".")
	return begins
}

// hasCheckbox reports whether the form has a checkbox for a pattern. The others stand in a text field.
func hasCheckbox(d *dialect.Dialect, pattern string) bool {
	return pattern == "*" || slices.ContainsFunc(groups(d), func(g eventGroup) bool {
		return pattern == g.Pattern || slices.ContainsFunc(g.Events, func(e dialect.EventType) bool { return e.Name == pattern && !e.ComingSoon })
	})
}
