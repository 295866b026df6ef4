// Package management checks and makes the changes of tenants, API keys, webhooks and dialects.
//
// It guarantees that everything it stores keeps every documented rule, that a refused change names every field at fault and
// changes nothing, and that a change which loses a race against another is made again on top of the other. It does not
// authenticate: callers pass the tenant that they may act for.
package management
