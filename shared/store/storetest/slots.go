package storetest

import (
	"slices"
	"time"

	"hookline/shared/webhook"
)

func slotChecks() []check {
	return []check{
		{"slots/follow each other at the webhook's rate and never lie before now", func(b *bench) {
			ref := webhook.Ref{Tenant: b.tenant(), ID: "wh_1"}
			other := webhook.Ref{Tenant: ref.Tenant, ID: "wh_2"}
			stranger := webhook.Ref{Tenant: b.tenant(), ID: "wh_1"}
			ms := func(n int) time.Time { return b.now.Add(time.Duration(n) * time.Millisecond) }
			for _, step := range []struct {
				name         string
				ref          webhook.Ref
				perSecond, n int
				now, want    time.Time
			}{
				{"the first is now", ref, 10, 3, ms(0), ms(0)},
				{"after the three", ref, 10, 1, ms(0), ms(300)},
				{"a later now is still before the next", ref, 10, 1, ms(399), ms(400)},
				{"an earlier now", ref, 10, 1, ms(-1000), ms(500)},
				{"slots that passed are lost", ref, 10, 2, ms(5000), ms(5000)},
				{"another rate", ref, 100, 1, ms(5000), ms(5200)},
				{"after it", ref, 100, 1, ms(5000), ms(5210)},
				{"another webhook's", other, 10, 1, ms(0), ms(0)},
				{"another tenant's", stranger, 10, 1, ms(0), ms(0)},
			} {
				got := must(b.s.ReserveSlots(b.Context(), step.ref, step.perSecond, step.n, step.now))(b)
				if !got.Equal(step.want) {
					b.Errorf("%s: got %v from now, want %v", step.name, got.Sub(b.now), step.want.Sub(b.now))
				}
			}
		}},
		{"slots/reserved by 16 at once are none taken twice", func(b *bench) {
			ref := webhook.Ref{Tenant: b.tenant(), ID: "wh_1"}
			got, want := make([]time.Duration, 16), make([]time.Duration, 16)
			for i, err := range race(16, func(i int) error {
				start, err := b.s.ReserveSlots(b.Context(), ref, 4, 2, b.now)
				got[i] = start.Sub(b.now)
				return err
			}) {
				b.ok(err)
				want[i] = time.Duration(i) * 500 * time.Millisecond
			}
			slices.Sort(got)
			b.equal("starts", got, want)
		}},
	}
}
