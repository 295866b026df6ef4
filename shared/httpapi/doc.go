// Package httpapi is Hookline's HTTP API: it reads requests strictly, finds out who asks, hands the work to the packages
// that do it, and answers in JSON.
//
// It guarantees that every answer carries X-Request-Id; that every error is a problem document (RFC 9457) which names
// all fields at fault at once and says nothing of other tenants, secrets or the insides; that of several faults the first
// in the order 429, 401, 403, 404, 415, 413, 400, 422 is answered (a receiver's credential is over its body, so there it is
// 413, 404, 401, 400, 422); and that paths are matched byte for byte, never cleaned. The routes are one table, and the embedded openapi.json describes exactly these.
//
// It limits rates only as far as one process can (package rate), and it does not authenticate admins on AWS: the front
// tells it who was authorised there.
package httpapi
