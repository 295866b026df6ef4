package lambda

import (
	"os/exec"
	"testing"
	"time"
)

// TestThrottle holds a process that computes to a quarter of a core.
func TestThrottle(t *testing.T) {
	loops := "100000"
	if testing.Short() { // beside the race detector's own work
		loops = "20000"
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "i=0; while [ $i -lt "+loops+" ]; do i=$((i+1)); done")
	begun, ended := time.Now(), make(chan struct{})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go throttle(cmd.Process, 0.25, ended)
	err := cmd.Wait()
	close(ended)
	if err != nil {
		t.Fatal(err)
	}
	had, span := cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), time.Since(begun)
	if share := float64(had) / float64(span); share > 0.35 {
		t.Errorf("the process had %v in %v, %.2f of a core, want at most a quarter", had, span, share)
	}
}
