package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"unicode/utf8"

	"hookline/shared/input"
	"hookline/shared/webhook"
)

// MaxBody is the largest request body, in bytes.
const MaxBody = 1 << 20

// read reads the request's body and returns its Idempotency-Key, "" for none. It refuses in the order 415, 413, 400, 422.
func (a *API) read(c *call, w http.ResponseWriter) (key string, err error) {
	r := c.request
	if !isJSON(r.Header) {
		return "", &webhook.Error{Kind: webhook.Unsupported, Message: "the body must be application/json"}
	}
	body, err := readAll(r, w)
	if err != nil {
		return "", err
	}
	body = bytes.TrimPrefix(body, []byte(byteOrderMark))
	valid := json.Valid(body)
	if c.route.publishes && valid && tooLargeEvent(body) {
		return "", &webhook.Error{Kind: webhook.TooLarge, Message: "an event's data is over 256 KiB"}
	}
	switch {
	case len(body) == 0 && c.route.body == optionalBody:
		c.body = []byte("{}")
	case len(body) == 0:
		return "", &webhook.Error{Kind: webhook.Malformed, Message: "the body is empty; it must be JSON"}
	case !valid || !utf8.Valid(body):
		return "", &webhook.Error{Kind: webhook.Malformed, Message: "the body is not JSON"}
	default:
		c.body = body
	}
	return idempotencyKey(r.Header)
}

// byteOrderMark may stand before JSON, and is not part of it (RFC 8259, section 8.1).
const byteOrderMark = "\xef\xbb\xbf"

// readAll returns the body as it came. It refuses a body with a content coding, because a signature could be over either
// form of it.
func readAll(r *http.Request, w http.ResponseWriter) ([]byte, error) {
	if coding := codingOf(r.Header); coding != "" {
		return nil, &webhook.Error{Kind: webhook.Unsupported, Message: "the body has the Content-Encoding " + input.Shown(coding) + "; send it without one"}
	}
	if r.Body == nil { // net/http's server sets it; another front may not
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, &webhook.Error{Kind: webhook.TooLarge, Message: "the request is over 1 MiB"}
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, &webhook.Error{Kind: webhook.Malformed, Message: "the body took too long to arrive", Cause: err}
		}
		return nil, &webhook.Error{Kind: webhook.Malformed, Message: "the body ended before its time", Cause: err}
	}
	return body, nil
}

// codingOf returns the first content coding of a body, "" for none (RFC 9110, section 8.4).
func codingOf(h http.Header) string {
	for _, value := range h.Values("Content-Encoding") {
		for coding := range strings.SplitSeq(value, ",") {
			if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "identity") {
				return coding
			}
		}
	}
	return ""
}

// isJSON reports whether the headers allow the body to be read as JSON, as they do when there is no Content-Type.
func isJSON(h http.Header) bool {
	types := h.Values("Content-Type")
	if len(types) == 0 {
		return true
	}
	media, _, err := mime.ParseMediaType(types[0])
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) || len(types) > 1 {
		return false
	}
	return media == jsonType || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}

// maxKey is the longest Idempotency-Key, in characters.
const maxKey = 255

func idempotencyKey(h http.Header) (string, error) {
	keys := h.Values("Idempotency-Key")
	if len(keys) == 0 {
		return "", nil
	}
	key := keys[0]
	printable := !strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' })
	if len(keys) > 1 || key == "" || len(key) > maxKey || !printable {
		var faults input.Faults
		faults.Add("Idempotency-Key", "must be given once, as 1 to 255 printable ASCII characters")
		return "", faults.Err()
	}
	return key, nil
}
