package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"hookline/shared/ecmajson"
	"hookline/shared/webhook"
)

// Message is an event that is written for people.
type Message struct {
	Title     string // says what happened; if it is "", the title is made of the type
	Product   string
	Type      string // of the event
	ID        string // of the event
	Timestamp string // when it happened, in webhook.BodyTimeFormat
	Data      ecmajson.Text
}

// Formats returns the formats that Body writes.
func Formats() []string {
	return []string{webhook.FormatSlack, webhook.FormatTeams, webhook.FormatDiscord}
}

// Body returns the message in one of Formats. It fails only for another format, and without data.
func Body(format string, m Message) ([]byte, error) {
	if m.Data.IsZero() {
		return nil, fmt.Errorf("event %s has no data", m.ID)
	}
	if m.Title = clean(m.Title); isBlank(m.Title) {
		m.Title = labelOf(strings.ReplaceAll(m.Type, ".", "_"))
	}
	m.Title = oneLine(m.Title)
	fields, total := flatten(m.Data.Compact())
	switch format {
	case webhook.FormatSlack:
		return slack(m, fields, total)
	case webhook.FormatTeams:
		return teams(m, fields, total)
	case webhook.FormatDiscord:
		return discord(m, fields, total)
	}
	return nil, fmt.Errorf("format %q is no chat's", format)
}

// FormatOf recognizes the format of a body by its shape. It returns "" if that is none of Formats.
func FormatOf(body []byte) string {
	var m struct {
		Blocks, Embeds []json.RawMessage
		Attachments    []struct {
			ContentType string `json:"contentType"`
		}
	}
	switch err := json.Unmarshal(body, &m); {
	case err != nil:
		return ""
	case len(m.Blocks) > 0:
		return webhook.FormatSlack
	case len(m.Embeds) > 0:
		return webhook.FormatDiscord
	case len(m.Attachments) > 0 && m.Attachments[0].ContentType == cardType:
		return webhook.FormatTeams
	}
	return ""
}

// origin returns the line that says where the event came from.
func (m Message) origin() string {
	return oneLine(clean(strings.Join([]string{m.Product, m.Type, m.Timestamp, m.ID}, " · ")))
}

// most returns the longest beginning of the fields with which a message fits its limits, and how many of total fields it leaves
// out. The fields are already in the format's own form, so that each is written once, however many beginnings are tried.
func most[T any](fields []T, total int, fits func(shown []T, more int) bool) (shown []T, more int) {
	n := sort.Search(len(fields), func(i int) bool { return !fits(fields[:i+1], total-i-1) })
	return fields[:n], total - n
}

// each writes every field with a format's function.
func each[T any](fields []field, write func(field) T) []T {
	out := make([]T, len(fields))
	for i, f := range fields {
		out[i] = write(f)
	}
	return out
}

// moreFields returns the text for n fields that a message leaves out.
func moreFields(n int) string {
	if n == 1 {
		return "and 1 more field"
	}
	return fmt.Sprintf("and %d more fields", n)
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
