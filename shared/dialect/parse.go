package dialect

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"hookline/shared/ecmajson"
	"hookline/shared/ladder"
	"hookline/shared/signature"
	"hookline/shared/webhook"
)

// Limits of descriptions. Messages stay in a queue for 14 days, ladder and dead letter together.
const (
	maxRung     = 24 * time.Hour
	maxLadder   = 7 * 24 * time.Hour
	maxRungs    = 20
	maxOverlap  = 7 * 24 * time.Hour
	maxLabel    = 500 // characters
	maxEnvelope = 16 << 10
	maxShort    = 200 // characters of texts in headers and signatures
	maxHeaders  = 50
	maxEvents   = 1000
	maxSecret   = 1024
	minMade     = 16
	maxMade     = 64
)

// common has the words for descriptions that leave them out, and the events of every catalogue.
//
//go:embed common.json
var common []byte

// validName reports whether a dialect can have a name. A regular expression would be compiled whenever a process starts.
func validName(name string) bool {
	return name != "" && len(name) <= 63 && name[0] >= 'a' && name[0] <= 'z' && !strings.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-'
	})
}

// Parse reads a description in the form of the package documentation. examples are data by event type; it ignores those of
// types that the catalogue lacks. Errors are *webhook.Error: Malformed if the description is not JSON, and otherwise Invalid,
// naming every field at fault.
func Parse(raw []byte, examples map[string]json.RawMessage) (*Dialect, error) {
	compact, err := ecmajson.Compact(raw)
	if err != nil {
		return nil, malformed(err)
	}
	p := parser{d: &Dialect{Description: compact}, examples: examples}
	shared, err := ecmajson.Compact(common)
	if err != nil {
		return nil, fmt.Errorf("common.json: %w", err)
	}
	p.description(p.object("", compact), p.object("", shared))
	if len(p.faults) > 0 {
		return nil, webhook.ErrInvalid(p.faults...)
	}
	return p.d, nil
}

func malformed(err error) error {
	return &webhook.Error{Kind: webhook.Malformed, Code: "malformed", Message: "a dialect's description is JSON", Cause: err}
}

// parser fills a dialect from its description.
type parser struct {
	reader
	d        *Dialect
	examples map[string]json.RawMessage
}

func (p *parser) description(o, common *object) {
	d := p.d
	if name, ok := required[string](o, "name"); ok {
		if d.Name = name; !validName(name) {
			p.fault("name", "must be a–z, 0–9 and -, a letter first, at most 63 characters")
		}
	}
	if version, ok := required[int](o, "version"); ok {
		if d.Version = version; version < 1 {
			p.fault("version", "must be 1 or more")
		}
	}
	d.Product = p.label(o, "product")
	p.words(o, common)
	p.envelope(o)
	p.headers(o)
	p.signature(o)
	p.secret(o)
	p.rotation(o)
	p.ladder(o)
	p.success(o)
	if seconds, ok := required[int](o, "timeout_seconds"); ok {
		if d.Timeout = time.Duration(seconds) * time.Second; seconds < 1 || seconds > webhook.MaxTimeoutSeconds {
			p.fault("timeout_seconds", "must be 1 to %d", webhook.MaxTimeoutSeconds)
		}
	}
	d.FailingWhenExhausted = optional(o, "failing_when_exhausted", false)
	p.url(o)
	d.ContentTypes = p.choices(o, "content_types", webhook.ContentJSON, webhook.ContentForm)
	p.catalogue(o, common)
	o.done()
}

// label reads a required text for people.
func (p *parser) label(o *object, name string) string {
	s, ok := required[string](o, name)
	if n := utf8.RuneCountInString(s); ok && (n == 0 || n > maxLabel) {
		p.fault(o.at(name), "must be 1 to %d characters", maxLabel)
	}
	return s
}

// choices reads a required list with one or more of the given strings, each at most once.
func (p *parser) choices(o *object, name string, from ...string) []string {
	list, ok := required[[]string](o, name)
	if !ok {
		return nil
	}
	distinct := slices.Compact(slices.Sorted(slices.Values(list)))
	unknown := slices.ContainsFunc(list, func(s string) bool { return !slices.Contains(from, s) })
	if unknown || len(list) == 0 || len(distinct) < len(list) {
		p.fault(o.at(name), "must be one or more of %s", strings.Join(from, ", "))
	}
	return list
}

