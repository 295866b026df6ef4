// Package webhook is Hookline's domain: tenants and their keys, webhooks, events, deliveries and their attempts,
// and the one error type that every layer speaks.
//
// It depends on the standard library alone and on nothing else of the module; engines and edges depend on it. It does
// no I/O and holds no clock. It guarantees spelling: an id, a status or a limit has one form, and it is here.
package webhook
