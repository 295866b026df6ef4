package message

import (
	"testing"

	"hookline/shared/chat"
	"hookline/shared/dialect"
	"hookline/shared/webhook"
)

func TestComposedContentType(t *testing.T) {
	for format, want := range map[string]string{"": webhook.ContentForm, webhook.FormatJSON: webhook.ContentForm} {
		if got := Compose(new(dialect.Dialect), webhook.Event{}, webhook.Subscription{Format: format, ContentType: webhook.ContentForm}).ContentType; got != want {
			t.Errorf("format %q: got %s, want %s", format, got, want)
		}
	}
	for _, format := range chat.Formats() {
		if got := Compose(new(dialect.Dialect), webhook.Event{}, webhook.Subscription{Format: format, ContentType: webhook.ContentForm}).ContentType; got != webhook.ContentJSON {
			t.Errorf("format %s: got %s, want %s", format, got, webhook.ContentJSON)
		}
	}
}
