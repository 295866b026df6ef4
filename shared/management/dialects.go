package management

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/input"
	"hookline/shared/webhook"
)

// MaxDialectBytes is the largest description of a dialect, white space between tokens not counted.
const MaxDialectBytes = 256 << 10

// PutDialect makes a description the newest version of one of the deployment's own dialects. created reports whether the
// name is new, or was deleted before. A description that equals the newest version changes nothing.
//
// Messages in queues keep the version that they were accepted with. A new version must read secrets as the one before it,
// so that queued messages and existing webhooks can be signed for; everything else may change.
func (s Service) PutDialect(ctx context.Context, name string, description json.RawMessage) (d *dialect.Dialect, created bool, err error) {
	if s.Dialects.BuiltIn(name) {
		return nil, false, errBuiltIn()
	}
	err = retry(func() error {
		d, created, err = s.putDialect(ctx, name, description)
		return err
	})
	return d, created, err
}

func (s Service) putDialect(ctx context.Context, name string, description json.RawMessage) (*dialect.Dialect, bool, error) {
	c, err := s.checkDialect(ctx, name, description)
	if err != nil {
		return nil, false, err
	}
	d := c.dialect
	if c.same {
		return d, false, nil
	}
	ctx = s.change(ctx, "", "dialect", name, descriptionChanges(c.before, d.Description)...)
	return d, c.created, s.Store.PutDialect(ctx, webhook.DialectVersion{Name: name, Version: d.Version, Description: d.Description, CreatedAt: s.now()})
}

// CheckDialect returns the dialect that PutDialect would make of a description, and stores nothing. It returns a dialect
// beside faults that keep it from being stored if it can be tried out nevertheless.
func (s Service) CheckDialect(ctx context.Context, name string, description json.RawMessage) (*dialect.Dialect, error) {
	if s.Dialects.BuiltIn(name) {
		return nil, errBuiltIn()
	}
	c, err := s.checkDialect(ctx, name, description)
	return c.dialect, err
}

// BuiltIn reports whether a dialect comes with the system, and cannot be changed.
func (s Service) BuiltIn(name string) bool { return s.Dialects.BuiltIn(name) }

// dialectChange is a description that was checked.
type dialectChange struct {
	dialect *dialect.Dialect // also beside faults, if the description could be parsed
	before  json.RawMessage  // the newest version's description, nil for none
	created bool             // the name is new, or was deleted before
	same    bool             // the newest version has this description, and is the dialect
}

func (s Service) checkDialect(ctx context.Context, name string, description json.RawMessage) (c dialectChange, err error) {
	head, err := s.Store.DialectHead(ctx, name)
	if err != nil && !webhook.Is(err, webhook.NotFound) {
		return c, err
	}
	c.created = err != nil || head.Deleted
	same, err := describe(description, name, head.Version)
	if err != nil {
		return c, err
	}
	var before *dialect.Dialect
	if !c.created {
		stored, err := s.Store.DialectVersion(ctx, name, head.Version)
		if err != nil {
			return c, err
		}
		if before, err = s.Dialects.Dialect(ctx, fmt.Sprintf("%s@%d", name, head.Version)); err != nil {
			return c, err
		}
		if c.before = stored.Description; bytes.Equal(c.before, same) {
			c.dialect, c.same = before, true
			return c, nil
		}
	}
	next, err := describe(description, name, head.Version+1)
	if err != nil {
		return c, err
	}
	if c.dialect, err = dialect.Parse(next, nil); err != nil {
		return c, err
	}
	faults := s.CheckSchemas(c.dialect)
	for _, e := range c.dialect.Excess() {
		faults.Add(e.Field, e.Message)
	}
	if before != nil && !c.dialect.ReadsSecretsOf(before) {
		faults.Add("secret", "must keep its key, and the prefix of base64 keys: webhooks have secrets in that form")
	}
	return c, faults.Err()
}

// DialectVersion is a version of one of the deployment's own dialects.
type DialectVersion struct {
	Version   int
	CreatedAt time.Time
	Changed   []string // the parts of the description that differ from the version before
}

