package payload

import (
	"strings"
	"testing"

	"hookline/shared/fixture"
)

// TestKeptPayloads holds packed bodies to what releases packed. A body that is compressed better one day is a new version.
func TestKeptPayloads(t *testing.T) {
	read := func(b []byte) (any, error) {
		body, err := Unpack(b)
		return string(body), err
	}
	fixture.Hold(t, "plain", Pack([]byte(`{"n":1}`)), read)
	fixture.Hold(t, "deflated", Pack([]byte(strings.Repeat(`{"n":1}`, 100))), read)
}
