package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"hookline/shared/ecmajson"
	"hookline/shared/webhook"
)

// IDTwice says what is wrong with an id that an event before it in the request has, whose content is another.
const IDTwice = "is the id of another event in this request"

// hashRule begins what hashOf returns. Hashes were made by another rule before, and had no such beginning: there are pins
// with them for a day after a release. Then the log was written beside the messages, so it does not tell whether those of
// such a pin were sent.
const hashRule = "2:"

// hashOf tells two events of one id apart: by their types, the times they are given, and what their data means. White
// space, the order of keys and the spelling of strings and numbers make no difference, for a client that tries again may
// encode its event again.
func hashOf(e Input, content ecmajson.Text) string {
	h := sha256.New()
	if e.Same != "" {
		fmt.Fprintf(h, "%s\n", e.Same)
		return hashRule + hex.EncodeToString(h.Sum(nil))
	}
	stamp := ""
	if !e.Timestamp.IsZero() {
		stamp = e.Timestamp.UTC().Format(time.RFC3339Nano)
	}
	fmt.Fprintf(h, "%s\n%s\n", e.Type, stamp)
	if content.IsZero() {
		h.Write(e.Data) // the event is refused for it
	} else {
		h.Write(content.Sorted())
	}
	return hashRule + hex.EncodeToString(h.Sum(nil))
}

func isEarly(hash string) bool { return !strings.HasPrefix(hash, hashRule) }

// same reports whether the hash of a pin and that of an event are of one event. One of the earlier rule cannot be
// compared: the event is taken for the one that was pinned.
func same(pinned, hash string) bool { return pinned == hash || isEarly(pinned) }

// Clashing returns the positions of the events that have the id of one before them and are not the same event.
func Clashing(in []Checked) []int {
	var out []int
	first := make(map[string]int)
	for i, e := range in {
		if e.in.ID == "" {
			continue
		}
		if j, ok := first[e.in.ID]; !ok {
			first[e.in.ID] = i
		} else if in[j].hash != e.hash {
			out = append(out, i)
		}
	}
	return out
}

// clashes names the events of Clashing as fields.
func clashes(in []Checked) (errs []webhook.FieldError) {
	for _, i := range Clashing(in) {
		errs = append(errs, webhook.FieldError{Field: fmt.Sprintf("%d.id", i), Message: IDTwice})
	}
	return errs
}
