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
	read *readings // what else a string was read as
}

// readings are made when they are first asked for, and kept.
type readings struct {
	address netip.Addr // not valid: the string is none
	parsed  bool       // address is set
	forms   [forms]string
}

type kind byte

const (
	null kind = iota
	no
	yes
	constants // how many kinds have one value
)

const (
	text kind = constants + iota
	number
)

// form is one of the ways in which a string is compared.
type form int

const (
	plain          form = iota
	folded              // in one case
	reversed            // from its end
	foldedReversed      // both
	forms
)

// scalarOf takes what encoding/json decodes a leaf to, with numbers as json.Number.
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

// address returns the IP address that a string is; of what is none, one that is not valid.
func (s *scalar) address() netip.Addr {
	if s.read == nil {
		s.read = new(readings)
	}
	if !s.read.parsed {
		s.read.address, _ = netip.ParseAddr(s.text) // not valid, with an error
		s.read.parsed = true
	}
	return s.read.address
}

// form returns a string in one of its forms.
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

// fold returns the least of the runes that strings.EqualFold takes for the same as r.
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

// decimal is a number by its exact value: 0.digits × 10^point, without zeros at either end of digits; zero has no
// digits. Exponents beyond ±2^40 count as ±2^40: nobody means them, and they must cost nothing.
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
		e, _ := strconv.ParseInt(s[i+1:], 10, 64) // out of range it is the nearest there is
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

// compare returns -1, 0 or +1 as d is less than, equal to or greater than e.
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
