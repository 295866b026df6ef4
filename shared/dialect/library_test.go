package dialect_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"hookline/shared/dialect"
	"hookline/shared/webhook"
)

// shelf is a store in memory that counts how often it is read.
type shelf struct {
	heads    map[string]webhook.DialectHead
	versions map[string]string // descriptions by reference
	reads    []string
	err      error
}

func (s *shelf) DialectHead(_ context.Context, name string) (webhook.DialectHead, error) {
	s.reads = append(s.reads, "head "+name)
	if h, ok := s.heads[name]; ok || s.err != nil {
		return h, s.err
	}
	return webhook.DialectHead{}, webhook.ErrNotFound("dialect")
}

func (s *shelf) DialectVersion(_ context.Context, name string, version int) (webhook.DialectVersion, error) {
	ref := fmt.Sprintf("%s@%d", name, version)
	s.reads = append(s.reads, ref)
	if d, ok := s.versions[ref]; ok || s.err != nil {
		return webhook.DialectVersion{Name: name, Version: version, Description: []byte(d)}, s.err
	}
	return webhook.DialectVersion{}, webhook.ErrNotFound("dialect")
}

// DialectHeads lists one at a time.
func (s *shelf) DialectHeads(_ context.Context, page webhook.Page) (l webhook.List[webhook.DialectHead], err error) {
	for _, name := range []string{"acme", "bolt", "standard"} {
		if h, ok := s.heads[name]; ok && !h.Deleted && name > page.Cursor {
			if len(l.Items) == 1 {
				l.Next = l.Items[0].Name
				return l, s.err
			}
			l.Items = append(l.Items, h)
		}
	}
	return l, s.err
}

func (s *shelf) put(t *testing.T, name string, version int) {
	t.Helper()
	named, err := dialect.Named([]byte(strings.Replace(minimal, `"name": "acme", `, "", 1)), name, version)
	if err != nil {
		t.Fatal(err)
	}
	s.heads[name] = webhook.DialectHead{Name: name, Version: version}
	s.versions[fmt.Sprintf("%s@%d", name, version)] = string(named)
}

func TestLibrary(t *testing.T) {
	set, err := builtins()
	if err != nil {
		t.Fatal(err)
	}
	store := &shelf{heads: map[string]webhook.DialectHead{}, versions: map[string]string{}}
	l := &dialect.Library{Builtin: set, Store: store}
	for _, name := range []string{"acme", "bolt", "standard"} { // the last has come with the system since
		store.put(t, name, 1)
	}
	find := func(ask func(context.Context, string) (*dialect.Dialect, error), nameOrRef, ref string, reads ...string) {
		t.Helper()
		store.reads = nil
		got, err := ask(t.Context(), nameOrRef)
		switch {
		case ref == "" && (!webhook.Is(err, webhook.NotFound)):
			t.Errorf("%s: got %v, %v, want NotFound", nameOrRef, got, err)
		case ref != "" && (err != nil || got.Ref() != ref):
			t.Errorf("%s: got %v, %v, want %s", nameOrRef, got, err, ref)
		}
		if !slices.Equal(store.reads, reads) {
			t.Errorf("%s: read %q, want %q", nameOrRef, store.reads, reads)
		}
	}
	find(l.Dialect, "standard", "standard@1")
	find(l.Dialect, "standard@1", "standard@1")
	find(l.Dialect, "standard@2", "")
	find(l.Offered, "standard", "standard@1")
	find(l.Offered, "standard@1", "")

	find(l.Dialect, "acme", "acme@1", "head acme", "acme@1")
	find(l.Dialect, "acme", "acme@1", "head acme") // a version is read once
	find(l.Dialect, "acme@1", "acme@1")
	find(l.Offered, "acme", "acme@1", "head acme")
	find(l.Offered, "acme@1", "")
	find(l.Dialect, "acme@2", "", "acme@2")
	store.put(t, "acme", 2)
	find(l.Dialect, "acme", "acme@2", "head acme", "acme@2") // a name is read fresh
	find(l.Dialect, "acme@1", "acme@1")
	for _, none := range []string{"", "@", "@1", "acme@", "acme@0", "acme@01", "acme@-1", "acme@x", "Acme", "acme/1", strings.Repeat("a", 64)} {
		find(l.Dialect, none, "")
		find(l.Offered, none, "")
	}
	find(l.Dialect, "nobody", "", "head nobody")
	find(l.Offered, "nobody", "", "head nobody")

	names, err := l.Names(t.Context())
	if want := append([]string{"acme"}, "agiletune", "axiestudio", "axoria", "bolt", "codmir", "standard"); err != nil || !slices.Equal(names, want) {
		t.Errorf("Names = %q, %v, want %q", names, err, want)
	}
	if !l.BuiltIn("standard") || l.BuiltIn("acme") {
		t.Error("BuiltIn does not tell them apart")
	}

	store.heads["acme"] = webhook.DialectHead{Name: "acme", Version: 2, Deleted: true}
	find(l.Dialect, "acme", "acme@2", "head acme")
	find(l.Offered, "acme", "", "head acme")
	if names, _ := l.Names(t.Context()); slices.Contains(names, "acme") {
		t.Errorf("Names = %q: a deleted one is offered", names)
	}

	store.err = webhook.ErrUnavailable(errors.New("throttled"))
	for name, ask := range map[string]func(context.Context, string) (*dialect.Dialect, error){"Dialect": l.Dialect, "Offered": l.Offered} {
		if got, err := ask(t.Context(), "bolt"); !webhook.Is(err, webhook.Unavailable) {
			t.Errorf("%s = %v, %v, want the store's fault", name, got, err)
		}
	}
	if _, err := l.Names(t.Context()); !webhook.Is(err, webhook.Unavailable) {
		t.Errorf("Names: %v, want the store's fault", err)
	}
}

