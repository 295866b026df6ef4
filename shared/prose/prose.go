// Package prose prints the texts that the API's document and the guides are written in as HTML. They are the little of
// Markdown that those use: paragraphs and lists (lines that begin with "- ", also right after a paragraph) with blank lines between, **strong** and
// `code`. Everything else stands as it is, escaped; there are no links and no HTML of the text's own.
package prose

import (
	"html/template"
	"strings"
)

// HTML returns the text as blocks.
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
	return template.HTML(b.String()) //nolint:gosec // inline escapes all that is not a tag of ours
}

// Line returns the text as what stands in a line: a block of its own it is not.
func Line(text string) template.HTML {
	return template.HTML(inline(text)) //nolint:gosec // inline escapes all that is not a tag of ours
}

// inline escapes a text and marks what is strong and what is code. A mark without its other half is text.
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

// cutAny cuts a text before its first mark.
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
