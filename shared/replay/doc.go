// Package replay is jobs that send many of a webhook's deliveries again.
//
// A job is a durable record, and a message on the bulk queue that has it worked on. The record is the position: a message
// works through the history page by page, newest first, starts a round for each delivery that the job takes, stores how
// far it came, and sends the next message before it is acknowledged. A round is on record with the job's id before it is
// queued. So a crash at any line, a copy of a message or two of them at once neither lose a delivery nor start it twice;
// the receiver may see a repeat (same webhook-id) where an attempt was under way, as with any delivery.
//
// The deliveries that it takes are fixed when it begins: deliveries accepted in its span of time, which ends before the job was made. One
// that is pending is on its way already and is left alone; so is one that was sent again by somebody else before its turn
// came. A job ends early when its webhook is made inactive or deleted; what it had not come to is as it was.
//
// A job may instead take what the webhook missed: events of the event log that it would take as it is now and has no
// delivery of. Those get a record before their first attempt, as others get a round.
//
// Live deliveries are not held up. Rounds are queued on the bulk queue, a few thousand ahead, so that cancelling a job
// stops it soon; what was queued by then still goes out. Of a webhook's max_per_second a job takes half.
package replay
