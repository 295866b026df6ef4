// Package eventlog keeps what was published: which events, whom they matched, and their data.
//
// What it guarantees: once Write has returned nil the events are in the log, each once, however often they are written;
// they are found by their ids and listed by their acceptance until they expire. The log may hold an event that was
// never answered as accepted, because its request failed after the write.
//
// All events of one request are one item of the store, compressed together, so that a request costs one write. Its key is
// in the ids that were made for the events; what an id from outside stands for is in its pin, which is kept for as long as
// the log (a later event of the same id takes the pin's place, and the earlier one is then found in lists alone). What is too
// large for an item goes into payloads beside it.
//
// It does not decide what is accepted (package ingest does), and says nothing of deliveries.
package eventlog
