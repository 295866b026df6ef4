package cursor

import "hookline/shared/webhook"

const defaultLimit = 20

// MaxScan is how many entries one page looks through for a filter at most.
const MaxScan = 1000

// MaxBytes is the size of a page whose entries are weighed. A page may exceed it by less than one entry.
const MaxBytes = 1 << 20

// Page builds one page from entries in the list's order. Full is asked before each entry, so an entry beyond the page
// shows that there is a next page.
type Page[T any] struct {
	List  webhook.List[T]
	Limit int // entries asked for
	seen  int
	bytes int
	last  func() string // cursor of the last entry seen
}

// NewPage returns an empty page with the limit that was asked for.
func NewPage[T any](page webhook.Page) *Page[T] { return &Page[T]{Limit: Limit(page)} }

// Limit returns how many entries a page takes.
func Limit(page webhook.Page) int {
	if page.Limit <= 0 {
		return defaultLimit
	}
	return page.Limit
}

// Full reports whether the page takes no further entry. If so, it notes where the next page begins.
func (p *Page[T]) Full() bool {
	full := len(p.List.Items) == p.Limit || p.seen >= max(MaxScan, p.Limit) || p.bytes >= MaxBytes
	if full {
		p.List.Next = p.last()
	}
	return full
}

// Saw counts an entry, which is on the page or was left out by a filter. at returns its cursor, in case the page ends
// there.
func (p *Page[T]) Saw(at func() string) {
	p.seen++
	p.last = at
}

// Weigh counts the bytes of an entry on the page that may be large.
func (p *Page[T]) Weigh(bytes int) { p.bytes += bytes }

// Answer returns the page, or the error of reading it.
func (p *Page[T]) Answer(err error) (webhook.List[T], error) {
	if err != nil {
		return webhook.List[T]{}, err
	}
	return p.List, nil
}
