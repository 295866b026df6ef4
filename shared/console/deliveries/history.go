package deliveries

import (
	"net/url"

	"hookline/shared/api"
	"hookline/shared/console/feed"
	"hookline/shared/console/page"
	"hookline/shared/console/record"
)

// historyPage is a list of deliveries, of one webhook or of all.
type historyPage struct {
	feed.List
	Data    []api.Delivery
	Names   map[string]string // labels of webhooks by id; nil in the list of one webhook
	Webhook *record.Webhook   // nil in the list of all
}

func showHistory(v *page.Visit) {
	history(v, nil, "/console/deliveries", "/v1/deliveries", "deliveries", v.Dialect.Words["deliveries"])
}

func showWebhookHistory(v *page.Visit) {
	var w record.Webhook
	if err := v.Get("/v1/webhooks/"+v.ID(), nil, &w); err != nil {
		v.Failed(err)
		return
	}
	history(v, &w, "/console/webhooks/"+v.ID()+"/deliveries", "/v1/webhooks/"+v.ID()+"/deliveries", "webhooks", v.Dialect.Words["deliveries"]+" · "+w.Label())
}

func history(v *page.Visit, of *record.Webhook, address, path, section, title string) {
	p := historyPage{List: feed.New(v, address), Webhook: of}
	p.Filter.Matched = "" // only events have it
	err := p.Read(v, "event_type", func(query url.Values) (int, *string, error) {
		var got api.List[api.Delivery]
		err := v.Get(path, query, &got)
		p.Data = append(p.Data, got.Data...)
		return len(p.Data), got.NextCursor, err
	})
	if err != nil {
		v.Failed(err)
		return
	}
	mark := page.Digest(p.Data)
	if v.Unchanged(mark) {
		return
	}
	newest := ""
	if len(p.Data) > 0 {
		newest = p.Data[0].EventType + ", " + v.Dialect.Words[string(p.Data[0].Status)]
		if p.Webhook == nil {
			var ids []string
			for _, d := range p.Data {
				ids = append(ids, d.WebhookID)
			}
			if p.Names, err = feed.Names(v, ids); err != nil {
				v.Failed(err)
				return
			}
		}
	}
	status := p.Finish(mark, len(p.Data), "delivery", "deliveries", newest)
	v.Show(status, "history", "list", section, title, &p)
}
