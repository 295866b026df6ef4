package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"hookline/shared/webhook"
)

// dialectName returns a name that was not used before. Dialects belong to no tenant, so all checks of a table share the
// names.
func (b *bench) dialectName() string { return strings.ToLower(webhook.NewID("d-", b.now)) }

// version returns a version of a dialect that is not stored.
func (b *bench) version(name string, version int) webhook.DialectVersion {
	return webhook.DialectVersion{
		Name: name, Version: version, Description: json.RawMessage(fmt.Sprintf("{ \"v\":%d, \"n\": 1.0,\n\"x\":\"<é\\u0000>\" }", version)),
		CreatedAt: b.now.Add(time.Duration(version) * time.Millisecond),
	}
}

// put stores the next version of a dialect and returns it.
func (b *bench) put(name string, version int) webhook.DialectVersion {
	b.Helper()
	d := b.version(name, version)
	b.ok(b.s.PutDialect(b.Context(), d))
	return d
}

// standsFor checks a name's head.
func (b *bench) standsFor(what, name string, version int, deleted bool) {
	b.Helper()
	b.equal(what, must(b.s.DialectHead(b.Context(), name))(b), webhook.DialectHead{Name: name, Version: version, Deleted: deleted})
}

// heads lists the dialects whose names have that prefix.
func (b *bench) heads(prefix string, limit int) []webhook.DialectHead {
	b.Helper()
	return slices.DeleteFunc(collect(b, limit, func(p webhook.Page) (webhook.List[webhook.DialectHead], error) {
		return b.s.DialectHeads(b.Context(), p)
	}), func(h webhook.DialectHead) bool { return !strings.HasPrefix(h.Name, prefix) })
}

