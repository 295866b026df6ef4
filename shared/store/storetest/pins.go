package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"hookline/shared/webhook"
)

// pin returns a pin of now that is not stored.
func (b *bench) pin(tenant, scope, key string) webhook.Pin {
	return webhook.Pin{Tenant: tenant, Scope: scope, Key: key, Hash: "hash", At: b.now, ExpiresAt: b.now.Add(24 * time.Hour)}
}

type pinned struct {
	Pin    webhook.Pin
	Stored bool
}

// must2 returns the values of a call of Pin or Pins that must not fail.
func must2[A, B any](a A, c B, err error) func(*bench) (A, B) {
	return func(b *bench) (A, B) {
		b.Helper()
		b.ok(err)
		return a, c
	}
}

// holds reads a pin by trying to store another in its place.
func (b *bench) holds(what string, want webhook.Pin) {
	b.Helper()
	probe := want
	probe.At, probe.Hash, probe.Answer = want.ExpiresAt.Add(-time.Millisecond), "probe", []byte("probe")
	got, stored := must2(b.s.Pin(b.Context(), probe))(b)
	b.equal(what, pinned{got, stored}, pinned{want, false})
	if (got.Answer == nil) != (want.Answer == nil) {
		b.Errorf("%s: got an answer %#v, want %#v", what, got.Answer, want.Answer)
	}
}

