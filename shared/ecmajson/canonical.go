package ecmajson

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Canonical returns the text exactly as ECMAScript's JSON.stringify(JSON.parse(text)) writes it, so that a receiver who
// parses a body and writes it again gets the bytes that were signed:
//
//   - keys that are array indexes ("0" to "4294967294" without leading zeros) come first, ascending; the others stay in the
//     order of their first occurrence (ECMA-262, OrdinaryOwnPropertyKeys);
//   - a duplicate key has its last value, at the place of its first occurrence;
//   - strings escape only \b \t \n \f \r \" \\, other controls as \u00xx and lone surrogates as \udxxx;
//   - numbers are spelled by Number::toString, and minus zero is 0.
//
// There is one difference, on purpose: a number that ECMAScript cannot hold without changing its decimal value keeps its
// spelling. __proto__ is a key like any other.
func (t Text) Canonical() []byte { return t.written(value.order) }

// Sorted returns the text as Canonical does, but with the keys of every object sorted. Two texts that ECMAScript parses into
// the same value have the same bytes, whatever the order of their keys.
func (t Text) Sorted() []byte { return t.written(value.sorted) }

// written returns the text with the members of its objects in the given order.
func (t Text) written(order func(value) []int) []byte {
	if t.IsZero() {
		return nil
	}
	p := parser{src: t.compact}
	return p.value().append(make([]byte, 0, len(t.compact)), order)
}

// value is a parsed JSON value.
type value struct {
	bracket byte    // '{', '[' or 0 for a scalar
	scalar  []byte  // as it will be written
	items   []value // of an array or an object
	keys    []string
}

// parser reads a Text's bytes. They are valid, have no white space and are bounded in depth, so that nothing needs checking.
type parser struct {
	src []byte
	at  int
}

func (p *parser) value() value {
	switch c := p.src[p.at]; c {
	case '{':
		return p.object()
	case '[':
		return p.array()
	case '"':
		return value{scalar: AppendQuoted(nil, p.string())}
	case 't', 'f', 'n':
		return value{scalar: p.until(",]}")}
	default:
		return value{scalar: appendNumber(nil, string(p.until(",]}")))}
	}
}

func (p *parser) array() value {
	v := value{bracket: '['}
	for p.at++; p.src[p.at] != ']'; {
		v.items = append(v.items, p.value())
		p.skip(',')
	}
	p.at++
	return v
}

func (p *parser) object() value {
	v := value{bracket: '{'}
	places := make(map[string]int)
	for p.at++; p.src[p.at] != '}'; {
		key := p.string()
		p.skip(':')
		item := p.value()
		p.skip(',')
		if i, ok := places[key]; ok {
			v.items[i] = item
			continue
		}
		places[key] = len(v.items)
		v.keys = append(v.keys, key)
		v.items = append(v.items, item)
	}
	p.at++
	return v
}

func (p *parser) skip(c byte) {
	if p.src[p.at] == c {
		p.at++
	}
}

// until returns the text before the next of the given bytes.
func (p *parser) until(stops string) []byte {
	rest := p.src[p.at:]
	if n := bytes.IndexAny(rest, stops); n >= 0 {
		rest = rest[:n]
	}
	p.at += len(rest)
	return rest
}

// string reads a string and returns it as WTF-8, which is UTF-8 that encodes lone surrogates as if they were characters. Pairs
// of surrogates are always joined, so that equal strings have equal bytes.
func (p *parser) string() string {
	end := stringEnd(p.src, p.at)
	s := p.src[p.at+1 : end-1]
	p.at = end
	if bytes.IndexByte(s, '\\') < 0 {
		return string(s)
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			out = append(out, s[i])
			continue
		}
		i++
		switch s[i] {
		case 'b':
			out = append(out, '\b')
		case 't':
			out = append(out, '\t')
		case 'n':
			out = append(out, '\n')
		case 'f':
			out = append(out, '\f')
		case 'r':
			out = append(out, '\r')
		case 'u':
			r := unit(s[i+1:])
			i += 4
			if utf16.IsSurrogate(r) && i+2 < len(s) && s[i+1] == '\\' && s[i+2] == 'u' {
				if pair := utf16.DecodeRune(r, unit(s[i+3:])); pair != utf8.RuneError {
					r = pair
					i += 6
				}
			}
			out = appendWTF8(out, r)
		default: // " \ /
			out = append(out, s[i])
		}
	}
	return string(out)
}

// unit reads four hexadecimal digits.
func unit(hex []byte) rune {
	n, _ := strconv.ParseUint(string(hex[:4]), 16, 16) // the text is valid
	return rune(n)
}

func appendWTF8(out []byte, r rune) []byte {
	if utf16.IsSurrogate(r) {
		return append(out, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F)
	}
	return utf8.AppendRune(out, r)
}

func (v value) append(dst []byte, order func(value) []int) []byte {
	switch v.bracket {
	case '[':
		dst = append(dst, '[')
		for i, item := range v.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.append(dst, order)
		}
		return append(dst, ']')
	case '{':
		dst = append(dst, '{')
		for n, i := range order(v) {
			if n > 0 {
				dst = append(dst, ',')
			}
			dst = append(AppendQuoted(dst, v.keys[i]), ':')
			dst = v.items[i].append(dst, order)
		}
		return append(dst, '}')
	}
	return append(dst, v.scalar...)
}

// order returns the positions of an object's members in the order that Canonical writes.
func (v value) order() []int {
	type index struct {
		at int
		n  uint64
	}
	var indexes []index
	order, rest := make([]int, 0, len(v.keys)), make([]int, 0, len(v.keys))
	for i, key := range v.keys {
		if n, ok := arrayIndex(key); ok {
			indexes = append(indexes, index{i, n})
		} else {
			rest = append(rest, i)
		}
	}
	slices.SortFunc(indexes, func(a, b index) int { return cmp.Compare(a.n, b.n) })
	for _, x := range indexes {
		order = append(order, x.at)
	}
	return append(order, rest...)
}

// sorted returns the positions of an object's members in the order that Sorted writes.
func (v value) sorted() []int {
	order := make([]int, len(v.keys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(v.keys[a], v.keys[b]) })
	return order
}

// arrayIndex reads a key that ECMAScript takes for an array index: a whole number up to 2³²-2 without leading zeros.
func arrayIndex(key string) (uint64, bool) {
	if key == "" || key[0] < '0' || key[0] > '9' || len(key) > 1 && key[0] == '0' {
		return 0, false
	}
	n, err := strconv.ParseUint(key, 10, 32)
	return n, err == nil && n < 1<<32-1
}

// AppendQuoted appends s to dst as JSON.stringify writes a string. s is UTF-8.
func AppendQuoted(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\b':
			dst = append(dst, `\b`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\f':
			dst = append(dst, `\f`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		case c == 0xED && i+2 < len(s) && s[i+1] >= 0xA0: // a surrogate in WTF-8
			dst = append(dst, '\\', 'u', 'd', hex[s[i+1]>>2&15], hex[s[i+1]&3<<2|s[i+2]>>4&3], hex[s[i+2]&15])
			i += 2
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
