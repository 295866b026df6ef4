package deployment

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"hookline/shared/ecmajson"
	"hookline/shared/input"
	"hookline/shared/webhook"
)

// Limits of the five values, in characters.
const (
	maxText = 256
	maxURL  = 2048
)

// reading is a JSON body whose values are read by paths of names and positions in lists ("resource/run/state"). It collects the
// faults of the body.
type reading struct {
	raw    json.RawMessage
	root   any
	faults input.Faults
}

// byteOrderMark may stand before JSON, and is not part of it (RFC 8259, section 8.1).
const byteOrderMark = "\xef\xbb\xbf"

func read(raw []byte) (*reading, error) {
	raw = bytes.TrimPrefix(raw, []byte(byteOrderMark)) // the credential covers it as well, and was verified
	r := &reading{raw: raw}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // an id may be larger than a float holds
	_, err := ecmajson.Compact(raw)
	if errors.Is(err, ecmajson.ErrDepth) { // events with such data are refused as well
		return nil, webhook.ErrInvalid(webhook.FieldError{Field: "body", Message: "must be valid JSON: " + err.Error()})
	}
	if err != nil || d.Decode(&r.root) != nil {
		return nil, &webhook.Error{Kind: webhook.Malformed, Message: "the body is not JSON; send the report as the product makes it"}
	}
	if _, ok := r.root.(map[string]any); !ok {
		return nil, webhook.ErrInvalid(webhook.FieldError{Field: "body", Message: "must be a JSON object"})
	}
	return r, nil
}

// at returns the value at a path, or nil if there is none.
func (r *reading) at(path string) any {
	v := r.root
	for part := range strings.SplitSeq(path, "/") {
		switch in := v.(type) {
		case map[string]any:
			v = in[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// first returns the value at the first of the paths that has a text that is not blank, or a number, which it returns as spelled.
func (r *reading) first(paths ...string) string {
	for _, path := range paths {
		switch v := r.at(path).(type) {
		case string:
			if strings.TrimSpace(v) != "" {
				return v
			}
		case json.Number:
			return v.String()
		}
	}
	return ""
}

// known returns a product's own id of a deployment. It consists of kind, which says what the values number, and the values. It is
// nil if one of the values is missing.
func known(kind string, values ...string) []string {
	if slices.Contains(values, "") {
		return nil
	}
	return append([]string{kind}, values...)
}

// is reports whether the first of the paths that has a value has the given word, in any case.
func (r *reading) is(word string, paths ...string) bool {
	return strings.EqualFold(r.first(paths...), word)
}

// fault adds a fault of the value at a path, unless there already is one.
func (r *reading) fault(path, message string) {
	r.faults.Add(strings.ReplaceAll(path, "/", "."), message)
}

// text returns and checks the value at the first of the paths that has one.
func (r *reading) text(paths ...string) string {
	return r.check(paths[0], r.first(paths...), maxText)
}

// check checks a value by the rule that all five values have. path names the value.
func (r *reading) check(path, value string, longest int) string {
	switch {
	case strings.TrimSpace(value) == "":
		r.fault(path, "is required and must not be blank")
	case utf8.RuneCountInString(value) > longest:
		r.fault(path, "must be at most "+strconv.Itoa(longest)+" characters")
	case strings.ContainsFunc(value, unicode.IsControl):
		r.fault(path, "must have no control characters")
	}
	return value
}

// scp is git's short form of an ssh address: user@host:path (git-clone(1), Git URLs).
var scp = regexp.MustCompile(`^[^\s/@:]+@[^\s/@:]+:\S+$`)

// address checks the URL of a repository.
func (r *reading) address(path, value string) string {
	r.check(path, value, maxURL)
	u, err := url.Parse(value)
	if (err != nil || u.Host == "" || !schemes(u.Scheme)) && !scp.MatchString(value) {
		r.fault(path, "must be an http, https, ssh or git URL, or user@host:path")
	}
	return value
}

func schemes(s string) bool {
	switch s {
	case "http", "https", "ssh", "git", "git+ssh", "git+https":
		return true
	}
	return false
}

// when reads a time from the first of the paths that has one in one of the layouts.
func (r *reading) when(layouts []string, paths ...string) time.Time {
	for _, path := range paths {
		for _, layout := range layouts {
			t, err := time.Parse(layout, r.first(path))
			if t = t.UTC(); err == nil && t.Year() >= 1970 && t.Year() <= 9999 {
				return t.Truncate(time.Millisecond)
			}
		}
	}
	if r.first(paths...) == "" {
		r.fault(paths[0], "is required and must not be blank")
	}
	r.fault(paths[0], "must be a time of RFC 3339 between the years 1970 and 9999, as 2026-03-20T12:00:00Z")
	return time.Time{}
}

// report returns the deployment, or the faults if there are any.
func (r *reading) report(d Deployed) (Report, error) {
	if err := r.faults.Err(); err != nil {
		return Report{}, err
	}
	d.Payload = r.raw
	return Report{Succeeded: &d}, nil
}
