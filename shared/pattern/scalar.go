package pattern

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
)

// scalar is a leaf value in a form in which equal values are ==.
type scalar struct {
	kind kind
	text string // of a string
	num  decimal
}

type kind byte

const (
	null kind = iota
	no
	yes
	text
	number
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
func (d decimal) compare(e decimal) int {
	if c := cmp.Compare(d.sign(), e.sign()); c != 0 {
		return c
	}
	c := cmp.Or(cmp.Compare(d.point, e.point), strings.Compare(d.digits, e.digits))
	if d.negative {
		return -c
	}
	return c
}

func (d decimal) sign() int {
	switch {
	case d.digits == "":
		return 0
	case d.negative:
		return -1
	}
	return 1
}
