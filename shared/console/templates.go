package console

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"hookline/shared/format"
	"hookline/shared/prose"
	"hookline/shared/webhook"
)

//go:embed templates
var templateFiles embed.FS

// templates parses all pages, each with the layout and the parts that pages share.
func templates() (map[string]*template.Template, error) {
	shared, err := template.New("").Funcs(functions()).ParseFS(templateFiles, "templates/shared/*.html")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	out := make(map[string]*template.Template)
	for _, file := range files {
		t, err := shared.Clone()
		if err == nil {
			t, err = t.ParseFS(templateFiles, file)
		}
		if err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
		out[strings.TrimSuffix(path.Base(file), ".html")] = t
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
		"time":    shortTime,
		"date":    func(s string) string { day, _, _ := strings.Cut(shortTime(s), ","); return day },
		"took":    took,
		"grouped": grouped,
		"hours":   hoursChart,
		"counted": deliveriesOf,
		"formats": format.Names, // the labels are the words format_<name>
		// endpoint names the file of a whole server beside one with the code that verifies.
		"endpoint": func(file string) string { return "endpoint" + path.Ext(file) },
		"line":     prose.Line,
		"statuses": deliveryStatuses,
		"stamp":    func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") },
	}
}

// section is an entry of the navigation; without the scope it has nothing to show. Scope "" is for everybody.
type section struct{ Name, Path, Label, Scope string }

func sections() []section {
	return []section{
		{"webhooks", "/console/webhooks", "Webhooks", "webhooks:read"},
		{"deliveries", "/console/deliveries", "Deliveries", "deliveries:read"},
		{"events", "/console/events", "Events", "events:read"},
		{"catalogue", "/console/event-types", "Event types", "events:read"},
		{"deployments", "/console/deployments", "Deployments", "sources:read"},
		{"keys", "/console/keys", "API keys", "keys:read"},
		{"settings", "/console/settings", "Settings", "tenant:read"},
		{"mails", "/console/mails", "Mails", "tenant:read"},
		{"help", "/console/help", "Help", ""},
	}
}

// deliveryStatuses are what deliveries can be, as a filter offers them.
func deliveryStatuses() []string {
	return []string{string(webhook.Succeeded), string(webhook.Failed), string(webhook.Pending)}
}

// sections returns those that the visitor may see.
func (v *visit) sections() []section {
	return slices.DeleteFunc(sections(), func(s section) bool {
		return s.Scope != "" && !v.key.Grants(s.Scope) || s.Name == "mails" && v.Mails == nil
	})
}

// start is where a visit begins: the first section that the visitor may see.
func (v *visit) start() string {
	if seen := v.sections(); len(seen) > 0 {
		return seen[0].Path
	}
	return "/console/webhooks"
}

// shortTime writes a time of the API as people read it; what is no such time stays.
func shortTime(s string) string {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return s
	}
	return t.UTC().Format("2 Jan 2006, 15:04:05 UTC")
}
