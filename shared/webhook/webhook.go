package webhook

import (
	"encoding/json"
	"net/url"
	"strconv"
	"time"
)

// Status is a webhook's state as its owner sees it.
type Status string

// The states of webhooks.
const (
	Active   Status = "active"   // it gets events
	Inactive Status = "inactive" // it gets none; deliveries that are queued for it fail when they come up
	Failing  Status = "failing"  // it is active and gets events; its dialect says when it counts as failing, and the first success ends that
)

// Formats a webhook can ask for. JSON is the dialect's own body; the others are a chat product's message.
const (
	FormatJSON    = "json"
	FormatSlack   = "slack"
	FormatTeams   = "teams"
	FormatDiscord = "discord"
)

// Content types a body can travel as.
const (
	ContentJSON = "application/json"
	ContentForm = "application/x-www-form-urlencoded"
)

// Limits of a webhook's fields.
const (
	MaxURLBytes       = 2048
	MaxWebhookEvents  = 50
	MaxWebhookName    = 200 // characters
	MaxTimeoutSeconds = 30
)

// Mask stands for the value of a custom header when a webhook is read. Given back, it keeps the value that is stored.
const Mask = "********"

// Ref names a webhook.
type Ref struct{ Tenant, ID string }

// Webhook is where a tenant's events go and how.
type Webhook struct {
	Ref
	URL            string
	Name           string
	Events         []string // catalogue names, "prefix.*" or "*"
	Active         bool
	ContentType    string
	Format         string
	Headers        Sealed // JSON object of extra headers, sealed because they may hold tokens; empty means none
	HeaderNames    []string
	TimeoutSeconds int // 0 means the dialect's
	Filter         json.RawMessage
	MaxPerSecond   int       // 0 means no limit
	PacedSince     time.Time // when MaxPerSecond was last changed; zero: with the webhook
	Metadata       map[string]string
	Secrets        []Secret // the newest first; the others are accepted until they expire
	CreatedAt      time.Time
	UpdatedAt      time.Time
	Version        int64 // counts updates by people; health does not count
	Health         Health
	SlowSince      time.Time            // when a POST was last found to take long; zero while they do not. It changes as Health does
	ErasedUntil    time.Time            // until then the queues may hold messages of an event whose payload was erased; zero for none
	Since          map[string]time.Time // pattern → from when on this webhook has taken it, as it takes it now
}

// Health is what deliveries have shown of a webhook lately. Its writers are many and concurrent: it changes only by
// compare-and-set, apart from the rest of the webhook.
type Health struct {
	// FailingSince is when the dialect's rule turned the webhook failing; zero when it is not.
	FailingSince time.Time
	// UnhealthySince is the first failed attempt that no success has followed; zero after a success.
	UnhealthySince time.Time
}

// Pace is a setting of MaxPerSecond: the rate, and since when it has been that. A slot reserved under one setting means
// nothing under another, also when an owner comes back to a rate.
type Pace struct {
	PerSecond int
	Since     time.Time
}

// Pace returns the webhook's setting.
func (w Webhook) Pace() Pace {
	since := w.PacedSince
	if since.IsZero() {
		since = w.CreatedAt
	}
	return Pace{PerSecond: w.MaxPerSecond, Since: since}
}

// ClockSkew is how far the clocks of two processes may be apart. A reading that lies further ahead was made before the
// clock was set back.
const ClockSkew = 30 * time.Second

// String spells the setting, the same for the same one.
func (p Pace) String() string {
	return strconv.Itoa(p.PerSecond) + "@" + strconv.FormatInt(p.Since.UnixMilli(), 10)
}

// Span returns how long n slots are.
func (p Pace) Span(n int) time.Duration {
	return time.Duration(n) * time.Second / time.Duration(p.PerSecond)
}

// Status returns what the owner sees.
func (w Webhook) Status() Status {
	switch {
	case !w.Active:
		return Inactive
	case !w.Health.FailingSince.IsZero():
		return Failing
	}
	return Active
}

// MaskedPath stands for the path and query of a URL that is itself a credential.
const MaskedPath = "/…"

// TellableURL returns the URL as it stands in events, mails and other places that more people see than may read the
// webhook. A chat product's incoming webhook is called without a signature, so that whoever knows its URL can post: of
// that, scheme and host alone are told ("https://hooks.slack.com/…").
func (w Webhook) TellableURL() string {
	switch w.Format {
	case FormatSlack, FormatTeams, FormatDiscord:
	default:
		return w.URL
	}
	u, err := url.Parse(w.URL)
	if err != nil || u.Host == "" {
		return MaskedPath
	}
	return u.Scheme + "://" + u.Host + MaskedPath
}

// Sealed is bytes that only the keyring can read.
type Sealed []byte

// Secret is one signing secret of a webhook, sealed.
type Secret struct {
	Version   int       // counts rotations from 1; never used twice in a webhook
	Sealed    Sealed    // the secret, as its owner writes it ("whsec_…")
	ExpiresAt time.Time // zero for the current one
}

// LiveSecrets returns the secrets that sign at now, the current one first.
func (w Webhook) LiveSecrets(now time.Time) []Secret {
	var live []Secret
	for _, s := range w.Secrets {
		if s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt) {
			live = append(live, s)
		}
	}
	return live
}

// Counts are a tenant's webhooks by status. Failing ones are Active too.
type Counts struct{ Total, Active, Inactive, Failing int }
