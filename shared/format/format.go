// Package format is the forms in which a webhook can ask for its events: "json" is its dialect's own body, every other one
// is a message that a chat product's incoming webhooks accept.
//
// A Format answers everything that differs between them, so that nothing else has to know which ones there are. Package
// chat writes the messages; a new format is one more value here.
package format

import (
	"slices"
	"strings"

	"hookline/shared/chat"
	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/webhook"
)

// Format is one form. It has no state and may be shared.
type Format interface {
	// Body returns an event's body, the same for all webhooks of the format and for every attempt. content is the event's
	// data as it was read; without it there is no body.
	Body(d *dialect.Dialect, ev webhook.Event, content ecmajson.Text) ([]byte, error)
	// Signed reports whether requests carry the dialect's signature.
	Signed() bool
	// Succeeded reports whether an answer's status makes a delivery succeed.
	Succeeded(d *dialect.Dialect, status int) bool
	// ContentTypes returns the content types that a webhook can choose from, the default first.
	ContentTypes(d *dialect.Dialect) []string
	// CheckContentType returns what is wrong with a webhook's choice, "" if nothing is.
	CheckContentType(d *dialect.Dialect, contentType string) string
	// ContentType returns the content type with which bodies travel to a webhook that has chosen one.
	ContentType(chosen string) string
	// Show returns a body of the format as people read it, nil where programs do.
	Show(body []byte) (*chat.Shown, error)
}

// Names returns the names of all formats, the default first.
func Names() []string { return append([]string{webhook.FormatJSON}, chat.Formats()...) }

// Check returns what is wrong with a name, "" if nothing is.
func Check(name string) string {
	if slices.Contains(Names(), name) {
		return ""
	}
	return "must be one of " + strings.Join(Names(), ", ")
}

// Of returns the format with a name. A name that is not among Names stands for the default: records of earlier versions
// have none.
func Of(name string) Format {
	if slices.Contains(chat.Formats(), name) {
		return message{name}
	}
	return own{}
}

// own is the dialect's own body.
type own struct{}

func (own) Body(d *dialect.Dialect, ev webhook.Event, content ecmajson.Text) ([]byte, error) {
	return d.Body(ev, content)
}

func (own) Signed() bool { return true }

func (own) Succeeded(d *dialect.Dialect, status int) bool { return d.Succeeded(status) }

func (own) ContentTypes(d *dialect.Dialect) []string { return d.ContentTypes }

func (own) CheckContentType(d *dialect.Dialect, contentType string) string {
	if slices.Contains(d.ContentTypes, contentType) {
		return ""
	}
	return "must be " + strings.Join(d.ContentTypes, " or ")
}

func (own) ContentType(chosen string) string { return chosen }

func (own) Show([]byte) (*chat.Shown, error) { return nil, nil }

// message is a message in the chat with this name. The chats' incoming webhooks take JSON alone, know no signature, and
// answer with any 2xx, whatever the dialect's receivers do.
type message struct{ name string }

func (f message) Body(d *dialect.Dialect, ev webhook.Event, content ecmajson.Text) ([]byte, error) {
	e, _ := d.EventType(ev.Type) // an open catalogue has types that it does not list
	return chat.Body(f.name, chat.Message{
		Title: e.Description, Product: d.Product, Type: ev.Type, ID: ev.ID, Timestamp: webhook.InSeconds(ev.Timestamp), Data: content,
	})
}

func (message) Signed() bool { return false }

func (message) Succeeded(_ *dialect.Dialect, status int) bool { return status >= 200 && status <= 299 }

func (message) ContentTypes(*dialect.Dialect) []string { return []string{webhook.ContentJSON} }

func (f message) CheckContentType(_ *dialect.Dialect, contentType string) string {
	if contentType == webhook.ContentJSON {
		return ""
	}
	return "must be " + webhook.ContentJSON + " with format " + f.name + ": its incoming webhooks take nothing else"
}

func (message) ContentType(string) string { return webhook.ContentJSON }

func (f message) Show(body []byte) (*chat.Shown, error) {
	shown, err := chat.Show(f.name, body)
	if err != nil {
		return nil, err
	}
	return &shown, nil
}
