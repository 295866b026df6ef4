// Package deployments has the console's pages of deployments and of the sources that report them.
package deployments

import (
	"context"
	"embed"
	"io/fs"

	"hookline/shared/console/chart"
	"hookline/shared/console/page"
	"hookline/shared/webhook"
)

// Store is the part of store.Store that finds a tenant's deployment, with its report as it came.
type Store interface {
	Deployment(ctx context.Context, tenant, id string) (webhook.Deployment, error)
}

//go:embed *.html parts
var templates embed.FS

// Room returns the pages.
func Room(store Store) page.Room {
	return page.Room{
		Templates: templates,
		Parts:     []fs.FS{chart.Parts()},
		Sections:  []page.Section{{Name: "deployments", Path: "/console/deployments", Label: "Deployments", Scope: "sources:read"}},
		Pages: map[string]func(*page.Visit){
			"GET /console/deployments":             list,
			"GET /console/deployments/{id}":        showDeployment,
			"GET /console/deployments/{id}/report": reports{store}.download,

			"GET /console/sources":              listSources,
			"GET /console/sources/new":          newSource,
			"POST /console/sources":             createSource,
			"GET /console/sources/{id}":         showGuide,
			"GET /console/sources/{id}/delete":  askDeleteSource,
			"POST /console/sources/{id}/delete": deleteSource,
		},
	}
}