func pinChecks() []check {
	return []check{
		{"pin/the first wins and comes back whole", func(b *bench) {
			tenant := b.tenant()
			for name, answer := range map[string][]byte{
				"none": nil, "empty": {}, "bytes": {0, 0xff, '"', '{'}, "long": bytes.Repeat([]byte("answer "), 15_000),
			} {
				p := b.pin(tenant, odd, odd+name)
				p.Hash, p.Answer = odd, answer
				got, stored := must2(b.s.Pin(b.Context(), p))(b)
				b.equal(name, pinned{got, stored}, pinned{p, true})
				b.holds(name, p)
			}
		}},
		{"pin/the admin's have no tenant", func(b *bench) {
			p := b.pin("", "POST /v1/tenants", webhook.NewID("k", b.now))
			if _, stored := must2(b.s.Pin(b.Context(), p))(b); !stored {
				b.Error("got a pin that is there, want it stored")
			}
			b.holds("pin", p)
		}},
		{"pin/one is replaced from the moment it expires", func(b *bench) {
			p := b.pin(b.tenant(), "event", "evt_1")
			p.Answer = []byte("old")
			must2(b.s.Pin(b.Context(), p))(b)
			b.holds("just before", p)
			next := b.pin(p.Tenant, p.Scope, p.Key)
			next.At, next.Hash, next.ExpiresAt = p.ExpiresAt, "new", p.ExpiresAt.Add(24*time.Hour)
			got, stored := must2(b.s.Pin(b.Context(), next))(b)
			b.equal("at it", pinned{got, stored}, pinned{next, true})
			b.holds("afterwards", next)
		}},
		{"pin/scope and key do not run together", func(b *bench) {
			tenant := b.tenant()
			for _, sep := range []string{":", "#", "/", "|", "\x00", "\x1f", " ", "\\", "%"} {
				for _, p := range []webhook.Pin{
					b.pin(tenant, "a"+sep+"b", "c"), b.pin(tenant, "a", "b"+sep+"c"), b.pin(tenant, "", "a"+sep+"b"+sep+"c"),
				} {
					if _, stored := must2(b.s.Pin(b.Context(), p))(b); !stored {
						b.Errorf("%q %q: got a pin that is there, want it stored", p.Scope, p.Key)
					}
				}
			}
			one, other := b.pin(tenant, "case", "Key"), b.pin(tenant, "case", "key")
			for _, p := range []webhook.Pin{one, other} {
				if _, stored := must2(b.s.Pin(b.Context(), p))(b); !stored {
					b.Errorf("%q: got a pin that is there, want it stored", p.Key)
				}
			}
		}},
		{"pin/raced by 16 has one winner that all see", func(b *bench) {
			tenant := b.tenant()
			got := make([]pinned, 16)
			for _, err := range race(16, func(i int) (err error) {
				p := b.pin(tenant, "event", "evt_1")
				p.Hash, p.At = fmt.Sprint(i), b.now.Add(time.Duration(i)*time.Millisecond)
				got[i].Pin, got[i].Stored, err = b.s.Pin(b.Context(), p)
				return err
			}) {
				b.ok(err)
			}
			winner := slices.IndexFunc(got, func(p pinned) bool { return p.Stored })
			if winner < 0 {
				b.Fatal("got no winner, want one")
			}
			for i, p := range got {
				b.equal(fmt.Sprint("seen by ", i), p, pinned{got[winner].Pin, i == winner})
			}
			b.equal("the winner's", got[winner].Pin.Hash, fmt.Sprint(winner))
		}},
		{"pin/many at once, each by itself and in order", func(b *bench) {
			tenant := b.tenant()
			var ps []webhook.Pin
			for i := range 130 {
				p := b.pin(tenant, "event", fmt.Sprint("evt_", i))
				p.Answer = fmt.Append(nil, i)
				ps = append(ps, p)
			}
			must2(b.s.Pin(b.Context(), ps[1]))(b)
			must2(b.s.Pin(b.Context(), ps[129]))(b)
			again := slices.Clone(ps)
			for i := range again {
				again[i].Hash = "second"
			}
			twice := again[7]
			twice.Hash = "third"
			pins, stored := must2(b.s.Pins(b.Context(), append(again, twice)))(b)
			if len(pins) != 131 || len(stored) != 131 {
				b.Fatalf("got %d and %d results, want 131", len(pins), len(stored))
			}
			for i := range 130 {
				want := pinned{again[i], true}
				if i == 1 || i == 129 {
					want = pinned{ps[i], false}
				}
				b.equal(fmt.Sprint("pin ", i), pinned{pins[i], stored[i]}, want)
			}
			b.equal("the key that came twice", pinned{pins[130], stored[130]}, pinned{again[7], false})
			pins, stored = must2(b.s.Pins(b.Context(), nil))(b)
			b.equal("none", []int{len(pins), len(stored)}, []int{0, 0})
		}},
		{"pin/Repin replaces the pin of that time only", func(b *bench) {
			p := b.pin(b.tenant(), "event", "evt_1")
			b.conflict("no pin", b.s.Repin(b.Context(), p, p.At), "changed-meanwhile")
			must2(b.s.Pin(b.Context(), p))(b)
			later := p
			later.At, later.Hash, later.Answer, later.ExpiresAt = p.At.Add(time.Millisecond), "later", []byte("done"), p.ExpiresAt.Add(time.Hour)
			b.conflict("another time", b.s.Repin(b.Context(), later, later.At), "changed-meanwhile")
			b.holds("untouched", p)
			b.ok(b.s.Repin(b.Context(), later, p.At))
			b.holds("replaced", later)
			b.conflict("the old time", b.s.Repin(b.Context(), p, p.At), "changed-meanwhile")
			later.Answer = nil
			b.ok(b.s.Repin(b.Context(), later, later.At))
			b.holds("without an answer again", later)
		}},
		{"pin/Repin raced by 8 has one winner", func(b *bench) {
			p := b.pin(b.tenant(), "event", "evt_1")
			must2(b.s.Pin(b.Context(), p))(b)
			repin := func(i int) webhook.Pin {
				p := p
				p.At, p.Answer = p.At.Add(time.Duration(i+1)*time.Millisecond), fmt.Append(nil, i)
				return p
			}
			winner := b.oneWinner(race(8, func(i int) error { return b.s.Repin(b.Context(), repin(i), p.At) }), "changed-meanwhile")
			b.holds("pin", repin(winner))
		}},
		{"pin/Unpin forgets the pin of that time only", func(b *bench) {
			p := b.pin(b.tenant(), "event", "evt_1")
			b.ok(b.s.Unpin(b.Context(), p))
			must2(b.s.Pin(b.Context(), p))(b)
			other := p
			other.At = p.At.Add(time.Millisecond)
			b.ok(b.s.Unpin(b.Context(), other))
			b.holds("another time", p)
			b.ok(b.s.Unpin(b.Context(), p))
			if _, stored := must2(b.s.Pin(b.Context(), other))(b); !stored {
				b.Error("got the forgotten pin, want a new one stored")
			}
			b.ok(b.s.Unpin(b.Context(), p))
			b.holds("the one that came after", other)
		}},
		{"pin/Repin racing Unpin: one of them happened", func(b *bench) {
			tenant := b.tenant()
			for i := range 10 {
				p := b.pin(tenant, "event", fmt.Sprint("evt_", i))
				must2(b.s.Pin(b.Context(), p))(b)
				after := p
				after.At, after.Answer = p.At.Add(time.Millisecond), []byte("x")
				errs := race(2, func(i int) error {
					if i == 0 {
						return b.s.Repin(b.Context(), after, p.At)
					}
					return b.s.Unpin(b.Context(), p)
				})
				b.ok(errs[1])
				if errs[0] == nil {
					b.holds("repinned", after)
					continue
				}
				b.conflict("repin", errs[0], "changed-meanwhile")
				if _, stored := must2(b.s.Pin(b.Context(), p))(b); !stored {
					b.Error("got a pin, want none after Unpin")
				}
			}
		}},
	}
}

