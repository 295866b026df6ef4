// Package deliveries has the console's pages of deliveries: the history, one delivery, and replays of one or of many.
package deliveries

import (
	"embed"
	"io/fs"

	"hookline/shared/console/feed"
	"hookline/shared/console/page"
	"hookline/shared/console/timeline"
)

//go:embed *.html
var templates embed.FS

// Room returns the pages.
func Room() page.Room {
	return page.Room{
		Templates: templates,
		Parts:     []fs.FS{feed.Parts(), timeline.Parts()},
		Sections:  []page.Section{{Name: "deliveries", Path: "/console/deliveries", Label: "Deliveries", Scope: "deliveries:read"}},
		Pages: map[string]func(*page.Visit){
			"GET /console/deliveries":               showHistory,
			"GET /console/webhooks/{id}/deliveries": showWebhookHistory,
			"GET /console/deliveries/{id}":          showDelivery,
			"GET /console/deliveries/{id}/body":     downloadBody,
			"POST /console/deliveries/{id}/replay":  replayDelivery,
			"POST /console/deliveries/{id}/cancel":  cancelDelivery,

			"GET /console/webhooks/{id}/replay":  askReplay,
			"POST /console/webhooks/{id}/replay": startReplay,
			"GET /console/replays/{id}":          showReplay,
			"POST /console/replays/{id}/cancel":  cancelReplay,
		},
	}
}
