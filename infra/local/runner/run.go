package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"hookline/infra/local/mailbox"
	"hookline/shared/metrics/prometheus"
	"hookline/shared/seal"
	"hookline/shared/stack"
	"hookline/shared/stack/whole"
	"hookline/shared/webhook"
)

const (
	// grace is how long what is in flight may take to finish once a stop was asked for; what has not by then goes back
	// to its queue.
	grace = 10 * time.Second
	// expireEvery is how often what has expired is deleted, in real time.
	expireEvery = time.Minute
)

// Main reads the environment, runs the system until ctx ends, and stops it in order. It returns nil after a stop. ENGINE
// may name one of the engines given, besides the embedded one.
func Main(ctx context.Context, getenv func(string) string, out io.Writer, engines map[string]Open) (err error) {
	c, err := ReadConfig(getenv)
	if err != nil {
		return err
	}
	open, ok := engines[c.Engine]
	if c.Engine == embedded {
		open, ok = Embedded, true
	}
	if !ok {
		return fmt.Errorf("ENGINE must be %s, not %q", strings.Join(append(slices.Sorted(maps.Keys(engines)), embedded), " or "), c.Engine)
	}
	dir, err := openDataDir(c.DataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.close()) }()
	// Without its monotonic reading, which Go would count on from and which stands still while the machine sleeps: the first
	// run's clock goes as those of later runs do, which read its beginning from a file.
	clk, err := dir.clock(c.ClockSpeed, time.Now().Round(0))
	if err != nil {
		return err
	}
	if c.AdminKey == "" {
		if c.AdminKey, err = dir.key("admin-key", webhook.AdminKey); err != nil {
			return err
		}
	}
	if c.Engine == embedded {
		if err := dir.complete(); err != nil {
			return err
		}
	}
	sealKey, err := dir.key(sealKeyFile, "")
	if err != nil {
		return err
	}
	keys := seal.NewStatic(sealKey)
	e, err := open(ctx, dir.path, clk)
	if ctx.Err() != nil && err != nil {
		return nil // it was stopped before it was ready
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	if err := checkSealKey(ctx, e.Store, seal.Box{Keys: keys}, dir.path); err != nil {
		return err
	}
	if c.Engine == embedded {
		if err := dir.setComplete(); err != nil {
			return err
		}
	}

	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port)))
	if err != nil {
		return fmt.Errorf("PORT: %w", err)
	}
	defer func() { _ = listener.Close() }() // again, where it was served
	api := "http://" + listener.Addr().String()

	log := slog.New(newShow(out, clk.Now))
	mails := &mailbox.Folder{Path: dir.file("mail"), Now: clk.Now, Log: log}
	counts := prometheus.New(e.Queues, clk.Now)
	all, err := whole.Assemble(whole.Parts{
		Parts: stack.Parts{
			Store: e.Store, Queues: e.Queues, Clock: clk, Keys: keys, Log: log,
			AllowPrivate: c.AllowPrivate, MaxWebhooks: c.MaxWebhooks, Brand: c.Brand,
		},
		AdminKey: c.AdminKey, Mailer: mails, Mails: mails, Address: api, Metrics: counts,
	})
	if err != nil {
		return err
	}
	demoKey, err := demoTenant(ctx, dir, e.Store, clk.Now())
	if err != nil {
		return err
	}
	fmt.Fprint(out, welcome(api, c, demoKey))
	return serve(ctx, listener, all, e, counts.Handler(), c.Hosts, log)
}

// serve runs everything until ctx ends or the server fails.
func serve(ctx context.Context, l net.Listener, all *whole.Stack, e *Engines, metrics http.Handler, hosts []string, log *slog.Logger) error {
	work, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	ctx, stop := context.WithCancel(ctx)

	bus := &eventBus{queue: e.Queues[stack.IngestQueue], now: time.Now}
	server := &http.Server{
		Handler:           front(all, bus, metrics, hosts),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() { all.Work(ctx, work) })
	wg.Go(func() { all.Sweep(ctx) })
	if e.Expire != nil {
		wg.Go(func() { expire(ctx, e.Expire, log) })
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	log.Info("stopping: what is in flight finishes or goes back to its queue")
	time.AfterFunc(grace, kill)
	if err := server.Shutdown(work); err != nil {
		return server.Close()
	}
	return nil
}

func expire(ctx context.Context, do func(context.Context) error, log *slog.Logger) {
	tick := time.NewTicker(expireEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := do(ctx); err != nil && ctx.Err() == nil {
				log.Error("store.expire", "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}
