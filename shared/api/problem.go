package api

import "hookline/shared/webhook"

// Problem is the answer where something is wrong (RFC 9457). Type is always "about:blank" and Title is the status in
// words; Code tells problems apart.
type Problem struct {
	Type   string               `json:"type"`
	Title  string               `json:"title"`
	Status int                  `json:"status"`
	Detail string               `json:"detail"`
	Code   string               `json:"code"`
	Errors []webhook.FieldError `json:"errors,omitempty"` // every field at fault
}

// Health says that the process serves.
type Health struct {
	Status string `json:"status"`
}

// None has no fields.
type None struct{}
