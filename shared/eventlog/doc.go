// Package eventlog keeps the events that were published: their data, and the webhooks that they matched.
//
// It guarantees that once Write has returned nil the events are in the log, each once, however often they are written, and
// that they are found by their ids and listed by their acceptance until they expire. The log may hold an event that was
// never answered as accepted, because its request failed after the write.
//
// All events of one request are one item of the store, compressed together, so that a request costs one write. The ids that
// we make for events hold the item's key. An id from outside has a pin, which names the event's place in the log and is kept
// for as long as the log. A later event with the same id takes the pin over, and the earlier one is then found in lists
// alone. A record that is too large for an item goes into payloads beside it.
//
// The package does not decide which events are accepted (package ingest does), and it knows nothing of deliveries.
package eventlog
