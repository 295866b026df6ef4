// Package layout indents JSON for people, within bounds.
//
// Indentation multiplies: a text of n bytes that is nested n/2 deep becomes n²/2 bytes. The package therefore never indents a
// whole text to measure it afterwards. JSON stops after a given number of bytes of output, and shows arrays and objects deeper
// than MaxDepth as […] and {…} without reading their content. It reports both, so that its caller can offer the original text.
// The time is linear in the text, and the memory is linear in the output.
//
// All of Hookline's pages, documents and tools use this package to indent JSON; infra/checks holds them to it.
package layout

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

const (
	// MaxBytes is how many bytes of one text a page shows, counted before they are escaped for HTML.
	MaxBytes = 128 << 10
	// MaxDepth is how many levels of arrays and objects are shown.
	MaxDepth = 64
)

// Text is a text for people.
type Text struct {
	Text  string // ends in "…" if its end is left out
	Whole bool   // nothing is left out
}

const ellipsis = "…"

// Cut returns a text of at most the given number of bytes: the whole text if it fits, else its beginning and a last line that
// says that there is more. It cuts between characters.
func Cut(text string, most int) Text {
	if len(text) <= most {
		return Text{text, true}
	}
	return Text{begin(text, most-len("\n"+ellipsis)) + "\n" + ellipsis, false}
}

// begin returns the beginning of a text, of at most the given number of bytes. It cuts between characters.
func begin(text string, most int) string {
	most = max(most, 0)
	for most > 0 && most < len(text) && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:min(most, len(text))]
}

// JSON indents a JSON text as json.Indent does with two spaces, into at most the given number of bytes, which is at least 8. If
// the text is not JSON, ok is false and the result is empty.
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

// Readable returns a JSON text as JSON does, and any other text as Cut does.
func Readable(raw []byte, most int) Text {
	if out, ok := JSON(raw, most); ok {
		return out
	}
	return Cut(string(raw), most)
}

// writer keeps the output that fits.
type writer struct {
	b      strings.Builder
	room   int  // bytes
	full   bool // something did not fit: the writer ignores the rest
	folded bool // an array or object was nested too deep to be shown
}

func (w *writer) put(text string) {
	if w.full = w.full || len(text) > w.room-w.b.Len(); w.full {
		text = begin(text, w.room-w.b.Len())
	}
	w.b.WriteString(text)
}

// line begins a new line at a level of indentation.
func (w *writer) line(level int) {
	w.put("\n")
	for range level {
		w.put("  ")
	}
}

// lay writes a valid JSON text until it is full.
func (w *writer) lay(raw []byte) {
	level := 0
	fresh := false // the current array or object is still empty
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

// fold writes an ellipsis in place of the content of the array or object that begins at raw[i], and returns the position after
// it. An empty one is written as it is.
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
