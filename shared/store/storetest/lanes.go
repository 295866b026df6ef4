package storetest

import (
	"slices"
	"time"
)

func laneChecks() []check {
	return []check{
		{"lanes/are taken until their time or given back, and counted by name", func(b *bench) {
			name, other := b.tenant(), b.tenant() // names that nothing else has
			s := func(n int) time.Time { return b.now.Add(time.Duration(n) * time.Second) }
			take := func(name string, n int, now, until time.Time, want bool) int {
				b.Helper()
				lane := must(b.s.TakeLane(b.Context(), name, n, now, until))(b)
				if (lane >= 0) != want || lane >= n {
					b.Errorf("got lane %d of %d at %v, want one: %t", lane, n, now.Sub(b.now), want)
				}
				return lane
			}
			first := take(name, 2, s(0), s(50), true)
			second := take(name, 2, s(1), s(51), true)
			if first == second {
				b.Errorf("lane %d was taken twice", first)
			}
			take(name, 2, s(2), s(52), false)
			take(other, 1, s(2), s(52), true)
			take(name, 3, s(2), s(52), true)                    // one more
			b.ok(b.s.FreeLane(b.Context(), name, first, s(49))) // not as it was taken
			take(name, 3, s(3), s(53), false)
			b.ok(b.s.FreeLane(b.Context(), name, first, s(50)))
			if again := take(name, 3, s(4), s(54), true); again != first {
				b.Errorf("got lane %d, want %d, which was given back", again, first)
			}
			b.ok(b.s.FreeLane(b.Context(), name, first, s(50))) // another has it
			take(name, 3, s(5), s(55), false)
			if again := take(name, 3, s(51), s(101), true); again != second {
				b.Errorf("got lane %d, want %d, whose time has come", again, second)
			}
			take(name, 3, s(51), s(101), false)
			b.ok(b.s.FreeLane(b.Context(), name, 7, s(1))) // never taken
			b.ok(b.s.FreeLane(b.Context(), absent, 0, s(1)))
		}},
		{"lanes/taken before the clock was set back are free", func(b *bench) {
			name := b.tenant()
			for range 2 {
				must(b.s.TakeLane(b.Context(), name, 2, b.now.Add(time.Hour), b.now.Add(time.Hour+time.Minute)))(b)
			}
			if got := must(b.s.TakeLane(b.Context(), name, 2, b.now, b.now.Add(time.Minute)))(b); got < 0 {
				b.Error("all lanes are taken for an hour")
			}
		}},
		{"lanes/of 4 that 16 want at once go to 4", func(b *bench) {
			name := b.tenant()
			got := make([]int, 16)
			for _, err := range race(16, func(i int) (err error) {
				got[i], err = b.s.TakeLane(b.Context(), name, 4, b.now, b.now.Add(time.Minute))
				return err
			}) {
				b.ok(err)
			}
			slices.Sort(got)
			b.equal("lanes", got[12:], []int{0, 1, 2, 3})
			if got[11] != -1 {
				b.Errorf("got %v, want 4 lanes", got)
			}
		}},
	}
}
