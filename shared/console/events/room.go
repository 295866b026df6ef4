// Package events has the console's pages of events: the events that were published, one event with its deliveries, and the
// catalogue of event types.
package events

import (
	"embed"
	"io/fs"

	"hookline/shared/console/feed"
	"hookline/shared/console/page"
)

//go:embed *.html
var templates embed.FS

// Room returns the pages.
func Room() page.Room {
	return page.Room{
		Templates: templates,
		Parts:     []fs.FS{feed.Parts()},
		Sections: []page.Section{
			{Name: "events", Path: "/console/events", Label: "Events", Scope: "events:read"},
			{Name: "catalogue", Path: "/console/event-types", Label: "Event types", Scope: "events:read"},
		},
		Pages: map[string]func(*page.Visit){
			"GET /console/events":              list,
			"GET /console/events/{id}":         showEvent,
			"GET /console/events/{id}/data":    downloadData,
			"POST /console/events/{id}/replay": replayEvent,

			"GET /console/event-types":                catalogue,
			"GET /console/event-types/{name}":         showType,
			"GET /console/event-types/{name}/example": downloadExample,
			"GET /console/event-types/{name}/schema":  downloadSchema,
		},
	}
}
