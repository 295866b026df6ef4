package diskfull

import (
	"context"
	"encoding/json"
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

// TestDiskFull fills the program's disk while it accepts events. Those that it cannot keep it refuses with 503, and says in
// its log what to do. When there is room again it goes on by itself, and every event answered 202 has arrived.
func TestDiskFull(t *testing.T) {
	var mu sync.Mutex
	arrived := make(map[string]bool)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		arrived[r.Header.Get("webhook-id")] = true
	}))
	defer server.Close()
	dir := filepath.Join(t.TempDir(), "data")
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
		p.Signal(syscall.SIGUSR1)
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
		p.Signal(syscall.SIGUSR2)
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
	figures.Note(t, "disk full three times: answered 202 / refused with 503 / lost", fmt.Sprintf("%d / %d / %d", len(accepted), refused, lost))
}
