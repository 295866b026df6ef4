package notify

import (
	"encoding/json"
	"testing"

	"hookline/shared/fixture"
)

// TestKeptLedger holds the ledgers of mails, which are kept as pins, and what waits in the queue of mails.
func TestKeptLedger(t *testing.T) {
	var l ledger
	fixture.Fill(&l)
	encoded, err := l.marshal()
	if err != nil {
		t.Fatal(err)
	}
	fixture.Hold(t, "ledger", encoded, func(b []byte) (any, error) {
		var l ledger
		err := json.Unmarshal(b, &l)
		return l, err
	})
	fixture.JSON[digest](t, "digest")
	fixture.JSON[refused](t, "refused")
}
