package dialect

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"hookline/shared/ladder"
	"hookline/shared/signature"
)

// Dialect is how one product sends its webhooks. Parse makes it; it does not change afterwards and may be shared.
type Dialect struct {
	Name    string
	Version int
	Product string
	// Words are the product's labels, by the keys of common.json: every key is there.
	Words map[string]string
	// Ladder is the waits between the attempts of a round.
	Ladder ladder.Ladder
	// Timeout is how long an attempt may take unless the webhook says otherwise.
	Timeout time.Duration
	// FailingWhenExhausted says that a delivery out of attempts turns its webhook failing.
	FailingWhenExhausted bool
	// Overlap is how long a rotated secret goes on signing unless the caller says otherwise; MaxOverlap is the most a
	// caller can ask for, 0 where the header holds one signature.
	Overlap, MaxOverlap time.Duration
	// WarnOfHTTP says that an http URL is taken, with a warning.
	WarnOfHTTP bool
	// ContentTypes are those a webhook can choose from, the default first.
	ContentTypes []string
	// Description is what the dialect was parsed from, white space removed and examples put in: Parse makes the same
	// dialect of it alone.
	Description json.RawMessage

	envelope   []piece
	fields     []Field
	ecmascript bool
	unixTime   bool     // the envelope holds {timestamp_unix} or {timestamp_unix_ms}
	headers    []Header // values are templates
	scheme     signature.Scheme
	secret     secretRule
	schemes    []string
	success    []int // nil means any 2xx
	open       bool
	events     []EventType
	system     []EventType // system events, from common.json
}

// Ref returns the dialect's name and version ("standard@1"), which stay with an event from its acceptance on.
func (d *Dialect) Ref() string { return fmt.Sprintf("%s@%d", d.Name, d.Version) }

// Succeeded reports whether an answer's status makes a delivery succeed.
func (d *Dialect) Succeeded(status int) bool {
	if d.success == nil {
		return status >= 200 && status <= 299
	}
	return slices.Contains(d.success, status)
}

// CheckScheme returns what is wrong with a webhook URL's scheme (in lower case, as net/url has it), "" if nothing is.
// Whether a deployment lets http pass all the same is the caller's to know.
func (d *Dialect) CheckScheme(scheme string) string {
	switch {
	case slices.Contains(d.schemes, scheme):
		return ""
	case len(d.schemes) > 1:
		return "must start with " + strings.Join(d.schemes, ":// or ") + "://"
	case scheme == "http":
		return "must start with https://; for tests, use a local tunnel (ngrok, localtunnel) that gives https"
	}
	return "must start with " + d.schemes[0] + "://"
}
