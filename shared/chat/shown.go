package chat

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"hookline/shared/webhook"
)

// Shown is a message as its readers see it: its texts have no marks and escapes of the product's format.
type Shown struct {
	Lead   string // the line above the card, in formats that have one
	Title  string
	Fields []ShownField
	Notes  []string // small text below the fields
}

// ShownField is a label and its value.
type ShownField struct {
	Label, Value string
	Link         bool // the value is a link
}

// Show reads a body that Body wrote in the format. Of another message it returns the parts that it recognizes.
func Show(format string, body []byte) (Shown, error) {
	var s Shown
	var err error
	switch format {
	case webhook.FormatSlack:
		s, err = showSlack(body)
	case webhook.FormatTeams:
		s, err = showTeams(body)
	case webhook.FormatDiscord:
		s, err = showDiscord(body)
	default:
		err = fmt.Errorf("format %q is no chat's", format)
	}
	return s, err
}

func showSlack(body []byte) (s Shown, err error) {
	var m slackMessage
	if err := json.Unmarshal(body, &m); err != nil {
		return s, fmt.Errorf("slack message: %w", err)
	}
	var boxes []slackTextBox // of fields: a label, its value, the next label and so on, across sections
	for _, b := range m.Blocks {
		switch {
		case b.Type == "header" && b.Text != nil:
			s.Title, _ = slackShown(*b.Text)
		case b.Type == "context":
			for _, e := range b.Elements {
				text, _ := slackShown(e)
				s.Notes = append(s.Notes, text)
			}
		case b.Text != nil:
			boxes = append(boxes, *b.Text)
		default:
			boxes = append(boxes, b.Fields...)
		}
	}
	for i := 0; i+1 < len(boxes); i += 2 {
		label, _ := slackShown(boxes[i])
		value, link := slackShown(boxes[i+1])
		s.Fields = append(s.Fields, ShownField{Label: label, Value: value, Link: link})
	}
	return s, nil
}

// slackShown reverses slackPlain, slackLabel and slackValue.
func slackShown(b slackTextBox) (text string, link bool) {
	text = b.Text
	if b.Type == "mrkdwn" {
		link = strings.HasPrefix(text, "<")
		text = strings.TrimSuffix(strings.TrimLeft(text, "*<"), "*")
		if link {
			text = strings.TrimSuffix(text, ">")
		}
	}
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text), link
}

func showTeams(body []byte) (s Shown, err error) {
	var m teamsMessage
	if err := json.Unmarshal(body, &m); err != nil {
		return s, fmt.Errorf("teams message: %w", err)
	}
	for _, a := range m.Attachments {
		for i, block := range a.Content.Body {
			runs := block.Inlines
			switch {
			case len(runs) == 0:
			case i == 0:
				s.Title = runs[0].Text
			case len(runs) == 1:
				s.Notes = append(s.Notes, runs[0].Text)
			default:
				s.Fields = append(s.Fields, ShownField{
					Label: strings.TrimSuffix(runs[0].Text, ": "), Value: runs[1].Text, Link: runs[1].SelectAction != nil,
				})
			}
		}
	}
	return s, nil
}

func showDiscord(body []byte) (s Shown, err error) {
	var m discordMessage
	if err := json.Unmarshal(body, &m); err != nil {
		return s, fmt.Errorf("discord message: %w", err)
	}
	s.Lead = discordShown(m.Content)
	for _, e := range m.Embeds {
		s.Title = discordShown(e.Title)
		for _, f := range e.Fields {
			value := discordShown(f.Value)
			s.Fields = append(s.Fields, ShownField{Label: discordShown(f.Name), Value: value, Link: isLink(value)})
		}
		s.Notes = append(s.Notes, e.Footer.Text)
	}
	return s, nil
}

// discordShown removes the backslashes of discordEscape: those before a character that is no letter, digit or white space.
func discordShown(s string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, `\`)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		c, size := utf8.DecodeRuneInString(after)
		if size == 0 || unicode.IsLetter(c) || unicode.IsNumber(c) || strings.ContainsRune(" \t\n\f\r", c) {
			b.WriteByte('\\')
		}
		b.WriteString(after[:size])
		s = after[size:]
	}
}