// TestLibraryIsBounded resolves more versions than are kept, and the first ones again.
func TestLibraryIsBounded(t *testing.T) {
	store := &shelf{heads: map[string]webhook.DialectHead{}, versions: map[string]string{}}
	set, err := dialect.NewSet()
	if err != nil {
		t.Fatal(err)
	}
	l := &dialect.Library{Builtin: set, Store: store}
	const versions, again = 260, 10
	for v := 1; v <= versions; v++ {
		store.put(t, "acme", v)
	}
	for _, last := range []int{versions, again} {
		for v := 1; v <= last; v++ {
			ref := fmt.Sprintf("acme@%d", v)
			if d, err := l.Dialect(t.Context(), ref); err != nil || d.Ref() != ref {
				t.Fatalf("%s: %v, %v", ref, d, err)
			}
		}
	}
	if n := len(store.reads); n <= versions || n > versions+again {
		t.Errorf("%d reads: nothing, or everything, is let go", n)
	}
}

func TestNamed(t *testing.T) {
	tests := []struct{ description, want, fault string }{
		{`{ "version": 9, "b": {"x": 1.0}, "name": "acme", "a": [] }`, `{"name":"acme","version":2,"b":{"x":1.0},"a":[]}`, ""},
		{`{}`, `{"name":"acme","version":2}`, ""},
		{`{"version": null}`, `{"name":"acme","version":2}`, ""},
		{`{"name": "bolt"}`, "", "name"},
		{`{"name": null}`, "", "name"},
		{`{"name": 1}`, "", "name"},
		{`{"name": "acme", "name": "acme"}`, "", "name"},
		{`[]`, "", "description"},
	}
	for _, tt := range tests {
		got, err := dialect.Named([]byte(tt.description), "acme", 2)
		if e, ok := errors.AsType[*webhook.Error](err); string(got) != tt.want || ok != (tt.fault != "") || ok && e.Fields[0].Field != tt.fault {
			t.Errorf("Named(%s) = %s, %v, want %s or a fault of %s", tt.description, got, err, tt.want, tt.fault)
		}
	}
}

// TestBounds checks that no description leads to a report or a request without a bound.
func TestBounds(t *testing.T) {
	parse := func(old, replacement string) []webhook.FieldError {
		t.Helper()
		_, err := dialect.Parse([]byte(strings.Replace(minimal, old, replacement, 1)), nil)
		e, ok := errors.AsType[*webhook.Error](err)
		if !ok {
			t.Fatalf("%v, want it refused", err)
		}
		return e.Fields
	}
	var unknown, headers, events []string
	for i := range 1100 {
		unknown = append(unknown, fmt.Sprintf(`"%d%s": 1`, i, strings.Repeat("é", 1000)))
		headers = append(headers, fmt.Sprintf(`"X-%d": "x"`, i))
		events = append(events, fmt.Sprintf(`{"name": "e%d", "description": "x"}`, i))
	}
	faults := parse(`"body"`, strings.Join(unknown, ",")+`, "body"`)
	if len(faults) != 100 {
		t.Errorf("%d faults are named, want 100", len(faults))
	}
	for _, f := range faults {
		if len(f.Field) > 310 || len(f.Message) > 310 {
			t.Fatalf("a fault of %d and %d bytes", len(f.Field), len(f.Message))
		}
	}
	if got := parse(`"X-Acme-Signature"`, strings.Join(headers[:50], ",")+`, "X-Acme-Signature"`); got[0].Field != "headers" {
		t.Errorf("51 headers: got %v", got)
	}
	if got := parse(`{"name": "a.b"`, strings.Join(events, ",")+`, {"name": "a.b"`); len(got) != 1 || got[0].Field != "catalogue.events" {
		t.Errorf("1,101 events: got %v", got)
	}
}
