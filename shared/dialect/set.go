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
	"sync"

	"hookline/events"
	"hookline/shared/webhook"
)

//go:embed builtin/*.json
var builtin embed.FS

// Set has dialects by name and version. Those that come with Hookline are parsed by name, when they are first asked for: a
// process seldom needs all of them, and parsing takes longer than starting it does.
type Set struct {
	byName map[string]func() ([]*Dialect, error) // versions ascending
}

// Builtin returns the dialects that come with Hookline, with the examples of the repository's events folder.
func Builtin() (*Set, error) {
	files, err := fs.Glob(builtin, "builtin/*.json")
	if err != nil {
		return nil, fmt.Errorf("built-in dialects: %w", err)
	}
	byName := make(map[string][]string)
	for _, file := range files {
		// A file has the name of its dialect. A file with an older version adds @version.
		name, _, _ := strings.Cut(strings.TrimSuffix(path.Base(file), ".json"), "@")
		byName[name] = append(byName[name], file)
	}
	s := &Set{byName: make(map[string]func() ([]*Dialect, error))}
	for name, files := range byName {
		s.byName[name] = sync.OnceValues(func() ([]*Dialect, error) { return read(name, files) })
	}
	return s, nil
}

// read reads the built-in versions of a name.
func read(name string, files []string) ([]*Dialect, error) {
	examples, err := exampleFiles(events.FS(), name)
	if err != nil {
		return nil, fmt.Errorf("examples of %s: %w", name, err)
	}
	var all []*Dialect
	for _, file := range files {
		raw, err := builtin.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("built-in dialects: %w", err)
		}
		d, err := Parse(raw, examples)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, d)
	}
	return ascending(all)
}

// ascending sorts a name's versions, and fails if one is there twice.
func ascending(versions []*Dialect) ([]*Dialect, error) {
	slices.SortFunc(versions, func(a, b *Dialect) int { return cmp.Compare(a.Version, b.Version) })
	for i := 1; i < len(versions); i++ {
		if versions[i].Version == versions[i-1].Version {
			return nil, fmt.Errorf("dialect %s is there twice", versions[i].Ref())
		}
	}
	return versions, nil
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
	byName := make(map[string][]*Dialect)
	for _, d := range dialects {
		byName[d.Name] = append(byName[d.Name], d)
	}
	s := &Set{byName: make(map[string]func() ([]*Dialect, error))}
	for name, versions := range byName {
		versions, err := ascending(versions)
		if err != nil {
			return nil, err
		}
		s.byName[name] = func() ([]*Dialect, error) { return versions, nil }
	}
	return s, nil
}

// Dialect returns the newest version of a name ("standard") or exactly the version of a reference ("standard@1"). It fails with
// NotFound if there is none. It does not use the context, which other implementations need.
func (s *Set) Dialect(_ context.Context, nameOrRef string) (*Dialect, error) {
	name, _, exact := strings.Cut(nameOrRef, "@")
	load, ok := s.byName[name]
	if !ok {
		return nil, webhook.ErrNotFound("dialect")
	}
	versions, err := load()
	if err != nil {
		return nil, &webhook.Error{Message: "dialect " + name, Cause: err}
	}
	if !exact {
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
