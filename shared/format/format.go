// Package format has the formats in which a webhook can get its events: "json" is the body of its dialect, and each of the
// others is a message for the incoming webhooks of a chat product.
//
// A Format answers every question whose answer differs between formats, so that no other package needs to know which ones there
// are. Package chat writes the messages.
package format

import (
	"slices"
	"strings"

	"hookline/shared/chat"
	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/webhook"
)

// Format is one format. It has no state and can be shared.
type Format interface {
	// Body returns an event's body, the same for all webhooks of the format and for every attempt. content is the event's data.
	// Body fails if it is the zero Text.
	Body(d *dialect.Dialect, ev webhook.Event, content ecmajson.Text) ([]byte, error)
	// Signed reports whether requests carry the dialect's signature.
	Signed() bool
	// Succeeded reports whether an answer's status makes a delivery succeed.
	Succeeded(d *dialect.Dialect, status int) bool
	// ContentTypes returns the content types that a webhook can choose from, the default first.
	ContentTypes(d *dialect.Dialect) []string
	// CheckContentType returns what is wrong with a webhook's choice, or "" if it is valid.
	CheckContentType(d *dialect.Dialect, contentType string) string
	// ContentType returns the content type of requests to a webhook that has chosen one.
	ContentType(chosen string) string
	// Show returns a body as people see it, or nil if the format is for programs.
	Show(body []byte) (*chat.Shown, error)
}

// Names returns the names of all formats, the default first.
func Names() []string { return append([]string{webhook.FormatJSON}, chat.Formats()...) }

// Check returns what is wrong with the name of a format, or "" if there is one.
func Check(name string) string {
	if slices.Contains(Names(), name) {
		return ""
	}
	return "must be one of " + strings.Join(Names(), ", ")
}

// Of returns the format with a name. If there is none, it returns the default, because records of earlier versions have no
// format.
func Of(name string) Format {
	if slices.Contains(chat.Formats(), name) {
		return message{name}
	}
	return own{}
}

// own is the body of the dialect.
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

// message is a message for the chat product with this name. The incoming webhooks of chats accept only JSON, verify no
// signature, and answer with any 2xx, whatever the dialect's receivers do.
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
