package cursor

import "hookline/shared/webhook"

const defaultLimit = 20

// MaxScan bounds how many entries one page looks through for a filter.
const MaxScan = 1000

// MaxBytes bounds what one page carries of entries that are weighed; it may exceed it by less than one entry.
const MaxBytes = 1 << 20

// Page builds one page from entries in the list's order. For each entry Full is asked first, so that an entry beyond
// the page shows that there is a next one.
type Page[T any] struct {
	List  webhook.List[T]
	Limit int // entries asked for
	seen  int
	bytes int
	last  func() string // cursor of the last entry seen
}

// NewPage returns an empty page of as many entries as were asked for.
func NewPage[T any](page webhook.Page) *Page[T] { return &Page[T]{Limit: Limit(page)} }

// Limit is how many entries a page asks for.
func Limit(page webhook.Page) int {
	if page.Limit <= 0 {
		return defaultLimit
	}
	return page.Limit
}

// Full reports whether the page takes no further entry, and if so where the next one begins.
func (p *Page[T]) Full() bool {
	full := len(p.List.Items) == p.Limit || p.seen >= max(MaxScan, p.Limit) || p.bytes >= MaxBytes
	if full {
		p.List.Next = p.last()
	}
	return full
}

// Saw counts an entry, on the page or passed over by a filter; at gives its cursor, should the page end there.
func (p *Page[T]) Saw(at func() string) {
	p.seen++
	p.last = at
}

// Weigh counts the bytes of an entry on the page that may be large.
func (p *Page[T]) Weigh(bytes int) { p.bytes += bytes }

// Answer is the page, unless reading it failed.
func (p *Page[T]) Answer(err error) (webhook.List[T], error) {
	if err != nil {
		return webhook.List[T]{}, err
	}
	return p.List, nil
}
