// Package prose turns the texts of the API's document and of the guides into HTML. They are written in a small part of
// Markdown: paragraphs and lists with blank lines between them (a list's lines begin with "- ", and it may follow its
// paragraph at once), **strong** and `code`. Everything else is escaped and stands as it is: there are no links, and a text
// can have no HTML of its own.
package prose

import (
	"html/template"
	"strings"
)

// HTML returns a text as paragraphs and lists.
func HTML(text string) template.HTML {
	var b strings.Builder
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		paragraph, list, isList := strings.Cut("\n"+strings.TrimSpace(block), "\n- ")
		if paragraph = strings.TrimSpace(paragraph); paragraph != "" {
			b.WriteString("<p>" + inline(paragraph) + "</p>")
		}
		if !isList {
			continue
		}
		b.WriteString("<ul>")
		for item := range strings.SplitSeq(list, "\n- ") {
			b.WriteString("<li>" + inline(item) + "</li>")
		}
		b.WriteString("</ul>")
	}
	return template.HTML(b.String()) //nolint:gosec // inline escapes everything but the tags that it makes
}

// Line returns a text without a paragraph around it, for use within a line.
func Line(text string) template.HTML {
	return template.HTML(inline(text)) //nolint:gosec // inline escapes everything but the tags that it makes
}

// inline escapes a text and turns its marks of strong and code into tags. A mark without its other half stays text.
func inline(text string) string {
	var b strings.Builder
	for text != "" {
		before, rest := cutAny(text)
		b.WriteString(template.HTMLEscapeString(before))
		if rest == "" {
			break
		}
		mark, tag := "`", "code"
		if rest[0] == '*' {
			mark, tag = "**", "strong"
		}
		inner, after, closed := strings.Cut(rest[len(mark):], mark)
		switch {
		case !closed || inner == "":
			b.WriteString(template.HTMLEscapeString(mark))
			text = rest[len(mark):]
			continue
		case tag == "code":
			inner = template.HTMLEscapeString(inner)
		default:
			inner = inline(inner)
		}
		b.WriteString("<" + tag + ">" + inner + "</" + tag + ">")
		text = after
	}
	return b.String()
}

// cutAny cuts a text in two at its first mark.
func cutAny(text string) (before, rest string) {
	i := strings.Index(text, "`")
	if j := strings.Index(text, "**"); i < 0 || j >= 0 && j < i {
		i = j
	}
	if i < 0 {
		return text, ""
	}
	return text[:i], text[i:]
}
