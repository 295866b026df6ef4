package ecmajson

import (
	"math"
	"strconv"
	"strings"
)

// appendNumber appends a JSON number as ECMAScript spells it, or unchanged if ECMAScript cannot hold it.
func appendNumber(dst []byte, text string) []byte {
	d := parseDecimal(text)
	f, err := d.float()
	if err != nil { // beyond the largest double
		return append(dst, text...)
	}
	spelled := spell(f)
	if parseDecimal(spelled) != d {
		return append(dst, text...)
	}
	return append(dst, spelled...)
}

// decimal is the exact value 0.digits × 10^exp of a number. Each value has one form: digits neither begins nor ends with a
// zero, and the number zero has no digits, no exponent and no sign.
type decimal struct {
	negative bool
	digits   string
	exp      int64
}

// parseDecimal reads a valid JSON number. With an exponent beyond 64 bits the result is wrong, but as far beyond the range of a
// double as the number is.
func parseDecimal(text string) decimal {
	mantissa, negative := strings.CutPrefix(text, "-")
	var exp int64
	if i := strings.IndexAny(mantissa, "eE"); i >= 0 {
		exp, _ = strconv.ParseInt(mantissa[i+1:], 10, 64) // out of range: the nearest
		mantissa = mantissa[:i]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	exp += int64(len(whole)) - int64(len(whole)+len(fraction)-len(digits))
	digits = strings.TrimRight(digits, "0")
	if digits == "" {
		return decimal{}
	}
	return decimal{negative: negative, digits: digits, exp: exp}
}

// float returns the nearest double, or an error if there is none. It uses the normal form, because strconv caps exponents at
// 10,000 before it considers zeros in the digits that compensate for them.
func (d decimal) float() (float64, error) {
	f, err := strconv.ParseFloat("0."+d.digits+"e"+strconv.FormatInt(d.exp, 10), 64)
	if d.negative {
		f = -f
	}
	return f, err
}

// spell returns ECMA-262's Number::toString(f) in base 10; f is finite.
func spell(f float64) string {
	abs := math.Abs(f)
	if abs == 0 {
		return "0"
	}
	if abs >= 1e-6 && abs < 1e21 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	s := strconv.FormatFloat(f, 'e', -1, 64)
	// Go writes at least two digits of exponent.
	if i := strings.IndexByte(s, 'e'); s[i+2] == '0' {
		s = s[:i+2] + s[i+3:]
	}
	return s
}
