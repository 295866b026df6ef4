package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"hookline/shared/webhook"
)

// index is a store that has subscriptions alone.
type index struct {
	Store
	subs []webhook.Subscription
}

func (x index) Subscriptions(context.Context, string, []string, webhook.Page) (webhook.List[webhook.Subscription], error) {
	return webhook.List[webhook.Subscription]{Items: x.subs}, nil
}

func repeated(n int, element func(i int) string) string {
	elements := make([]string, n)
	for i := range elements {
		elements[i] = element(i)
	}
	return strings.Join(elements, ",")
}

func BenchmarkMatch(b *testing.B) {
	ranges := func(hook int) string {
		return `{"ip":[` + repeated(150, func(i int) string { return fmt.Sprintf(`{"cidr":"%d.%d.0.0/24"}`, 12+hook, i) }) + `]}`
	}
	addresses := func(n int) string {
		return `{"ip":[` + repeated(n, func(i int) string { return fmt.Sprintf(`"10.%d.%d.%d"`, i>>16, i>>8&255, i&255) }) + `]}`
	}
	for _, c := range []struct {
		name     string
		webhooks int
		filter   func(hook int) string
		events   int
		data     string
	}{
		{"attack/one event of 234 KiB", 50, ranges, 1, addresses(17_000)},
		{"attack/100 small events", 200, ranges, 100, addresses(70)},
		{"usual/100 events of 1 KB", 1000, func(hook int) string {
			return fmt.Sprintf(`{"status":["paid","shipped"],"customer":{"id":[%d]},"total":[{"numeric":[">",%d]}]}`, hook, hook)
		}, 100, `{"status":"paid","customer":{"id":7,"name":"Roe"},"total":500.25,"notes":"` + strings.Repeat("x", 900) + `"}`},
		{"usual/one filter in all webhooks", 5000, func(int) string { return `{"status":["paid"],"total":[{"numeric":[">",100]}]}` }, 10, `{"status":"paid","total":500.25}`},
		{"usual/no filters", 5000, func(int) string { return "" }, 10, `{"status":"paid","total":500.25}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			x := index{}
			for i := range c.webhooks {
				x.subs = append(x.subs, webhook.Subscription{Webhook: fmt.Sprint("wh_", i), Pattern: "*", Filter: json.RawMessage(c.filter(i))})
			}
			s := &Service{Store: x}
			pubs := make([]*publication, c.events)
			for i := range pubs {
				pubs[i] = &publication{accepted: accepted{Event: webhook.Event{Type: "a.b", Data: json.RawMessage(c.data)}}}
			}
			for b.Loop() {
				if err := s.match(b.Context(), "acme", pubs); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