func payloadChecks() []check {
	return []check{
		{"payload/is written once and comes back as it was", func(b *bench) {
			tenant, expires := b.tenant(), b.now.Add(time.Hour)
			long := make([]byte, 300<<10)
			for i := range long {
				long[i] = byte(i * 7 >> 3)
			}
			want := map[string][]byte{"pay_bytes": {'d', 0, 0xff, '"'}, "pay_" + odd: []byte("odd"), "pay_long": long}
			for ref, body := range want {
				b.ok(b.s.PutPayload(b.Context(), tenant, ref, body, expires))
				b.ok(b.s.PutPayload(b.Context(), tenant, ref, body, expires))
				b.ok(b.s.PutPayload(b.Context(), tenant, ref, []byte("another"), expires))
			}
			got := must(b.s.Payloads(b.Context(), tenant, []string{"pay_long", "pay_bytes", absent, "pay_" + odd, "pay_bytes"}))(b)
			b.equal("bodies", got, want)
			b.equal("none", must(b.s.Payloads(b.Context(), tenant, nil))(b), map[string][]byte{})
		}},
		{"payload/drop", func(b *bench) {
			tenant, expires := b.tenant(), b.now.Add(time.Hour)
			for _, ref := range []string{"pay_1", "pay_2"} {
				b.ok(b.s.PutPayload(b.Context(), tenant, ref, []byte(ref), expires))
			}
			b.ok(b.s.DropPayload(b.Context(), tenant, "pay_1"))
			b.ok(b.s.DropPayload(b.Context(), tenant, "pay_1"))
			got := must(b.s.Payloads(b.Context(), tenant, []string{"pay_1", "pay_2"}))(b)
			b.equal("bodies", got, map[string][]byte{"pay_2": []byte("pay_2")})
		}},
		{"payload/more than 100 at once", func(b *bench) {
			tenant := b.tenant()
			want := make(map[string][]byte)
			var refs []string
			for i := range 130 {
				ref := fmt.Sprint("pay_", i)
				if i%10 != 0 {
					want[ref] = fmt.Append(nil, i)
					b.ok(b.s.PutPayload(b.Context(), tenant, ref, want[ref], b.now.Add(time.Hour)))
				}
				refs = append(refs, ref)
			}
			b.equal("bodies", must(b.s.Payloads(b.Context(), tenant, refs))(b), want)
		}},
	}
}
