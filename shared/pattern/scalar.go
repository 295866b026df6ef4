package pattern

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// scalar is a leaf.
type scalar struct {
	kind kind
	text string // of a string
	num  decimal
	read *readings // other forms of a string
}

// readings holds forms of a string. Each is computed when it is first needed.
type readings struct {
	address netip.Addr // not valid if the string is not an address
	parsed  bool       // address has been computed
	forms   [forms]string
}

type kind byte

const (
	null kind = iota
	no
	yes
	constants // the number of kinds with only one value
)

const (
	text kind = constants + iota
	number
)

// form is a form of strings in which they are compared.
type form int

const (
	plain          form = iota
	folded              // in one case
	reversed            // from its end
	foldedReversed      // both
	forms
)

// scalarOf converts a leaf as encoding/json decodes it, with numbers as json.Number.
func scalarOf(v any) scalar {
	switch v := v.(type) {
	case string:
		return scalar{kind: text, text: v}
	case json.Number:
		return scalar{kind: number, num: decimalOf(string(v))}
	case bool:
		if v {
			return scalar{kind: yes}
		}
		return scalar{kind: no}
	}
	return scalar{kind: null}
}

// address returns the IP address in a string. If the string is none, the address is not valid.
func (s *scalar) address() netip.Addr {
	if s.read == nil {
		s.read = new(readings)
	}
	if !s.read.parsed {
		s.read.address, _ = netip.ParseAddr(s.text) // with an error, the address is not valid
		s.read.parsed = true
	}
	return s.read.address
}

// form returns the string in a form.
func (s *scalar) form(f form) string {
	if f == plain || s.text == "" {
		return s.text
	}
	if s.read == nil {
		s.read = new(readings)
	}
	if s.read.forms[f] == "" {
		s.read.forms[f] = f.of(s.text)
	}
	return s.read.forms[f]
}

func (f form) of(s string) string {
	switch f {
	case folded:
		return strings.Map(fold, s)
	case reversed:
		b := []byte(s)
		slices.Reverse(b)
		return string(b)
	case foldedReversed:
		return reversed.of(folded.of(s))
	}
	return s
}

// fold returns the smallest of the runes that strings.EqualFold takes for equal to r.
func fold(r rune) rune {
	if r < utf8.RuneSelf {
		return unicode.ToUpper(r)
	}
	least := r
	for s := unicode.SimpleFold(r); s != r; s = unicode.SimpleFold(s) {
		least = min(least, s)
	}
	return least
}

// decimal is the exact value of a number: 0.digits × 10^point. digits has no zeros at its ends, and is empty for zero. Exponents
// beyond ±2^40 count as ±2^40, because nobody means them and they must not cost time.
type decimal struct {
	negative bool
	digits   string
	point    int64
}

const maxExponent = 1 << 40

// decimalOf reads a JSON number.
func decimalOf(s string) decimal {
	var d decimal
	s, d.negative = strings.CutPrefix(s, "-")
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		e, _ := strconv.ParseInt(s[i+1:], 10, 64) // out of range, it is the nearest value
		d.point = max(-maxExponent, min(e, maxExponent))
		s = s[:i]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	d.point += int64(len(whole))
	s = whole + fraction
	d.digits = strings.TrimLeft(s, "0")
	d.point -= int64(len(s) - len(d.digits))
	d.digits = strings.TrimRight(d.digits, "0")
	if d.digits == "" {
		return decimal{}
	}
	return d
}

// compare returns -1, 0 or +1 if d is less than, equal to or greater than e.
func (d *decimal) compare(e *decimal) int {
	switch sign, other := d.sign(), e.sign(); {
	case sign != other:
		return cmp.Compare(sign, other)
	case sign == 0:
		return 0
	}
	c := cmp.Compare(d.point, e.point)
	if c == 0 {
		c = strings.Compare(d.digits, e.digits)
	}
	if d.negative {
		return -c
	}
	return c
}

func (d *decimal) sign() int {
	switch {
	case d.digits == "":
		return 0
	case d.negative:
		return -1
	}
	return 1
}
