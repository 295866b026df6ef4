package pattern

import (
	"encoding/json"
	"net/netip"
	"strings"
	"unicode/utf8"
)

const known = "prefix, suffix, equals-ignore-case, wildcard, numeric, cidr, exists and anything-but"

// operator reads an entry like {"prefix": "a"} into l.
func (p *parser) operator(l *leaf, at string, raw json.RawMessage) {
	m, ok := p.single(at, raw)
	if !ok {
		return
	}
	at += "." + m.name
	switch m.name {
	case "prefix", "suffix", "equals-ignore-case", "wildcard":
		l.tests = append(l.tests, p.stringTest(at, m.name, m.value))
	case "anything-but":
		l.tests = append(l.tests, p.anythingBut(at, m.value))
	case "numeric":
		l.tests = append(l.tests, p.numeric(at, m.value))
	case "cidr":
		l.tests = append(l.tests, p.cidr(at, m.value))
	case "exists":
		switch string(m.value) {
		case "true":
			l.tests = append(l.tests, func(scalar) bool { return true })
		case "false":
			l.absent = true
		default:
			p.fault(at, "must be true or false")
		}
	default:
		p.fault(at, "is no operator; there are %s", known)
	}
}

// single reads an object that must have one member.
func (p *parser) single(at string, raw json.RawMessage) (member, bool) {
	members := membersOf(raw)
	if len(members) != 1 {
		p.fault(at, "must have exactly one operator: %s", known)
		return member{}, false
	}
	return members[0], true
}

// stringTest reads an operator over strings whose argument is a string or, of prefix and suffix, an object
// {"equals-ignore-case": string}.
func (p *parser) stringTest(at, operator string, raw json.RawMessage) test {
	fold := false
	if first(raw) == '{' && (operator == "prefix" || operator == "suffix") {
		members := membersOf(raw)
		if len(members) != 1 || members[0].name != "equals-ignore-case" {
			p.fault(at, `must be a string or {"equals-ignore-case": a string}`)
			return nil
		}
		raw, fold = members[0].value, true
	}
	if first(raw) != '"' {
		p.fault(at, "must be a string")
		return nil
	}
	arg := decodeScalar(raw).text
	var holds func(string) bool
	switch {
	case operator == "prefix" && fold:
		n := utf8.RuneCountInString(arg)
		holds = func(s string) bool { return strings.EqualFold(firstRunes(s, n), arg) }
	case operator == "suffix" && fold:
		n := utf8.RuneCountInString(arg)
		holds = func(s string) bool { return strings.EqualFold(lastRunes(s, n), arg) }
	case operator == "prefix":
		holds = func(s string) bool { return strings.HasPrefix(s, arg) }
	case operator == "suffix":
		holds = func(s string) bool { return strings.HasSuffix(s, arg) }
	case operator == "equals-ignore-case":
		holds = func(s string) bool { return strings.EqualFold(s, arg) }
	case operator == "wildcard":
		holds = p.wildcard(at, arg)
	}
	return func(s scalar) bool { return s.kind == text && holds(s.text) }
}

// wildcard compiles a string in which * stands for any characters, \* for an asterisk and \\ for a backslash.
func (p *parser) wildcard(at, arg string) func(string) bool {
	var parts []string // what stands between the wildcards
	var part strings.Builder
	for i := 0; i < len(arg); i++ {
		switch c := arg[i]; {
		case c == '*' && len(parts) > 0 && part.Len() == 0:
			p.fault(at, "must not have two wildcards in a row")
			return nil
		case c == '*':
			parts = append(parts, part.String())
			part.Reset()
		case c == '\\' && i+1 < len(arg) && (arg[i+1] == '*' || arg[i+1] == '\\'):
			i++
			part.WriteByte(arg[i])
		case c == '\\':
			p.fault(at, `may have a backslash only before * or another backslash`)
			return nil
		default:
			part.WriteByte(c)
		}
	}
	parts = append(parts, part.String())
	head, tail := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return func(s string) bool { return s == head }
	}
	middle := parts[1 : len(parts)-1]
	return func(s string) bool {
		s, ok := strings.CutPrefix(s, head)
		if !ok {
			return false
		}
		if s, ok = strings.CutSuffix(s, tail); !ok {
			return false
		}
		// The first place where a part fits leaves the most for the others.
		for _, m := range middle {
			if _, s, ok = strings.Cut(s, m); !ok {
				return false
			}
		}
		return true
	}
}

