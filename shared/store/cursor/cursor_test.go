package cursor

import (
	"encoding/base64"
	"slices"
	"testing"

	"hookline/shared/webhook"
)

func TestRead(t *testing.T) {
	at := []string{"1774008000000", "wh_\x00é\"😀", ""}
	got, err := Read("a/b", Make("a/b", at...), 3)
	if err != nil || !slices.Equal(got, at) {
		t.Errorf("got %q, %v, want %q", got, err, at)
	}
	if got, err := Read("a/b", "", 3); got != nil || err != nil {
		t.Errorf("beginning: got %q, %v, want nothing", got, err)
	}
	raw := base64.RawURLEncoding.EncodeToString
	for name, cursor := range map[string]string{
		"not base64":       "%%%",
		"padded":           Make("a/b", at...) + "=",
		"not JSON":         raw([]byte("a/b")),
		"not a list":       raw([]byte(`{"a":1}`)),
		"numbers":          raw([]byte(`["a/b",1,2,3]`)),
		"another list's":   Make("a", at...),
		"too few parts":    Make("a/b", "x"),
		"too many parts":   Make("a/b", "x", "y", "z", "u"),
		"another spelling": raw([]byte(`["a/b", "x", "y", "z"]`)),
	} {
		_, err := Read("a/b", cursor, 3)
		if !webhook.Is(err, webhook.Invalid) {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
	}
}
