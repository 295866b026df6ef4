package input

import (
	"encoding/json"
)

// Field is a field of a document that a caller gives. The zero Field was left out; one that is Null was given as null,
// which clears an optional field in a change and means the same as leaving it out when something is made.
//
// A struct of Fields with json tags is read by Object.Into, and written with the tag's option omitzero.
type Field[T any] struct {
	Value T
	Set   bool
	Null  bool
}

// Of returns a field that was given.
func Of[T any](v T) Field[T] { return Field[T]{Value: v, Set: true} }

// Null returns a field that was given as null.
func Null[T any]() Field[T] { return Field[T]{Set: true, Null: true} }

// Given reports whether there is a value.
func (f Field[T]) Given() bool { return f.Set && !f.Null }

// IsZero reports whether the field was left out.
func (f Field[T]) IsZero() bool { return !f.Set }

// MarshalJSON writes the value, or null where there is none.
func (f Field[T]) MarshalJSON() ([]byte, error) {
	if !f.Given() {
		return []byte("null"), nil
	}
	return json.Marshal(f.Value)
}
