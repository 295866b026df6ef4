package management

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"hookline/shared/dialect"
	"hookline/shared/egress"
	"hookline/shared/format"
	"hookline/shared/input"
	"hookline/shared/pattern"
	"hookline/shared/webhook"
)

// MaxSecrets is how many secrets of one webhook sign at once.
const MaxSecrets = 10

// apply puts the given fields into w and adds their faults. It returns the new custom headers, which the caller seals and
// puts into w. stored are the headers of a webhook that exists.
func (s Service) apply(d *dialect.Dialect, w *webhook.Webhook, in WebhookInput, stored map[string]string, faults *input.Faults) map[string]string {
	before := w.URL
	if in.URL.Given() {
		w.URL = s.checkURL(d, in.URL.Value, faults)
	}
	if in.Events.Given() {
		w.Events = checkEvents(d, in.Events.Value, faults)
	}
	if in.Name.Set {
		w.Name = in.Name.Value
		faults.Line("name", w.Name, 0, webhook.MaxWebhookName)
	}
	if in.Active.Given() {
		w.Active = in.Active.Value
	}
	if in.Format.Set || w.Format == "" {
		w.Format = webhook.FormatJSON
		if in.Format.Given() {
			w.Format = in.Format.Value
		}
		if problem := format.Check(w.Format); problem != "" {
			faults.Add("format", problem)
		}
	}
	form := format.Of(w.Format)
	if in.ContentType.Set || w.ContentType == "" {
		w.ContentType = form.ContentTypes(d)[0]
		if in.ContentType.Given() {
			w.ContentType = in.ContentType.Value
		}
	}
	if in.ContentType.Set || in.Format.Set { // a newer version of the dialect may not have the type that is stored
		if problem := form.CheckContentType(d, w.ContentType); problem != "" {
			faults.Add("content_type", problem)
		}
	}
	if in.TimeoutSeconds.Set {
		w.TimeoutSeconds = in.TimeoutSeconds.Value
		if in.TimeoutSeconds.Given() && (w.TimeoutSeconds < 1 || w.TimeoutSeconds > webhook.MaxTimeoutSeconds) {
			faults.Add("timeout_seconds", "must be 1 to "+itoa(webhook.MaxTimeoutSeconds))
		}
	}
	if in.MaxPerSecond.Set {
		w.MaxPerSecond = in.MaxPerSecond.Value
		if in.MaxPerSecond.Given() && (w.MaxPerSecond < 1 || w.MaxPerSecond > input.MaxRate) {
			faults.Add("max_per_second", "must be 1 to "+itoa(input.MaxRate)+", or null for no limit")
		}
	}
	if in.Filter.Set {
		old := w.Filter
		w.Filter = nil
		if in.Filter.Given() {
			w.Filter = checkFilter(in.Filter.Value, old, faults)
		}
	}
	if in.Metadata.Set {
		w.Metadata = in.Metadata.Value
		checkMetadata(w.Metadata, faults)
	}
	if moves(before, w.URL) {
		refuseMasked(in.Headers, stored, faults)
	}
	return checkHeaders(d, in.Headers.Value, stored, faults)
}

// moves reports whether a change of a webhook's URL changes its scheme, host or port.
func moves(before, after string) bool {
	if before == after {
		return false
	}
	from, err := url.Parse(before)
	if err != nil {
		return true
	}
	to, err := url.Parse(after)
	return err != nil || egress.Origin(from) != egress.Origin(to)
}

// refuseMasked adds a fault for each stored value that a change would keep, by its mask or by not naming headers at all. A
// key that may change a webhook may not read its tokens, and could read them by having them sent to a host of its owner.
func refuseMasked(headers input.Field[map[string]string], stored map[string]string, faults *input.Faults) {
	const again = "must be given again, or dropped by null or by leaving it out of headers, " +
		"for url changes its scheme, host or port: a stored value never goes to a new host"
	if !headers.Set {
		for _, name := range sortedKeys(stored) {
			faults.Add("headers."+name, again)
		}
		return
	}
	for _, name := range sortedKeys(headers.Value) {
		if _, ok := storedUnder(stored, name); ok && headers.Value[name] == webhook.Mask {
			faults.Add("headers."+name, again)
		}
	}
}

// storedUnder returns the stored value of a header. The case of its name makes no difference.
func storedUnder(stored map[string]string, name string) (string, bool) {
	for known, value := range stored {
		if strings.EqualFold(known, name) {
			return value, true
		}
	}
	return "", false
}

// checkURL returns the URL in the form in which it is stored and called. A URL with a fault is returned as it was given.
func (s Service) checkURL(d *dialect.Dialect, raw string, faults *input.Faults) string {
	u, problem := egress.CheckURL(raw, egress.URLRule{Schemes: []string{"https", "http"}, AllowPrivate: s.AllowPrivate})
	if problem == "" && !(s.AllowPrivate && egress.Nearby(u)) {
		problem = d.CheckScheme(u.Scheme)
	}
	if problem != "" {
		faults.Add("url", problem)
		return raw
	}
	return u.String()
}

