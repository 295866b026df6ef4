// Package management makes the checked changes to tenants, API keys and webhooks, for the HTTP API and the console alike.
//
// It guarantees that what it stores keeps every documented rule, that a refused change names every field at fault and
// changes nothing, and that a change that loses a race against another is made again upon what the other left.
// It does not authenticate: callers pass the tenant they may act for.
package management
