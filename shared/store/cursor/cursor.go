// Package cursor encodes the positions in lists from which clients read on.
//
// A cursor is opaque: it is the base64url of the list that it belongs to and of the sort key of the last entry seen. It
// holds nothing that the list itself did not show. It does not prove who made it, so an engine still restricts every
// page to the tenant that asks.
package cursor

import (
	"encoding/base64"
	"encoding/json"

	"hookline/shared/webhook"
)

// Make returns the cursor of a position in a list. list names the list and its restrictions, so that a cursor of
// another list is recognised.
func Make(list string, at ...string) string {
	b, _ := json.Marshal(append([]string{list}, at...)) // strings always marshal
	return base64.RawURLEncoding.EncodeToString(b)
}

// Read returns the n parts of a position that were given to Make, or nil for "", the beginning. Anything that Make did
// not return for this list is Invalid.
func Read(list, cursor string, n int) ([]string, error) {
	if cursor == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return nil, Invalid()
	}
	var parts []string
	if json.Unmarshal(b, &parts) != nil || len(parts) != n+1 || parts[0] != list || Make(list, parts[1:]...) != cursor {
		return nil, Invalid()
	}
	return parts[1:], nil
}

// Invalid returns the error of a cursor that does not belong to the list.
func Invalid() error {
	return webhook.ErrInvalid(webhook.FieldError{Field: "cursor", Message: "is not a cursor of this list"})
}
