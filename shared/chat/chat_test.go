package chat_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/chat"
	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/webhook"
)

var update = flag.Bool("update", false, "write the golden files")

// message returns a message with the data, or without any if it is not JSON.
func message(data string) chat.Message {
	text, _ := ecmajson.Read([]byte(data))
	return chat.Message{
		Title: "A task was done", Product: "Tasks & Co", Type: "task.done", ID: "evt_1", Timestamp: "2026-03-20T12:00:00Z",
		Data: text,
	}
}

func body(t *testing.T, format string, m chat.Message) []byte {
	t.Helper()
	b, err := chat.Body(format, m)
	if err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	if again, err := chat.Body(format, m); err != nil || !bytes.Equal(b, again) {
		t.Errorf("%s: written again it is another: %v", format, err)
	}
	for _, problem := range problems(format, b) {
		t.Errorf("%s: %s", format, problem)
	}
	if got := chat.FormatOf(b); got != format {
		t.Errorf("%s: taken for %q", format, got)
	}
	return b
}

// problems compares a message with the limits in the product's documents, whose numbers are written out again here.
func problems(format string, b []byte) (found []string) {
	wrong := func(text string, args ...any) { found = append(found, fmt.Sprintf(text, args...)) }
	length := func(what string, v any, least, most int) int {
		s, ok := v.(string)
		n := len(utf16.Encode([]rune(s)))
		if !ok || n < least || n > most {
			wrong("%s has %d characters, want %d to %d: %.60q", what, n, least, most, v)
		}
		if strings.TrimSpace(s) == "" && least > 0 {
			wrong("%s is blank", what)
		}
		return n
	}
	if !utf8.Valid(b) {
		wrong("not UTF-8")
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		return append(found, err.Error())
	}
	switch format {
	case "slack":
		length("text", m["text"], 1, 4000)
		if m["unfurl_links"] != false || m["unfurl_media"] != false || m["link_names"] != false {
			wrong("links unfurl or names link")
		}
		blocks, _ := m["blocks"].([]any)
		if len(blocks) < 2 || len(blocks) > 50 {
			wrong("%d blocks", len(blocks))
		}
		var sent struct{ Blocks json.RawMessage }
		if err := json.Unmarshal(b, &sent); err != nil || len(sent.Blocks) > 13200 {
			wrong("%d bytes of blocks", len(sent.Blocks))
		}
		text := func(what string, v any, most int, types ...string) {
			o, _ := v.(map[string]any)
			length(what, o["text"], 1, most)
			s, _ := o["text"].(string)
			switch {
			case o["type"] == "plain_text" && o["emoji"] == false:
			case o["type"] == "mrkdwn" && o["verbatim"] == true && len(types) == 0:
				if !slackBold.MatchString(s) && !slackLink.MatchString(s) {
					wrong("%s has markup of the data: %q", what, s)
				}
				s = strings.Trim(s, "<>")
			default:
				wrong("%s is of type %v", what, o)
			}
			if strings.ContainsAny(s, "<>") || slackRaw.MatchString(s) {
				wrong("%s is not escaped: %q", what, s)
			}
		}
		if s, _ := m["text"].(string); strings.ContainsAny(s, "<>") || slackRaw.MatchString(s) {
			wrong("text is not escaped: %q", s)
		}
		for i, b := range blocks {
			block, _ := b.(map[string]any)
			fields, _ := block["fields"].([]any)
			elements, _ := block["elements"].([]any)
			switch block["type"] {
			case "header":
				text("header", block["text"], 150, "plain_text")
			case "section":
				if block["text"] != nil {
					text("section", block["text"], 3000)
				} else if len(fields) == 0 {
					wrong("block %d is empty", i)
				}
				if len(fields) > 10 {
					wrong("%d fields in a section", len(fields))
				}
				for _, f := range fields {
					text("field", f, 2000)
				}
			case "context":
				if len(elements) < 1 || len(elements) > 10 {
					wrong("%d elements in a context", len(elements))
				}
				for _, e := range elements {
					text("context", e, 2000)
				}
			default:
				wrong("block of type %v", block["type"])
			}
		}
	case "teams":
		if len(b) > 28000 {
			wrong("%d bytes", len(b))
		}
		attachments, _ := m["attachments"].([]any)
		if m["type"] != "message" || len(attachments) != 1 {
			return append(found, "no envelope")
		}
		a, _ := attachments[0].(map[string]any)
		card, _ := a["content"].(map[string]any)
		rows, _ := card["body"].([]any)
		if a["contentType"] != "application/vnd.microsoft.card.adaptive" || a["contentUrl"] != nil || card["type"] != "AdaptiveCard" || len(rows) < 2 {
			wrong("no card")
		}
		if layout, _ := card["msteams"].(map[string]any); layout["entities"] != nil {
			wrong("has mentions")
		}
		for _, r := range rows {
			row, _ := r.(map[string]any)
			runs, _ := row["inlines"].([]any)
			if row["type"] != "RichTextBlock" || len(runs) == 0 {
				wrong("%v reads markdown or nothing", row["type"])
			}
			for _, r := range runs {
				run, _ := r.(map[string]any)
				length("run", run["text"], 1, 4000)
				if s, _ := run["text"].(string); teamsMarkup.MatchString(s) {
					wrong("markup in %q", s)
				}
			}
		}
	case "discord":
		length("content", m["content"], 1, 2000)
		if diff := cmp.Diff(map[string]any{"parse": []any{}}, m["allowed_mentions"]); diff != "" {
			wrong("mentions: %s", diff)
		}
		embeds, _ := m["embeds"].([]any)
		if len(embeds) < 1 || len(embeds) > 10 {
			wrong("%d embeds", len(embeds))
		}
		total := 0
		for _, e := range embeds {
			embed, _ := e.(map[string]any)
			total += length("title", embed["title"], 1, 256)
			footer, _ := embed["footer"].(map[string]any)
			total += length("footer", footer["text"], 1, 2048)
			fields, _ := embed["fields"].([]any)
			if len(fields) > 25 {
				wrong("%d fields", len(fields))
			}
			for _, f := range fields {
				field, _ := f.(map[string]any)
				total += length("name", field["name"], 1, 256)
				total += length("value", field["value"], 1, 1024)
				for _, v := range []any{field["name"], field["value"], m["content"]} {
					if s, _ := v.(string); discordMarkup.MatchString(s) {
						wrong("markup in %q", s)
					}
				}
			}
		}
		if total > 6000 {
			wrong("%d characters", total)
		}
	}
	if s := string(b); strings.Contains(s, "\u202E") || strings.Contains(s, "\u2066") {
		wrong("turns the direction of the text")
	}
	return found
}

