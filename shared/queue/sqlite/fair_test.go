package sqlite

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestFair(t *testing.T) {
	// A step puts n messages of a group into a state (a negative n takes them out of it), or it takes turns, group by
	// group, until no message is left or as many have been taken as are wanted. The name of a group is one character,
	// "-" for none.
	type step struct {
		group string
		state state
		n     int
		take  string
	}
	show := func(group string, n int) step { return step{group: group, state: visible, n: n} }
	work := func(group string, n int) step { return step{group: group, state: working, n: n} }
	take := func(want string) step { return step{take: want} }
	crowd := func(n int) []step {
		var out []step
		for g := range strings.SplitSeq("0123456789", "") {
			out = append(out, work(g, n))
		}
		return out
	}
	for name, steps := range map[string][]step{
		"one group":                      {show("a", 3), take("aaa.")},
		"none":                           {take(".")},
		"groups take turns":              {show("a", 4), show("b", 2), show("c", 1), take("abcabaa.")},
		"a late group is next":           {show("a", 100), take("aaaa"), show("b", 2), take("babaa")},
		"having been away gains nothing": {show("a", 3), show("b", 100), take("ababab"), take("bbbb"), show("a", 3), take("abababb")},
		"nor does it with a message being worked on": {
			work("a", 1), show("a", 1), show("b", 9), take("abbbbb"), show("c", 1), show("a", 1), take("cab"),
		},
		"29 being worked on are not noisy":           {work("a", 29), show("a", 1), show("b", 1), take("ab.")},
		"30 are, and wait":                           {work("a", 30), show("a", 2), show("b", 3), take("bbbaa.")},
		"a tenth of all is not noisy":                append(crowd(27), work("a", 30), show("a", 1), show("b", 1), take("ab.")),
		"more than a tenth is":                       append(crowd(26), work("a", 30), show("a", 1), show("b", 1), take("ba.")),
		"having waited gains nothing":                {work("a", 30), show("a", 9), show("b", 9), take("bbbb"), work("a", -30), take("abab")},
		"of two noisy groups the first waiting goes": {work("a", 30), work("b", 30), show("a", 2), show("b", 1), take("aba.")},
		"no group is never noisy":                    {work("-", 40), show("-", 1), show("b", 1), take("-b.")},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFair()
			for i, s := range steps {
				if s.take == "" {
					f.change(strings.Trim(s.group, "-"), s.state, s.n)
					continue
				}
				var got strings.Builder
				for range s.take {
					g, ok := f.pick()
					switch {
					case !ok:
						got.WriteString(".")
						continue
					case g == "":
						got.WriteString("-")
					default:
						got.WriteString(g)
					}
					f.change(g, visible, -1)
				}
				if got.String() != s.take {
					t.Errorf("step %d: got %q, want %q", i, got.String(), s.take)
				}
			}
		})
	}
}

// TestFairForgets checks that groups without messages take no room.
func TestFairForgets(t *testing.T) {
	f := newFair()
	for g := range strings.SplitSeq("abcdefgh", "") {
		f.change(g, visible, 2)
	}
	for range 16 {
		g, _ := f.pick()
		f.change(g, visible, -1)
		f.change(g, working, 1)
	}
	for _, g := range slices.Collect(maps.Keys(f.groups)) {
		f.change(g, working, -2)
	}
	if len(f.groups) != 0 || len(f.waiting) != 0 || f.working != 0 {
		t.Errorf("got %d groups, %d waiting, %d messages, want none", len(f.groups), len(f.waiting), f.working)
	}
}
