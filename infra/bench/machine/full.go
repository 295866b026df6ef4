package machine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"hookline/infra/bench/table"
	"hookline/infra/local/runner"
	"hookline/shared/clock"
	"hookline/shared/queue"
	"hookline/shared/sqlitedb"
	"hookline/shared/stack"
	"hookline/shared/webhook"
)

const (
	million = 1_000_000
	step    = 100_000
	fast    = 200_000 // a clock's speed: a minute is more than the time that anything is kept
	writer  = 64      // goroutines that fill a store
)

// full is what the longer measurements share.
type full struct {
	dir      string
	program  string
	receiver *receiver
	client   *http.Client
	progress io.Writer
}

// RunFull measures what a Hookline on one machine does with much of everything.
func RunFull(ctx context.Context, out, progress io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "hookline-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	f := &full{dir: dir, receiver: newReceiver(), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: publishers}}, progress: progress}
	defer f.receiver.Close()
	if f.program, err = build(ctx, dir, "./infra/local"); err != nil {
		return err
	}
	for _, measure := range []func(context.Context, io.Writer) error{f.growth, f.restart, f.endurance} {
		if err := measure(ctx, out); err != nil {
			return err
		}
	}
	return nil
}

// start starts Hookline on a folder of the name.
func (f *full) start(name string, env ...string) (*program, error) {
	return start(name, f.program, true, append(env, "PORT=0", "DATA_DIR="+filepath.Join(f.dir, name))...)
}

