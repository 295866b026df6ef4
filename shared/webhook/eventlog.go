package webhook

import (
	"encoding/binary"
	"strings"
	"time"
)

// LoggedEvent is an event as the event log keeps it.
type LoggedEvent struct {
	Event
	// Entry is its place in the log: the id that was made for it, which its ID is too unless that came from outside.
	// Entries sort by acceptance, then by request, then by position in the request.
	Entry string
	// Matched are the ids of the webhooks that it went to when it was accepted, sorted.
	Matched []string
}

// EventQuery selects logged events of a tenant, newest first by acceptance.
type EventQuery struct {
	Type        string    // "" for any
	Matched     *bool     // whether any webhook took them; nil for both
	Since       time.Time // accepted at or after; zero for any
	Until       time.Time // accepted before; zero for any
	OldestFirst bool
	Page        Page
}

// LogItem is what the log holds of the events of one request, as package eventlog packs them.
type LogItem struct {
	Tenant    string
	Request   string // the id that was made for the request's first event: EntryRequest of each entry in it
	Rev       int64  // counts the item's writes from 1
	Events    int    // that are in Record
	Record    []byte
	ExpiresAt time.Time // from then on the item may vanish
}

// LogRange selects log items by Request.
type LogRange struct {
	From        string // at or after
	Before      string // before; "" for no end
	OldestFirst bool
	Limit       int // 1–100
}

// EntryRequest returns the id that EventIDs made first in the request of id, and the id's position in the request. ok is
// false for what EventIDs cannot have made.
func EntryRequest(id string) (request string, position int, ok bool) {
	b, ok := parseEntry(id)
	if !ok {
		return "", 0, false
	}
	position = int(binary.BigEndian.Uint16(b[14:]))
	b[14], b[15] = 0, 0
	return EventPrefix + spell(b), position, true
}

// EntryAt returns the id that EventIDs made at a position of the request that has the id; "" if there is none.
func EntryAt(id string, position int) string {
	b, ok := parseEntry(id)
	if !ok {
		return ""
	}
	binary.BigEndian.PutUint16(b[14:], uint16(position))
	return EventPrefix + spell(b)
}

// EntryTime returns when EventIDs made an id, in UTC; zero for what it cannot have made.
func EntryTime(id string) time.Time {
	b, ok := parseEntry(id)
	if !ok {
		return time.Time{}
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(b[:8]) >> 16)).UTC()
}

// FirstEntry returns what sorts at or before every entry made at t or later, and after all made earlier. Times before 1970
// are 1970.
func FirstEntry(t time.Time) string {
	if t.Before(time.UnixMilli(0)) {
		t = time.UnixMilli(0)
	}
	return EventPrefix + ulid(t, [10]byte{})
}

// parseEntry is the inverse of EventPrefix and spell.
func parseEntry(id string) (b [16]byte, ok bool) {
	text, prefixed := strings.CutPrefix(id, EventPrefix)
	if !prefixed || len(text) != ulidChars || text[0] > '7' {
		return b, false
	}
	var hi, lo uint64
	for i := range ulidChars {
		v := strings.IndexByte(crockford, text[i])
		if v < 0 {
			return b, false
		}
		hi = hi<<5 | lo>>59
		lo = lo<<5 | uint64(v)
	}
	binary.BigEndian.PutUint64(b[:8], hi)
	binary.BigEndian.PutUint64(b[8:], lo)
	return b, true
}
