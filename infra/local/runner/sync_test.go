package runner

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"hookline/infra/local/process"
)

// TestSyncedBeforeAccepted shows by the system calls of the process that an accepted event's message is on disk before 202
// is written. A kill alone could not tell, because the system keeps what a killed process wrote.
func TestSyncedBeforeAccepted(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not here to show the process's system calls; make conformance installs it")
	}
	dir := t.TempDir()
	trace := filepath.Join(dir, "trace")
	p := process.Start(t, filepath.Join(dir, "data"), nil,
		"strace", "-f", "-y", "-s", "5000", "-e", "trace=fsync,fdatasync,pwrite64,write", "-o", trace)
	c := p.Client()
	// Nobody listens there: the first attempt fails at once.
	c.Webhook(map[string]any{"url": "http://127.0.0.1:9/", "events": []string{"order.*"}})
	events := 20
	if testing.Short() { // under the race detector
		events = 5
	}
	for i := range events {
		c.Do(http.StatusAccepted, "POST", "/v1/events", map[string]any{"type": "order.placed", "data": map[string]any{"n": i}}, nil)
	}
	if err := p.Stop(); err != nil {
		t.Logf("strace reports %v", err)
	}
	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	wrote := regexp.MustCompile(`pwrite64\(\d+<[^>]*store\.db-wal>, `)
	// A finished call, or the end of one that was interrupted in the trace by another thread's line.
	synced := regexp.MustCompile(`(?:fsync|fdatasync)\(\d+<[^>]*store\.db-wal>\)\s+= 0|<\.\.\. (?:fsync|fdatasync) resumed>\)\s+= 0`)
	answered := regexp.MustCompile(`write\(\d+<[^>]*>, "HTTP/1\.1 202 `)
	eventID := regexp.MustCompile(`evt_[0-9A-Z]+`)
	got := 0
	onDisk := make(map[string]bool) // by id: false is written and not yet synced
	lines := bufio.NewScanner(f)
	for lines.Buffer(nil, 1<<20); lines.Scan(); {
		line := lines.Text()
		ids := eventID.FindAllString(line, -1)
		switch {
		case wrote.MatchString(line):
			for _, id := range ids {
				if _, written := onDisk[id]; !written { // the log of events has it compressed: it is the message's
					onDisk[id] = false
				}
			}
		case synced.MatchString(line):
			for id := range onDisk {
				onDisk[id] = true
			}
		case answered.MatchString(line):
			if got++; len(ids) != 1 || !onDisk[ids[0]] {
				t.Errorf("answer %d, of %q, was written before its message was on disk", got, ids)
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if got != events {
		t.Errorf("the trace shows %d answers, want %d", got, events)
	}
}
