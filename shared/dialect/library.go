package dialect

import (
	"context"
	"errors"
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

// maxKept is how many parsed versions a Library keeps. A tenant's dialect is needed for each of its events.
const maxKept = 256

// Library has the built-in dialects and, in a store, a deployment's own. A built-in dialect costs no read. The newest version
// of an own one costs one small read, which finds every version that was put before the call. A version never changes, so
// that it is read once. The fields are set before use. A Library can be shared.
type Library struct {
	Builtin *Set
	Store   Store

	mu   sync.Mutex
	kept map[string]*Dialect // by reference
}

// ErrUnknown is the cause where the description of a stored version says what this release does not know. A later release may
// have put it.
var ErrUnknown = errors.New("the description is not one of this release's")

// Dialect returns the newest version of a name ("acme") or exactly the version of a reference ("acme@1"). It also finds a deleted
// name, because tenants can have been made while it was being deleted, and queued deliveries can refer to it.
func (l *Library) Dialect(ctx context.Context, nameOrRef string) (*Dialect, error) {
	name, number, exact := strings.Cut(nameOrRef, "@")
	if l.BuiltIn(name) {
		return l.Builtin.Dialect(ctx, nameOrRef)
	}
	if !validName(name) {
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

// Offered returns the newest version of a name that a new tenant can have. It takes neither references nor deleted names.
func (l *Library) Offered(ctx context.Context, name string) (*Dialect, error) {
	if l.BuiltIn(name) {
		return l.Builtin.Dialect(ctx, name)
	}
	if !validName(name) {
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

// BuiltIn reports whether a dialect of this name comes with Hookline.
func (l *Library) BuiltIn(name string) bool { return l.Builtin.byName[name] != nil }

// Names returns all offered names, sorted.
func (l *Library) Names(ctx context.Context) ([]string, error) {
	names := l.Builtin.Names()
	for page := (webhook.Page{Limit: 100}); ; {
		list, err := l.Store.DialectHeads(ctx, page)
		if err != nil {
			return nil, err
		}
		for _, head := range list.Items {
			if !l.BuiltIn(head.Name) { // the deployment put it before a release came with a dialect of this name
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
		// Another release accepted this description, so that this one is at fault and not the caller.
		return nil, &webhook.Error{Message: "stored dialect " + ref, Cause: fmt.Errorf("%w: %w", ErrUnknown, err)}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.kept) >= maxKept || l.kept == nil {
		l.kept = make(map[string]*Dialect) // dialects in use are parsed again with their next event
	}
	l.kept[ref] = d
	return d, nil
}
