// Package delivery brings accepted events to webhooks: it takes messages from the queues, POSTs, records, and sees to
// the next attempt or the dead letter.
//
// What it guarantees: every message leads to a recorded outcome or comes back; a delivery of one event to one webhook
// is one record however many copies of its message there are; a crash at any line may show a receiver a repeat (same
// webhook-id), never a loss. The order that gives this: POST, record, next step, acknowledge.
//
// It does not decide what matches (package ingest does), and it never makes a receiver's failure an error of its own.
package delivery
