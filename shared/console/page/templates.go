package page

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
	"time"

	"hookline/shared/console/chart"
	"hookline/shared/console/diagnosis"
	"hookline/shared/console/timeline"
	"hookline/shared/console/words"
	"hookline/shared/prose"
)

//go:embed parts
var parts embed.FS

//go:embed error.html
var ownPages embed.FS

// templates parses all pages, each with the layout and the parts that pages share.
func templates(rooms []Room) (map[string]*template.Template, error) {
	shared := template.New("").Funcs(functions())
	for _, from := range []struct {
		files   fs.FS
		pattern string
	}{{parts, "parts/*.html"}, {chart.Parts(), "*.html"}, {timeline.Parts(), "*.html"}} {
		if _, err := shared.ParseFS(from.files, from.pattern); err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
	}
	out := make(map[string]*template.Template)
	for _, room := range append([]Room{{Templates: ownPages}}, rooms...) {
		files, err := fs.Glob(room.Templates, "*.html")
		if err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
		for _, file := range files {
			t, err := shared.Clone()
			if err == nil {
				t, err = t.ParseFS(room.Templates, file)
			}
			name := strings.TrimSuffix(file, ".html")
			if err == nil && out[name] != nil {
				err = fmt.Errorf("two rooms have %s", file)
			}
			if err != nil {
				return nil, fmt.Errorf("templates: %w", err)
			}
			out[name] = t
		}
	}
	return out, nil
}

func functions() template.FuncMap {
	return template.FuncMap{
		// args puts several values into one, for a template that is given one: pairs of a name and a value.
		"args": func(pairs ...any) map[string]any {
			out := make(map[string]any)
			for i := 0; i+1 < len(pairs); i += 2 {
				out[pairs[i].(string)] = pairs[i+1]
			}
			return out
		},
		"time":    words.Time,
		"date":    words.Date,
		"took":    words.Took,
		"grouped": words.Grouped,
		"line":    prose.Line,
		"why":     diagnosis.Explain,
		"stamp":   func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") },
		// endpoint names the file of a whole server beside one with the code that verifies.
		"endpoint": func(file string) string { return "endpoint" + path.Ext(file) },
	}
}
