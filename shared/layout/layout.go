// Package layout lays JSON out for people, within bounds.
//
// Indentation multiplies: a text of n bytes that is nested n/2 deep becomes n²/2 bytes. So nothing here is laid out whole
// and measured afterwards: JSON stops at so many bytes of output, and what is nested deeper than MaxDepth is shown as
// {…} or […] without being looked into. Either is said to the caller, who can offer the text as it came. The time is
// linear in the text, the memory in the output.
//
// All of Hookline's pages, documents and tools lay JSON out by this package and by no other way (infra/checks).
package layout

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

const (
	// MaxBytes is how much of one text a page shows, in bytes of output before they are escaped for HTML.
	MaxBytes = 128 << 10
	// MaxDepth is how many levels of arrays and objects are laid out.
	MaxDepth = 64
)

// Text is a text as it is shown.
type Text struct {
	Text  string // ends in "…" where its end is left out
	Whole bool   // nothing is left out
}

const ellipsis = "…"

// Cut returns the beginning of a text: all of it where it has at most that many bytes, else with a last line that says
// that there is more, at most that many in all. It cuts between characters.
func Cut(text string, most int) Text {
	if len(text) <= most {
		return Text{text, true}
	}
	return Text{begin(text, most-len("\n"+ellipsis)) + "\n" + ellipsis, false}
}

// begin returns at most that many bytes of a text, cut between characters.
func begin(text string, most int) string {
	most = max(most, 0)
	for most > 0 && most < len(text) && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:min(most, len(text))]
}

// JSON lays a JSON text out in at most that many bytes, at least 8, as json.Indent does with two spaces. ok is false for what is no
// JSON; the text is then empty.
func JSON(raw []byte, most int) (out Text, ok bool) {
	if !json.Valid(raw) {
		return Text{}, false
	}
	w := writer{room: most}
	w.lay(raw)
	if !w.full {
		return Text{w.b.String(), !w.folded}, true
	}
	return Text{begin(w.b.String(), most-len("\n"+ellipsis)) + "\n" + ellipsis, false}, true
}

// Readable is JSON for a text that may be none, which is cut as it is.
func Readable(raw []byte, most int) Text {
	if out, ok := JSON(raw, most); ok {
		return out
	}
	return Cut(string(raw), most)
}

// writer takes what fits.
type writer struct {
	b      strings.Builder
	room   int  // bytes
	full   bool // something did not fit: nothing is taken any more
	folded bool // something is nested too deep to be shown
}

func (w *writer) put(text string) {
	if w.full = w.full || len(text) > w.room-w.b.Len(); w.full {
		text = begin(text, w.room-w.b.Len())
	}
	w.b.WriteString(text)
}

// line begins a new line of a level.
func (w *writer) line(level int) {
	w.put("\n")
	for range level {
		w.put("  ")
	}
}

// lay writes a valid JSON text until it is full.
func (w *writer) lay(raw []byte) {
	level := 0
	fresh := false // the array or object at hand has nothing in it yet
	for i := 0; i < len(raw) && !w.full; {
		switch c := raw[i]; c {
		case ' ', '\t', '\r', '\n':
			i++
		case ']', '}':
			level--
			if !fresh {
				w.line(level)
			}
			fresh = false
			w.put(string(c))
			i++
		case ',':
			w.put(",")
			w.line(level)
			i++
		case ':':
			w.put(": ")
			i++
		default:
			if fresh {
				w.line(level)
				fresh = false
			}
			end := tokenEnd(raw, i)
			if c != '[' && c != '{' {
				w.put(string(raw[i:min(end, i+w.room+1)]))
				i = end
				continue
			}
			if level == MaxDepth {
				i = w.fold(raw, i)
				continue
			}
			w.put(string(c))
			level++
			fresh = true
			i++
		}
	}
}

// fold writes an array or object that begins at raw[i] as one that is left out, and returns the position after it. One
// that is empty is shown.
func (w *writer) fold(raw []byte, i int) int {
	open, empty := raw[i], true
	level := 0
	for {
		switch c := raw[i]; c {
		case '[', '{':
			empty = empty && level == 0
			level++
			i++
		case ']', '}':
			level--
			i++
		case ' ', '\t', '\r', '\n':
			i++
		default:
			empty = false
			i = tokenEnd(raw, i)
		}
		if level == 0 {
			break
		}
	}
	inside := ellipsis
	if empty {
		inside = ""
	}
	w.folded = w.folded || !empty
	w.put(string(open) + inside + string(open+2)) // in ASCII, ] and } come two after [ and {
	return i
}

// tokenEnd returns the position after the token that begins at raw[i].
func tokenEnd(raw []byte, i int) int {
	if raw[i] == '"' {
		for i++; raw[i] != '"'; i++ {
			if raw[i] == '\\' {
				i++
			}
		}
		return i + 1
	}
	for i++; i < len(raw) && !strings.ContainsRune(" \t\r\n,:[]{}", rune(raw[i])); i++ {
	}
	return i
}
