package webhook

import (
	"fmt"
	"unicode"
)

// Invisible returns the first character of s that nobody sees, as "U+200B ZERO WIDTH SPACE", and "" where there is none:
// format characters (category Cf, the marks of writing direction among them) and all else that Unicode has text leave
// out when it is shown (Default_Ignorable_Code_Point). Pasted from a page, such a character makes two texts that look
// alike differ. White space and control characters are not among them.
func Invisible(s string) string {
	for _, r := range s {
		if unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
			return codePoint(r)
		}
	}
	return ""
}

// codePoint writes a code point as Unicode does, with its name where it is one that people paste.
func codePoint(r rune) string {
	name := ""
	switch r {
	case 0x00AD:
		name = " SOFT HYPHEN"
	case 0x061C:
		name = " ARABIC LETTER MARK"
	case 0x180E:
		name = " MONGOLIAN VOWEL SEPARATOR"
	case 0x200B:
		name = " ZERO WIDTH SPACE"
	case 0x200C:
		name = " ZERO WIDTH NON-JOINER"
	case 0x200D:
		name = " ZERO WIDTH JOINER"
	case 0x200E:
		name = " LEFT-TO-RIGHT MARK"
	case 0x200F:
		name = " RIGHT-TO-LEFT MARK"
	case 0x202A:
		name = " LEFT-TO-RIGHT EMBEDDING"
	case 0x202B:
		name = " RIGHT-TO-LEFT EMBEDDING"
	case 0x202C:
		name = " POP DIRECTIONAL FORMATTING"
	case 0x202D:
		name = " LEFT-TO-RIGHT OVERRIDE"
	case 0x202E:
		name = " RIGHT-TO-LEFT OVERRIDE"
	case 0x2060:
		name = " WORD JOINER"
	case 0x2066:
		name = " LEFT-TO-RIGHT ISOLATE"
	case 0x2067:
		name = " RIGHT-TO-LEFT ISOLATE"
	case 0x2068:
		name = " FIRST STRONG ISOLATE"
	case 0x2069:
		name = " POP DIRECTIONAL ISOLATE"
	case 0xFEFF:
		name = " ZERO WIDTH NO-BREAK SPACE (a byte order mark)"
	}
	return fmt.Sprintf("U+%04X%s", r, name)
}
