package dialect

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"hookline/shared/webhook"
)

// Store is the part of store.Store that keeps a deployment's own dialects. A Library relies on DialectHead being read
// fresh, and on a version never changing once it is stored.
type Store interface {
	DialectHead(ctx context.Context, name string) (webhook.DialectHead, error)
	DialectVersion(ctx context.Context, name string, version int) (webhook.DialectVersion, error)
	DialectHeads(ctx context.Context, page webhook.Page) (webhook.List[webhook.DialectHead], error)
}

// maxKept is how many versions a Library keeps parsed: a tenant's dialect is needed with each of its events.
const maxKept = 256

// Library is the built-in dialects and, in a store, a deployment's own. A built-in one costs no read. The newest
// version of one's own costs one small read, which is fresh: what was put before the call is found. A version never
// changes, so it is read once. The fields are set before use; a Library may be shared.
type Library struct {
	Builtin *Set
	Store   Store

	mu   sync.Mutex
	kept map[string]*Dialect // by reference
}

// Dialect returns the newest version under a name ("acme") or exactly the one a reference names ("acme@1"). A deleted
// name is found too: it is what tenants have that were made while it was being deleted, and what is queued refers to.
func (l *Library) Dialect(ctx context.Context, nameOrRef string) (*Dialect, error) {
	name, number, exact := strings.Cut(nameOrRef, "@")
	if l.BuiltIn(name) {
		return l.Builtin.Dialect(ctx, nameOrRef)
	}
	if !dialectName.MatchString(name) {
		return nil, webhook.ErrNotFound("dialect")
	}
	if exact {
		version, err := strconv.Atoi(number)
		if err != nil || version < 1 || strconv.Itoa(version) != number {
			return nil, webhook.ErrNotFound("dialect")
		}
		return l.version(ctx, name, version)
	}
	head, err := l.Store.DialectHead(ctx, name)
	if err != nil {
		return nil, err
	}
	return l.version(ctx, name, head.Version)
}

// Offered returns the newest version under a name that a tenant can be made with: neither a reference nor a deleted
// name.
func (l *Library) Offered(ctx context.Context, name string) (*Dialect, error) {
	if l.BuiltIn(name) {
		return l.Builtin.Dialect(ctx, name)
	}
	if !dialectName.MatchString(name) {
		return nil, webhook.ErrNotFound("dialect")
	}
	head, err := l.Store.DialectHead(ctx, name)
	if err != nil {
		return nil, err
	}
	if head.Deleted {
		return nil, webhook.ErrNotFound("dialect")
	}
	return l.version(ctx, name, head.Version)
}

// BuiltIn reports whether a name is that of a dialect that comes with Hookline.
func (l *Library) BuiltIn(name string) bool { return len(l.Builtin.byName[name]) > 0 }

// Names returns the names that are offered, sorted.
func (l *Library) Names(ctx context.Context) ([]string, error) {
	names := l.Builtin.Names()
	for page := (webhook.Page{Limit: 100}); ; {
		list, err := l.Store.DialectHeads(ctx, page)
		if err != nil {
			return nil, err
		}
		for _, head := range list.Items {
			if !l.BuiltIn(head.Name) { // one that came with a later release than its namesake
				names = append(names, head.Name)
			}
		}
		if page.Cursor = list.Next; page.Cursor == "" {
			slices.Sort(names)
			return names, nil
		}
	}
}

func (l *Library) version(ctx context.Context, name string, version int) (*Dialect, error) {
	ref := fmt.Sprintf("%s@%d", name, version)
	l.mu.Lock()
	d := l.kept[ref]
	l.mu.Unlock()
	if d != nil {
		return d, nil
	}
	stored, err := l.Store.DialectVersion(ctx, name, version)
	if err != nil {
		return nil, err
	}
	if d, err = Parse(stored.Description, nil); err != nil {
		// It was taken once: a release that refuses it is at fault, not whoever asks for it.
		return nil, &webhook.Error{Message: "stored dialect " + ref, Cause: err}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.kept) >= maxKept || l.kept == nil {
		l.kept = make(map[string]*Dialect) // whoever is in use comes back with its next event
	}
	l.kept[ref] = d
	return d, nil
}
