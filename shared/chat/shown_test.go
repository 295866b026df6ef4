package chat_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/chat"
)

// TestShow checks that a message shows the texts that were written, without the marks that the format adds to them.
func TestShow(t *testing.T) {
	const data = `{"name":"*Zoë* _&_ <b>","path":"C:\\dir\\x","link":"https://example.com/a_b?c=1&d=2","long":"` +
		`0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 <end>",` +
		`"a*b":"- # > ~x~","list":[1,2]}`
	const long = "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 <end>"
	fields := []chat.ShownField{
		{Label: "Name", Value: "*Zoë* _&_ <b>"},
		{Label: "Path", Value: `C:\dir\x`},
		{Label: "Link", Value: "https://example.com/a_b?c=1&d=2", Link: true},
		{Label: "Long", Value: long},
		{Label: "a*b", Value: "- # > ~x~"},
		{Label: "List", Value: "1, 2"},
	}
	const title, origin = "A task was done", "Tasks & Co · task.done · 2026-03-20T12:00:00Z · evt_1"
	tests := map[string]chat.Shown{
		"slack":   {Title: title, Fields: fields, Notes: []string{origin}},
		"teams":   {Title: title, Fields: fields, Notes: []string{origin}},
		"discord": {Lead: title, Title: "task.done", Fields: fields, Notes: []string{"Tasks & Co · evt_1"}},
	}
	for _, format := range chat.Formats() {
		t.Run(format, func(t *testing.T) {
			got, err := chat.Show(format, body(t, format, message(data)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tests[format], got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, odd := range []string{`{}`, `{"blocks":[{}],"attachments":[{}],"embeds":[{}]}`} {
				if _, err := chat.Show(format, []byte(odd)); err != nil {
					t.Errorf("%s: %v", odd, err)
				}
			}
			if _, err := chat.Show(format, []byte(`[`)); err == nil {
				t.Error("no JSON: got no error")
			}
		})
	}
	if _, err := chat.Show("fax", []byte(`{}`)); err == nil {
		t.Error("got no error, want one for an unknown format")
	}
}