func (p *parser) words(o, common *object) {
	p.d.Words, _ = required[map[string]string](common, "words")
	if optional[json.RawMessage](o, "words", nil) == nil {
		return
	}
	words := o.object("words")
	if words == nil {
		return
	}
	for _, name := range words.names {
		if _, ok := p.d.Words[name]; ok {
			p.d.Words[name] = p.label(words, name)
		}
	}
	words.done()
}

func (p *parser) envelope(o *object) {
	body, ok := required[string](o, "body")
	if ok && body != "plain" && body != "ecmascript" {
		p.fault("body", `must be "plain" or "ecmascript"`)
	}
	envelope, ok := required[json.RawMessage](o, "envelope")
	if !ok {
		return
	}
	if len(envelope) > maxEnvelope {
		p.fault("envelope", "must be at most %d bytes", maxEnvelope)
		return
	}
	p.d.fields = fields(envelope)
	if body == "ecmascript" {
		p.d.ecmascript = true
		text, err := ecmajson.Read(envelope)
		if err != nil {
			p.fault("envelope", "%v", err)
			return
		}
		envelope = text.Canonical()
	}
	pieces, problem := compile(envelope)
	if problem != "" {
		p.fault("envelope", "%s", problem)
	}
	p.d.envelope = pieces
	p.d.unixTime = slices.ContainsFunc(pieces, func(p piece) bool {
		return p.kind == number || p.kind == quoted && strings.Contains(p.text, "{timestamp_unix")
	})
}

func (p *parser) headers(o *object) {
	headers := o.object("headers")
	if headers == nil {
		return
	}
	ours := []Header{{contentTypeHeader, "{content_type}"}, {userAgentHeader, defaultAgent}, {idHeader, "{id}"}}
	var own []Header
	signed := 0
	for _, name := range headers.names {
		path := headers.at(name)
		value, ok := required[string](headers, name)
		if !ok {
			continue
		}
		same := func(h Header) bool { return strings.EqualFold(h.Name, name) }
		switch {
		case !token(name):
			p.fault(path, "is no header's name")
		case reserved(name), strings.EqualFold(name, contentTypeHeader), strings.EqualFold(name, idHeader):
			p.fault(path, "is not a dialect's to set")
		case slices.ContainsFunc(own, same):
			p.fault(path, "is there twice")
		case value == "" || !short(value):
			p.fault(path, "must be printable ASCII, at most %d characters", maxShort)
		}
		p.placeholders(path, value, "id", "type", "tenant", "webhook", "delivery", "timestamp", "unix", "signature")
		if holdsSignature(value) {
			signed++
		}
		ours = slices.DeleteFunc(ours, same)
		own = append(own, Header{name, value})
	}
	if signed != 1 {
		p.fault("headers", "must hold {signature} in exactly one header")
	}
	if len(own) > maxHeaders {
		p.fault("headers", "must be at most %d", maxHeaders)
	}
	p.d.headers = append(ours, own...)
}

// placeholders reports a template's unknown placeholders.
func (p *parser) placeholders(path, template string, known ...string) {
	for _, name := range signature.Template(template).Names() {
		if !slices.Contains(known, name) {
			p.fault(path, "has the unknown placeholder {%s}", name)
		}
	}
}