var (
	slackRaw      = regexp.MustCompile(`&([^agl]|$|a[^m]|[gl][^t])`)
	slackBold     = regexp.MustCompile(`^\*[^*_~` + "`" + `]+\*$`)
	slackLink     = regexp.MustCompile(`^<https?://[^<>| ]+>$`)
	teamsMarkup   = regexp.MustCompile(`(?i)</?at|\{\{(date|time)\(`)
	discordMarkup = regexp.MustCompile(`@(everyone|here)|(^|[^\\])(\\\\)*[<\[]|(?m)^\s*[#>-]`)
)

// texts returns every string of a message, decoded.
func texts(v any) []string {
	var out []string
	switch v := v.(type) {
	case string:
		out = append(out, v)
	case []any:
		for _, e := range v {
			out = append(out, texts(e)...)
		}
	case map[string]any:
		for _, e := range v {
			out = append(out, texts(e)...)
		}
	}
	return out
}

func shows(t *testing.T, b []byte, want string) bool {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return strings.Contains(strings.Join(texts(v), "\n"), want)
}

// hostile tries to mention, format, link, hide and turn.
const hostile = `{"<!channel>":"<!channel> <!here> <@U123> <#C1|x> @channel @here @everyone @every\u202Eone",
	"*bold*":"starred",":tada:":"**bold** _it_ ~no~ ` + "`code`" + ` ||spoiler|| :tada:","link":"[x](javascript:alert(1)) and <https://evil.example|https://good.example>",
	"mention":"<@123> <@&123> <at>All</at> </AT> &lt;at&gt; <t:1> <:e:1>","time":"{{DATE(2026-03-20T12:00:00Z, SHORT)}}","lines":"# a\n> b\n - c\n-# d\n\n1. e",
	"turned":"abc\u202Edef\u2066\u200Fghi","emoji":"👩‍👩‍👧‍👦 é 🇫🇷","nul":"a\u0000b\u001bc","half":"\ud800x","slash":"a\\*b\\","brace":"{\"a\":1}",
	"url":"https://a.example/x_y?a=1&b=2","in_text":"see https://a.example/x_y_z now, (https://a.example/p_q). xhttps://a.example/x_y","blank":" \u200b\u115f\u1160\u2800\u3164\uffa0","":"no key","_":1}`

