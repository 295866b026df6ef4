package dialect

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"hookline/shared/ladder"
	"hookline/shared/signature"
)

// Dialect describes how one product sends its webhooks. Parse makes it. It does not change afterwards and can be shared.
type Dialect struct {
	Name    string
	Version int
	Product string
	// Words has the product's label for every key of common.json.
	Words map[string]string
	// Ladder has the waits between the attempts of a round.
	Ladder ladder.Ladder
	// Timeout is how long an attempt can take unless the webhook says otherwise.
	Timeout time.Duration
	// FailingWhenExhausted says that a delivery that is out of attempts turns its webhook failing.
	FailingWhenExhausted bool
	// Overlap is how long a rotated secret continues to sign unless the request says otherwise. MaxOverlap is the longest that a
	// request can ask for. It is 0 if the header holds only one signature.
	Overlap, MaxOverlap time.Duration
	// WarnOfHTTP says that an http URL is accepted with a warning.
	WarnOfHTTP bool
	// ContentTypes are those a webhook can choose from, the default first.
	ContentTypes []string
	// Description is the description without white space and with the examples from files, so that Parse makes the same
	// dialect of it without them.
	Description json.RawMessage

	envelope   []piece
	fields     []Field
	ecmascript bool
	unixTime   bool     // the envelope has {timestamp_unix} or {timestamp_unix_ms}
	headers    []Header // values are templates
	scheme     signature.Scheme
	secret     secretRule
	schemes    []string
	success    []int // nil means any 2xx
	open       bool
	events     []EventType
	system     []EventType // system events, from common.json
}

// Ref returns the dialect's name and version ("standard@1"). An event keeps them from its acceptance on.
func (d *Dialect) Ref() string { return d.Name + "@" + strconv.Itoa(d.Version) }

// Succeeded reports whether an answer's status makes a delivery succeed.
func (d *Dialect) Succeeded(status int) bool {
	if d.success == nil {
		return status >= 200 && status <= 299
	}
	return slices.Contains(d.success, status)
}

// CheckScheme returns what is wrong with the scheme of a webhook's URL (in lower case, as net/url has it), or "" if the dialect
// allows it. A deployment can allow http nevertheless: that is up to the caller.
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
