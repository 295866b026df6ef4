package runner

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"hookline/shared/clock"
	"hookline/shared/queue"
	queuesqlite "hookline/shared/queue/sqlite"
	"hookline/shared/sqlitedb"
	"hookline/shared/stack"
	"hookline/shared/store"
	storesqlite "hookline/shared/store/sqlite"
)

// Engines keep everything: a store, and the stack's queues by name.
type Engines struct {
	Store  store.Store
	Queues map[string]queue.Queue
	Expire func(ctx context.Context) error // deletes what has expired; nil where the store does so itself
	Close  func() error
}

// Open opens engines that keep what they keep in the folder dir.
type Open func(ctx context.Context, dir string, clk clock.Clock) (*Engines, error)

// expireAtOnce is how many expired entries are deleted in one write. After each the writer is left to others for as long as
// the write took, so that what expires is deleted at half of the rate at which it can be, however much it is.
const expireAtOnce = 500

// Embedded opens the engines that every build has: SQLite, in one file of the folder.
func Embedded(_ context.Context, dir string, clk clock.Clock) (*Engines, error) {
	db, err := sqlitedb.Open(filepath.Join(dir, sqlitedb.FileName))
	if err != nil {
		return nil, err
	}
	kept := storesqlite.On(db, storesqlite.Options{Clock: clk})
	engine, err := queuesqlite.On(db, queuesqlite.Options{Clock: clk})
	if err != nil {
		return nil, errors.Join(err, kept.Close(), db.Close())
	}
	shut := func() error { return errors.Join(engine.Close(), kept.Close(), db.Close()) }
	queues, err := Queues(engine)
	if err != nil {
		return nil, errors.Join(err, shut())
	}
	return &Engines{
		Store: kept, Queues: queues, Close: shut,
		Expire: func(ctx context.Context) error {
			for {
				start := time.Now()
				if n, err := kept.Expire(ctx, expireAtOnce); err != nil || n < expireAtOnce {
					return err
				}
				select {
				case <-time.After(time.Since(start)):
				case <-ctx.Done():
					return nil
				}
			}
		},
	}, nil
}

// Queues opens the stack's queues in an embedded engine.
func Queues(engine *queuesqlite.Engine) (map[string]queue.Queue, error) {
	queues := make(map[string]queue.Queue)
	for name, dead := range stack.DeadLetters() {
		cfg := queuesqlite.QueueConfig{Visibility: stack.Visibility, Retention: queue.MaxRetention, DeadLetter: dead}
		if dead != "" {
			cfg.MaxReceive = stack.MaxReceive
		}
		q, err := engine.Queue(name, cfg)
		if err != nil {
			return nil, err
		}
		queues[name] = q
	}
	return queues, nil
}
