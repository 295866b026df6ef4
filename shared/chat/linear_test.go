package chat_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"hookline/shared/chat"
	"hookline/shared/ecmajson"
	"hookline/shared/webhook"
)

// costly makes about n bytes of the most expensive data: data that could be read again for each field or character.
var costly = map[string]func(n int) string{
	"a long key over many fields": func(n int) string {
		return `{"` + strings.Repeat("k", n/2) + `":{` + members(n/2) + `}}`
	},
	"long keys in long keys": func(n int) string {
		key := strings.Repeat("kK", n/8)
		return `{"` + key + `":{"` + key + `":{"` + key + `":{` + members(n/4) + `}}}}`
	},
	"a long key over many lists": func(n int) string {
		return `{"` + strings.Repeat("k", n/2) + `":[` + strings.Repeat(`{"a":1},`, n/32) + strings.Repeat(`[[]],`, n/32) + `{}]}`
	},
	"addresses that are none": func(n int) string { return text(strings.Repeat("https://a@", n/10)) },
	"addresses in addresses":  func(n int) string { return text(strings.Repeat("https://a%41", n/12)) },
	"beginnings of addresses": func(n int) string { return text(strings.Repeat("http://", n/7)) },
	"a long address":          func(n int) string { return text("https://a/" + strings.Repeat("%41", n/3)) },
	"addresses with dots":     func(n int) string { return text(strings.Repeat("https://.", n/9)) },
	"many long texts": func(n int) string {
		var b strings.Builder
		for i := range 25 {
			fmt.Fprintf(&b, `,"t%d":"%s"`, i, strings.Repeat("https://a@", n/250))
		}
		return "{" + b.String()[1:] + "}"
	},
	"marks":        func(n int) string { return text(strings.Repeat("a\u0301", n/3)) },
	"joined emoji": func(n int) string { return text(strings.Repeat("\U0001F469\u200D", n/7)) },
	"mentions":     func(n int) string { return text(strings.Repeat("@everyone<at>", n/13)) },
	"white space":  func(n int) string { return text(strings.Repeat(`\n`, n/2)) },
	"nested": func(n int) string {
		return strings.Repeat(`{"a":`, 500) + "[" + strings.Repeat("1,", n/2) + "1]" + strings.Repeat("}", 500)
	},
	"one long number": func(n int) string { return `{"a":` + strings.Repeat("1", n) + `}` },
	"many fields":     func(n int) string { return `{` + members(n) + `}` },
	"a long list":     func(n int) string { return `{"a":[` + strings.Repeat(`"b",`, n/4) + `"b"]}` },
}

func members(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, `,"%x":1`, i)
	}
	return b.String()[1:]
}

func text(s string) string { return `{"text":"` + s + `"}` }

func write(tb testing.TB, format, data string) []byte {
	tb.Helper()
	text, err := ecmajson.Read([]byte(data))
	if err != nil {
		tb.Fatal(err)
	}
	body, err := chat.Body(format, chat.Message{Product: "Acme", Type: "order.created", ID: "evt_1", Timestamp: "2026-03-20T12:00:00Z", Data: text})
	if err != nil {
		tb.Fatal(err)
	}
	return body
}

func BenchmarkCostly(b *testing.B) {
	for name, data := range costly {
		for _, format := range chat.Formats() {
			for _, n := range []int{64 << 10, 128 << 10, webhook.MaxDataBytes - 4096} {
				b.Run(fmt.Sprintf("%s/%s/%d", name, format, n), func(b *testing.B) {
					in := data(n)
					for b.Loop() {
						write(b, format, in)
					}
				})
			}
		}
	}
}

// TestLinear checks that the memory that is allocated grows linearly with the data. It would not if a label were made again for
// each field below it.
func TestLinear(t *testing.T) {
	spent := func(format, data string) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		write(t, format, data)
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	n, formats := 120<<10, chat.Formats()
	if testing.Short() { // under the race detector
		n, formats = n/4, formats[:1]
	}
	for name, data := range costly {
		for _, format := range formats {
			t.Run(name+"/"+format, func(t *testing.T) {
				once, twice := spent(format, data(n)), spent(format, data(2*n))
				if once > uint64(40*n+2<<20) || twice > uint64(2*40*n+2<<20) {
					t.Errorf("%d bytes took %d bytes of memory, %d took %d", n, once, 2*n, twice)
				}
			})
		}
	}
}

// TestAddressesAreReadOnce checks that fit looks for an address once where one can begin, and not again at each character
// after it. It compares the memory with that for the same text without addresses, because reading one allocates.
func TestAddressesAreReadOnce(t *testing.T) {
	allocs := func(format, data string) float64 {
		return testing.AllocsPerRun(3, func() { write(t, format, data) })
	}
	for _, part := range []string{"https://a@", "https://.", "http://", "https://a%zz", "https://[", "http://?"} {
		for _, format := range chat.Formats() {
			t.Run(part+"/"+format, func(t *testing.T) {
				n := 240 << 10 / len(part)
				if testing.Short() {
					n /= 8
				}
				got := allocs(format, text(strings.Repeat(part, n)))
				want := allocs(format, text(strings.Repeat(strings.Repeat("x", len(part)), n)))
				if got > want+50 {
					t.Errorf("%d allocations, and %d without addresses", int(got), int(want))
				}
			})
		}
	}
}
