package page

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
	"sync"

	"hookline/shared/console/diagnosis"
	"hookline/shared/console/record"
	"hookline/shared/console/words"
	"hookline/shared/prose"
)

//go:embed parts
var parts embed.FS

//go:embed error.html
var ownPages embed.FS

// templates returns what parses each page, which happens when it is first shown: parsing all of them takes longer than
// starting the function does. Each page has its own layout, parts that all rooms share and parts of its room: to copy them
// would take as long as to parse them.
func templates(rooms []Room) (map[string]func() (*template.Template, error), error) {
	pages := make(map[string]func() (*template.Template, error))
	for _, room := range append([]Room{{Templates: ownPages}}, rooms...) {
		files, err := fs.Glob(room.Templates, "*.html")
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			name := strings.TrimSuffix(file, ".html")
			if pages[name] != nil {
				return nil, fmt.Errorf("templates: two rooms have %s", file)
			}
			pages[name] = sync.OnceValues(func() (*template.Template, error) { return room.parse(file) })
		}
	}
	return pages, nil
}

// parse parses a page of the room.
func (r Room) parse(file string) (*template.Template, error) {
	t, err := template.New("").Funcs(functions()).ParseFS(parts, "parts/*.html")
	if err != nil {
		return nil, err
	}
	for _, files := range r.Parts {
		if t, err = t.ParseFS(files, "*.html"); err != nil {
			return nil, err
		}
	}
	own := []string{file}
	if shares, err := fs.Glob(r.Templates, "parts/*.html"); err != nil {
		return nil, err
	} else if len(shares) > 0 {
		own = append(shares, file)
	}
	return t.ParseFS(r.Templates, own...)
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
		"lower":   strings.ToLower,
		"outcome": record.Outcome,
		"sent":    record.Sent,
		"late":    record.Late,
		"retries": record.Retries,
		"why":     diagnosis.Explain,
		// endpoint names the file of a whole server after the file with the code that verifies.
		"endpoint": func(file string) string { return "endpoint" + path.Ext(file) },
	}
}
