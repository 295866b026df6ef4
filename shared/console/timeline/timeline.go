// Package timeline splits a delivery's attempts into rounds and draws each against the waits of its dialect. The template
// that comes with it prints the drawing as SVG.
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

// Summary says in words what the drawing shows.
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
	stepLater  = "later"  // will come if those before fail
	stepUnused = "unused" // the round was over before
)

// Step is a rung of the ladder as it is drawn: all as far apart, since waits go from seconds to hours.
type Step struct {
	X, Before, Middle float64 // in percent of the width: itself, the step before, halfway
	Number            int     // of the attempt within its round
	Wait              string  // the ladder's, before it; "" at the first
	State             string
	Label             string
}

// Rounds splits a delivery's attempts, oldest first, where a round begins. next is when the next attempt is due, nil for
// never. The API does not number rounds: a round goes on as long as an attempt is due when the ladder has it due after
// the one before, and a replay in that very moment is taken for the retry that it replaces.
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

// follows reports whether an attempt that is due at a time goes on with the round of those before it.
func follows(l ladder.Ladder, before []api.Attempt, due api.Time) bool {
	last := before[len(before)-1]
	if last.Error == nil || !record.Sent(last) || record.Code(last) == 410 {
		return false // the round was over
	}
	shortest, more := l.Next(len(before), 0, func() float64 { return 0 })
	if !more {
		return false
	}
	// At most a receiver asks for the next rung's wait. What the attempt itself took is real time, which counts many
	// times in a clock that runs fast.
	longest, _ := l.Next(len(before), 1<<62, func() float64 { return 1 })
	took := time.Duration(last.DurationMS) * time.Millisecond
	wait := due.Sub(last.StartedAt.Time)
	return wait >= shortest && wait <= longest+time.Minute+fastest*took
}

// fastest is about how fast a deployment's clock is run when somebody looks on.
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