// prepare makes a folder with one webhook for events of the kind bench.one, and fills its store.
func (f *full) prepare(ctx context.Context, name string, fill func(e *runner.Engines, w webhook.Webhook) error) (err error) {
	p, err := f.start(name)
	if err != nil {
		return err
	}
	body := fmt.Sprintf(`{"url":%q,"events":["bench.one"]}`, f.receiver.URL)
	err = p.call(ctx, f.client, http.StatusCreated, http.MethodPost, "/v1/webhooks", body)
	if err = errors.Join(err, p.stop()); err != nil || fill == nil {
		return err
	}
	e, err := runner.Embedded(ctx, filepath.Join(f.dir, name), clock.Clock{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	all, err := e.Store.Webhooks(ctx, "demo", webhook.WebhookQuery{Page: webhook.Page{Limit: 1}})
	if err != nil {
		return err
	}
	return fill(e, all.Items[0])
}

// many does something n times, side by side, and says how far it is.
func (f *full) many(what string, n int, do func(i int) error) error {
	errs := make([]error, writer)
	var all sync.WaitGroup
	for w := range writer {
		all.Go(func() {
			for i := w; i < n && errs[w] == nil; i += writer {
				errs[w] = do(i)
				if (i+1)%step == 0 {
					fmt.Fprintf(f.progress, "bench: %s, %d of %d\n", what, i+1, n)
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// webhooks fills a store with others that take other events.
func (f *full) webhooks(ctx context.Context, n int) func(*runner.Engines, webhook.Webhook) error {
	return func(e *runner.Engines, w webhook.Webhook) error {
		return f.many("webhooks", n-1, func(i int) error {
			other := w
			other.ID, other.Events = webhook.NewID(webhook.WebhookPrefix, time.Now())+strconv.Itoa(i), []string{"bench.other"}
			return e.Store.CreateWebhook(ctx, other)
		})
	}
}

// history fills a store with deliveries that succeeded.
func (f *full) history(ctx context.Context, n int) func(*runner.Engines, webhook.Webhook) error {
	return func(e *runner.Engines, w webhook.Webhook) error {
		now := time.Now().UTC().Truncate(time.Millisecond)
		return f.many("deliveries of history", n, func(i int) error {
			at := now.Add(-time.Duration(i) * time.Second)
			return e.Store.SaveDelivery(ctx, webhook.Delivery{
				DeliveryKey: webhook.DeliveryKey{Tenant: w.Tenant, Webhook: w.ID, Event: webhook.EventIDs(at, 1)[0], AcceptedAt: at},
				Type:        "bench.one", Dialect: "standard@1", Timestamp: at.Format(webhook.TimeFormat),
				Body: webhook.Payload{Inline: []byte("p{}")}, Status: webhook.Succeeded, Round: 1, Count: 1, Total: 1, ExpiresAt: now.AddDate(0, 1, 0),
				Attempts: []webhook.Attempt{{StartedAt: at, SentAt: at, StatusCode: http.StatusOK, Duration: time.Millisecond}},
			}, webhook.Rev{})
		})
	}
}

// growth prints the processor time of an event in tenants of different sizes.
func (f *full) growth(ctx context.Context, out io.Writer) (err error) {
	sizes := []struct {
		name string
		text string
		fill func(*runner.Engines, webhook.Webhook) error
	}{
		{"one", "1 webhook", nil},
		{"thousand", "1,000 webhooks, of which one takes the event", f.webhooks(ctx, 1000)},
		{"many", "100,000 webhooks, of which one takes the event", f.webhooks(ctx, 100_000)},
		{"history", "1 webhook with 1,000,000 deliveries of history", f.history(ctx, million)},
	}
	var running []*program
	defer func() {
		for _, p := range running {
			err = errors.Join(err, p.stop())
		}
	}()
	for _, size := range sizes {
		if err := f.prepare(ctx, size.name, size.fill); err != nil {
			return err
		}
		p, err := f.start(size.name)
		if err != nil {
			return err
		}
		running = append(running, p)
	}
	times := make([][]time.Duration, len(sizes))
	for turn := range pairs + 1 {
		for i, p := range running {
			got, err := load{"bench.one", 1, 1, 3000}.run(ctx, p, f.receiver, f.client)
			if err != nil {
				return err
			}
			if turn > 0 {
				times[i] = append(times[i], got.processor)
			}
		}
	}
	rows := [][]string{{"tenant", "processor time an event", "of the first's"}}
	for i, size := range sizes {
		of := float64(median(times[i])) / float64(median(times[0]))
		rows = append(rows, []string{size.text, fmt.Sprint(median(times[i]).Round(time.Microsecond)), fmt.Sprintf("%.2f", of)})
	}
	return table.Print(out, "One machine: cost of an event as the tenant grows", rows...)
}

// restart prints how long a start takes with a million messages in the queue.
func (f *full) restart(ctx context.Context, out io.Writer) error {
	if err := f.prepare(ctx, "empty", nil); err != nil {
		return err
	}
	err := f.prepare(ctx, "queued", func(e *runner.Engines, w webhook.Webhook) error {
		return f.many("messages", million/queue.MaxBatch, func(int) error {
			msgs := make([]queue.Outgoing, queue.MaxBatch)
			for i := range msgs {
				msgs[i] = queue.Outgoing{Body: "{}", Group: w.ID, Delay: queue.MaxDelay}
			}
			return e.Queues[stack.RetryQueue].Send(ctx, msgs)
		})
	})
	if err != nil {
		return err
	}
	took := make(map[string][]time.Duration)
	for range pairs {
		for _, name := range []string{"empty", "queued"} {
			begun := time.Now()
			p, err := f.start(name)
			if err != nil {
				return err
			}
			if err := p.call(ctx, f.client, http.StatusOK, http.MethodGet, "/healthz", ""); err != nil {
				return errors.Join(err, p.stop())
			}
			took[name] = append(took[name], time.Since(begun))
			if err := p.stop(); err != nil {
				return err
			}
		}
	}
	empty, queued := median(took["empty"]), median(took["queued"])
	return table.Print(out, "One machine: from the start to the first answer",
		[]string{"queue", "time", "of the first's", "wanted"},
		[]string{"empty", milliseconds(empty), "", ""},
		[]string{"1,000,000 messages", milliseconds(queued), fmt.Sprintf("%.2f", float64(queued)/float64(empty)), "1.5"})
}

// endurance prints what a million deliveries cost in memory and on disk, and that they leave the disk.
func (f *full) endurance(ctx context.Context, out io.Writer) error {
	if err := f.prepare(ctx, "million", nil); err != nil {
		return err
	}
	p, err := f.start("million")
	if err != nil {
		return err
	}
	rows := [][]string{{"deliveries", "memory", "file", "deliveries a second"}}
	file := filepath.Join(f.dir, "million", sqlitedb.FileName)
	for done := step; done <= million; done += step {
		got, err := load{"bench.one", 100, 1, step}.run(ctx, p, f.receiver, f.client)
		if err != nil {
			return errors.Join(err, p.stop())
		}
		held, err := p.memory()
		if err != nil {
			return errors.Join(err, p.stop())
		}
		info, err := os.Stat(file)
		if err != nil {
			return errors.Join(err, p.stop())
		}
		fmt.Fprintf(f.progress, "bench: deliveries, %d of %d\n", done, million)
		rows = append(rows, []string{strconv.Itoa(done), fmt.Sprintf("%d MB", held>>20), fmt.Sprintf("%d MB", info.Size()>>20), fmt.Sprintf("%.0f", got.rate)})
	}
	if err := p.stop(); err != nil {
		return err
	}
	if err := table.Print(out, "One machine: a million deliveries, published in batches of 100", rows...); err != nil {
		return err
	}
	return f.retention(ctx, out, file)
}

// retention prints what is left of a million deliveries when their time is over.
func (f *full) retention(ctx context.Context, out io.Writer, file string) error {
	rows := [][]string{{"", "deliveries", "payloads", "log", "pins", "file", "of which free"}}
	count := func(text string) error {
		row, err := counts(ctx, file)
		rows = append(rows, append([]string{text}, row...))
		return err
	}
	if err := count("before"); err != nil {
		return err
	}
	p, err := f.start("million", "CLOCK_SPEED="+strconv.Itoa(fast))
	if err != nil {
		return err
	}
	select {
	case <-time.After(4 * time.Minute): // what has expired is deleted once a minute
	case <-ctx.Done():
	}
	if err := errors.Join(p.stop(), count("after 2 years by a fast clock")); err != nil {
		return err
	}
	return table.Print(out, "One machine: what is past its retention", rows...)
}

// counts returns how many rows there are of what expires, and the size of the file.
func counts(ctx context.Context, file string) (row []string, err error) {
	db, err := sqlitedb.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, table := range []string{"delivery", "payload", "event_log", "pin"} {
		var n int
		if err := db.Read().QueryRowContext(ctx, `SELECT count(*) FROM `+table).Scan(&n); err != nil {
			return nil, err
		}
		row = append(row, strconv.Itoa(n))
	}
	for _, pragma := range []string{"page_count", "freelist_count"} {
		var pages, size int64
		if err := db.Read().QueryRowContext(ctx, `SELECT * FROM pragma_`+pragma).Scan(&pages); err != nil {
			return nil, err
		}
		if err := db.Read().QueryRowContext(ctx, `SELECT * FROM pragma_page_size`).Scan(&size); err != nil {
			return nil, err
		}
		row = append(row, fmt.Sprintf("%d MB", pages*size>>20))
	}
	return row, nil
}
