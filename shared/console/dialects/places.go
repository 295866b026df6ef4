package dialects

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"hookline/shared/webhook"
)

// fault is something wrong with a description, with its place in the text.
type fault struct {
	Field        string // "" for a text that is not JSON
	Message      string
	Line, Column int    // from 1; the column counts characters
	Code         string // the line's text around the place
	Caret        string // blanks, and a mark below the place
}

// maxFaults bounds the faults that a page lists. The others are seen when these are mended.
const maxFaults = 20

// placed returns the faults with their places in a text, which is JSON, by line. more is how many there are beside them.
func placed(text string, faults []webhook.FieldError) (out []fault, more int) {
	more = max(0, len(faults)-maxFaults)
	for _, f := range faults[:len(faults)-more] {
		at, _ := locate(text, f.Field)
		out = append(out, faultAt(text, at, f.Field, f.Message))
	}
	slices.SortStableFunc(out, func(a, b fault) int { return a.Line - b.Line })
	return out, more
}

// notJSON returns the fault of a text that is not JSON, or false if it is.
func notJSON(text string) (fault, bool) {
	var raw json.RawMessage
	err := json.Unmarshal([]byte(text), &raw)
	if err == nil {
		return fault{}, false
	}
	at := len(text)
	if e, ok := errors.AsType[*json.SyntaxError](err); ok && int(e.Offset) <= len(text) && !strings.Contains(e.Error(), "unexpected end") {
		at = max(int(e.Offset)-1, 0) // it counts the character that cannot be there
	}
	return faultAt(text, at, "", "This is not JSON: "+err.Error()+"."), true
}

// around is how many characters of a line are shown on either side of a place.
const around = 60

// faultAt returns a fault at an offset in bytes. A place at the end of the text is that of its last character.
func faultAt(text string, at int, field, message string) fault {
	trimmed := strings.TrimRight(text, " \t\r\n")
	at = min(at, max(len(trimmed)-1, 0))
	for at > 0 && !utf8.RuneStart(text[at]) {
		at--
	}
	begin := strings.LastIndexByte(text[:at], '\n') + 1
	line, _, _ := strings.Cut(text[begin:], "\n")
	before, after := []rune(text[begin:at]), []rune(strings.TrimRight(line, "\r")[at-begin:])
	f := fault{Field: field, Message: message, Line: strings.Count(text[:begin], "\n") + 1, Column: len(before) + 1}
	if len(before) > around {
		before = append([]rune{'…'}, before[len(before)-around:]...)
	}
	if len(after) > around {
		after = append(after[:around:around], '…')
	}
	indent := strings.TrimLeft(string(before), " \t")
	f.Code, f.Caret = indent+string(after), strings.Repeat(" ", utf8.RuneCountInString(indent))+"^"
	return f
}

// locate returns the offset in a text, which is JSON, of the field that a fault names ("catalogue.events.3.name"): of its name, or
// of an entry of a list. If the field is not there, found is false and the place is that of the innermost part that is. Of a field
// that is there twice it is the second.
func locate(text, field string) (place int, found bool) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	next := func() (json.Token, int) {
		at := int(dec.InputOffset())
		at = len(text) - len(strings.TrimLeft(text[at:], " \t\r\n,:"))
		begin, _ := dec.Token() // it cannot fail: the text is JSON
		return begin, at
	}
	skip := func() {
		var value json.RawMessage
		_ = dec.Decode(&value) // nor can this
	}
	place = -1
	for {
		begin, at := next()
		if place < 0 {
			place = at
		}
		if begin != json.Delim('{') && begin != json.Delim('[') {
			return place, found // it has no parts
		}
		inside := false
		for i := 0; !inside && dec.More(); i++ {
			name, at := strconv.Itoa(i), 0
			if begin == json.Delim('{') {
				var key json.Token
				key, at = next()
				name, _ = key.(string)
			} else {
				at = len(text) - len(strings.TrimLeft(text[dec.InputOffset():], " \t\r\n,"))
			}
			rest, below := strings.CutPrefix(field, name+".")
			switch {
			case name == field:
				place, found = at, true
				skip()
			case below && !found:
				place, field, inside = at, rest, true
			default:
				skip()
			}
		}
		if !inside {
			return place, found
		}
	}
}
