package portal

import (
	"testing"
	"time"

	"hookline/shared/fixture"
	"hookline/shared/seal"
)

// TestKeptLinks holds links and sessions, which browsers keep, to what releases sealed. Sealing anew gives another text, so
// what is sealed is held by itself, and one sealed text of each place.
func TestKeptLinks(t *testing.T) {
	at := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	link := Link{ID: "pl_1", Tenant: "acme", Since: at, Maker: "hash", Expires: at.Add(time.Hour)}
	fixture.JSON[Link](t, "link")
	box := seal.Box{Keys: seal.NewStatic("kept")}
	for place, text := range map[Place]string{Address: sealedAddress, Session: sealedSession} {
		if got, err := Open(t.Context(), box, place, text); err != nil || got != link {
			t.Errorf("%s: got %+v, %v, want %+v", place, got, err, link)
		}
	}
}

// Texts that the first release with fixtures sealed.
const (
	sealedAddress = "AQZzdGF0aWPSHWaJDuD7adrfWVUmrm6A6_agg5R0_8B7GJnbVCOQXs9MKNGjBJn9KbL8aFi2pSVTn7WNalQ1eQgXdGTj_odaHl5T59kPZqFPKkX21SsRurk8YS_J_si1YJbgGTDRvtH6llfMFKtJjqCoEWiA-TUT7DIN5g"
	sealedSession = "AQZzdGF0aWNzZ2XT33zrF_UaAtQFqeuytncWWZ_E17NfUEOwtxzm3OIdHPTT_2MR7LEAnDBaHlwmQp5KJm1ameO-h3mmdXL28Fz4dZae60nAY7mWtx9_j0idJHKGtyU3HdgVpF-aE1BJqMiW3kWEdmPy0dWd-9ZD2Zu4YA"
)
