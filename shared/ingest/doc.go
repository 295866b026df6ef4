// Package ingest accepts events and fans them out: it finds the webhooks that want an event and queues one message for
// each.
//
// The package guarantees: when Publish returns nil, everything that follows from the events is in a durable queue, and the events
// are in the log, if there is one. Of system events those are that somebody takes. An event
// whose id came from outside is accepted once in 24 hours; a repeat is answered as the first time, and sent only if it is not
// known that the first try was, a little late, because that may be under way. Another event under such an id is refused.
// Publish takes a batch whole or not at all; after an error some messages may have been sent, and a retry with the same ids
// makes it whole.
//
// Matching is bounded (package pattern): events whose webhooks' filters are more work than a request is given are refused
// before anything of them is taken, over HTTP with the code FilterBudget, over the bus into the refused queue with the
// reason "filter_budget". So no event comes back for ever because it takes longer than a function has.
//
// It makes no delivery record and no attempt (package delivery does).
package ingest
