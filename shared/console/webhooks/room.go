// Package webhooks has the console's pages of webhooks: the list, one webhook, its form and its secret, tests,
// troubleshooting, and imports.
package webhooks

import (
	"embed"
	"io/fs"

	"hookline/shared/console/chart"
	"hookline/shared/console/feed"
	"hookline/shared/console/page"
	"hookline/shared/console/receiver"
	"hookline/shared/seal"
)

//go:embed *.html
var templates embed.FS

// Room returns the pages. The box seals the list that a page carries between the two steps of an import.
func Room(box seal.Box) page.Room {
	imports := importer{box}
	return page.Room{
		Templates: templates,
		Parts:     []fs.FS{chart.Parts(), feed.Parts(), receiver.Parts()},
		Sections:  []page.Section{{Name: "webhooks", Path: "/console/webhooks", Label: "Webhooks", Scope: "webhooks:read"}},
		Pages: map[string]func(*page.Visit){
			"GET /console/{$}": func(v *page.Visit) { v.Redirect(v.FirstPage()) },

			"GET /console/webhooks":              list,
			"GET /console/webhooks/new":          newWebhook,
			"POST /console/webhooks":             createWebhook,
			"POST /console/webhook-form":         draftWebhook,
			"GET /console/webhooks/{id}":         showWebhook,
			"GET /console/webhooks/{id}/recent":  showRecent,
			"GET /console/webhooks/{id}/edit":    editWebhook,
			"POST /console/webhooks/{id}":        updateWebhook,
			"GET /console/webhooks/{id}/delete":  askDelete,
			"POST /console/webhooks/{id}/delete": deleteWebhook,

			"GET /console/webhooks/{id}/rotate-secret":  askRotate,
			"POST /console/webhooks/{id}/rotate-secret": rotateSecret,
			"GET /console/webhooks/{id}/verify":         showVerify,
			"GET /console/webhooks/{id}/test":           askTest,
			"POST /console/webhooks/{id}/test":          sendTest,
			"GET /console/webhooks/{id}/troubleshoot":   troubleshoot,

			"GET /console/import":  imports.ask,
			"POST /console/import": imports.take,
		},
	}
}
