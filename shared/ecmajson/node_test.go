package ecmajson_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"hookline/shared/ecmajson"
)

// script answers each line, a text in base64, with JSON.stringify(JSON.parse(text)) in base64, or "-" for no JSON.
const script = `
require('readline').createInterface({input: process.stdin}).on('line', line => {
  const text = Buffer.from(line, 'base64').toString('utf8');
  let out = '-';
  try { out = Buffer.from(JSON.stringify(JSON.parse(text)), 'utf8').toString('base64'); } catch {}
  process.stdout.write(out + '\n');
});`

// node returns ECMAScript's form of each text, or nil if ECMAScript does not take it for JSON.
func node(t *testing.T, texts [][]byte) [][]byte {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") != "" || os.Getenv("HOOKLINE_CONFORMANCE") != "" {
			t.Fatal("node is not on PATH")
		}
		t.Skip("node is not on PATH")
	}
	var in bytes.Buffer
	for _, text := range texts {
		in.WriteString(base64.StdEncoding.EncodeToString(text))
		in.WriteByte('\n')
	}
	cmd := exec.CommandContext(t.Context(), path, "-e", script)
	cmd.Stdin = &in
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers [][]byte
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if lines.Text() == "-" {
			answers = append(answers, nil)
			continue
		}
		answer, err := base64.StdEncoding.DecodeString(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, answer)
	}
	if len(answers) != len(texts) {
		t.Fatalf("%d answers to %d texts", len(answers), len(texts))
	}
	return answers
}

func TestCanonicalIsECMAScripts(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(2026, 11))}
	var texts [][]byte
	for range 12_000 {
		texts = append(texts, []byte(g.value(0)))
	}
	wrong := 0
	for i, want := range node(t, texts) {
		got, err := canonicalOf(texts[i])
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("Canonical(%s)\n got %s, %v\nwant %s", texts[i], got, err, want)
			if wrong++; wrong == 5 {
				t.FailNow()
			}
		}
	}
}

// TestGrammarIsECMAScripts breaks valid texts, and checks that both implementations refuse the same ones.
func TestGrammarIsECMAScripts(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(11, 2026))}
	const noise = "{}[]\",:\\ue0.-+ \t\n\r\x00\x0b1eEtfn/'a"
	var texts [][]byte
	for len(texts) < 6_000 {
		text := []byte(g.value(0))
		for range 1 + g.IntN(2) {
			i, c := g.IntN(len(text)), noise[g.IntN(len(noise))]
			switch g.IntN(3) {
			case 0:
				text[i] = c
			case 1:
				text = slices.Insert(text, i, c)
			default:
				text = append(slices.Delete(text, i, i+1), ' ')
			}
		}
		if utf8.Valid(text) { // node would mend it, we refuse it
			texts = append(texts, text)
		}
	}
	valid := 0
	for i, answer := range node(t, texts) {
		_, err := ecmajson.Compact(texts[i])
		if (err == nil) != (answer != nil) {
			t.Errorf("Compact(%q): %v, ECMAScript takes it: %v", texts[i], err, answer != nil)
		}
		if err == nil {
			valid++
		}
	}
	if valid == 0 || valid == len(texts) {
		t.Errorf("%d of %d texts are valid: the comparison shows nothing", valid, len(texts))
	}
}

// generator makes JSON texts for all the rules of Canonical. They have only numbers that ECMAScript can hold.
type generator struct{ *rand.Rand }

func (g generator) pick(from ...string) string { return from[g.IntN(len(from))] }

func (g generator) space() string { return g.pick("", "", "", " ", "\n\t", "\r ") }

func (g generator) value(depth int) string {
	kind := g.IntN(10)
	if depth > 5 {
		kind = g.IntN(6)
	}
	var s string
	switch {
	case kind < 1:
		s = g.pick("true", "false", "null")
	case kind < 3:
		s = g.number()
	case kind < 6:
		s = g.string()
	case kind < 8:
		s = "[" + g.list(depth, func() string { return g.value(depth + 1) }) + "]"
	default:
		s = "{" + g.list(depth, func() string { return g.space() + g.key() + g.space() + ":" + g.value(depth+1) }) + "}"
	}
	return g.space() + s + g.space()
}

func (g generator) list(depth int, item func() string) string {
	items := make([]string, g.IntN(7-depth))
	for i := range items {
		items[i] = item()
	}
	if len(items) == 0 {
		return g.space()
	}
	return strings.Join(items, ",")
}

func (g generator) key() string {
	switch g.IntN(4) {
	case 0:
		return g.pick(`"a"`, `"\u0061"`, `"b"`, `"__proto__"`, `"constructor"`, `"toString"`, `""`, `"-1"`, `"01"`, `"1.5"`, `"\ud800"`)
	case 1:
		return fmt.Sprintf(`"%d"`, g.Uint64()>>(12+g.IntN(52)))
	case 2:
		return g.pick(`"0"`, `"1"`, `"\u0031"`, `"2147483647"`, `"2147483648"`, `"4294967294"`, `"4294967295"`, `"4294967296"`, `"9007199254740991"`)
	}
	return g.string()
}

func (g generator) string() string {
	var b strings.Builder
	b.WriteByte('"')
	for range g.IntN(8) {
		switch g.IntN(8) {
		case 0:
			b.WriteString(g.pick(`\b`, `\t`, `\n`, `\f`, `\r`, `\"`, `\\`, `\/`))
		case 1:
			fmt.Fprintf(&b, g.pick(`\u%04x`, `\u%04X`), g.IntN(0x120))
		case 2:
			fmt.Fprintf(&b, g.pick(`\u%04x`, `\u%04X`), 0xD800+g.IntN(0x800))
		case 3:
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xD800+g.IntN(0x400), 0xDC00+g.IntN(0x400))
		case 4:
			fmt.Fprintf(&b, `\u%04x`, g.IntN(0x10000))
		case 5:
			b.WriteString(g.pick("é", "€", "😀", "\u2028", "\u2029", "\x7f", "\ufeff", "\U0010ffff", "\uffff"))
		default:
			b.WriteByte("abcdefg <>&'0123"[g.IntN(16)])
		}
	}
	b.WriteByte('"')
	return b.String()
}

// number returns the shortest decimal of a double in one of the spellings that JSON allows.
func (g generator) number() string {
	var f float64
	switch g.IntN(4) {
	case 0:
		f = math.Float64frombits(g.Uint64())
	case 1:
		f = float64(int64(g.Uint64()) >> (10 + g.IntN(54)))
	case 2:
		f = float64(g.IntN(2_000_001)-1_000_000) / 1000
	default:
		f, _ = strconv.ParseFloat(fmt.Sprintf("%de%d", g.IntN(1000), g.IntN(60)-30), 64)
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		f = 0
	}
	switch s := strconv.FormatFloat(f, 'e', -1, 64); g.IntN(5) {
	case 0:
		return s
	case 1:
		return strings.ToUpper(s)
	case 2: // needless zeros
		mantissa, exp, _ := strings.Cut(s, "e")
		if !strings.Contains(mantissa, ".") {
			mantissa += "."
		}
		return mantissa + "000e" + exp
	case 3:
		return strconv.FormatFloat(f, 'f', -1, 64)
	default:
		return g.pick("0", "-0", "-0.0", "0e5", "1", "-1.0", "1e21", "1e-7", s)
	}
}
