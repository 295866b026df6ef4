package webhook

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind says what sort of thing went wrong, in terms a caller can act on. Only the HTTP edge turns it into a status.
type Kind int

const (
	// Internal is everything unforeseen: its message is never shown to a client.
	Internal Kind = iota
	// Malformed is input that is not even the format it claims to be.
	Malformed
	// Invalid is input that was understood and refused; Fields names each field at fault.
	Invalid
	// Unauthorized is a missing or unknown credential.
	Unauthorized
	// Forbidden is a known credential without the scope.
	Forbidden
	// NotFound is a thing that is not there, or is another tenant's: callers cannot tell which.
	NotFound
	// Conflict is a clash with what is there already, a lost race included.
	Conflict
	// TooLarge is input over a documented size.
	TooLarge
	// Unsupported is a media type other than JSON.
	Unsupported
	// TooMany is more requests than the caller may make; RetryAfter says when the next is taken.
	TooMany
	// Unavailable is a passing fault of an engine (a throttle, a timeout): trying again may help.
	Unavailable
)

// Error is the domain's error. Code is stable and documented; Message is safe to show to a client; Cause is for logs only.
type Error struct {
	Kind    Kind
	Code    string
	Message string
	Fields  []FieldError
	Cause   error
	// RetryAfter is how long to wait before trying again, of TooMany.
	RetryAfter time.Duration
}

// FieldError is one field at fault.
type FieldError struct {
	// A path with dots, list positions as numbers: `3.type`, `headers.X-Foo`, `filter.a.b`. `body` is the whole body; a
	// query parameter or `Idempotency-Key` stands under its own name.
	Field string `json:"field" jsonschema:"example=3.type"`
	// The fault, to be read after the field's name.
	Message string `json:"message"`
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "; %s: %s", f.Field, f.Message)
	}
	if e.Cause != nil {
		b.WriteString(": ")
		b.WriteString(e.Cause.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is reports whether err is an error of that kind. Every error that is no *Error is Internal; nil is of no kind.
func Is(err error, kind Kind) bool {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind == kind
	}
	return err != nil && kind == Internal
}

// ErrNotFound reports that a thing (named in words: "webhook", "delivery") is not there.
func ErrNotFound(thing string) *Error {
	return &Error{Kind: NotFound, Code: "not-found", Message: thing + " not found"}
}

// ErrConflict reports a clash; code is stable ("tenant-exists").
func ErrConflict(code, message string) *Error {
	return &Error{Kind: Conflict, Code: code, Message: message}
}

// ErrInvalid reports the fields at fault.
func ErrInvalid(fields ...FieldError) *Error {
	return &Error{Kind: Invalid, Code: "invalid", Message: "the request was understood but refused", Fields: fields}
}

// ErrTooMany reports that the caller's next request is taken after so long.
func ErrTooMany(wait time.Duration) *Error {
	return &Error{Kind: TooMany, Code: "too-many-requests", Message: "too many requests with this key; wait as long as Retry-After says", RetryAfter: wait}
}

// ErrUnavailable wraps a passing fault of an engine.
func ErrUnavailable(cause error) *Error {
	return &Error{Kind: Unavailable, Code: "unavailable", Message: "temporarily unavailable, try again", Cause: cause}
}