// DialectVersions returns at most that many versions, the newest first, beginning below the version before, 0 for the newest.
func (s Service) DialectVersions(ctx context.Context, name string, before, most int) ([]DialectVersion, error) {
	head, err := s.Store.DialectHead(ctx, name)
	if err != nil {
		return nil, err
	}
	if before < 1 || before > head.Version {
		before = head.Version + 1
	}
	var out []DialectVersion
	var next webhook.DialectVersion
	for n := before - 1; n >= max(before-1-most, 0); n-- {
		var d webhook.DialectVersion // none before the first
		if n > 0 {
			if d, err = s.Store.DialectVersion(ctx, name, n); err != nil {
				return nil, err
			}
		}
		if next.Version > 0 {
			out = append(out, DialectVersion{next.Version, next.CreatedAt, descriptionChanges(d.Description, next.Description)})
		}
		next = d
	}
	return out, nil
}

// descriptionChanges returns the names of the parts in which a description differs from the one before, nil for none.
func descriptionChanges(before, description json.RawMessage) (fields []string) {
	old, _, _ := input.Split(before)
	parts, _, _ := input.Split(description)
	for _, names := range []map[string]json.RawMessage{parts, old} {
		for name := range names {
			if name != "version" && !bytes.Equal(old[name], parts[name]) {
				fields = append(fields, name)
			}
		}
	}
	slices.Sort(fields)
	return slices.Compact(fields)
}

// describe returns a description with its name and version set.
func describe(description json.RawMessage, name string, version int) (json.RawMessage, error) {
	named, err := dialect.Named(description, name, version)
	if e, ok := errors.AsType[*webhook.Error](err); ok && e.Kind == webhook.Malformed { // it is JSON, but nested too deep
		return nil, webhook.ErrInvalid(webhook.FieldError{Field: "description", Message: e.Cause.Error()})
	}
	if len(named) > MaxDialectBytes {
		return nil, &webhook.Error{Kind: webhook.TooLarge, Message: "a dialect's description is over 256 KiB"}
	}
	return named, err
}

// DeleteDialect stops offering one of the deployment's own dialects, which no tenant may have. A tenant that is made at the
// same moment keeps it, and so do messages in queues.
func (s Service) DeleteDialect(ctx context.Context, name string) error {
	if s.Dialects.BuiltIn(name) {
		return errBuiltIn()
	}
	return retry(func() error {
		d, err := s.Dialects.Offered(ctx, name)
		if err != nil {
			return err
		}
		n, err := s.tenantsWith(ctx, name)
		if err != nil {
			return err
		}
		if n > 0 {
			tenants := "1 tenant has"
			if n > 1 {
				tenants = itoa(n) + " tenants have"
			}
			return webhook.ErrConflict("dialect-in-use", tenants+" this dialect")
		}
		return s.Store.DeleteDialect(s.change(ctx, "", "dialect", name), name, d.Version)
	})
}

func (s Service) tenantsWith(ctx context.Context, dialectName string) (n int, err error) {
	err = s.eachTenants(ctx, func(list []webhook.Tenant) bool {
		for _, t := range list {
			if t.Dialect == dialectName {
				n++
			}
		}
		return true
	})
	return n, err
}

// TenantsByDialect returns the tenants of each dialect. more reports that there are more than most tenants, which is how many it
// looks at.
func (s Service) TenantsByDialect(ctx context.Context, most int) (byDialect map[string][]webhook.Tenant, more bool, err error) {
	byDialect = make(map[string][]webhook.Tenant)
	seen := 0
	err = s.eachTenants(ctx, func(list []webhook.Tenant) bool {
		for _, t := range list {
			if seen++; seen > most {
				more = true
				return false
			}
			byDialect[t.Dialect] = append(byDialect[t.Dialect], t)
		}
		return true
	})
	return byDialect, more, err
}

// eachTenants reads all tenants, some at a time, until read returns false.
func (s Service) eachTenants(ctx context.Context, read func([]webhook.Tenant) bool) error {
	for page := (webhook.Page{Limit: 100}); ; {
		list, err := s.Store.Tenants(ctx, page)
		if err != nil || !read(list.Items) || list.Next == "" {
			return err
		}
		page.Cursor = list.Next
	}
}

func errBuiltIn() error {
	return webhook.ErrConflict("dialect-built-in", "this dialect comes with the system and cannot be changed; put its description under another name")
}
