// Package account has the console's pages of the tenant itself: its API keys, settings and portal links, and the mails that
// were sent to it.
package account

import (
	"embed"

	"hookline/shared/console/page"
)

//go:embed *.html
var templates embed.FS

// Room returns the pages. If mails is nil, there is no page of mails.
func Room(mails Mails) page.Room {
	sections := []page.Section{
		{Name: "keys", Path: "/console/keys", Label: "API keys", Scope: "keys:read"},
		{Name: "settings", Path: "/console/settings", Label: "Settings", Scope: "tenant:read"},
	}
	if mails != nil {
		sections = append(sections, page.Section{Name: "mails", Path: "/console/mails", Label: "Mails", Scope: "tenant:read"})
	}
	return page.Room{
		Templates: templates,
		Sections:  sections,
		Pages: map[string]func(*page.Visit){
			"GET /console/keys":              listKeys,
			"GET /console/keys/new":          newKey,
			"POST /console/keys":             createKey,
			"GET /console/keys/{id}/delete":  askDeleteKey,
			"POST /console/keys/{id}/delete": deleteKey,

			"GET /console/settings":              showSettings,
			"POST /console/settings":             updateSettings,
			"GET /console/settings/portal-link":  newPortalLink,
			"POST /console/settings/portal-link": createPortalLink,

			"GET /console/mails": mailbox{mails}.show,
		},
	}
}
