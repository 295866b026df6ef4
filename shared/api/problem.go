package api

import "hookline/shared/webhook"

// Problem is a problem document (RFC 9457).
type Problem struct {
	// Always `about:blank`; `code` tells problems apart.
	Type string `json:"type"`
	// The status in words.
	Title  string `json:"title"`
	Status int    `json:"status" jsonschema:"minimum=400,maximum=599"`
	// What is wrong, for people.
	Detail string `json:"detail"`
	Code   Code   `json:"code"`
	// Every field at fault, at once (at most 1,000).
	Errors []webhook.FieldError `json:"errors,omitempty"`
}

// Code is a stable name for one kind of problem.
type Code string

// The codes of problems. Packages that make an error write its code themselves.
const (
	CodeNotJSON              Code = "not-json"               // 400, the body is not JSON in UTF-8, or empty where one is needed
	CodeUnauthorized         Code = "unauthorized"           // 401, the key is missing, empty or unknown
	CodeMissingScope         Code = "missing-scope"          // 403, the key lacks the scope, which `detail` names
	CodeAdminOnly            Code = "admin-only"             // 403, a tenant's key on the admin's call
	CodeTenantOnly           Code = "tenant-only"            // 403, the admin's credential on a tenant's call
	CodeNotFound             Code = "not-found"              // 404, it does not exist, or is another tenant's
	CodeUnknownRoute         Code = "unknown-route"          // 404, there is no such path
	CodeEventLogOff          Code = "event-log-off"          // 404, the stack keeps no event log
	CodeMethodNotAllowed     Code = "method-not-allowed"     // 405, see `Allow`
	CodeTenantExists         Code = "tenant-exists"          // 409, a tenant has this id
	CodeTooManyWebhooks      Code = "too-many-webhooks"      // 409, the tenant has as many webhooks as it may have, which `detail` says; they are counted before one is made
	CodeWebhookExists        Code = "webhook-exists"         // 409, a webhook has this id; it cannot happen with ids that we make
	CodeKeyExists            Code = "key-exists"             // 409, it cannot happen with ids that we make
	CodeSourceExists         Code = "source-exists"          // 409, it cannot happen with ids that we make
	CodeChangedMeanwhile     Code = "changed-meanwhile"      // 409, others changed the same thing three times in a row; try again
	CodeIdempotencyKeyReused Code = "idempotency-key-reused" // 409, the Idempotency-Key was used with another body
	CodeEventIDReused        Code = "event-id-reused"        // 409, the id of an event was used for another one in the last 24 hours; `detail` names it, and nothing of the batch was taken
	CodeIdempotencyKeyInUse  Code = "idempotency-key-in-use" // 409, the first call with this Idempotency-Key is still under way; try again
	CodeWebhookDeleted       Code = "webhook-deleted"        // 409, there is no webhook to send to any more
	CodeWebhookInactive      Code = "webhook-inactive"       // 409, nothing is sent to an inactive webhook
	CodeDeliveryNotPending   Code = "delivery-not-pending"   // 409, the delivery has ended and cannot be cancelled
	CodeEventErased          Code = "event-erased"           // 409, the event's payload was erased, there is nothing to send
	CodeRedriveRunning       Code = "redrive-running"        // 409, dead letters are being moved
	CodeDialectBuiltIn       Code = "dialect-built-in"       // 409, the dialect comes with the system and cannot be changed
	CodeDialectInUse         Code = "dialect-in-use"         // 409, tenants have the dialect; `detail` says how many
	CodeTooLarge             Code = "too-large"              // 413
	CodeUnsupportedMediaType Code = "unsupported-media-type" // 415
	CodeInvalid              Code = "invalid"                // 422, `errors` names the fields
	CodeFilterBudget         Code = "filter-budget"          // 422, matching the events with the webhooks' filters is more work than one request is given; `errors` names the `data` at which it ended, and nothing was taken
	CodeTooManyRequests      Code = "too-many-requests"      // 429, see `Retry-After`; on AWS, where the stack limits the rate of a key
	CodeInternal             Code = "internal"               // 500, our fault; our log has it under X-Request-Id
	CodeUnavailable          Code = "unavailable"            // 503, a passing fault, see `Retry-After`
)

// Health is the answer of a process that serves.
type Health struct {
	Status string `json:"status"`
}

// None is an object without fields.
type None struct{}
