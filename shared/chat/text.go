package chat

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean returns s without control characters, line ends excepted, and without the marks that change the direction of the text
// after them (UAX #9, explicit formatting), so that no value can change how the rest of a message reads.
func clean(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n", "\t", " ").Replace(s)
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case unicode.IsControl(r), r >= '\u202A' && r <= '\u202E', r >= '\u2066' && r <= '\u2069':
			return -1
		}
		return r
	}, s))
}

func oneLine(s string) string { return strings.ReplaceAll(s, "\n", " ") }

// isBlank reports whether s is invisible. Discord refuses a field whose value is white space.
func isBlank(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		switch r {
		case '\u115F', '\u1160', '\u2800', '\u3164', '\uFFA0': // fillers and the empty braille pattern: invisible, but not of the class of white space
			return false
		}
		return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.IsMark(r)
	})
}

// isLink reports whether a whole value is an address that can be a link.
func isLink(s string) bool {
	link, _ := linkAt(s)
	return s != "" && link == s
}

// linkAt returns the address at the beginning of s, or "" if there is none, and how many bytes it read to find out. An address
// has no character that one of the products reads as markup, so that it needs no escapes.
func linkAt(s string) (link string, read int) {
	if !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") {
		return "", 0
	}
	if end := strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~:/?#@$&+,;=%", r))
	}); end >= 0 {
		s = s[:end]
	}
	read = len(s)
	s = strings.TrimRight(s, ".,:;?") // these belong to the sentence around the address
	if u, err := url.Parse(s); err != nil || u.Host == "" || u.User != nil {
		return "", read
	}
	return s, read
}

// escape describes how a product keeps text from being read as markup.
type escape struct {
	mark  func(r rune, first bool) string // writes r; first: there is only white space before r on its line; nil leaves all runes as they are
	links bool                            // addresses within the text are not escaped: the escapes would become part of them
}

const ellipsis = "…"

// fit returns s escaped and at most limit UTF-16 units long. No product counts more characters than that. It cuts between
// characters as people see them, never within an escape, and ends a text that is cut with an ellipsis. It reads no more of s
// than it returns, except an address, which it reads to its end. It reads each byte of an address once: it does not look for
// another address within a text that begins like an address and is none.
func fit(s string, limit int, esc escape) string {
	var b strings.Builder
	used, whole, first, within := 0, 0, true, false
	none := 0 // no address begins in this many bytes of s
	for s != "" {
		part, mark := character(s), esc.mark
		if esc.links && !within && none <= 0 {
			var link string
			if link, none = linkAt(s); link != "" {
				part, mark = link, nil
			}
		}
		s = s[len(part):]
		none -= len(part)
		begin := b.Len()
		for _, r := range part {
			if mark == nil {
				b.WriteRune(r)
			} else {
				b.WriteString(mark(r, first))
			}
			within = unicode.IsLetter(r) || unicode.IsDigit(r)
			first = r == '\n' || first && unicode.IsSpace(r)
		}
		if used += units(b.String()[begin:]); used > limit {
			return b.String()[:whole] + ellipsis
		}
		if used < limit {
			whole = b.Len()
		}
	}
	return b.String()
}

// units returns the length of s in UTF-16 units.
func units(s string) int {
	n := 0
	for _, r := range s {
		if n++; r > 0xFFFF {
			n++
		}
	}
	return n
}

const (
	joiner   = '\u200D'
	maxRunes = 16 // of one character; no script needs more
)

// character returns the first character of s as people see it, roughly as UAX #29 defines it: a letter with its marks, or an
// emoji with its skin tone and the emoji joined to it.
func character(s string) string {
	end, last := 0, rune(0)
	for n := 0; end < len(s) && n < maxRunes; n++ {
		r, size := utf8.DecodeRuneInString(s[end:])
		tone := r >= 0x1F3FB && r <= 0x1F3FF
		if n > 0 && last != joiner && r != joiner && !unicode.IsMark(r) && !tone {
			break
		}
		end, last = end+size, r
	}
	return s[:end]
}
