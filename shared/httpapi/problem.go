package httpapi

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"

	"hookline/shared/api"
	"hookline/shared/webhook"
)

const problemType = "application/problem+json"

// statusOf returns the status and code of a kind of error. It is the only place that knows HTTP's statuses of errors.
func statusOf(kind webhook.Kind) (status int, code string) {
	switch kind {
	case webhook.Malformed:
		return http.StatusBadRequest, "not-json"
	case webhook.Invalid:
		return http.StatusUnprocessableEntity, "invalid"
	case webhook.Unauthorized:
		return http.StatusUnauthorized, "unauthorized"
	case webhook.Forbidden:
		return http.StatusForbidden, "forbidden"
	case webhook.NotFound:
		return http.StatusNotFound, "not-found"
	case webhook.Conflict:
		return http.StatusConflict, "conflict"
	case webhook.TooLarge:
		return http.StatusRequestEntityTooLarge, "too-large"
	case webhook.Unsupported:
		return http.StatusUnsupportedMediaType, "unsupported-media-type"
	case webhook.TooMany:
		return http.StatusTooManyRequests, "too-many-requests"
	case webhook.Unavailable:
		return http.StatusServiceUnavailable, "unavailable"
	}
	return http.StatusInternalServerError, "internal"
}

// problemOf turns an error into an answer. An error that is not the domain's, or has no kind, becomes a bare 500.
func problemOf(err error) answer {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = webhook.ErrUnavailable(err)
	}
	e, ok := errors.AsType[*webhook.Error](err)
	if !ok || e.Kind == webhook.Internal {
		e = &webhook.Error{Message: "something went wrong on our side; our log has it under this answer's X-Request-Id"}
	}
	status, code := statusOf(e.Kind)
	if e.Code != "" {
		code = e.Code
	}
	out := problemAnswer(api.Problem{Status: status, Detail: e.Message, Code: api.Code(code), Errors: e.Fields})
	switch e.Kind {
	case webhook.Unauthorized:
		out.Header.Set("WWW-Authenticate", `Bearer realm="hookline"`)
	case webhook.TooMany: // whole seconds, not fewer (RFC 9110, section 10.2.3)
		out.Header.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(e.RetryAfter.Seconds())))))
	case webhook.Unavailable:
		out.Header.Set("Retry-After", "1")
	}
	return out
}

func methodNotAllowed(allowed string) answer {
	out := problemAnswer(api.Problem{
		Status: http.StatusMethodNotAllowed, Detail: "this path takes " + allowed, Code: api.CodeMethodNotAllowed,
	})
	out.Header.Set("Allow", allowed)
	return out
}

func problemAnswer(p api.Problem) answer {
	p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	body, err := encode(p)
	if err != nil { // cannot be: the document is strings and numbers
		body = nil
	}
	return answer{Status: p.Status, Header: http.Header{"Content-Type": {problemType}}, Body: body}
}
