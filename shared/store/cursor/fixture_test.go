package cursor

import (
	"testing"

	"hookline/shared/fixture"
)

// TestKeptCursor holds cursors, which clients and replay jobs keep, to what releases gave out.
func TestKeptCursor(t *testing.T) {
	fixture.Hold(t, "cursor", []byte(Make("deliveries/acme/wh_1", "1774008000123", "wh_1", "evt_1")), func(b []byte) (any, error) {
		return Read("deliveries/acme/wh_1", string(b), 3)
	})
}
