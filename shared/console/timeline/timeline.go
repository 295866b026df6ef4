// Package timeline splits a delivery's attempts into rounds and draws each round against the retry waits of its dialect. Its
// template prints the drawing as SVG.
package timeline

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"hookline/shared/api"
	"hookline/shared/console/diagnosis"
	"hookline/shared/console/record"
	"hookline/shared/console/words"
	"hookline/shared/ladder"
	"hookline/shared/webhook"
)

//go:embed timeline.html
var parts embed.FS

// Parts are the files of the template "timeline", which takes a Round.
func Parts() fs.FS { return parts }

// Round is the attempts that began with an event's acceptance or with a replay, drawn against the ladder.
type Round struct {
	Number   int // from 1, of those that are still kept
	Attempts []api.Attempt
	Next     *api.Time // of the attempt to come, in the last round of a pending delivery
	Steps    []Step
}

// Newest returns the attempts, the newest first.
func (r *Round) Newest() []api.Attempt {
	out := slices.Clone(r.Attempts)
	slices.Reverse(out)
	return out
}

// Summary is the text alternative of the drawing.
func (r *Round) Summary() string {
	var said []string
	for _, s := range r.Steps {
		switch s.State {
		case stepNext:
			said = append(said, fmt.Sprintf("attempt %d comes next", s.Number))
		case stepLater, stepUnused:
		default:
			said = append(said, fmt.Sprintf("attempt %d %s (%s)", s.Number, s.State, s.Label))
		}
	}
	return fmt.Sprintf("%d of at most %d attempts: %s", len(r.Attempts), len(r.Steps), strings.Join(said, ", "))
}

// The states of a step, beside webhook.Succeeded and webhook.Failed.
const (
	stepNext   = "next"
	stepLater  = "later"  // it comes if those before it fail
	stepUnused = "unused" // the round ended before it
)

// Step is an attempt's place in the drawing. Steps have equal distances, because waits range from seconds to hours.
type Step struct {
	X, Before, Middle float64 // in percent of the width: itself, the step before, halfway
	Number            int     // of the attempt within its round
	Wait              string  // before it, by the ladder; "" at the first
	State             string
	Label             string
}

// Rounds splits a delivery's attempts, the oldest first, into rounds. next is the time of the next attempt, nil if there is
// none. The API does not number rounds: an attempt belongs to the round of the one before if it was scheduled when the ladder
// has the retry. A replay at that very moment counts as the retry that it replaces.
func Rounds(l ladder.Ladder, attempts []api.Attempt, next *api.Time) []Round {
	var out []Round
	for i, a := range attempts {
		if i == 0 || !follows(l, out[len(out)-1].Attempts, a.ScheduledAt) {
			out = append(out, Round{Number: len(out) + 1})
		}
		r := &out[len(out)-1]
		r.Attempts = append(r.Attempts, a)
	}
	if next != nil {
		if len(out) == 0 || !follows(l, out[len(out)-1].Attempts, *next) {
			out = append(out, Round{Number: len(out) + 1})
		}
		out[len(out)-1].Next = next
	}
	for i := range out {
		out[i].draw(l)
	}
	return out
}

// follows reports whether an attempt that is due at a time belongs to the round of the attempts before it.
func follows(l ladder.Ladder, before []api.Attempt, due api.Time) bool {
	last := before[len(before)-1]
	if last.Error == nil || !record.Sent(last) || record.Code(last) == 410 {
		return false // the round was over
	}
	shortest, more := l.Next(len(before), 0, func() float64 { return 0 })
	if !more {
		return false
	}
	// A receiver can ask for the wait of the next rung at most. The attempt itself took real time, which is much longer on
	// a clock that runs fast.
	longest, _ := l.Next(len(before), 1<<62, func() float64 { return 1 })
	took := time.Duration(last.DurationMS) * time.Millisecond
	wait := due.Sub(last.StartedAt.Time)
	return wait >= shortest && wait <= longest+time.Minute+fastest*took
}

// fastest is about the factor by which people run a deployment's clock fast while they watch.
const fastest = 1000

func (r *Round) draw(l ladder.Ladder) {
	n := max(l.Attempts(), len(r.Attempts))
	at := func(i int) float64 { return (float64(i) + 0.5) * 100 / float64(n) }
	for i := range n {
		s := Step{X: at(i), Number: i + 1, State: stepUnused}
		if i > 0 {
			s.Before, s.Middle = at(i-1), (at(i-1)+at(i))/2
			if i <= len(l) {
				s.Wait = words.Span(l[i-1])
			}
		}
		switch {
		case i < len(r.Attempts):
			a := r.Attempts[i]
			s.State, s.Label = string(record.Outcome(a)), diagnosis.Explain(a).Short
			if record.Outcome(a) == webhook.Succeeded && record.Code(a) == 0 {
				s.Label = ""
			}
		case r.Next != nil && i == len(r.Attempts):
			s.State, s.Label = stepNext, stepNext
		case r.Next != nil:
			s.State = stepLater
		}
		r.Steps = append(r.Steps, s)
	}
}
