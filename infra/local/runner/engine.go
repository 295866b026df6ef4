package runner

import (
	"context"
	"errors"
	"path/filepath"

	"hookline/shared/clock"
	"hookline/shared/queue"
	queuesqlite "hookline/shared/queue/sqlite"
	"hookline/shared/sqlitedb"
	storesqlite "hookline/shared/store/sqlite"
)

// Engines keep everything: a store, and the stack's queues by name.
type Engines struct {
	Store interface {
		Store
		demoStore
		checkStore
	}
	Queues map[string]Queue
	Expire func(ctx context.Context) error // deletes some of what has expired; nil where the store does so itself
	Close  func() error
}

// Open opens engines that keep what they keep in the folder dir.
type Open func(ctx context.Context, dir string, clk clock.Clock) (*Engines, error)

// DeadLetters is the stack's queues and where each one's dead letters go, "" nowhere.
func DeadLetters() map[string]string {
	return map[string]string{
		DeadQueue: "", RefusedQueue: "", NotifyDeadQueue: "",
		DeliveryQueue: DeadQueue, RetryQueue: DeadQueue, BulkQueue: DeadQueue, IngestQueue: RefusedQueue,
		NotifyQueue: NotifyDeadQueue,
	}
}

// MaxReceive is a last net under the queues; the attempt count lives in the record.
const MaxReceive = 1000

// Expired entries are deleted in a few small writes, between which others have their turn.
const (
	expireAtOnce = 1000
	expireWrites = 10
)

// Embedded opens the engines that every build has: SQLite, in one file of the folder.
func Embedded(_ context.Context, dir string, clk clock.Clock) (*Engines, error) {
	db, err := sqlitedb.Open(filepath.Join(dir, sqlitedb.FileName))
	if err != nil {
		return nil, err
	}
	store := storesqlite.On(db, storesqlite.Options{Clock: clk})
	engine, err := queuesqlite.On(db, queuesqlite.Options{Clock: clk})
	if err != nil {
		return nil, errors.Join(err, store.Close(), db.Close())
	}
	shut := func() error { return errors.Join(engine.Close(), store.Close(), db.Close()) }
	queues, err := Queues(engine)
	if err != nil {
		return nil, errors.Join(err, shut())
	}
	return &Engines{
		Store: store, Queues: queues, Close: shut,
		Expire: func(ctx context.Context) error {
			for range expireWrites {
				if n, err := store.Expire(ctx, expireAtOnce); err != nil || n < expireAtOnce {
					return err
				}
			}
			return nil
		},
	}, nil
}

// Queues opens the stack's queues in an embedded engine.
func Queues(engine *queuesqlite.Engine) (map[string]Queue, error) {
	queues := make(map[string]Queue)
	for name, dead := range DeadLetters() {
		cfg := queuesqlite.QueueConfig{Visibility: Visibility, Retention: queue.MaxRetention, DeadLetter: dead}
		if dead != "" {
			cfg.MaxReceive = MaxReceive
		}
		q, err := engine.Queue(name, cfg)
		if err != nil {
			return nil, err
		}
		queues[name] = q
	}
	return queues, nil
}
