package chat

import (
	"strings"
	"time"
)

// Discord's limits, https://docs.discord.com/developers/resources/message#embed-object-embed-limits and
// https://docs.discord.com/developers/resources/webhook#execute-webhook (content: 2,000). The texts of an embed count
// together. A field's name and value must not be empty.
const (
	discordContent = 2000
	discordTitle   = 256
	discordName    = 256
	discordValue   = 1024
	discordFields  = 25
	discordFooter  = 2048
	discordEmbed   = 6000
	discordNarrow  = 40 // fields with values up to this length are shown side by side
)

type discordMessage struct {
	Content         string          `json:"content"`
	Embeds          []embed         `json:"embeds"`
	AllowedMentions allowedMentions `json:"allowed_mentions"`
}

// allowedMentions with an empty list keeps every text from notifying anybody:
// https://docs.discord.com/developers/resources/message#allowed-mentions-object.
type allowedMentions struct {
	Parse []string `json:"parse"`
}

type embed struct {
	Title     string       `json:"title"`
	Timestamp string       `json:"timestamp,omitempty"`
	Fields    []embedField `json:"fields,omitempty"`
	Footer    embedFooter  `json:"footer"`
}

type embedField struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Inline bool   `json:"inline,omitempty"`
}

type embedFooter struct {
	Text string `json:"text"`
}

func (e embed) units() int {
	n := units(e.Title) + units(e.Footer.Text)
	for _, f := range e.Fields {
		n += units(f.Name) + units(f.Value)
	}
	return n
}

func discord(m Message, fields []field, total int) ([]byte, error) {
	rows := each(fields, func(f field) embedField {
		return embedField{Name: discordText(f.label, discordName), Value: discordText(f.text, discordValue), Inline: units(f.text) <= discordNarrow}
	})
	shown, more := most(rows, total, func(shown []embedField, more int) bool {
		return len(shown) <= discordFields && embedOf(m, shown, more).units() <= discordEmbed
	})
	return marshal(discordMessage{
		Content:         discordText(m.Title, discordContent),
		Embeds:          []embed{embedOf(m, shown, more)},
		AllowedMentions: allowedMentions{Parse: []string{}},
	})
}

func embedOf(m Message, shown []embedField, more int) embed {
	e := embed{Title: discordText(m.Type, discordTitle), Fields: shown}
	if _, err := time.Parse(time.RFC3339, m.Timestamp); err == nil {
		e.Timestamp = m.Timestamp // shown in the reader's time
	}
	footer := m.Product + " · " + m.ID
	if more > 0 {
		footer = moreFields(more) + " · " + footer
	}
	e.Footer.Text = fit(parted(oneLine(clean(footer))), discordFooter, escape{}) // a footer knows no markup
	return e
}

// parted separates the @ of the two words that notify everybody, so that they do not even look like mentions.
func parted(s string) string {
	return strings.NewReplacer("@everyone", "@"+zeroWidth+"everyone", "@here", "@"+zeroWidth+"here").Replace(s)
}

func discordText(s string, limit int) string {
	return fit(parted(s), limit, escape{mark: discordEscape, links: true})
}

// discordEscape puts a backslash before every mark of https://support.discord.com/hc/en-us/articles/210298617, including those
// that have a meaning only at the beginning of a line. Every mention, custom emoji and time begins with <.
func discordEscape(r rune, first bool) string {
	if strings.ContainsRune("\\*_~`|<>[]", r) || first && strings.ContainsRune("#-+", r) {
		return `\` + string(r)
	}
	return string(r)
}
