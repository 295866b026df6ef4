package prose

import (
	"encoding/xml"
	"errors"
	"html/template"
	"io"
	"strings"
	"testing"
)

func TestHTML(t *testing.T) {
	tests := map[string]struct {
		text string
		want template.HTML
	}{
		"nothing":           {"", ""},
		"paragraphs":        {"One.\n\nTwo\nlines.", "<p>One.</p><p>Two\nlines.</p>"},
		"a list":            {"Codes:\n\n- `a`: one\n- `b`: two", "<p>Codes:</p><ul><li><code>a</code>: one</li><li><code>b</code>: two</li></ul>"},
		"strong":            {"**Keys.** Some.", "<p><strong>Keys.</strong> Some.</p>"},
		"code in strong":    {"**the `a`**", "<p><strong>the <code>a</code></strong></p>"},
		"stars in code":     {"reads `********` and `prefix.*`", "<p>reads <code>********</code> and <code>prefix.*</code></p>"},
		"a mark alone":      {"a ` b ** c", "<p>a ` b ** c</p>"},
		"a mark of nothing": {"a `` b", "<p>a `` b</p>"},
		"HTML":              {"<b>`<i>`</b> & **\"**", "<p>&lt;b&gt;<code>&lt;i&gt;</code>&lt;/b&gt; &amp; <strong>&#34;</strong></p>"},
		"a list after text": {"one - two\n- three\n- four", "<p>one - two</p><ul><li>three</li><li>four</li></ul>"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := HTML(tt.text); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	if got, want := Line("a `b`"), template.HTML("a <code>b</code>"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// With any text, the tags are ours and are closed, and the text is all there.
func FuzzHTML(f *testing.F) {
	for _, seed := range []string{"a **b** `c`\n\n- d\n- e", "<script>`<b>`**</b>**", "- \n- ", "***`**`***"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := xml.NewDecoder(strings.NewReader("<x>" + strings.ToValidUTF8(string(HTML(text)), "") + "</x>"))
		d.Entity = xml.HTMLEntity
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				if strings.Contains(err.Error(), "illegal character code") {
					t.Skip()
				}
				t.Fatalf("%q: %v in %s", text, err, HTML(text))
			}
			if e, ok := token.(xml.StartElement); ok && !strings.Contains(" x p ul li code strong ", " "+e.Name.Local+" ") || ok && len(e.Attr) > 0 {
				t.Errorf("%q has <%s>", text, e.Name.Local)
			}
		}
	})
}
