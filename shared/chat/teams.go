package chat

import "regexp"

// Limits of Teams: a message has 28 KB by
// https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook, but senders
// met 413 from about 21,000 bytes on, https://github.com/atc0005/go-teams-notify/issues/59.
const (
	teamsBytes = 20000
	teamsTitle = 256
	teamsLabel = 256
	teamsValue = 2000
)

const cardType = "application/vnd.microsoft.card.adaptive"

// teamsMessage is what a workflow takes "when a Teams webhook request is received"; it answers 202:
// https://learn.microsoft.com/connectors/teams/#microsoft-teams-webhook.
type teamsMessage struct {
	Type        string            `json:"type"`
	Attachments []teamsAttachment `json:"attachments"`
}

type teamsAttachment struct {
	ContentType string  `json:"contentType"`
	ContentURL  *string `json:"contentUrl"`
	Content     card    `json:"content"`
}

// card is an Adaptive Card of the first version that has RichTextBlock, which does not read markdown. A TextBlock or a FactSet
// shows the same escaped text with its backslashes on some devices and without them on others:
// https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features,
// https://github.com/microsoft/AdaptiveCards/issues/5590.
type card struct {
	Schema       string      `json:"$schema"`
	Type         string      `json:"type"`
	Version      string      `json:"version"`
	FallbackText string      `json:"fallbackText"`
	MSTeams      teamsLayout `json:"msteams"` // a card without "entities" here has no mentions
	Body         []richText  `json:"body"`
}

type teamsLayout struct {
	Width string `json:"width"`
}

type richText struct {
	Type    string    `json:"type"`
	Spacing string    `json:"spacing,omitempty"`
	Inlines []textRun `json:"inlines"`
}

type textRun struct {
	Type         string   `json:"type"`
	Text         string   `json:"text"`
	Size         string   `json:"size,omitempty"`
	Weight       string   `json:"weight,omitempty"`
	IsSubtle     bool     `json:"isSubtle,omitempty"`
	SelectAction *openURL `json:"selectAction,omitempty"`
}

type openURL struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

func teams(m Message, fields []field, total int) ([]byte, error) {
	shown, more := most(each(fields, teamsRow), total, func(shown [][]textRun, more int) bool {
		b, err := marshal(teamsOf(m, shown, more))
		return err == nil && len(b) <= teamsBytes
	})
	return marshal(teamsOf(m, shown, more))
}

// teamsRow returns a field in Teams' form.
func teamsRow(f field) []textRun {
	value := textRun{Text: teamsText(f.text, teamsValue)}
	if isLink(f.text) && value.Text == f.text {
		value.SelectAction = &openURL{Type: "Action.OpenUrl", URL: f.text}
	}
	return []textRun{{Text: teamsText(f.label, teamsLabel) + ": ", Weight: "bolder"}, value}
}

func teamsOf(m Message, shown [][]textRun, more int) teamsMessage {
	title := teamsText(m.Title, teamsTitle)
	c := card{
		Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.2",
		FallbackText: title, MSTeams: teamsLayout{Width: "Full"},
	}
	add := func(spacing string, runs ...textRun) {
		for i := range runs {
			runs[i].Type = "TextRun"
		}
		c.Body = append(c.Body, richText{Type: "RichTextBlock", Spacing: spacing, Inlines: runs})
	}
	add("", textRun{Text: title, Size: "medium", Weight: "bolder"})
	for _, row := range shown {
		add("small", row...)
	}
	if more > 0 {
		add("small", textRun{Text: moreFields(more), IsSubtle: true})
	}
	add("", textRun{Text: teamsText(m.origin(), teamsValue), Size: "small", IsSubtle: true})
	return teamsMessage{Type: "message", Attachments: []teamsAttachment{{
		ContentType: cardType, Content: c,
	}}}
}

// teamsMarkup matches the markup that every text of a card has: the tag of a mention, and a time that the reader's device
// formats (https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features).
var teamsMarkup = regexp.MustCompile(`(?i)</?at|\{\{(?:DATE|TIME)\(`)

// teamsText returns a text without markup. Cards have no escapes, so that it puts a zero-width space into each piece of markup.
func teamsText(s string, limit int) string {
	return fit(teamsMarkup.ReplaceAllStringFunc(s, func(found string) string {
		return found[:1] + zeroWidth + found[1:]
	}), limit, escape{})
}

const zeroWidth = "\u200B"
