package webhook

import "testing"

func TestInvisible(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"letters of any script", "a é ß 日本 ع \u0301", ""},
		{"white space and controls", "a b\tc\n\u00a0\u3000\u2028\x00", ""},
		{"zero width space", "a\u200bb", "U+200B ZERO WIDTH SPACE"},
		{"the first of two", "a\ufeff\u200b", "U+FEFF ZERO WIDTH NO-BREAK SPACE (a byte order mark)"},
		{"soft hyphen", "a\u00ad", "U+00AD SOFT HYPHEN"},
		{"joiner", "\u200d", "U+200D ZERO WIDTH JOINER"},
		{"word joiner", "\u2060", "U+2060 WORD JOINER"},
		{"left-to-right mark", "\u200e", "U+200E LEFT-TO-RIGHT MARK"},
		{"right-to-left mark", "\u200f", "U+200F RIGHT-TO-LEFT MARK"},
		{"Arabic letter mark", "\u061c", "U+061C ARABIC LETTER MARK"},
		{"override", "\u202e", "U+202E RIGHT-TO-LEFT OVERRIDE"},
		{"isolate", "\u2066", "U+2066 LEFT-TO-RIGHT ISOLATE"},
		{"combining grapheme joiner, which is no Cf", "\u034f", "U+034F"},
		{"Hangul filler, which is a letter", "\u3164", "U+3164"},
		{"variation selector", "\u2764\ufe0f", "U+FE0F"},
		{"tag, beyond four digits", "\U000e0041", "U+E0041"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Invisible(c.text); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
