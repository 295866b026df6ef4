package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"unicode"
)

// Limits of the data that a message shows. Nobody reads more in a chat.
const (
	maxFields = 50
	maxDepth  = 4    // of objects and arrays; deeper ones are shown as JSON
	maxValues = 10   // of an array of plain values
	maxItems  = 3    // of an array that holds objects or arrays
	maxText   = 3000 // UTF-16 units of a field; every product shows less
)

// empty replaces a text that would be invisible.
const empty = "(empty)"

// field is one line of a message. Both texts are clean, and neither is blank.
type field struct{ label, text string }

// flatten returns the first maxFields fields of an event's data and the number of all. The data is valid, compact JSON.
func flatten(data []byte) (fields []field, total int) {
	f := flattener{}
	if data[0] != '{' {
		f.walk("Data", data, 1)
	} else {
		for key, value := range members(data) {
			f.walk(f.below("", key), value, 1)
		}
	}
	return f.fields, f.total
}

type flattener struct {
	fields []field
	total  int
}

// full reports whether there are enough fields. Further ones are only counted, and get no label and no text.
func (f *flattener) full() bool { return len(f.fields) == maxFields }

func (f *flattener) add(label string, textOf func() string) {
	if f.total++; f.full() {
		return
	}
	text := clean(textOf())
	if isBlank(text) {
		text = empty
	}
	f.fields = append(f.fields, field{fit(label, maxText, escape{}), fit(text, maxText, escape{})})
}

// below returns the label of an object's member: the object's own label followed by the member's key. Labels grow with the
// depth, so that each is cut to the longest that a label can be.
func (f *flattener) below(label, key string) string {
	if f.full() {
		return ""
	}
	name := labelOf(fit(key, maxText, escape{}))
	if label == "" {
		return name
	}
	return fit(label+" · "+name, maxText, escape{})
}

func (f *flattener) walk(label string, value []byte, depth int) {
	switch {
	case len(value) == 2 && (value[0] == '{' || value[0] == '['):
		f.add(label, func() string { return empty })
	case value[0] == '[':
		f.array(label, value, depth)
	case value[0] != '{':
		f.add(label, func() string { return textOf(value) })
	case depth == maxDepth:
		f.add(label, func() string { return string(value) })
	default:
		for key, member := range members(value) {
			f.walk(f.below(label, key), member, depth+1)
		}
	}
}

// array adds one field for an array of plain values. The elements of any other array are numbered and walked.
func (f *flattener) array(label string, value []byte, depth int) {
	var items [][]byte
	plain, n := true, 0
	for item := range elements(value) {
		if n++; n <= maxValues {
			items = append(items, item)
		}
		plain = plain && item[0] != '{' && item[0] != '['
	}
	switch {
	case plain:
		f.add(label, func() string {
			var texts []string
			for _, item := range items {
				texts = append(texts, textOf(item))
			}
			if n > maxValues {
				texts = append(texts, fmt.Sprintf("and %d more", n-maxValues))
			}
			return strings.Join(texts, ", ")
		})
	case depth == maxDepth:
		f.add(label, func() string { return string(value) })
	default:
		for i, item := range items[:min(n, maxItems)] {
			f.walk(label+" "+strconv.Itoa(i+1), item, depth+1)
		}
		if n > maxItems {
			f.add(label, func() string { return fmt.Sprintf("and %d more", n-maxItems) })
		}
	}
}

// textOf returns the text of a string, and any other plain value as it is spelled.
func textOf(value []byte) string {
	if value[0] != '"' {
		return string(value)
	}
	var s string
	_ = json.Unmarshal(value, &s) // the value is valid
	return s
}

// members yields the members of a valid object in order, including those with repeated keys.
func members(object []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		dec := json.NewDecoder(bytes.NewReader(object))
		_, _ = dec.Token() // {
		for dec.More() {
			key, _ := dec.Token()
			name, _ := key.(string)
			value, err := next(dec)
			if err != nil || !yield(name, value) {
				return
			}
		}
	}
}

// elements yields the elements of a valid array.
func elements(array []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		dec := json.NewDecoder(bytes.NewReader(array))
		_, _ = dec.Token() // [
		for dec.More() {
			value, err := next(dec)
			if err != nil || !yield(value) {
				return
			}
		}
	}
}

func next(dec *json.Decoder) (json.RawMessage, error) {
	var value json.RawMessage
	err := dec.Decode(&value)
	return value, err
}

// labelOf makes a key readable: "repository_url" and "repositoryURL" become words. A key that is not a name (see isName) stays
// as it is.
func labelOf(key string) string {
	if !isName(key) {
		if key = oneLine(clean(key)); isBlank(key) {
			return "(no name)"
		}
		return key
	}
	words := strings.FieldsFunc(spaced(key), func(r rune) bool { return r == '_' || r == '-' })
	for i, w := range words {
		if w != strings.ToUpper(w) || len(w) == 1 { // an acronym stays one
			words[i] = strings.ToLower(w)
		}
	}
	label := strings.Join(words, " ")
	return strings.ToUpper(label[:1]) + label[1:]
}

// isName reports whether a key consists of ASCII letters, digits, _ and -, and begins with a letter.
func isName(key string) bool {
	for i, r := range key {
		letter := r < unicode.MaxASCII && unicode.IsLetter(r)
		if !letter && (i == 0 || r != '_' && r != '-' && (r < '0' || r > '9')) {
			return false
		}
	}
	return key != ""
}

// spaced puts a _ before each word of a name in camel case.
func spaced(name string) string {
	upper := func(i int) bool { return name[i] >= 'A' && name[i] <= 'Z' }
	lower := func(i int) bool { return name[i] >= 'a' && name[i] <= 'z' }
	var b strings.Builder
	for i := range len(name) {
		if i > 0 && upper(i) && (lower(i-1) || upper(i-1) && i+1 < len(name) && lower(i+1)) {
			b.WriteByte('_')
		}
		b.WriteByte(name[i])
	}
	return b.String()
}