func (p *parser) anythingBut(at string, raw json.RawMessage) test {
	if first(raw) == '{' {
		m, ok := p.single(at, raw)
		if !ok {
			return nil
		}
		switch m.name {
		case "prefix", "suffix", "equals-ignore-case", "wildcard":
			return p.noneOf(at+"."+m.name, m.name, m.value)
		}
		p.fault(at, "must be a string, a number, a list of either, or prefix, suffix, equals-ignore-case or wildcard")
		return nil
	}
	elements := []json.RawMessage{raw}
	if first(raw) == '[' {
		elements = elementsOf(raw)
	}
	refused := make(map[scalar]bool)
	kinds := make(map[kind]bool)
	for _, e := range elements {
		if c := first(e); c == '{' || c == '[' {
			kinds[null] = true
			continue
		}
		s := decodeScalar(e)
		refused[s] = true
		kinds[s.kind] = true
	}
	if len(kinds) != 1 || !kinds[text] && !kinds[number] {
		p.fault(at, "must be a string, a number, or a list of only strings or only numbers")
	}
	return func(s scalar) bool { return !refused[s] }
}

// noneOf reads the argument of a string operator within anything-but: a string or a list of strings.
func (p *parser) noneOf(at, operator string, raw json.RawMessage) test {
	elements := []json.RawMessage{raw}
	if first(raw) == '[' {
		elements = elementsOf(raw)
	}
	if len(elements) == 0 {
		p.fault(at, "must be a string or a list of strings")
	}
	var tests []test
	for _, e := range elements {
		switch {
		case first(e) != '"':
			p.fault(at, "must be a string or a list of strings")
		case string(e) == `""` && operator != "equals-ignore-case":
			p.fault(at, "must not be empty")
		default:
			tests = append(tests, p.stringTest(at, operator, e))
		}
	}
	return func(s scalar) bool {
		for _, t := range tests {
			if t(s) {
				return false
			}
		}
		return true
	}
}

func (p *parser) numeric(at string, raw json.RawMessage) test {
	const rule = `must be a list of =, <, <=, > or >= and a number, or a range such as [">", 0, "<=", 5], the lower bound first`
	elements := elementsOf(raw)
	if len(elements) != 2 && len(elements) != 4 {
		p.fault(at, rule)
		return nil
	}
	var tests []func(decimal) bool
	var operators []string
	var bounds []decimal
	for i := 0; i < len(elements); i += 2 {
		operator, bound := elements[i], elements[i+1]
		if first(operator) != '"' || kindOf(bound) != number {
			p.fault(at, rule)
			return nil
		}
		op, n := decodeScalar(operator).text, decodeScalar(bound).num
		t := comparison(op, n)
		if t == nil {
			p.fault(at, rule)
			return nil
		}
		tests, operators, bounds = append(tests, t), append(operators, op), append(bounds, n)
	}
	if len(tests) == 2 {
		if operators[0][0] != '>' || operators[1][0] != '<' {
			p.fault(at, rule)
			return nil
		}
		c := bounds[0].compare(bounds[1])
		if c > 0 || c == 0 && operators[0]+operators[1] != ">=<=" {
			p.fault(at, "is a range that no number is in")
			return nil
		}
	}
	return func(s scalar) bool {
		if s.kind != number {
			return false
		}
		for _, t := range tests {
			if !t(s.num) {
				return false
			}
		}
		return true
	}
}

// comparison returns nil for what is no operator.
func comparison(operator string, n decimal) func(decimal) bool {
	switch operator {
	case "=":
		return func(d decimal) bool { return d == n }
	case "<":
		return func(d decimal) bool { return d.compare(n) < 0 }
	case "<=":
		return func(d decimal) bool { return d.compare(n) <= 0 }
	case ">":
		return func(d decimal) bool { return d.compare(n) > 0 }
	case ">=":
		return func(d decimal) bool { return d.compare(n) >= 0 }
	}
	return nil
}

func (p *parser) cidr(at string, raw json.RawMessage) test {
	prefix, err := netip.Prefix{}, error(nil)
	if first(raw) == '"' {
		prefix, err = netip.ParsePrefix(decodeScalar(raw).text)
	}
	if err != nil || !prefix.IsValid() {
		p.fault(at, `must be a range of IP addresses such as "10.0.0.0/24"`)
		return nil
	}
	return func(s scalar) bool {
		addr, err := netip.ParseAddr(s.text)
		return s.kind == text && err == nil && prefix.Contains(addr)
	}
}

// kindOf returns the kind of a valid JSON value; objects and lists are null here.
func kindOf(raw json.RawMessage) kind {
	if c := first(raw); c == '{' || c == '[' {
		return null
	}
	return decodeScalar(raw).kind
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

func lastRunes(s string, n int) string {
	end := len(s)
	for ; n > 0 && end > 0; n-- {
		_, size := utf8.DecodeLastRuneInString(s[:end])
		end -= size
	}
	return s[end:]
}
