package deployment

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// Provider is a product, or a convention, whose reports of deployments Hookline can read.
type Provider struct {
	// Kind is its name in a source and in the source's address.
	Kind string
	// Credential says in words how a report proves that it knows the source's secret.
	Credential string
	// Carried says that requests have the secret itself in a header. Such a secret cannot have white space at its ends or control
	// characters (RFC 9110, section 5.5; RFC 7617, section 2).
	Carried bool
	// Challenge is the value of WWW-Authenticate when a request is refused.
	Challenge string
	// Verify reports whether the request proves that its sender knows the secret. The time it takes does not depend on how close
	// the proof is. body is the body as it came, and now is real time, for signatures over a time.
	Verify func(header http.Header, body []byte, secret string, now time.Time) bool
	// Read reads a request that Verify accepted. Errors: webhook.Malformed, webhook.Invalid naming the fields.
	Read func(header http.Header, body []byte) (Report, error)
	// Guide tells users how to set a source up.
	Guide Guide
}

// Report is the content of a request. The zero Report has nothing to register.
type Report struct {
	Ping      bool   // the product tests the address
	Reason    string // why there is nothing to register, for people; can be "" for a ping
	Succeeded *Deployed
}

// Deployed is a successful deployment: its five values and the report.
type Deployed struct {
	// ID is the product's own id of the deployment, in as many parts as make it unique within a source. It identifies the
	// deployment, whatever the five values are. If it is nil, because the report has no id, the five values identify it.
	ID            []string
	At            time.Time // whole milliseconds, UTC; zero if the report does not say, and then the time of arrival is used
	Environment   string
	CommitSHA     string
	RepositoryID  string
	RepositoryURL string
	Payload       json.RawMessage
}

// Providers returns all providers in the order of the documentation.
func Providers() []Provider { return []Provider{custom(), github(), gitlab(), azureDevOps()} }

// Kinds returns the providers' names.
func Kinds() []string {
	var kinds []string
	for _, p := range Providers() {
		kinds = append(kinds, p.Kind)
	}
	return kinds
}

// ProviderOf finds a provider by its name.
func ProviderOf(kind string) (Provider, bool) {
	for _, p := range Providers() {
		if p.Kind == kind {
			return p, true
		}
	}
	return Provider{}, false
}

// signed returns a Verify for a header with "sha256=" and the hex of the body's HMAC-SHA256, in either case.
func signed(name string) func(http.Header, []byte, string, time.Time) bool {
	return func(header http.Header, body []byte, secret string, _ time.Time) bool {
		digest, ok := strings.CutPrefix(only(header, name), "sha256=")
		got, err := hex.DecodeString(digest)
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		return ok && err == nil && hmac.Equal(got, mac.Sum(nil))
	}
}

// only returns the value of a header that occurs once. Of several values, none can be trusted.
func only(header http.Header, name string) string {
	if values := header.Values(name); len(values) == 1 {
		return values[0]
	}
	return ""
}

// same compares secrets. The time it takes tells nothing about them, not even their length.
func same(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
