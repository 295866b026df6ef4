package management

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

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

func (s Service) putDialect(ctx context.Context, name string, description json.RawMessage) (d *dialect.Dialect, created bool, err error) {
	head, err := s.Store.DialectHead(ctx, name)
	if err != nil && !webhook.Is(err, webhook.NotFound) {
		return nil, false, err
	}
	created = err != nil || head.Deleted
	same, err := describe(description, name, head.Version)
	if err != nil {
		return nil, false, err
	}
	var before json.RawMessage
	if !created {
		stored, err := s.Store.DialectVersion(ctx, name, head.Version)
		if err != nil {
			return nil, false, err
		}
		before = stored.Description
		if bytes.Equal(before, same) {
			d, err := s.Dialects.Dialect(ctx, fmt.Sprintf("%s@%d", name, head.Version))
			return d, false, err
		}
	}
	next, err := describe(description, name, head.Version+1)
	if err != nil {
		return nil, false, err
	}
	if d, err = dialect.Parse(next, nil); err != nil {
		return nil, false, err
	}
	faults := s.CheckSchemas(d)
	for _, e := range d.Excess() {
		faults.Add(e.Field, e.Message)
	}
	if !created {
		before, err := s.Dialects.Dialect(ctx, fmt.Sprintf("%s@%d", name, head.Version))
		if err != nil {
			return nil, false, err
		}
		if !d.ReadsSecretsOf(before) {
			faults.Add("secret", "must keep its key, and the prefix of base64 keys: webhooks have secrets in that form")
		}
	}
	if err := faults.Err(); err != nil {
		return nil, false, err
	}
	return d, created, s.Store.PutDialect(s.change(ctx, "", "dialect", name, descriptionChanges(before, d.Description)...), webhook.DialectVersion{
		Name: name, Version: d.Version, Description: d.Description, CreatedAt: s.now(),
	})
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
	for page := (webhook.Page{Limit: 100}); ; {
		list, err := s.Store.Tenants(ctx, page)
		if err != nil {
			return 0, err
		}
		for _, t := range list.Items {
			if t.Dialect == dialectName {
				n++
			}
		}
		if page.Cursor = list.Next; page.Cursor == "" {
			return n, nil
		}
	}
}

func errBuiltIn() error {
	return webhook.ErrConflict("dialect-built-in", "this dialect comes with the system and cannot be changed; put its description under another name")
}
