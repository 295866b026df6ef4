package session

import (
	"net/http"
	"testing"
	"time"

	"hookline/shared/fixture"
	"hookline/shared/seal"
)

// TestKeptSessions holds the cookies of keys' sessions, which browsers keep. Those of portal links and of operators are held
// by package portal.
func TestKeptSessions(t *testing.T) {
	fixture.JSON[session](t, "session")
	// Sealing anew gives another text, so one that the first release with this fixture sealed is opened.
	const sealed = "AQZzdGF0aWMFJpwkBdBoWKNPGykCavqNyvZdrNoYH4_FtNL7SKarWuQ_A03DJ-tsyHR_KMh2Mww3mAGgHOyQLDOr9IqEeg-zJg"
	s := &Sessions{Box: seal.Box{Keys: seal.NewStatic("kept")}}
	r := &http.Request{Header: make(http.Header)}
	r.AddCookie(&http.Cookie{Name: "__Host-hookline_session", Value: sealed})
	want := session{ID: "s_1", Hash: "hash", Expires: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix()}
	if got, err := s.session(t.Context(), r); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}