// maxListed bounds how many entries of a list are checked one by one, repeats included.
const maxListed = 1000

func tooManyEvents() string { return "must be at most " + itoa(webhook.MaxWebhookEvents) + " patterns" }

// checkEvents returns the patterns without repeats.
func checkEvents(d *dialect.Dialect, events []string, faults *input.Faults) []string {
	if len(events) > maxListed {
		faults.Add("events", tooManyEvents())
		return nil
	}
	var out []string
	for i, p := range events {
		switch {
		case !webhook.ValidPattern(p):
			faults.Add("events."+itoa(i), `must be an event type, "prefix.*" or "*"; a type `+webhook.TypeRule)
		case !d.KnowsPattern(p):
			faults.Add("events."+itoa(i), "is not in this dialect's catalogue; GET /v1/event-types lists it")
		case !slices.Contains(out, p):
			out = append(out, p)
		}
	}
	if len(events) == 0 {
		faults.Add("events", "must name at least one event type")
	}
	if len(out) > webhook.MaxWebhookEvents {
		faults.Add("events", tooManyEvents())
	}
	return out
}

// checkFilter returns the filter without white space. A filter that is stored already is not checked again: it may be from
// a time when filters had no cost, and a client that changes another field gives back the filter that it read.
func checkFilter(raw, stored json.RawMessage, faults *input.Faults) json.RawMessage {
	var b bytes.Buffer
	if json.Compact(&b, raw) == nil && len(stored) > 0 && bytes.Equal(b.Bytes(), stored) {
		return stored
	}
	_, problems := pattern.Check(raw)
	for _, p := range problems {
		faults.Add(p.Field, p.Message)
	}
	return b.Bytes()
}

func checkMetadata(metadata map[string]string, faults *input.Faults) {
	if len(metadata) > input.MaxMetadata {
		faults.Add("metadata", "must be at most "+itoa(input.MaxMetadata)+" pairs")
	}
	for _, k := range sortedKeys(metadata) {
		if n := utf8.RuneCountInString(k); n < 1 || n > input.MaxMetadataKey {
			faults.Add("metadata."+k, "the name must be 1 to "+itoa(input.MaxMetadataKey)+" characters")
		}
		if utf8.RuneCountInString(metadata[k]) > input.MaxMetadataValue {
			faults.Add("metadata."+k, "must be at most "+itoa(input.MaxMetadataValue)+" characters")
		}
	}
}

// checkHeaders returns the custom headers with the stored values in the place of masks.
func checkHeaders(d *dialect.Dialect, headers, stored map[string]string, faults *input.Faults) map[string]string {
	if len(headers) > input.MaxHeaders {
		faults.Add("headers", "must be at most "+itoa(input.MaxHeaders))
	}
	out := make(map[string]string, len(headers))
	seen := make(map[string]bool, len(headers))
	for _, name := range sortedKeys(headers) {
		field, value := "headers."+name, headers[name]
		if value == webhook.Mask {
			kept, ok := storedUnder(stored, name)
			if !ok {
				faults.Add(field, "is the mask that reading shows, not a value")
			}
			value = kept
		}
		switch {
		case !isToken(name) || len(name) > input.MaxHeaderName:
			faults.Add(field, "the name must be a token of RFC 9110, at most "+itoa(input.MaxHeaderName)+" characters")
		case d.Owns(name):
			faults.Add(field, "is set by us and cannot be given")
		case seen[strings.ToLower(name)]:
			faults.Add(field, "is given twice: case makes no difference in header names")
		case len(value) > input.MaxHeaderValue:
			faults.Add(field, "must be at most "+itoa(input.MaxHeaderValue)+" characters")
		default:
			if problem := checkHeaderValue(value); problem != "" {
				faults.Add(field, problem)
			}
		}
		seen[strings.ToLower(name)] = true
		out[name] = value
	}
	return out
}

// isToken reports whether a text is a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
	})
}

// checkHeaderValue returns what is wrong with a value, "" if nothing is. The rule is RFC 9110, section 5.5, without its
// obsolete bytes over 127, which receivers read differently.
func checkHeaderValue(s string) string {
	hidden := webhook.Invisible(s)
	switch {
	case hidden != "":
		return "must not have the invisible character " + hidden
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7F }):
		return "must not have line breaks or other control characters"
	case strings.ContainsFunc(s, func(r rune) bool { return r > '~' }):
		return "must be visible ASCII characters: others have no agreed encoding in a header"
	case s != strings.Trim(s, " \t"):
		return "must not begin or end with spaces or tabs, which are not part of a header's value"
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
