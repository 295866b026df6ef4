package input

import (
	"regexp"
	"time"
)

// TimeRule says what Time reads.
const TimeRule = "a time of RFC 3339, as 2026-03-20T12:00:00Z"

// TimePattern is RFC 3339's date-time (section 5.6) as it is read: with a capital T and Z, a point before fractions and
// offsets within a day. The time package takes more.
const TimePattern = `^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`

var timePattern = regexp.MustCompile(TimePattern)

// Time reads a time of RFC 3339.
func Time(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || !timePattern.MatchString(s) {
		return time.Time{}, false
	}
	return t, true
}

// Since1970 returns t, or the beginning of 1970 where t is before it: no record of ours is older.
func Since1970(t time.Time) time.Time {
	if epoch := time.Unix(0, 0); t.Before(epoch) {
		t = epoch
	}
	return t.UTC()
}
