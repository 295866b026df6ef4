// Package snippet writes code with which receivers verify webhooks, in Node, Python, Go and a shell. It derives the code from a
// dialect's description, and knows no product.
//
// The code accepts requests that the dialect sends and no others: it works on the raw body, compares in constant time and, if a
// header has the attempt's time, refuses requests older than five minutes. It needs nothing but the language's own library. It
// contains no secret, but takes it as an argument or from WEBHOOK_SECRET.
package snippet

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"go/format"
	"net/http"
	"slices"
	"strings"
	"text/template"
	"unicode"

	"hookline/shared/dialect"
	"hookline/shared/signature"
)

// Snippet is code in one language.
type Snippet struct {
	Name     string // of the language, as people read it
	File     string // a name for a file with the code
	Endpoint string // a server that uses the code; "" for a shell
	Code     string
}

//go:embed templates
var templateFiles embed.FS

// Of returns the code in each language. It returns none if the headers do not contain every value that is signed.
func Of(v dialect.Verification) ([]Snippet, error) {
	c, ok := read(v)
	if !ok {
		return nil, nil
	}
	var out []Snippet
	for _, s := range []Snippet{
		{Name: "Node", File: "verify.mjs", Endpoint: "endpoint.mjs"},
		{Name: "Python", File: "verify.py", Endpoint: "endpoint.py"},
		{Name: "Go", File: "verify.go", Endpoint: "endpoint.go"},
		{Name: "openssl", File: "verify.sh"},
	} {
		var err error
		if s.Code, err = c.write(s.File); err != nil {
			return nil, err
		}
		if s.Endpoint != "" {
			if s.Endpoint, err = c.write(s.Endpoint); err != nil {
				return nil, err
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// Request is a request that a dialect sends.
type Request struct {
	Type    string // of the event, as it is sent
	Headers []dialect.Header
	Body    string
}

// MaxBody is the longest body, in bytes, that Send writes into a command. A shell's quoting can turn one byte into four, and an
// argument has at most 128 KiB on Linux (execve(2), MAX_ARG_STRLEN).
const MaxBody = 32 << 10

// Send returns commands for a shell that sign a request with openssl and send it with curl. The request is r with the time of
// sending and its signature. Send returns "" if the headers do not contain every value that is signed, or if the body is too
// long for a command.
func Send(v dialect.Verification, r Request) (string, error) {
	c, ok := read(v)
	if !ok || len(r.Body) > MaxBody {
		return "", nil
	}
	c.Body = r.Body
	for _, h := range v.Headers {
		pieces := signature.Template(h.Value).Pieces()
		ofNow := slices.ContainsFunc(pieces, func(p signature.Piece) bool { return p.Name == "unix" || p.Name == "signature" })
		switch {
		case ofNow:
			for i, p := range pieces {
				switch p.Name {
				case "type":
					pieces[i] = signature.Piece{Text: r.Type}
				case "", "id", "unix", "signature":
				default:
					pieces[i] = signature.Piece{Text: "example"}
				}
			}
			c.Sent = append(c.Sent, append([]signature.Piece{{Text: h.Name + ": "}}, pieces...))
		default:
			for _, given := range r.Headers {
				if given.Name != h.Name {
					continue
				}
				c.Sent = append(c.Sent, []signature.Piece{{Text: h.Name + ": " + given.Value}})
				if h.Value == "{id}" {
					c.ID = given.Value
				}
			}
		}
	}
	return c.write("send.sh")
}

// code holds the values of the templates.
type code struct {
	Product string
	Reads   []reading
	Signed  []signature.Piece
	Key     signature.Key
	Hex     bool // the signature is in hex and not in base64
	Prefix  string
	Join    string
	Time    bool // a header has the attempt's time
	Regexp  bool // a header has more than one value

	Body, ID string              // of Send
	Sent     [][]signature.Piece // headers, name and value
}

// reading is a header and the values that the code needs of it.
type reading struct {
	Header string
	Name   string            // of the header's only value; "" if Pieces tell where the Values are
	Pieces []signature.Piece // of the header's value
	Values []string
}

// read finds the headers that hold the needed values. It returns false if a value is in no header.
func read(v dialect.Verification) (code, bool) {
	c := code{
		Product: oneLine(v.Product), Key: v.Scheme.Key, Hex: v.Scheme.Encoding == signature.Hex, Prefix: v.Scheme.Prefix, Join: v.Scheme.Join,
		Signed: signature.Template(v.Scheme.Signed).Pieces(),
	}
	need := func(name string) bool {
		if slices.ContainsFunc(c.Reads, func(r reading) bool { return r.Name == name || slices.Contains(r.Values, name) }) {
			return true
		}
		header := dialect.Header{}
		for _, h := range v.Headers {
			if slices.Contains(signature.Template(h.Value).Names(), name) && (header.Name == "" || h.Value == "{"+name+"}") {
				header = h
			}
		}
		switch i := slices.IndexFunc(c.Reads, func(r reading) bool { return r.Header == header.Name }); {
		case header.Name == "":
			return false
		case header.Value == "{"+name+"}":
			c.Reads = append(c.Reads, reading{Header: header.Name, Name: name})
		case i >= 0:
			c.Reads[i].Values = append(c.Reads[i].Values, name)
		default:
			c.Regexp = true
			value := signature.Template(strings.TrimSpace(header.Value)) // as it arrives: RFC 9110, section 5.5
			c.Reads = append(c.Reads, reading{Header: header.Name, Pieces: value.Pieces(), Values: []string{name}})
		}
		return true
	}
	if !need("signature") {
		return c, false
	}
	for _, p := range c.Signed {
		if p.Name != "" && p.Name != "body" && !need(p.Name) {
			return c, false
		}
	}
	c.Time = need("unix")
	for i := range c.Reads { // groups are numbered by their order in the header
		r := &c.Reads[i]
		at := func(name string) int {
			return slices.IndexFunc(r.Pieces, func(p signature.Piece) bool { return p.Name == name })
		}
		slices.SortFunc(r.Values, func(a, b string) int { return cmp.Compare(at(a), at(b)) })
	}
	return c, true
}

// Before returns the content that is signed before the body.
func (c code) Before() []signature.Piece { return c.Signed[:c.body()] }

// After returns the content that is signed after the body.
func (c code) After() []signature.Piece { return c.Signed[c.body()+1:] }

func (c code) body() int {
	return slices.IndexFunc(c.Signed, func(p signature.Piece) bool { return p.Name == "body" })
}

// write executes the template of a file.
func (c code) write(file string) (string, error) {
	t, err := template.New(file+".tmpl").Funcs(template.FuncMap{
		"quote": quote, "shell": shell, "lower": strings.ToLower, "canonical": http.CanonicalHeaderKey, "join": joined, "words": words,
		"pattern": pattern, "variable": variable, "slashes": slashes, "literal": literal, "raw": raw, "inc": func(i int) int { return i + 1 },
	}).ParseFS(templateFiles, "templates/"+file+".tmpl")
	if err != nil {
		return "", fmt.Errorf("snippet: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, c); err != nil {
		return "", fmt.Errorf("snippet: %w", err)
	}
	if strings.HasSuffix(file, ".go") {
		tidy, err := format.Source(b.Bytes())
		if err != nil {
			return "", fmt.Errorf("snippet %s: %w", file, err)
		}
		return string(tidy), nil
	}
	return b.String(), nil
}

// oneLine makes a name safe for a comment in any of the languages.
func oneLine(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || strings.ContainsRune("\\\"\u2028\u2029", r) {
			return ' '
		}
		return r
	}, name)
}

// variable returns the name of the variable that holds a value.
func variable(name string) string {
	if name == "unix" {
		return "timestamp"
	}
	return name
}

// joined writes pieces as an expression that joins texts with +. All the languages but the shell have it.
func joined(pieces []signature.Piece) string {
	parts := make([]string, len(pieces))
	for i, p := range pieces {
		if parts[i] = variable(p.Name); p.Name == "" {
			parts[i] = quote(p.Text)
		}
	}
	return strings.Join(parts, " + ")
}

// words writes pieces as one word of a shell.
func words(pieces []signature.Piece) string {
	plain := !slices.ContainsFunc(pieces, func(p signature.Piece) bool { return p.Name != "" })
	marks := slices.ContainsFunc(pieces, func(p signature.Piece) bool { return strings.ContainsAny(p.Text, "\"$`\\!") })
	var b strings.Builder
	for _, p := range pieces {
		switch {
		case p.Name != "" && marks:
			b.WriteString(`"$` + variable(p.Name) + `"`)
		case p.Name != "":
			b.WriteString("${" + variable(p.Name) + "}")
		case plain || marks:
			b.WriteString(shell(p.Text))
		default:
			b.WriteString(p.Text)
		}
	}
	if plain || marks {
		return b.String()
	}
	return `"` + b.String() + `"`
}

// quote writes a text as JSON does, which JavaScript, Python and Go read alike.
func quote(text string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // encoding a string does not fail
	return strings.TrimSuffix(b.String(), "\n")
}

// shell writes a text as one word of a shell.
func shell(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// pattern writes a header's pieces as a regular expression that JavaScript, Python, Go and sed -E read alike. The values that the
// code needs are its groups.
func pattern(r reading) string {
	var b strings.Builder
	for _, p := range r.Pieces {
		expr := ".+"
		switch p.Name {
		case "":
			b.WriteString(literal(p.Text))
			continue
		case "unix":
			expr = "[0-9]+"
		}
		if slices.Contains(r.Values, p.Name) {
			expr = "(" + expr + ")"
		}
		b.WriteString(expr)
	}
	return b.String()
}

// literal writes a text as a regular expression that matches it.
func literal(text string) string {
	var b strings.Builder
	for _, c := range text {
		if strings.ContainsRune(`\.+*?()|[]{}^$`, c) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// slashes escapes a regular expression for use between slashes.
func slashes(expr string) string { return strings.ReplaceAll(expr, "/", `\/`) }

// raw writes a regular expression as a raw string of Go or Python, or as a quoted one if it contains the raw string's quote.
func raw(before, quotes, expr string) string {
	if strings.Contains(expr, quotes) {
		return quote(expr)
	}
	return before + quotes + expr + quotes
}