func dialectChecks() []check {
	return []check{
		{"dialect/each version comes back whole", func(b *bench) {
			name := b.dialectName()
			versions := []webhook.DialectVersion{b.put(name, 1), b.put(name, 2)}
			long := b.version(name, 3)
			long.Description = json.RawMessage(`"` + strings.Repeat("é", 128<<10-1) + `"`)
			b.ok(b.s.PutDialect(b.Context(), long))
			for _, d := range append(versions, long, b.put(name, 4)) {
				b.equal(fmt.Sprint("version ", d.Version), must(b.s.DialectVersion(b.Context(), name, d.Version))(b), d)
			}
			b.standsFor("head", name, 4, false)
			for _, version := range []int{0, -1, 5, 10} {
				_, err := b.s.DialectVersion(b.Context(), name, version)
				b.notFound(fmt.Sprint("version ", version), err)
			}
			_, err := b.s.DialectHead(b.Context(), absent)
			b.notFound("head of another name", err)
			_, err = b.s.DialectVersion(b.Context(), absent, 1)
			b.notFound("version of another name", err)
		}},
		{"dialect/a version follows the newest or is a conflict", func(b *bench) {
			name := b.dialectName()
			for _, version := range []int{2, 0, -1} {
				b.conflict(fmt.Sprint("none is there, version ", version), b.s.PutDialect(b.Context(), b.version(name, version)), "changed-meanwhile")
			}
			_, err := b.s.DialectHead(b.Context(), name)
			b.notFound("head after it", err)
			first, second := b.put(name, 1), b.put(name, 2)
			for _, version := range []int{1, 2, 4, 0} {
				d := b.version(name, version)
				d.Description = json.RawMessage(`"refused"`)
				b.conflict(fmt.Sprint("two are there, version ", version), b.s.PutDialect(b.Context(), d), "changed-meanwhile")
			}
			b.standsFor("head", name, 2, false)
			b.equal("first", must(b.s.DialectVersion(b.Context(), name, 1))(b), first)
			b.equal("second", must(b.s.DialectVersion(b.Context(), name, 2))(b), second)
			_, err = b.s.DialectVersion(b.Context(), name, 4)
			b.notFound("a refused version", err)
		}},
		{"dialect/each of the first versions raced by 8 has one winner", func(b *bench) {
			name := b.dialectName()
			for version := 1; version <= 3; version++ {
				put := func(i int) webhook.DialectVersion {
					d := b.version(name, version)
					d.Description = json.RawMessage(fmt.Sprint(i))
					return d
				}
				winner := b.oneWinner(race(8, func(i int) error { return b.s.PutDialect(b.Context(), put(i)) }), "changed-meanwhile")
				b.equal("stored", must(b.s.DialectVersion(b.Context(), name, version))(b), put(winner))
				b.standsFor("head", name, version, false)
			}
		}},
		{"dialect/a deleted one keeps its versions and is offered again by the next", func(b *bench) {
			name := b.dialectName()
			b.notFound("none is there", b.s.DeleteDialect(b.Context(), name, 1))
			b.notFound("none is there, version 0", b.s.DeleteDialect(b.Context(), name, 0))
			first, second := b.put(name, 1), b.put(name, 2)
			b.conflict("an old version", b.s.DeleteDialect(b.Context(), name, 1), "changed-meanwhile")
			b.conflict("a version to come", b.s.DeleteDialect(b.Context(), name, 3), "changed-meanwhile")
			b.standsFor("head before", name, 2, false)
			b.ok(b.s.DeleteDialect(b.Context(), name, 2))
			b.standsFor("head", name, 2, true)
			b.equal("first", must(b.s.DialectVersion(b.Context(), name, 1))(b), first)
			b.equal("second", must(b.s.DialectVersion(b.Context(), name, 2))(b), second)
			for _, version := range []int{1, 2, 3} {
				b.notFound(fmt.Sprint("deleted, version ", version), b.s.DeleteDialect(b.Context(), name, version))
			}
			b.conflict("the first again", b.s.PutDialect(b.Context(), b.version(name, 1)), "changed-meanwhile")
			b.standsFor("still", name, 2, true)
			b.put(name, 3)
			b.standsFor("offered again", name, 3, false)
			b.ok(b.s.DeleteDialect(b.Context(), name, 3))
			b.standsFor("deleted again", name, 3, true)
		}},
		{"dialect/deletion racing the next version: one of them happened, or both in turn", func(b *bench) {
			for range 10 {
				name := b.dialectName()
				b.put(name, 1)
				errs := race(2, func(i int) error {
					if i == 0 {
						return b.s.DeleteDialect(b.Context(), name, 1)
					}
					return b.s.PutDialect(b.Context(), b.version(name, 2))
				})
				b.ok(errs[1])
				if errs[0] != nil {
					b.conflict("deletion", errs[0], "changed-meanwhile")
				}
				b.standsFor("head", name, 2, false)
			}
		}},
		{"dialects/list by name those that are offered", func(b *bench) {
			prefix := b.dialectName()
			var want []webhook.DialectHead
			for i, suffix := range []string{"c", "", "-a", "a", "e", "b", "d", "aa"} {
				name := prefix + suffix
				b.put(name, 1)
				if i%2 == 0 {
					b.put(name, 2)
				}
				if suffix == "b" || suffix == "e" {
					b.ok(b.s.DeleteDialect(b.Context(), name, 1+(i+1)%2))
					continue
				}
				want = append(want, webhook.DialectHead{Name: name, Version: 1 + (i+1)%2})
			}
			slices.SortFunc(want, func(x, y webhook.DialectHead) int { return strings.Compare(x.Name, y.Name) })
			for _, limit := range []int{1, 3, 100} {
				b.equal(fmt.Sprint("by ", limit), b.heads(prefix, limit), want)
			}
			for i := range 21 {
				b.put(fmt.Sprint(prefix, "-", i), 1)
			}
			if n := len(must(b.s.DialectHeads(b.Context(), webhook.Page{}))(b).Items); n > 20 {
				b.Errorf("without a limit: got a page of %d, want at most 20", n)
			}
			b.put(prefix+"b", 2)
			if i := slices.Index(b.heads(prefix, 7), webhook.DialectHead{Name: prefix + "b", Version: 2}); i < 0 {
				b.Error("the one that is offered again is not listed")
			}
		}},
	}
}
