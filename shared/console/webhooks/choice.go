package webhooks

import (
	"slices"
	"strconv"
	"strings"

	"hookline/shared/dialect"
	"hookline/shared/webhook"
)

// eventGroup is event types under a heading, to choose from.
type eventGroup struct {
	Name    string // "" for none
	Pattern string // takes all of the group and those to come, "" where no pattern does
	Events  []dialect.EventType
}

// Choosable reports whether there is more than one to choose.
func (g *eventGroup) Choosable() bool { return len(g.Events) > 1 && !g.soon() }

// soon reports whether all of the group is announced only.
func (g *eventGroup) soon() bool {
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

// listed reports whether the form has a box for a pattern; the others are written.
func listed(d *dialect.Dialect, pattern string) bool {
	return pattern == "*" || slices.ContainsFunc(groups(d), func(g eventGroup) bool {
		return pattern == g.Pattern || slices.ContainsFunc(g.Events, func(e dialect.EventType) bool { return e.Name == pattern && !e.ComingSoon })
	})
}
