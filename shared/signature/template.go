package signature

import "strings"

// Template is text in which names in braces ("{id}") stand for values. A name consists of a–z and _. Braces around anything
// else are text, and so are names that Fill's caller does not know. A value is never searched for names.
type Template string

// Names returns the names in the template, in order.
func (t Template) Names() []string {
	var names []string
	for rest := t; ; {
		_, name, after, ok := rest.next()
		if !ok {
			return names
		}
		names = append(names, name)
		rest = after
	}
}

// Piece is a text or, if Name is not "", a name in braces.
type Piece struct{ Text, Name string }

// Pieces returns the texts and names of the template, in order. No text is empty.
func (t Template) Pieces() []Piece {
	var pieces []Piece
	for rest := t; ; {
		before, name, after, ok := rest.next()
		if before != "" {
			pieces = append(pieces, Piece{Text: before})
		}
		if !ok {
			return pieces
		}
		pieces = append(pieces, Piece{Name: name})
		rest = after
	}
}

// Fill returns the template with its names replaced by values. The function value returns false for a name it does not know.
func (t Template) Fill(value func(name string) (string, bool)) string {
	before, name, rest, ok := t.next()
	if !ok {
		return string(t)
	}
	var b strings.Builder
	for ; ok; before, name, rest, ok = rest.next() {
		b.WriteString(before)
		if v, known := value(name); known {
			b.WriteString(v)
		} else {
			b.WriteString("{" + name + "}")
		}
	}
	b.WriteString(before)
	return b.String()
}

// next cuts the template around its first name. If there is none, before is the whole template.
func (t Template) next() (before, name string, rest Template, ok bool) {
	s := string(t)
	for from := 0; ; {
		open := strings.IndexByte(s[from:], '{')
		if open < 0 {
			return s, "", "", false
		}
		open += from
		end := open + 1
		for end < len(s) && (s[end] >= 'a' && s[end] <= 'z' || s[end] == '_') {
			end++
		}
		if end < len(s) && s[end] == '}' && end > open+1 {
			return s[:open], s[open+1 : end], Template(s[end+1:]), true
		}
		from = open + 1
	}
}
