// Package httpapi is Hookline's HTTP API: it reads requests strictly, finds out who calls, hands the work to the packages
// that do it, and answers in JSON.
//
// It guarantees that every answer carries X-Request-Id; that every error is a problem document (RFC 9457) which names all
// fields at fault at once and reveals nothing of other tenants, secrets or the implementation; and that paths are matched
// byte for byte, never cleaned. Of several faults the first in the order 429, 401, 403, 404, 415, 413, 400, 422 is answered.
// At a receiver of reports the credential is over the body, so there the order is 413, 404, 401, 400, 422.
//
// The calls are one table (routes.go), and the embedded openapi.json is written from this table and the types of package
// api by a test.
//
// The package limits rates only as far as one process can (package rate), and it does not authenticate admins on AWS: the
// front tells it who was authorised there.
package httpapi
