package webhook

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Limits of events.
const (
	MaxDataBytes   = 256 << 10 // of one event's data, white space between tokens not counted
	MaxBatch       = 100       // events in one request
	maxTypeChars   = 100
	maxTypeSegment = 5
)

// TimeFormat is how times are written in our own API: RFC 3339 in UTC with milliseconds.
const TimeFormat = "2006-01-02T15:04:05.000Z"

// BodyTimeFormat is how the time an event happened is written in a body, unless its dialect asks for milliseconds.
const BodyTimeFormat = "2006-01-02T15:04:05Z"

// InSeconds returns an event's timestamp in BodyTimeFormat, its milliseconds cut off. A text that is none stays as it is.
func InSeconds(timestamp string) string {
	if t, err := time.Parse(TimeFormat, timestamp); err == nil {
		return t.Format(BodyTimeFormat)
	}
	return timestamp
}

// InMilliseconds returns an event's timestamp in TimeFormat. A text that is none stays as it is.
func InMilliseconds(timestamp string) string {
	if t, err := time.Parse(BodyTimeFormat, timestamp); err == nil {
		return t.Format(TimeFormat)
	}
	return timestamp
}

// Event is something that happened, as accepted.
type Event struct {
	Tenant        string
	ID            string
	Type          string
	AcceptedAt    time.Time       // in the deployment's clock, whole milliseconds; part of every delivery's identity
	Timestamp     string          // when it happened, in TimeFormat; of one accepted by an earlier version in BodyTimeFormat
	Data          json.RawMessage // as it came, white space between tokens removed
	ErasedAt      time.Time       `json:",omitzero"` // when Data was erased from the log; zero if it was not
	RetentionDays int             `json:",omitzero"` // of its tenant, when it was accepted; 0 is the stack's
	TraceParent   string          `json:",omitzero"` // of its publisher's request (TraceParent); "" if that had none
}

// TestType is the event type that every catalogue has for test deliveries.
const TestType = "webhook.test"

// TestData is the data of a test event whose type brings no example.
const TestData = `{"message":"This is a test webhook"}`

// DeploymentType is the event type of a registered deployment, in every catalogue.
const DeploymentType = "deployment.registered"

// SystemTypes returns the names of the system events: ours, about webhooks and deliveries. They are subscribed to by
// exact name only and cannot be published.
func SystemTypes() []string {
	return []string{"webhook.created", "webhook.failing", "webhook.disabled", "webhook.recovered", "delivery.failed"}
}

// IsSystemType reports whether t is a system event, which only Hookline publishes.
func IsSystemType(t string) bool { return slices.Contains(SystemTypes(), t) }

// TypeRule says in words what ValidType holds to.
const TypeRule = "must be 1 to 5 segments of A-Z a-z 0-9 _ - joined by dots, at most 100 characters"

// ValidType reports whether t can name an event type.
func ValidType(t string) bool {
	if len(t) > maxTypeChars || strings.Count(t, ".") >= maxTypeSegment {
		return false
	}
	for segment := range strings.SplitSeq(t, ".") {
		if segment == "" || strings.ContainsFunc(segment, func(c rune) bool { return !wordChar(c) }) {
			return false
		}
	}
	return true
}

// ValidPattern reports whether p can be subscribed to: a type, "prefix.*" or "*".
func ValidPattern(p string) bool {
	if p == "*" {
		return true
	}
	prefix, wild := strings.CutSuffix(p, ".*")
	return ValidType(prefix) && (!wild || strings.Count(prefix, ".") < maxTypeSegment-1)
}

// Patterns returns every pattern that takes an event of type t: its name, "*" and "prefix.*" for each proper prefix.
// System events and test events are taken by name only.
func Patterns(t string) []string {
	ps := []string{t}
	if IsSystemType(t) || t == TestType {
		return ps
	}
	for i, c := range t {
		if c == '.' {
			ps = append(ps, t[:i]+".*")
		}
	}
	return append(ps, "*")
}

// Disjoint returns the patterns without those that another one covers, sorted, so that a type is taken by at most one of them.
func Disjoint(patterns []string) []string {
	var out []string
	for _, p := range patterns {
		if !slices.ContainsFunc(patterns, func(q string) bool { return q != p && covers(q, p) }) {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// covers reports whether every type that p takes is taken by q too.
func covers(q, p string) bool {
	if IsSystemType(p) || p == TestType {
		return q == p
	}
	if q == "*" {
		return true
	}
	prefix, wild := strings.CutSuffix(q, "*")
	return wild && strings.HasPrefix(p, prefix) && p != q
}

// Subscription is one entry of the index from patterns to webhooks: all that fan-out needs to know of an active webhook.
type Subscription struct {
	Webhook     string
	Pattern     string
	Filter      json.RawMessage
	Format      string
	ContentType string
	Since       time.Time // events accepted earlier are not meant for it
}

// Subscriptions returns the webhook's entries in the index: none while it is inactive.
func (w Webhook) Subscriptions() []Subscription {
	if !w.Active {
		return nil
	}
	var out []Subscription
	for _, p := range Disjoint(w.Events) {
		out = append(out, Subscription{
			Webhook: w.ID, Pattern: p, Filter: w.Filter, Format: w.Format, ContentType: w.ContentType, Since: w.Since[p],
		})
	}
	return out
}

// KeepSince sets, for a webhook about to be stored at now, from when each of its patterns counts: what old took the
// same way keeps its time, everything else starts now. old is the zero Webhook for a new one.
func (w *Webhook) KeepSince(old Webhook, now time.Time) {
	same := old.Active && w.Active && string(old.Filter) == string(w.Filter)
	since := make(map[string]time.Time)
	for _, p := range Disjoint(w.Events) {
		since[p] = now
		if t, ok := old.Since[p]; ok && same {
			since[p] = t
		}
	}
	w.Since = since
}
