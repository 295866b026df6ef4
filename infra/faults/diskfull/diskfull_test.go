package diskfull

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hookline/infra/figures"
	"hookline/infra/local/process"
	"hookline/infra/local/runner"
	"hookline/shared/api"
	"hookline/shared/stack/stacktest"
)

// room is how much more than the largest of its files has any of them may grow, once the program was told that its disk is
// full. A limit of the process needs no rights and no file system of its own.
const room = 128 << 10

func TestMain(m *testing.M) {
	if status, ok := onDisk(); ok {
		os.Exit(status)
	}
	os.Exit(process.Main(m, func(ctx context.Context) error {
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGUSR1, syscall.SIGUSR2)
		go func() {
			var limit syscall.Rlimit
			_ = syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit)
			for s := range told {
				if limit.Cur = limit.Max; s == syscall.SIGUSR1 {
					limit.Cur = room
					for _, file := range []string{"store.db", "store.db-wal"} {
						if info, err := os.Stat(filepath.Join(os.Getenv("DATA_DIR"), file)); err == nil {
							limit.Cur = max(limit.Cur, uint64(info.Size())+room)
						}
					}
				}
				fmt.Fprintln(os.Stdout, "limited:", syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
			}
		}()
		return runner.Main(ctx, os.Getenv, os.Stdout, nil)
	}))
}

// TestDiskFull fills the program's disk while it accepts events: by a limit of the process, and in truth where the tests have a disk. Those that it cannot keep it refuses with 503, and says in
// its log what to do. When there is room again it goes on by itself, and every event answered 202 has arrived.
func TestDiskFull(t *testing.T) {
	t.Run("limit", func(t *testing.T) {
		diskFull(t, "by a limit", t.TempDir(), func(p *process.Program, full bool) {
			if full {
				p.Signal(syscall.SIGUSR1)
			} else {
				p.Signal(syscall.SIGUSR2)
			}
		})
	})
	if disk == "" {
		figures.Note(t, "disk full in truth", "not measured: no file system may be mounted here")
		return
	}
	t.Run("disk", func(t *testing.T) {
		rest := filepath.Join(disk, "rest")
		diskFull(t, "in truth", disk, func(_ *process.Program, full bool) {
			if err := fill(rest, full); err != nil {
				t.Fatal(err)
			}
		})
	})
}

// fill takes all the room that the file's disk has left, or gives it back.
func fill(file string, full bool) error {
	if !full {
		return os.Remove(file)
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	for b := make([]byte, 4<<10); err == nil; {
		_, err = f.Write(b)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// diskFull has the program's disk full three times. set makes it full, or not any more.
func diskFull(t *testing.T, how, dir string, set func(p *process.Program, full bool)) {
	var mu sync.Mutex
	arrived := make(map[string]bool)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		arrived[r.Header.Get("webhook-id")] = true
	}))
	defer server.Close()
	dir = filepath.Join(dir, "data")
	p := process.Start(t, dir, nil)
	c := p.Client()
	c.Webhook(map[string]any{"url": server.URL, "events": []string{"order.*"}})
	accepted := make(map[string]bool)
	refused := 0
	publish := func() bool {
		var made api.EventResult
		got, err := c.Try("POST", "/v1/events", map[string]any{"type": "order.placed", "data": map[string]any{"pad": strings.Repeat("x", 2000)}}, &made)
		if err != nil {
			t.Fatal(err)
		}
		if got.Status == http.StatusAccepted {
			accepted[made.ID] = true
			return true
		}
		refused++
		var problem api.Problem
		if err := json.Unmarshal(got.Body, &problem); err != nil || got.Status != http.StatusServiceUnavailable || problem.Code != api.CodeUnavailable {
			t.Fatalf("got %d %s, want 503 in the API's form", got.Status, got.Body)
		}
		return false
	}
	for range 3 {
		said := ""
		set(p, true)
		for publish() {
		}
		for range 20 {
			publish()
		}
		for said == "" {
			select {
			case line := <-p.Lines:
				if strings.Contains(line, "make room") {
					said = line
				}
			case <-time.After(2 * time.Minute):
				t.Fatal("the log does not say what to do")
			}
		}
		t.Logf("the log says: %s", said)
		set(p, false)
		stacktest.Until(t, time.Minute, "events are accepted again", publish)
	}
	stacktest.Until(t, time.Minute, "every event answered 202 arrived", func() bool {
		mu.Lock()
		defer mu.Unlock()
		for id := range accepted {
			if !arrived[id] {
				return false
			}
		}
		return true
	})
	p.Kill() // what was answered is on the disk and not in the process
	p = process.Start(t, dir, nil)
	stacktest.Until(t, time.Minute, "nothing is left to deliver", p.Idle)
	lost := 0
	for id := range accepted {
		ev := p.Client().Event(id)
		if len(ev.Deliveries) != 1 || ev.Deliveries[0].Status != "succeeded" {
			lost++
			t.Errorf("%s has the deliveries %+v, want one that succeeded", id, ev.Deliveries)
		}
	}
	figures.Note(t, "disk full three times, "+how+": answered 202 / refused with 503 / lost", fmt.Sprintf("%d / %d / %d", len(accepted), refused, lost))
}
