// Package delivery brings accepted events to webhooks: it takes messages from the queues, POSTs, records, and sees to
// the next attempt or the dead letter.
//
// The package guarantees: every message leads to a recorded outcome or comes back; a delivery of one event to one webhook
// is one record however many copies of its message there are; a crash at any line may show a receiver a repeat (same
// webhook-id), never a loss. The order that gives this: POST, record, next step, acknowledge.
//
// What is read before a POST, by what may have been written: no record for a message that is the only one of its delivery
// (message.Only) and comes for the first time; one that may be some moments old for another first message; a fresh one for
// a message that comes again, and for every later attempt. The condition of the record's write finds what was missed. So a
// receiver may get a repeat too where a queue has taken a message twice, because the answer to its sender was lost.
//
// The effects of a receiver's status, beside the success or failure that the dialect makes of it:
//
//	410            the webhook is made inactive
//	429, 502, 504  the receiver is overloaded: of a batch two are sent, the rest go to the bulk queue
//	503            the same (RFC 9110, section 15.6.4)
//	3xx            a failure; redirects are not followed
//	Retry-After    lengthens the next wait to at most the next rung's, with any failure (RFC 9110, section 10.2.3)
//
// The sources are the Standard Webhooks specification, Delivery success and failure, and the RFC where it is named:
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
//
// It does not decide what matches (package ingest does), and it never makes a receiver's failure an error of its own.
package delivery
