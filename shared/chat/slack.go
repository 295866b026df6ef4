package chat

import "strings"

// Slack's limits, https://docs.slack.dev/reference/block-kit/blocks/header-block/, …/section-block/, …/context-block/.
// A message has at most 50 blocks. Slack publishes no limit for all blocks together, but chat.postMessage answers
// msg_blocks_too_long from about 13,200 bytes on. The text beside the blocks is cut at 40,000 and should be under 4,000:
// https://docs.slack.dev/changelog/2018-truncating-really-long-messages/.
const (
	slackHeader      = 150
	slackField       = 2000 // characters of one of a section's fields
	slackFields      = 10   // of a section: five labels and their values
	slackBlocks      = 50
	slackBlocksBytes = 12000
	slackText        = 1000 // notifications show this text
	slackTextValue   = 200
	slackWide        = 120 // a longer value takes the full width of the message
)

type slackMessage struct {
	Text        string       `json:"text"` // https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/
	Mrkdwn      bool         `json:"mrkdwn"`
	LinkNames   bool         `json:"link_names"` // false: "@here" in the text stays text
	UnfurlLinks bool         `json:"unfurl_links"`
	UnfurlMedia bool         `json:"unfurl_media"`
	Blocks      []slackBlock `json:"blocks"`
}

type slackBlock struct {
	Type     string         `json:"type"`
	Text     *slackTextBox  `json:"text,omitempty"`
	Fields   []slackTextBox `json:"fields,omitempty"`
	Elements []slackTextBox `json:"elements,omitempty"`
}

// slackTextBox is a text object. One of type plain_text has no formatting, no links and no mentions, only the three escapes. In
// the others, "verbatim" keeps Slack from turning names and addresses into links, https://docs.slack.dev/reference/block-kit/composition-objects/text-object/.
type slackTextBox struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    *bool  `json:"emoji,omitempty"` // of plain_text
	Verbatim bool   `json:"verbatim,omitempty"`
}

func slackPlain(escaped string) slackTextBox {
	return slackTextBox{Type: "plain_text", Text: escaped, Emoji: new(bool)}
}

func slackMarkup(s string) slackTextBox {
	return slackTextBox{Type: "mrkdwn", Text: s, Verbatim: true}
}

// slackEscape does the only escaping that Slack has. Every text needs it:
// https://docs.slack.dev/messaging/formatting-message-text/#escaping. A text without a raw < has no <!channel> and no <@U1>.
func slackEscape(r rune, _ bool) string {
	switch r {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	}
	return string(r)
}

func slackFit(s string, limit int) string { return fit(s, limit, escape{mark: slackEscape}) }

// slackRow is a field in Slack's form.
type slackRow struct {
	label, value slackTextBox
	wide         bool
}

func slack(m Message, fields []field, total int) ([]byte, error) {
	rows := each(fields, func(f field) slackRow {
		return slackRow{slackLabel(f.label), slackValue(f.text), units(f.text) > slackWide}
	})
	shown, more := most(rows, total, func(shown []slackRow, more int) bool {
		blocks := slackBlocksOf(m, shown, more)
		b, err := marshal(blocks)
		return err == nil && len(blocks) <= slackBlocks && len(b) <= slackBlocksBytes
	})
	text := []string{m.Title}
	for _, f := range fields[:len(shown)] {
		text = append(text, f.label+": "+oneLine(fit(f.text, slackTextValue, escape{})))
	}
	return marshal(slackMessage{Text: slackFit(strings.Join(text, "\n"), slackText), Blocks: slackBlocksOf(m, shown, more)})
}

func slackBlocksOf(m Message, shown []slackRow, more int) []slackBlock {
	title := slackPlain(slackFit(m.Title, slackHeader))
	blocks := []slackBlock{{Type: "header", Text: &title}}
	var row []slackTextBox
	flush := func() {
		if row != nil {
			blocks = append(blocks, slackBlock{Type: "section", Fields: row})
			row = nil
		}
	}
	for _, r := range shown {
		if r.wide {
			flush()
			blocks = append(blocks, slackBlock{Type: "section", Text: &r.label}, slackBlock{Type: "section", Text: &r.value})
			continue
		}
		if row = append(row, r.label, r.value); len(row) == slackFields {
			flush()
		}
	}
	flush()
	var notes []slackTextBox
	if more > 0 {
		notes = append(notes, slackPlain(moreFields(more)))
	}
	notes = append(notes, slackPlain(slackFit(m.origin(), slackField)))
	return append(blocks, slackBlock{Type: "context", Elements: notes})
}

// slackLabel returns a bold label, or a plain one if it contains a mark of mrkdwn, which has no escape for its marks.
func slackLabel(label string) slackTextBox {
	label = slackFit(label, slackHeader)
	if strings.ContainsAny(label, "*_~`:") {
		return slackPlain(label)
	}
	return slackMarkup("*" + label + "*")
}

func slackValue(text string) slackTextBox {
	if isLink(text) {
		if link := slackFit(text, slackField); units(link) <= slackField-2 {
			return slackMarkup("<" + link + ">")
		}
	}
	return slackPlain(slackFit(text, slackField))
}
