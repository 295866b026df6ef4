// Package ecmajson writes JSON texts in the two forms that webhook bodies are signed in: Compact, which keeps every
// token as it came, and Canonical, which is what ECMAScript's JSON.stringify(JSON.parse(text)) returns.
//
// Both take and return UTF-8, refuse what is not JSON by RFC 8259, and are bounded in depth, so that no input can
// exhaust the stack. They do not bound the size: that is the caller's. Neither ever rounds a number.
package ecmajson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may be nested. It is what PHP's json_decode reads by default, the least of
// the common server languages that have a limit in the hundreds.
const MaxDepth = 512

// What is wrong with a text beside its syntax, which *json.SyntaxError reports. All of it is safe to show to whoever
// sent the text.
var (
	ErrDepth    = fmt.Errorf("JSON is nested deeper than %d levels", MaxDepth)
	ErrEncoding = errors.New("JSON is not valid UTF-8")
)

// Compact returns a JSON text without the white space between its tokens. Nothing else changes: numbers keep their
// spelling, objects their order and duplicates, strings their escapes. The result shares no memory with raw.
func Compact(raw []byte) ([]byte, error) {
	if !utf8.Valid(raw) {
		return nil, ErrEncoding
	}
	if depth(raw) > MaxDepth {
		return nil, ErrDepth
	}
	var b bytes.Buffer
	b.Grow(len(raw))
	if err := json.Compact(&b, raw); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	return b.Bytes(), nil
}

// depth returns how deep a text is nested, valid or not.
func depth(raw []byte) int {
	deepest, level := 0, 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '[', '{':
			level++
			deepest = max(deepest, level)
		case ']', '}':
			level--
		case '"':
			i = stringEnd(raw, i) - 1
		}
	}
	return deepest
}

// stringEnd returns the position after the string that begins at raw[i], or the end of raw when the string has none.
func stringEnd(raw []byte, i int) int {
	for i++; i < len(raw); i++ {
		switch raw[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(raw)
}
