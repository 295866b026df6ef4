package systemevent

import (
	"encoding/json"
	"testing"
	"time"

	"hookline/shared/fixture"
)

// TestKeptNotice holds notices, which wait in a queue for their mail, to what releases sent.
func TestKeptNotice(t *testing.T) {
	data, err := json.Marshal(WebhookData{
		WebhookID: "wh_1", Name: "n", URL: "https://a.example", Events: []string{"*"}, Status: "disabled", Reason: "gone", Since: "2026-03-20T12:00:00Z",
	})
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(Notice{
		ID: "n-1", DetailType: WebhookDisabled, Source: "hookline", Time: time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC),
		Detail: Detail{Tenant: "acme", ID: "evt_1", Data: data},
	})
	if err != nil {
		t.Fatal(err)
	}
	fixture.Hold(t, "notice", encoded, func(b []byte) (any, error) {
		var n Notice
		err := json.Unmarshal(b, &n)
		return n, err
	})
}