func TestGoldens(t *testing.T) {
	cases := map[string]chat.Message{
		"hostile": message(hostile),
		"empty":   message(`{}`),
		"nested": message(`{"issue":{"id":12345678901234567890,"title":"Crash","labels":["bug","p1"],"authorName":"Ann","user":{"profile":{"deep":{"a":[1]}}}},
			"items":[{"sku":"A","n":1},{"sku":"B","n":2},{"sku":"C","n":3},{"sku":"D","n":4}],"numbers":[1,2.50,3e2,4,5,6,7,8,9,10,11,12],
			"none":null,"yes":true,"empty_list":[],"empty_object":{},"empty":"","userID":7,"HTTPStatus":200,"2026":"year","a.b@example.com":"mail"}`),
	}
	for name, m := range examples(t) {
		if name == "standard/invoice.paid" || name == "axoria/issue.created" || name == "agiletune/task.created" ||
			name == "codmir/ticket.created" || name == "axiestudio/user.created" || name == "standard/delivery.failed" {
			cases[strings.ReplaceAll(name, "/", "-")] = m
		}
	}
	if len(cases) != 9 {
		t.Fatalf("got %d cases, want 9: an example is missing", len(cases))
	}
	for name, m := range cases {
		for _, format := range chat.Formats() {
			var got bytes.Buffer
			if err := json.Indent(&got, body(t, format, m), "", "  "); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
			file := filepath.Join("testdata", name+"."+format+".json")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		}
	}
}

// examples are the events of every built-in dialect and the system events, by dialect/type.
func examples(t *testing.T) map[string]chat.Message {
	t.Helper()
	dialects, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]chat.Message)
	for _, name := range []string{"standard", "axoria", "agiletune", "codmir", "axiestudio"} {
		d, err := dialects.Dialect(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		types := webhook.SystemTypes()
		for _, e := range d.EventTypes() {
			types = append(types, e.Name)
		}
		for _, eventType := range types {
			e, _ := d.EventType(eventType)
			data, err := ecmajson.Read(d.Example(eventType))
			if err != nil {
				t.Fatal(err)
			}
			out[name+"/"+eventType] = chat.Message{
				Title: e.Description, Product: d.Product, Type: eventType, ID: "evt_1", Timestamp: "2026-03-20T12:00:00Z", Data: data,
			}
		}
	}
	return out
}

func TestEveryEventType(t *testing.T) {
	all := examples(t)
	for _, want := range []string{"standard/webhook.test", "codmir/deployment.registered", "axoria/webhook.failing", "agiletune/delivery.failed"} {
		if _, ok := all[want]; !ok {
			t.Errorf("%s is not among the %d examples", want, len(all))
		}
	}
	for name, m := range all {
		var data map[string]any
		if err := json.Unmarshal(m.Data.Compact(), &data); err != nil {
			t.Fatal(err)
		}
		for _, format := range chat.Formats() {
			b := body(t, format, m)
			for key, v := range data {
				// Discord's messages escape markup, so that the test looks for one word of a value.
				s, ok := v.(string)
				if word := regexp.MustCompile(`[A-Za-z0-9]+`).FindString(s); ok && !shows(t, b, word) {
					t.Errorf("%s %s does not show %s %q", format, name, key, v)
				}
			}
		}
	}
}

