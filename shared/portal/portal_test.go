package portal

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/seal"
	"hookline/shared/webhook"
)

func TestSeal(t *testing.T) {
	box := seal.Box{Keys: seal.NewStatic("of this deployment")}
	now := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	want := New(webhook.Tenant{ID: "acme", CreatedAt: now.Add(-time.Hour)}, "hash", now, time.Minute)
	text, err := want.Seal(t.Context(), box, Address)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Open(t.Context(), box, Address, text)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if l, err := Open(t.Context(), box, Session, text); err == nil {
		t.Errorf("a link is taken for a session: %+v", l)
	}
	if l, err := Open(t.Context(), seal.Box{Keys: seal.NewStatic("of another")}, Address, text); err == nil {
		t.Errorf("another deployment's is read: %+v", l)
	}
	if again := New(webhook.Tenant{ID: "acme"}, "", now, time.Minute); again.ID == want.ID {
		t.Errorf("two links have the id %s", again.ID)
	}
	if p := want.Use(now); p.ExpiresAt.Before(want.Expires) {
		t.Errorf("its use is forgotten at %v, before its end", p.ExpiresAt)
	}
}

func TestKey(t *testing.T) {
	l := Link{Tenant: "acme", Maker: "hash"}
	for name, tt := range map[string]struct {
		link  Link
		maker []string
		want  []string
	}{
		"the admin's":          {Link{Tenant: "acme"}, nil, Scopes()},
		"of a key with all":    {l, webhook.Scopes(), Scopes()},
		"of one with few":      {l, []string{"tenant:write", "keys:read", "events:write", "webhooks:read"}, []string{"webhooks:read"}},
		"of one that has none": {l, nil, []string{}},
	} {
		k := tt.link.Key(webhook.Key{Tenant: "acme", Scopes: tt.maker})
		if !slices.Equal(k.Scopes, tt.want) || k.Tenant != "acme" {
			t.Errorf("%s: got %v of %s, want %v", name, k.Scopes, k.Tenant, tt.want)
		}
	}
}

func FuzzOpen(f *testing.F) {
	box := seal.Box{Keys: seal.NewStatic("of this deployment")}
	good, err := Link{Tenant: "acme"}.Seal(f.Context(), box, Address)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("")
	f.Add("AQ")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := Open(t.Context(), box, Address, text)
		if err == nil && l.Tenant != "acme" {
			t.Errorf("%q: got %+v, which nobody sealed", text, l)
		}
	})
}
