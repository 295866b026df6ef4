// Package metrics counts what Hookline does, for alarms and dashboards.
//
// Table lists everything that is counted. Each row is one series of a stack: on AWS a custom metric of the namespace
// Hookline with one dimension, stage, whose value is the stack's name. No tenant, no webhook and no dialect is in it, because
// each value of a dimension is a series that is paid for. How deep and how old queues are, what is throttled and which
// functions start cold AWS's own metrics say.
//
// A service counts into the Recorder of its context. On AWS that is a Batch, which the invocation writes as one line of its
// log in CloudWatch's embedded metric format. One line has one value for a dimension, while a batch may have attempts of
// several outcomes: so the outcome is in the metric's name there. On one machine the recorder is that of package
// prometheus, where it is a label. A context without a recorder counts nothing.
package metrics

import (
	"context"
	"strings"
	"time"
)

// Metric is a series of a stack, by its name in CloudWatch.
type Metric string

// The series.
const (
	Accepted            Metric = "Accepted"
	Matched             Metric = "Matched"
	AttemptsSucceeded   Metric = "AttemptsSucceeded"
	AttemptsFailed      Metric = "AttemptsFailed"
	AttemptsTimeout     Metric = "AttemptsTimeout"
	AttemptsUnreachable Metric = "AttemptsUnreachable"
	Delivered           Metric = "Delivered"
	FirstAttemptDelay   Metric = "FirstAttemptDelay"
	SuccessDelay        Metric = "SuccessDelay"
	DeadLetters         Metric = "DeadLetters"
	RefusedEntries      Metric = "RefusedEntries"
	Replays             Metric = "Replays"
	MailsSent           Metric = "MailsSent"
	MailsFailed         Metric = "MailsFailed"
	Deployments         Metric = "Deployments"
	KeyErrors           Metric = "KeyErrors"
)

// Unit is a unit of CloudWatch.
type Unit string

// The units.
const (
	Count        Unit = "Count"
	Milliseconds Unit = "Milliseconds"
)

// Row says what a series is.
type Row struct {
	Metric  Metric
	Outcome string // that the metric's name ends in; "" none
	Unit    Unit
	Meaning string
}

// Table returns all series.
func Table() []Row {
	return []Row{
		{Accepted, "", Count, "Events that were accepted, without those of the system and repeats."},
		{Matched, "", Count, "Deliveries that accepted events lead to."},
		{AttemptsSucceeded, "Succeeded", Count, "Attempts whose answer is a success in the dialect."},
		{AttemptsFailed, "Failed", Count, "Attempts that were answered otherwise."},
		{AttemptsTimeout, "Timeout", Count, "Attempts that were not answered in time."},
		{AttemptsUnreachable, "Unreachable", Count, "Attempts that reached nobody: DNS, connection, TLS, or a target that is not called."},
		{Delivered, "", Count, "Deliveries that succeeded."},
		{FirstAttemptDelay, "", Milliseconds, "Time from acceptance, or from when its webhook's rate allows it, to a delivery's first attempt."},
		{SuccessDelay, "", Milliseconds, "Time from the same moment to the answer of a delivery that succeeded in its first round."},
		{DeadLetters, "", Count, "Messages that were sent to the dead-letter queue."},
		{RefusedEntries, "", Count, "Entries of the event bus that were refused."},
		{Replays, "", Count, "Rounds that a replay or a redrive started."},
		{MailsSent, "Sent", Count, "Mails that the mail service took."},
		{MailsFailed, "Failed", Count, "Mails that it did not take."},
		{Deployments, "", Count, "Deployments that were registered."},
		{KeyErrors, "", Count, "Calls to KMS that failed."},
	}
}

// Base returns the name without the outcome.
func (r Row) Base() string { return strings.TrimSuffix(string(r.Metric), r.Outcome) }

// Recorder takes what is counted. It is safe for concurrent use.
type Recorder interface {
	Add(m Metric, n int)
	Observe(m Metric, d time.Duration)
}

type key struct{}

// With returns a context whose services count into r.
func With(ctx context.Context, r Recorder) context.Context { return context.WithValue(ctx, key{}, r) }

// Add counts n more.
func Add(ctx context.Context, m Metric, n int) {
	if r, ok := ctx.Value(key{}).(Recorder); ok && n > 0 {
		r.Add(m, n)
	}
}

// Observe counts a span. One below 0, as clocks that differ measure it, is 0.
func Observe(ctx context.Context, m Metric, d time.Duration) {
	if r, ok := ctx.Value(key{}).(Recorder); ok {
		r.Observe(m, max(d, 0))
	}
}
