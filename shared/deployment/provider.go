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

// Provider is a product, or a convention, whose reports of deployments are understood.
type Provider struct {
	// Kind names it in a source and in its address.
	Kind string
	// Credential says in words how a report proves that it knows the source's secret.
	Credential string
	// Carried says that requests carry the secret itself in a header, which takes no white space at its ends and no control
	// characters (RFC 9110, section 5.5; RFC 7617, section 2).
	Carried bool
	// Challenge is the WWW-Authenticate of a refusal.
	Challenge string
	// Verify reports whether the request proves knowledge of secret, in a time that does not depend on how nearly it does.
	// body is as it came, and now is real time, for what is signed with a time.
	Verify func(header http.Header, body []byte, secret string, now time.Time) bool
	// Read understands a request that Verify found right. Errors: webhook.Malformed, webhook.Invalid naming the fields.
	Read func(header http.Header, body []byte) (Report, error)
	// Guide is for those who set a source up.
	Guide Guide
}

// Report is what a request says. Its zero value says nothing that is to be registered.
type Report struct {
	Ping      bool   // the product tries the address out
	Reason    string // why nothing is to be registered, for people; a ping may go without
	Succeeded *Deployed
}

// Deployed is a deployment that succeeded, as reported: five values, and the report itself.
type Deployed struct {
	// ID is the product's own id of the deployment, in as many parts as make it unique within a source. It says which
	// deployment this is, whatever the five values are; nil where the report has none, and then the five values say it.
	ID            []string
	At            time.Time // whole milliseconds, UTC; zero where the report does not say, and then it is when that arrived
	Environment   string
	CommitSHA     string
	RepositoryID  string
	RepositoryURL string
	Payload       json.RawMessage
}

// Providers returns every provider, in the order they are documented.
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

// signed is Verify for a header that holds "sha256=" and the hex of the body's HMAC-SHA256, in either case.
func signed(name string) func(http.Header, []byte, string, time.Time) bool {
	return func(header http.Header, body []byte, secret string, _ time.Time) bool {
		digest, ok := strings.CutPrefix(only(header, name), "sha256=")
		got, err := hex.DecodeString(digest)
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		return ok && err == nil && hmac.Equal(got, mac.Sum(nil))
	}
}

// only returns a header that is there once. Of several values nobody could say which one counts.
func only(header http.Header, name string) string {
	if values := header.Values(name); len(values) == 1 {
		return values[0]
	}
	return ""
}

// same compares secrets; the time it takes tells nothing of them, not even their length.
func same(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