func (p *parser) signature(o *object) {
	sig := o.object("signature")
	s := &p.d.scheme
	if signed, ok := required[string](sig, "signed"); ok {
		s.Signed = signed
		p.placeholders(sig.at("signed"), signed, signature.Names()...)
		if strings.Count(signed, "{body}") != 1 || utf8.RuneCountInString(signed) > maxShort {
			p.fault(sig.at("signed"), "must have {body} in it once, and at most %d characters", maxShort)
		}
	}
	if encoding, ok := required[string](sig, "encoding"); ok {
		s.Encoding = signature.Encoding(encoding)
		if s.Encoding != signature.Hex && s.Encoding != signature.Base64 {
			p.fault(sig.at("encoding"), `must be "hex" or "base64"`)
		}
	}
	s.Prefix = optional(sig, "prefix", "")
	s.Join = optional(sig, "join", "")
	if !short(s.Prefix) {
		p.fault(sig.at("prefix"), "must be printable ASCII, at most %d characters", maxShort)
	}
	// The separator must not occur in a signature.
	if !slices.Contains([]string{"", " ", ",", ";", "|"}, s.Join) || s.Join != "" && strings.Contains(s.Prefix, s.Join) {
		p.fault(sig.at("join"), `must be one of " ", ",", ";", "|" and not in the prefix`)
	}
	sig.done()
}

func (p *parser) secret(o *object) {
	secret := o.object("secret")
	r := &p.d.secret
	r.prefix = optional(secret, "prefix", "")
	r.max = optional(secret, "max", maxSecret)
	key, okKey := required[string](secret, "key")
	least, okMin := required[int](secret, "min")
	made, okMade := required[int](secret, "made_bytes")
	r.min, r.made = least, made
	encoding := signature.Encoding(key)
	p.d.scheme.Key.Encoding = encoding
	madeLength := len(r.prefix) + 2*made // in hexadecimal
	switch {
	case !okKey:
	case encoding == signature.Base64:
		p.d.scheme.Key.Prefix = r.prefix
		madeLength = made
	case encoding != signature.UTF8:
		p.fault(secret.at("key"), `must be "utf8" or "base64"`)
		okKey = false
	}
	if secret != nil && !short(r.prefix) {
		p.fault(secret.at("prefix"), "must be printable ASCII, at most %d characters", maxShort)
	}
	if okMin && (least < 1 || least > maxSecret) {
		p.fault(secret.at("min"), "must be 1 to %d", maxSecret)
	}
	if okMin && (r.max < least || r.max > maxSecret) {
		p.fault(secret.at("max"), "must be min to %d", maxSecret)
	}
	switch {
	case okMade && (made < minMade || made > maxMade):
		p.fault(secret.at("made_bytes"), "must be %d to %d", minMade, maxMade)
	case okKey && okMin && okMade && (madeLength < least || madeLength > r.max):
		p.fault(secret.at("made_bytes"), "makes secrets that min and max refuse")
	}
	secret.done()
}

func (p *parser) rotation(o *object) {
	if p.d.scheme.Join != "" {
		p.d.MaxOverlap = maxOverlap
	}
	if seconds, ok := required[int](o, "rotation_overlap_seconds"); ok {
		most := int(p.d.MaxOverlap / time.Second)
		if seconds < 0 || seconds > most {
			p.fault("rotation_overlap_seconds", "must be 0 to %d; more than 0 needs a signature.join", most)
			return
		}
		p.d.Overlap = time.Duration(seconds) * time.Second
	}
}

func (p *parser) ladder(o *object) {
	rungs, ok := required[[]string](o, "ladder")
	if !ok {
		return
	}
	if len(rungs) > maxRungs {
		p.fault("ladder", "must have at most %d waits", maxRungs)
		return
	}
	p.d.Ladder = ladder.Ladder{}
	var total time.Duration
	for i, rung := range rungs {
		wait, err := time.ParseDuration(rung)
		if err != nil || wait < time.Second || wait > maxRung || wait%time.Second != 0 {
			p.fault(fmt.Sprintf("ladder.%d", i), "must be whole seconds from 1s to %s, such as 30s, 5m, 2h", maxRung)
			continue
		}
		p.d.Ladder = append(p.d.Ladder, wait)
		total += wait
	}
	if total > maxLadder {
		p.fault("ladder", "must last at most %s in all", maxLadder)
	}
}

func (p *parser) success(o *object) {
	raw, ok := required[json.RawMessage](o, "success")
	if !ok || string(raw) == `"2xx"` {
		return
	}
	err := json.Unmarshal(raw, &p.d.success)
	outside := func(code int) bool { return code < 200 || code > 299 }
	if err != nil || len(p.d.success) == 0 || slices.ContainsFunc(p.d.success, outside) {
		p.fault("success", `must be "2xx" or a list of codes from 200 to 299`)
	}
}

