package sqlite

import (
	"path/filepath"
	"testing"
	"time"

	"hookline/shared/queue/queuetest"
)

func open(t testing.TB, path string, o Options) *Engine {
	t.Helper()
	e, err := New(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return e
}

func newQueue(t testing.TB, e *Engine, name string, cfg QueueConfig) *Queue {
	t.Helper()
	q, err := e.Queue(name, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestSuite(t *testing.T) {
	for name, path := range map[string]func(t *testing.T) string{
		"memory": func(*testing.T) string { return "" },
		"file":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "queue.db") },
	} {
		t.Run(name, func(t *testing.T) {
			queuetest.Run(t, queuetest.Engine{
				Virtual: true,
				Slack:   2 * time.Millisecond,
				Open: func(t *testing.T, cfg queuetest.Config) queuetest.Queues {
					e := open(t, path(t), Options{MaxInFlight: cfg.MaxInFlight})
					main := QueueConfig{Visibility: cfg.Visibility, MaxReceive: cfg.MaxReceive}
					if cfg.MaxReceive > 0 {
						main.DeadLetter = "dead"
					}
					return queuetest.Queues{
						Main:  newQueue(t, e, "main", main),
						Dead:  newQueue(t, e, "dead", QueueConfig{}),
						Other: newQueue(t, e, "other", QueueConfig{}),
					}
				},
			})
		})
	}
}