func TestTitle(t *testing.T) {
	for _, c := range []struct{ title, eventType, want string }{
		{"A task was done", "task.done", "A task was done"},
		{"", "delivery.failed", "Delivery failed"},
		{" \n", "ticket.status_changed", "Ticket status changed"},
		{"\u3164", "task.done", "Task done"},
		{"Two\nlines", "a", "Two lines"},
		{"", "v2.thing", "V2 thing"},
		{"", "2026.thing", "2026_thing"},
	} {
		m := message(`{}`)
		m.Title, m.Type = c.title, c.eventType
		if got := body(t, webhook.FormatTeams, m); !shows(t, got, c.want) {
			t.Errorf("%q of %s: got %s, want %q", c.title, c.eventType, got, c.want)
		}
	}
}

func TestLarge(t *testing.T) {
	size := func(n int) int {
		if testing.Short() && n > 1000 { // under the race detector
			return n / 10
		}
		return n
	}
	repeat := func(text string, n int) string { return strings.Repeat(text, size(n)) }
	many := func(n int, member func(i int) string) string {
		parts := make([]string, size(n))
		for i := range parts {
			parts[i] = member(i)
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	cases := map[string]string{
		"a string":       `{"text":"` + repeat("a", 256<<10-11) + `"}`,
		"wide letters":   `{"text":"` + repeat("漢", 80<<10) + `"}`,
		"emoji":          `{"text":"` + repeat("👩‍👩‍👧‍👦", 10<<10) + `"}`,
		"escapes":        `{"text":"` + repeat(`<&>\"\\*`, 30<<10) + `"}`,
		"marks":          `{"text":"e` + repeat("\u0301", 100<<10) + `"}`,
		"white space":    `{"text":"` + repeat(" ", 200<<10) + `"}`,
		"lines":          `{"text":"a` + repeat(`\n`, 100<<10) + `b"}`,
		"keys":           many(10000, func(i int) string { return fmt.Sprintf(`"key_%d":%d`, i, i) }),
		"long keys":      many(100, func(i int) string { return fmt.Sprintf(`"%d%s":1`, i, repeat("*", 2000)) }),
		"long values":    many(60, func(i int) string { return fmt.Sprintf(`"k%d":"%s"`, i, repeat("<", 4000)) }),
		"wide values":    many(60, func(i int) string { return fmt.Sprintf(`"k%d":"%s"`, i, repeat("a", 121)) }),
		"odd blocks":     `{"a":1,` + many(60, func(i int) string { return fmt.Sprintf(`"k%d":"%s"`, i, repeat("a", 121)) })[1:],
		"narrow values":  many(60, func(i int) string { return fmt.Sprintf(`"k%d":"%s"`, i, repeat("漢", 110)) }),
		"links":          many(60, func(i int) string { return fmt.Sprintf(`"k%d":"https://a.example/%s"`, i, repeat("&", 1500)) }),
		"deep objects":   repeat(`{"a":`, 511) + `{}` + repeat("}", 511),
		"deep arrays":    `{"a":` + repeat(`[`, 511) + repeat("]", 511) + `}`,
		"numbers":        `{"a":[` + strings.TrimSuffix(repeat("1234567890,", 20000), ",") + `]}`,
		"objects":        `{"a":[` + strings.TrimSuffix(repeat(`{"b":1},`, 20000), ",") + `]}`,
		"same key":       many(10000, func(int) string { return `"a":1` }),
		"a number":       `{"a":1` + repeat("0", 200<<10) + `}`,
		"no object":      `"text"`,
		"array":          `[1,2,3]`,
		"null":           `null`,
		"a dangling cut": `{"text":"` + repeat("x", 1022) + `*👩‍👩‍👧‍👦"}`,
	}
	formats := chat.Formats()
	if testing.Short() { // under the race detector, for which nothing here runs side by side
		formats = formats[:1]
	}
	for name, data := range cases {
		t.Run(name, func(t *testing.T) {
			for _, format := range formats {
				body(t, format, message(data))
			}
		})
	}
	if b := body(t, webhook.FormatDiscord, message(cases["keys"])); !shows(t, b, fmt.Sprintf("and %d more fields", size(10000)-25)) {
		t.Errorf("what is left out is not counted: %s", b)
	}
	if b := body(t, webhook.FormatTeams, message(cases["a string"])); !shows(t, b, "aaa…") {
		t.Error("a cut is not marked")
	}
	if b := body(t, webhook.FormatSlack, message(cases["objects"])); !shows(t, b, fmt.Sprintf("and %d more", size(20000)-3)) {
		t.Errorf("what is left out is not counted: %s", b)
	}
}

// TestLimits writes texts that just fit, and longer ones.
func TestLimits(t *testing.T) {
	letters := []string{"x", "&", "*", "é", "漢", "🙂"}
	if testing.Short() { // under the race detector, for which nothing here runs side by side
		letters = letters[:1]
	}
	for _, limit := range []int{120, 150, 256, 1024, 2000, 3000} {
		for n := limit - 2; n <= limit+2; n++ {
			for _, letter := range letters {
				m := message(`{"` + strings.Repeat(letter, n) + `":"` + strings.Repeat(letter, n) + `","x` + strings.Repeat(letter, n) + `":1}`)
				m.Title = strings.Repeat(letter, n)
				for _, format := range chat.Formats() {
					body(t, format, m)
				}
			}
		}
	}
	for n, want := range map[int]string{1024: strings.Repeat("x", 1024), 1025: strings.Repeat("x", 1023) + "…"} {
		if b := body(t, webhook.FormatDiscord, message(`{"a":"`+strings.Repeat("x", n)+`"}`)); !shows(t, b, want) {
			t.Errorf("%d characters are not shown as %d", n, len([]rune(want)))
		}
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct{ format, data string }{
		"json":       {"json", `{}`},
		"no format":  {"", `{}`},
		"no JSON":    {"slack", `{"a":`},
		"no data":    {"slack", ``},
		"no UTF-8":   {"teams", "{\"a\":\"\xff\"}"},
		"very deep":  {"discord", strings.Repeat("[", 600) + strings.Repeat("]", 600)},
		"extra data": {"discord", `{} {}`},
	} {
		if b, err := chat.Body(c.format, message(c.data)); err == nil {
			t.Errorf("%s: got %s, want an error", name, b)
		}
	}
}

func TestFormatOf(t *testing.T) {
	for _, b := range []string{``, `{}`, `[]`, `{"blocks":1}`, `{"type":"a.b","data":{"blocks":[1]}}`, `{"attachments":[{}]}`, `{"embeds":[]}`} {
		if got := chat.FormatOf([]byte(b)); got != "" {
			t.Errorf("%s is taken for %s", b, got)
		}
	}
}

func FuzzBody(f *testing.F) {
	for _, data := range []string{`{}`, hostile, `{"a":[{"b":[1,[2]]},"c"]}`, `{"a":"https://a.example/_"}`, `{"a":"\u200d\u200d👩"}`} {
		f.Add("A task was done", "task.done", data)
	}
	f.Fuzz(func(t *testing.T, title, eventType, data string) {
		if !webhook.ValidType(eventType) {
			return
		}
		for _, format := range chat.Formats() {
			m := message(data)
			m.Title, m.Type = title, eventType
			b, err := chat.Body(format, m)
			if err != nil {
				if json.Valid([]byte(data)) && utf8.ValidString(data) && strings.Count(data, "[")+strings.Count(data, "{") < 500 {
					t.Fatalf("%s refuses JSON: %v", format, err)
				}
				continue
			}
			for _, problem := range problems(format, b) {
				t.Errorf("%s: %s", format, problem)
			}
		}
	})
}

func BenchmarkBody(b *testing.B) {
	data := `{"text":"` + strings.Repeat("ab <", 64<<10) + `"}`
	for _, format := range chat.Formats() {
		b.Run(format, func(b *testing.B) {
			for b.Loop() {
				if _, err := chat.Body(format, message(data)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
