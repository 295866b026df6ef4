package dialect

import (
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"hookline/events"
	"hookline/shared/webhook"
)

//go:embed builtin/*.json
var builtin embed.FS

// Set has dialects by name and version.
type Set struct {
	byName map[string][]*Dialect // versions ascending
}

// Builtin returns the dialects that come with Hookline, with the examples of the repository's events folder.
func Builtin() (*Set, error) {
	files, err := fs.Glob(builtin, "builtin/*.json")
	if err != nil {
		return nil, fmt.Errorf("built-in dialects: %w", err)
	}
	var all []*Dialect
	for _, file := range files {
		raw, err := builtin.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("built-in dialects: %w", err)
		}
		// A file has the name of its dialect. A file with an older version adds @version.
		name, _, _ := strings.Cut(strings.TrimSuffix(path.Base(file), ".json"), "@")
		examples, err := exampleFiles(events.FS(), name)
		if err != nil {
			return nil, fmt.Errorf("examples of %s: %w", name, err)
		}
		d, err := Parse(raw, examples)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, d)
	}
	return NewSet(all...)
}

// exampleFiles reads the examples of a folder, by event type.
func exampleFiles(fsys fs.FS, folder string) (map[string]json.RawMessage, error) {
	files, err := fs.Glob(fsys, folder+"/*.json")
	if err != nil {
		return nil, err
	}
	examples := make(map[string]json.RawMessage)
	for _, file := range files {
		raw, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, err
		}
		examples[strings.TrimSuffix(path.Base(file), ".json")] = raw
	}
	return examples, nil
}

// NewSet returns a set of dialects. It fails if two have the same name and version.
func NewSet(dialects ...*Dialect) (*Set, error) {
	s := &Set{byName: make(map[string][]*Dialect)}
	seen := make(map[string]bool)
	for _, d := range dialects {
		if seen[d.Ref()] {
			return nil, fmt.Errorf("dialect %s is there twice", d.Ref())
		}
		seen[d.Ref()] = true
		s.byName[d.Name] = append(s.byName[d.Name], d)
	}
	for _, versions := range s.byName {
		slices.SortFunc(versions, func(a, b *Dialect) int { return cmp.Compare(a.Version, b.Version) })
	}
	return s, nil
}

// Dialect returns the newest version of a name ("standard") or exactly the version of a reference ("standard@1"). It fails with
// NotFound if there is none. It does not use the context, which other implementations need.
func (s *Set) Dialect(_ context.Context, nameOrRef string) (*Dialect, error) {
	name, _, exact := strings.Cut(nameOrRef, "@")
	versions := s.byName[name]
	if !exact && len(versions) > 0 {
		return versions[len(versions)-1], nil
	}
	for _, d := range versions {
		if d.Ref() == nameOrRef {
			return d, nil
		}
	}
	return nil, webhook.ErrNotFound("dialect")
}

// Names returns the names in the set, sorted.
func (s *Set) Names() []string { return slices.Sorted(maps.Keys(s.byName)) }
