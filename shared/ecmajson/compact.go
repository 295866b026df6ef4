// Package ecmajson reads JSON texts and writes them in the forms that webhook bodies are signed in: Compact, which keeps
// every token as it came, and Canonical, which is what ECMAScript's JSON.stringify(JSON.parse(text)) returns.
//
// It takes and returns UTF-8, refuses what is not JSON by RFC 8259, and bounds the depth, so that no input can exhaust the
// stack. It does not bound the size: its caller has to. It never rounds a number.
package ecmajson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects can be nested. It is the default of PHP's json_decode, which is the lowest limit
// among the common server languages.
const MaxDepth = 512

// Errors of Read. Faults of syntax are a *json.SyntaxError instead. All of them are safe to show to the sender of the text.
var (
	ErrDepth    = fmt.Errorf("JSON is nested deeper than %d levels", MaxDepth)
	ErrEncoding = errors.New("JSON is not valid UTF-8")
)

// Text is a JSON text that Read has found to be valid, so that its forms are written without a second check. Only Read makes
// one. The zero Text holds nothing, and all its forms are nil.
type Text struct{ compact []byte }

// Read reads a JSON text. The Text shares no memory with raw.
func Read(raw []byte) (Text, error) {
	if !utf8.Valid(raw) {
		return Text{}, ErrEncoding
	}
	if depth(raw) > MaxDepth {
		return Text{}, ErrDepth
	}
	var b bytes.Buffer
	b.Grow(len(raw))
	if err := json.Compact(&b, raw); err != nil {
		return Text{}, fmt.Errorf("not JSON: %w", err)
	}
	return Text{compact: b.Bytes()}, nil
}

// IsZero reports whether t is the zero Text.
func (t Text) IsZero() bool { return len(t.compact) == 0 }

// Compact returns the text without the white space between its tokens. Nothing else changes: numbers keep their spelling,
// objects their order and duplicates, strings their escapes. All calls return the same bytes, which must not be changed.
func (t Text) Compact() []byte { return t.compact }

// Compact reads a JSON text and returns its compact form.
func Compact(raw []byte) ([]byte, error) {
	t, err := Read(raw)
	return t.compact, err
}

// depth returns how deep a text is nested. The text need not be valid.
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

// stringEnd returns the position after the string that begins at raw[i], or the end of raw if the string has no end.
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
