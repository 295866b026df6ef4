package delivery

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// line is one message that holds many of a webhook's which wait for their slots (see pace). Its body is a header, and a
// line of text for each: the slot in Unix milliseconds, a space and the message. A message is parsed when it leaves the line.
type line struct {
	Tenant  string `json:"t"`
	Webhook string `json:"w"`
	Pace    string `json:"p"` // the setting under which the slots were reserved
	At      int64  `json:"a"` // when the line was last sent, in Unix milliseconds
	waiting []waiter
}

// waiter is one that waits in a line.
type waiter struct {
	due  int64  // its slot
	body string // of the message, without the slot
}

// linePrefix is how a line's body begins, and no other message's.
const linePrefix = "line "

func (l line) webhook() webhook.Ref { return webhook.Ref{Tenant: l.Tenant, ID: l.Webhook} }

// size is how many bytes the line's messages are.
func (l line) size() int {
	n := 0
	for _, w := range l.waiting {
		n += w.size()
	}
	return n
}

func (w waiter) size() int { return len(w.body) + len("1774008000000 \n") }

// outdated reports whether the line's slots do not count: they were reserved under another setting, or before the clock was
// set back.
func (l line) outdated(p webhook.Pace, now time.Time) bool {
	return l.Pace != p.String() || l.At > now.Add(webhook.ClockSkew).UnixMilli()
}

// lines packs what waits, the next first, into as few lines as it fits. head is what each begins with.
func lines(head line, waiting []waiter) []line {
	var out []line
	size := 0
	for _, w := range waiting {
		if size += w.size(); len(out) == 0 || size > maxLine {
			size = w.size()
			out = append(out, head)
		}
		last := &out[len(out)-1]
		last.waiting = append(last.waiting, w)
	}
	return out
}

// outgoing returns the line as the queue takes it, for its next step.
func (l line) outgoing() queue.Outgoing {
	var body strings.Builder
	head, _ := json.Marshal(l) // strings and a number
	body.WriteString(linePrefix)
	body.Write(head)
	for _, w := range l.waiting {
		body.WriteByte('\n')
		body.WriteString(strconv.FormatInt(w.due, 10))
		body.WriteByte(' ')
		body.WriteString(w.body)
	}
	return queue.Outgoing{Body: body.String(), Group: l.Webhook, Delay: step}
}

// parseLine reads a line. An error means poison.
func parseLine(body string) (line, error) {
	head, rest, ok := strings.Cut(strings.TrimPrefix(body, linePrefix), "\n")
	var l line
	if err := json.Unmarshal([]byte(head), &l); err != nil {
		return line{}, err
	}
	if l.Tenant == "" || l.Webhook == "" || !ok {
		return line{}, errors.New("the line lacks what it needs")
	}
	for text := range strings.SplitSeq(rest, "\n") {
		due, one, _ := strings.Cut(text, " ")
		at, err := strconv.ParseInt(due, 10, 64)
		if err != nil || one == "" {
			return line{}, errors.New("the line holds what is no message")
		}
		l.waiting = append(l.waiting, waiter{at, one})
	}
	return l, nil
}
