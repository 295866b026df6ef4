// Package words formats numbers, times and durations for people.
package words

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Grouped formats a number with a comma between thousands.
func Grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Deliveries formats a number of deliveries, or says that there are more than n.
func Deliveries(n int, more bool) string {
	switch {
	case more:
		return "more than " + Grouped(n) + " deliveries"
	case n == 1:
		return "1 delivery"
	}
	return Grouped(n) + " deliveries"
}

// Status formats an HTTP status with its name, if it has one: "404 Not Found".
func Status(code int) string {
	return strings.TrimSpace(strconv.Itoa(code) + " " + http.StatusText(code))
}

// Sentence turns a message of the API, which begins in lower case and has no full stop, into a sentence.
func Sentence(message string) string {
	if message == "" {
		return ""
	}
	return strings.ToUpper(message[:1]) + message[1:] + "."
}

// Shortened cuts a text to at most that many characters.
func Shortened(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// Time formats a time that the API wrote, in UTC. It returns any other text unchanged.
func Time(s string) string {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return s
	}
	return t.UTC().Format("2 Jan 2006, 15:04:05 UTC")
}

// Date formats the day of a time, in UTC.
func Date(t time.Time) string { return t.UTC().Format("2 Jan 2006") }

// Took formats the duration of a request, given in milliseconds.
func Took(ms int64) string {
	if ms < 1 {
		return "under 1 ms"
	}
	if ms < 1000 {
		return fmt.Sprintf("%d ms", ms)
	}
	return fmt.Sprintf("%.1f s", (time.Duration(ms) * time.Millisecond).Seconds())
}

// Span formats a duration in one or two short units: "1 h 30 min".
func Span(d time.Duration) string {
	d = d.Round(time.Second)
	for _, u := range []struct {
		of          time.Duration
		name, small string
		smaller     time.Duration
	}{{24 * time.Hour, "d", "h", time.Hour}, {time.Hour, "h", "min", time.Minute}, {time.Minute, "min", "s", time.Second}} {
		if d >= u.of {
			if rest := d % u.of / u.smaller; rest > 0 {
				return fmt.Sprintf("%d %s %d %s", d/u.of, u.name, rest, u.small)
			}
			return fmt.Sprintf("%d %s", d/u.of, u.name)
		}
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

// Lasting formats a duration in the largest unit that divides it: "90 seconds", "1 day".
func Lasting(d time.Duration) string {
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		n := d / unit.of
		switch {
		case n == 0 || d%unit.of != 0:
		case n == 1:
			return "1 " + unit.name
		default:
			return strconv.Itoa(int(n)) + " " + unit.name + "s"
		}
	}
	return d.String()
}
