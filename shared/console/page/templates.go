package page

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"

	"hookline/shared/console/diagnosis"
	"hookline/shared/console/record"
	"hookline/shared/console/words"
	"hookline/shared/prose"
)

//go:embed parts
var parts embed.FS

//go:embed error.html
var ownPages embed.FS

// templates parses all pages. Each has a copy of the layout, of the parts that all rooms share and of its room's parts:
// copies are most of the work, so a part that few rooms use is theirs.
func templates(rooms []Room) (map[string]*template.Template, error) {
	shared, err := template.New("").Funcs(functions()).ParseFS(parts, "parts/*.html")
	out := make(map[string]*template.Template)
	for _, room := range append([]Room{{Templates: ownPages}}, rooms...) {
		if err == nil {
			err = room.parse(shared, out)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	return out, nil
}

// parse adds the room's pages to pages.
func (r Room) parse(shared *template.Template, pages map[string]*template.Template) error {
	own, err := shared.Clone()
	if err != nil {
		return err
	}
	for _, files := range r.Parts {
		if own, err = own.ParseFS(files, "*.html"); err != nil {
			return err
		}
	}
	shares, err := fs.Glob(r.Templates, "parts/*.html")
	if err == nil && len(shares) > 0 {
		own, err = own.ParseFS(r.Templates, shares...)
	}
	if err != nil {
		return err
	}
	files, err := fs.Glob(r.Templates, "*.html")
	if err != nil {
		return err
	}
	for _, file := range files {
		t, err := own.Clone()
		if err == nil {
			t, err = t.ParseFS(r.Templates, file)
		}
		name := strings.TrimSuffix(file, ".html")
		if err == nil && pages[name] != nil {
			err = fmt.Errorf("two rooms have %s", file)
		}
		if err != nil {
			return err
		}
		pages[name] = t
	}
	return nil
}

func functions() template.FuncMap {
	return template.FuncMap{
		// args makes one value of pairs of a name and a value, because a template takes only one.
		"args": func(pairs ...any) map[string]any {
			out := make(map[string]any)
			for i := 0; i+1 < len(pairs); i += 2 {
				out[pairs[i].(string)] = pairs[i+1]
			}
			return out
		},
		"time":    func(t any) string { return words.Time(fmt.Sprint(t)) }, // t is an api.Time, or a text of the API
		"date":    words.Date,
		"took":    words.Took,
		"grouped": words.Grouped,
		"line":    prose.Line,
		"outcome": record.Outcome,
		"sent":    record.Sent,
		"late":    record.Late,
		"retries": record.Retries,
		"why":     diagnosis.Explain,
		// endpoint names the file of a whole server after the file with the code that verifies.
		"endpoint": func(file string) string { return "endpoint" + path.Ext(file) },
	}
}
