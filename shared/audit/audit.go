// Package audit says what an audit log keeps: who changed what, from where, and by which request. It holds names of fields
// and never their values, so no entry has a secret.
//
// A call that is to be recorded begins with Begin, which puts into the context what is known of its caller. The code that
// makes the change completes that with Change just before the store's write, and the store writes the entry that is in the
// context (Of) in the transaction of the write. So there is no entry without its change, and no change without its entry. A
// change that nobody's call made (a webhook that fails for days is made inactive) has no caller in its context, and no entry.
//
// A call that takes several transactions, or that goes to a queue, has no such transaction. Its entry is stored before it,
// as Intent makes it, and replaced afterwards. If the process dies in between, the entry says that the call was begun.
package audit

import (
	"context"
	"errors"
	"time"

	"hookline/shared/webhook"
)

// Entry is one call that changed something.
type Entry struct {
	Tenant    string // "" where the change is the stack's own, of no tenant
	ID        string
	CreatedAt time.Time
	Action    string // "webhook.update"
	Actor     Actor
	Target    Target
	Changed   []string // names of fields
	IP        string   // "" where it is not known
	RequestID string
	ExpiresAt time.Time
}

// Actor is who made the call.
type Actor struct {
	Type string // Key, Portal or Admin
	ID   string // of the key or of the portal link's user; the admin's name
	Name string
}

// Types of actors.
const (
	Key    = "key"
	Portal = "portal" // somebody in the console who came by a portal link
	Admin  = "admin"
)

// Target is what was changed.
type Target struct {
	Type string // "webhook"
	ID   string
}

// Query says which entries a list has. A field that is zero admits all.
type Query struct {
	webhook.Page
	Since, Until time.Time // CreatedAt is at or after Since, and before Until
	Actor        string    // the actor's id or type
	Action       string
	Target       string // the target's id or type
}

// Matches reports whether the query admits the entry, whatever its time.
func (q Query) Matches(e Entry) bool {
	return (q.Actor == "" || q.Actor == e.Actor.ID || q.Actor == e.Actor.Type) && (q.Action == "" || q.Action == e.Action) &&
		(q.Target == "" || q.Target == e.Target.ID || q.Target == e.Target.Type)
}

// Kept is how long entries are kept, in the deployment's clock: as long as deployments, which is a year and a month.
const Kept = 400 * 24 * time.Hour

// Begun is what the action of an entry ends in until the call's outcome is known.
const Begun = ".begun"

// Intent returns the entry of a call whose outcome is still to come.
func (e Entry) Intent() Entry {
	e.Action += Begun
	return e
}

type (
	callKey  struct{}
	entryKey struct{}
)

// Begin returns a context for the call. by has its Action, Actor, IP and RequestID.
func Begin(ctx context.Context, by Entry) context.Context {
	return context.WithValue(ctx, callKey{}, by)
}

// Complete returns the entry of the call that began in ctx, and false if none did.
func Complete(ctx context.Context, now time.Time, tenant string, on Target, changed ...string) (Entry, bool) {
	e, ok := ctx.Value(callKey{}).(Entry)
	e.Tenant, e.ID, e.CreatedAt, e.ExpiresAt = tenant, webhook.NewID("aud_", now), now, now.Add(Kept)
	e.Target, e.Changed = on, changed
	return e, ok
}

// Store keeps entries. One that has the tenant, time and id of another takes its place.
type Store interface {
	PutAudit(ctx context.Context, e Entry) error
	DropAudit(ctx context.Context, e Entry) error
}

// Record makes a change that is not one transaction of the store: it stores the entry's intent first, and its outcome
// afterwards. A change that was refused, and so not made, leaves no entry. One whose outcome nobody knows stays an intent, and
// so does one whose outcome cannot be stored: unrecorded says why, and err says what became of the change.
func Record(ctx context.Context, s Store, e Entry, change func() error) (err, unrecorded error) {
	if err := s.PutAudit(ctx, e.Intent()); err != nil {
		return err, nil
	}
	err = change()
	keep := s.PutAudit
	if refusal, ok := errors.AsType[*webhook.Error](err); ok && refusal.Kind != webhook.Unavailable && refusal.Kind != webhook.Internal {
		keep = s.DropAudit
	} else if err != nil {
		return err, nil
	}
	return err, keep(context.WithoutCancel(ctx), e)
}

// Change returns the context for the one write that makes the change. If no call began in ctx, it is ctx itself.
func Change(ctx context.Context, now time.Time, tenant string, on Target, changed ...string) context.Context {
	if e, ok := Complete(ctx, now, tenant, on, changed...); ok {
		return context.WithValue(ctx, entryKey{}, e)
	}
	return ctx
}

// Of returns the entry that a write in ctx stores with what it changes.
func Of(ctx context.Context) (Entry, bool) {
	e, ok := ctx.Value(entryKey{}).(Entry)
	return e, ok
}
