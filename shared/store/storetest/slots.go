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
			ten := webhook.Pace{PerSecond: 10, Since: ms(0)}
			for _, step := range []struct {
				name      string
				ref       webhook.Ref
				pace      webhook.Pace
				n         int
				now, want time.Time
			}{
				{"the first is now", ref, ten, 3, ms(0), ms(0)},
				{"after the three", ref, ten, 1, ms(0), ms(300)},
				{"a later now is still before the next", ref, ten, 1, ms(399), ms(400)},
				{"another process's clock is a little behind", ref, ten, 1, ms(-1000), ms(500)},
				{"slots that passed are lost", ref, ten, 2, ms(5000), ms(5000)},
				{"at the same moment", ref, ten, 1, ms(5000), ms(5200)},
				{"another webhook's", other, ten, 1, ms(0), ms(0)},
				{"another tenant's", stranger, ten, 1, ms(0), ms(0)},
			} {
				got := must(b.s.ReserveSlots(b.Context(), step.ref, step.pace, step.n, step.now))(b)
				if !got.Equal(step.want) {
					b.Errorf("%s: got %v from now, want %v", step.name, got.Sub(b.now), step.want.Sub(b.now))
				}
			}
		}},
		{"slots/taken under another setting, or before the clock was set back, do not count", func(b *bench) {
			ref := webhook.Ref{Tenant: b.tenant(), ID: "wh_1"}
			s := func(n int) time.Time { return b.now.Add(time.Duration(n) * time.Second) }
			one := webhook.Pace{PerSecond: 1, Since: s(0)}
			for _, step := range []struct {
				name      string
				pace      webhook.Pace
				n         int
				now, want time.Time
			}{
				{"a line of ten minutes", one, 600, s(0), s(0)},
				{"its end", one, 1, s(1), s(600)},
				{"a raised rate", webhook.Pace{PerSecond: 100, Since: s(2)}, 500, s(2), s(2)},
				{"its end", webhook.Pace{PerSecond: 100, Since: s(2)}, 100, s(3), s(7)},
				{"a lowered rate", webhook.Pace{PerSecond: 1, Since: s(4)}, 600, s(4), s(4)},
				{"the same rate, raised and lowered since", webhook.Pace{PerSecond: 1, Since: s(6)}, 600, s(7), s(7)},
				{"its end", webhook.Pace{PerSecond: 1, Since: s(6)}, 600, s(8), s(607)},
				{"the clock was set back by an hour", webhook.Pace{PerSecond: 1, Since: s(6)}, 2, s(-3600), s(-3600)},
				{"and goes on", webhook.Pace{PerSecond: 1, Since: s(6)}, 1, s(-3599), s(-3598)},
			} {
				got := must(b.s.ReserveSlots(b.Context(), ref, step.pace, step.n, step.now))(b)
				if !got.Equal(step.want) {
					b.Errorf("%s: got %v from now, want %v", step.name, got.Sub(b.now), step.want.Sub(b.now))
				}
			}
		}},
		{"slots/reserved by 16 at once are none taken twice", func(b *bench) {
			ref := webhook.Ref{Tenant: b.tenant(), ID: "wh_1"}
			got, want := make([]time.Duration, 16), make([]time.Duration, 16)
			for i, err := range race(16, func(i int) error {
				start, err := b.s.ReserveSlots(b.Context(), ref, webhook.Pace{PerSecond: 4, Since: b.now}, 2, b.now)
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
