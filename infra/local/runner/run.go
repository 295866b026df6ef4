package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"hookline/shared/clock"
	"hookline/shared/egress"
	"hookline/shared/queue"
	queuesqlite "hookline/shared/queue/sqlite"
	"hookline/shared/seal"
	storesqlite "hookline/shared/store/sqlite"
	"hookline/shared/webhook"
)

var errPanic = errors.New("the function panicked")

const (
	// grace is how long what is in flight may take to finish once a stop was asked for; what has not by then goes back
	// to its queue.
	grace = 10 * time.Second
	// maxReceive is a last net under the queues; the attempt count lives in the record.
	maxReceive = 1000
	// expireEvery is how often what has expired is deleted, in real time.
	expireEvery = time.Minute
)

// Main reads the environment, runs the system until ctx ends, and stops it in order. It returns nil after a stop.
func Main(ctx context.Context, getenv func(string) string, out io.Writer) (err error) {
	c, err := ReadConfig(getenv)
	if err != nil {
		return err
	}
	dir, err := openDataDir(c.DataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.close()) }()
	clk, err := dir.clock(c.ClockSpeed, time.Now())
	if err != nil {
		return err
	}
	if c.AdminKey == "" {
		if c.AdminKey, err = dir.key("admin-key", webhook.AdminKey); err != nil {
			return err
		}
	}
	sealKey, err := dir.key("seal-key", "")
	if err != nil {
		return err
	}
	store, err := storesqlite.New(dir.file("store.db"), storesqlite.Options{Clock: clk})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	engine, queues, err := openQueues(dir.file("queue.db"), clk)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()

	log := slog.New(newShow(out, clk.Now))
	stack, err := Assemble(Parts{
		Store: store, Queues: queues, Clock: clk, Keys: seal.NewStatic(sealKey), AdminKey: c.AdminKey,
		Poster: egress.New(egress.Options{AllowPrivate: c.AllowPrivate}), AllowPrivate: c.AllowPrivate, Log: log,
	})
	if err != nil {
		return err
	}
	demoKey, err := demoTenant(ctx, dir, store, clk.Now())
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port)))
	if err != nil {
		return fmt.Errorf("PORT: %w", err)
	}
	api := "http://" + listener.Addr().String()
	fmt.Fprint(out, welcome(api, c, demoKey))
	return serve(ctx, listener, stack, queues, store, clk, log)
}

// serve runs everything until ctx ends or the server fails.
func serve(ctx context.Context, l net.Listener, stack *Stack, queues map[string]Queue, store *storesqlite.Store, clk clock.Clock, log *slog.Logger) error {
	work, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	ctx, stop := context.WithCancel(ctx)

	bus := &eventBus{queue: queues[IngestQueue], now: time.Now}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodPost && r.URL.Path == "/" && r.Header.Get("X-Amz-Target") != "":
				bus.ServeHTTP(w, r)
			case r.URL.Path == "/console" || r.URL.Path == "/console/":
				noConsole(w)
			default:
				stack.API.ServeHTTP(w, r)
			}
		}),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() { stack.Work(ctx, work) })
	wg.Go(func() { stack.Sweep(ctx, clk, log) })
	wg.Go(func() { expire(ctx, store, log) })
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

func expire(ctx context.Context, store *storesqlite.Store, log *slog.Logger) {
	for ctx.Err() == nil {
		pause(ctx, expireEvery)
		if _, err := store.Expire(ctx, 10_000); err != nil && ctx.Err() == nil {
			log.Error("store.expire", "err", err)
		}
	}
}

func openQueues(path string, clk clock.Clock) (*queuesqlite.Engine, map[string]Queue, error) {
	engine, err := queuesqlite.New(path, queuesqlite.Options{Clock: clk})
	if err != nil {
		return nil, nil, err
	}
	queues, err := Queues(engine)
	if err != nil {
		return nil, nil, errors.Join(err, engine.Close())
	}
	return engine, queues, nil
}

// Queues opens the stack's queues in an embedded engine.
func Queues(engine *queuesqlite.Engine) (map[string]Queue, error) {
	queues := make(map[string]Queue)
	for name, dead := range map[string]string{
		DeadQueue: "", RefusedQueue: "",
		DeliveryQueue: DeadQueue, RetryQueue: DeadQueue, BulkQueue: DeadQueue, IngestQueue: RefusedQueue,
	} {
		cfg := queuesqlite.QueueConfig{Visibility: Visibility, Retention: queue.MaxRetention, DeadLetter: dead}
		if dead != "" {
			cfg.MaxReceive = maxReceive
		}
		q, err := engine.Queue(name, cfg)
		if err != nil {
			return nil, err
		}
		queues[name] = q
	}
	return queues, nil
}

func noConsole(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "The console is not built yet. The API is described at /openapi.json.\n")
}