func (p *parser) url(o *object) {
	u := o.object("url")
	p.d.schemes = p.choices(u, "schemes", "https", "http")
	if p.d.WarnOfHTTP = optional(u, "warn_of_http", false); p.d.WarnOfHTTP && !slices.Contains(p.d.schemes, "http") {
		p.fault(u.at("warn_of_http"), "means nothing where http is refused")
	}
	u.done()
}

func (p *parser) catalogue(o, common *object) {
	catalogue := o.object("catalogue")
	p.d.open = optional(catalogue, "open", false)
	entries := p.entries(catalogue, "events")
	if len(entries) > maxEvents {
		p.fault(catalogue.at("events"), "must be at most %d", maxEvents)
		return
	}
	seen := make(map[string]bool)
	for _, e := range entries {
		switch _, ok := e.values["name"]; {
		case !ok: // the fault is reported already
		case seen[e.Name]:
			p.fault(e.at("name"), "is there twice")
		case !webhook.ValidType(e.Name):
			p.fault(e.at("name"), webhook.TypeRule)
		case webhook.IsSystemType(e.Name):
			p.fault(e.at("name"), "is a system event's")
		}
		seen[e.Name] = true
		p.d.events = append(p.d.events, e.EventType)
	}
	catalogue.done()
	p.describe(o, catalogue, entries)
	// These come last, so that a description can describe them better than common.json does.
	for _, e := range p.entries(common, "events") {
		if !seen[e.Name] {
			p.d.events = append(p.d.events, e.EventType)
		}
	}
	for _, e := range p.entries(common, "system_events") {
		p.d.system = append(p.d.system, e.EventType)
	}
}

// entry is an entry of a catalogue and the object it was read from, which is nil if it was no object; that is reported.
type entry struct {
	EventType
	*object
}

func (p *parser) entries(o *object, field string) []entry {
	list, _ := required[[]json.RawMessage](o, field)
	var out []entry
	for i, raw := range list {
		if i > maxEvents {
			break // the list is refused as a whole
		}
		from := p.object(fmt.Sprintf("%s.%d", o.at(field), i), raw)
		if from == nil {
			continue
		}
		e := EventType{
			Group:      optional(from, "group", ""),
			ComingSoon: optional(from, "coming_soon", false),
			Schema:     optional[json.RawMessage](from, "schema", nil),
			Example:    optional[json.RawMessage](from, "example", nil),
			WireName:   optional(from, "wire_name", ""),
		}
		e.Name, _ = required[string](from, "name")
		e.Description = p.label(from, "description")
		if utf8.RuneCountInString(e.Group) > maxLabel {
			p.fault(from.at("group"), "must be at most %d characters", maxLabel)
		}
		if _, given := from.values["wire_name"]; given && (e.WireName == "" || !short(e.WireName)) {
			p.fault(from.at("wire_name"), "must be printable ASCII, at most %d characters", maxShort)
		}
		if e.Schema != nil && e.Schema[0] != '{' {
			p.fault(from.at("schema"), "must be a JSON Schema, an object")
		}
		if example, ok := p.examples[e.Name]; ok {
			compact, err := ecmajson.Compact(example)
			if err != nil {
				p.fault("examples."+e.Name, "%v", err)
			}
			e.Example = compact
		}
		from.done()
		out = append(out, entry{e, from})
	}
	return out
}

// describe puts the examples from files into the description.
func (p *parser) describe(o, catalogue *object, entries []entry) {
	if len(p.examples) == 0 || len(p.faults) > 0 {
		return
	}
	events := []byte{'['}
	for i, e := range entries {
		if i > 0 {
			events = append(events, ',')
		}
		if e.Example != nil {
			e.set("example", e.Example)
		}
		events = append(events, e.encode()...)
	}
	catalogue.set("events", append(events, ']'))
	o.set("catalogue", catalogue.encode())
	p.d.Description = o.encode()
}
