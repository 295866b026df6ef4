package runner

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestSyncedBeforeAccepted shows by the system calls of the process that an accepted event is on disk before 202 is
// written: a kill alone could not tell, for the system keeps what a killed process wrote.
func TestSyncedBeforeAccepted(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not here to show the process's system calls; make conformance installs it")
	}
	dir := t.TempDir()
	trace := filepath.Join(dir, "trace")
	p := start(t, filepath.Join(dir, "data"), nil,
		"strace", "-f", "-y", "-s", "64", "-e", "trace=fsync,fdatasync,read,write", "-o", trace)
	c := p.client()
	// Nobody listens there: the first attempt fails at once.
	c.Webhook(map[string]any{"url": "http://127.0.0.1:9/", "events": []string{"order.*"}})
	const events = 20
	for i := range events {
		c.Do(http.StatusAccepted, "POST", "/v1/events", map[string]any{"type": "order.placed", "data": map[string]any{"n": i}}, nil)
	}
	if err := p.stop(); err != nil {
		t.Logf("strace reports %v", err)
	}
	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	// A finished call, or the end of one that was interrupted in the trace by another thread's line.
	synced := regexp.MustCompile(`(?:fsync|fdatasync)\(\d+<[^>]*queue\.db-wal>\)\s+= 0|<\.\.\. (?:fsync|fdatasync) resumed>\)\s+= 0`)
	asked := regexp.MustCompile(`"POST /v1/events `)
	answered := regexp.MustCompile(`write\(\d+<[^>]*>, "HTTP/1\.1 202 `)
	got, syncs := 0, 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		switch line := lines.Text(); {
		case asked.MatchString(line):
			syncs = 0
		case synced.MatchString(line):
			syncs++
		case answered.MatchString(line):
			got++
			if syncs == 0 {
				t.Errorf("answer %d was written with no sync of the queue since its request was read", got)
			}
		}
	}
	if got != events {
		t.Errorf("the trace shows %d answers, want %d", got, events)
	}
}
