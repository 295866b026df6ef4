package seal

import (
	"errors"
	"testing"

	"hookline/shared/webhook"
)

func TestBox(t *testing.T) {
	ref := webhook.Ref{Tenant: "acme", ID: "wh_1"}
	box := Box{Keys: NewStatic("of this machine")}
	sealed, err := box.Seal(t.Context(), []byte("whsec_x"), SecretPlace(ref, 1))
	if err != nil {
		t.Fatal(err)
	}
	changed := append(webhook.Sealed(nil), sealed...)
	changed[len(changed)-1] ^= 1
	tests := map[string]struct {
		box    Box
		sealed webhook.Sealed
		place  string
		want   string
		err    error
	}{
		"its place":       {box, sealed, SecretPlace(ref, 1), "whsec_x", nil},
		"another version": {box, sealed, SecretPlace(ref, 2), "", ErrUnreadable},
		"another tenant":  {box, sealed, SecretPlace(webhook.Ref{Tenant: "other", ID: "wh_1"}, 1), "", ErrUnreadable},
		"another keyring": {Box{Keys: NewStatic("of another")}, sealed, SecretPlace(ref, 1), "", ErrUnreadable},
		"a changed byte":  {box, changed, SecretPlace(ref, 1), "", ErrUnreadable},
		"cut off":         {box, sealed[:9], SecretPlace(ref, 1), "", ErrUnreadable},
		"empty":           {box, nil, SecretPlace(ref, 1), "", ErrUnreadable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := tt.box.Open(t.Context(), tt.sealed, tt.place)
			if string(got) != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %q, %v, want %q, %v", got, err, tt.want, tt.err)
			}
		})
	}
	again, _ := box.Seal(t.Context(), []byte("whsec_x"), SecretPlace(ref, 1))
	if string(again) == string(sealed) {
		t.Error("sealing twice gave the same bytes: the nonce does not change")
	}
}
