package lambda

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// period is how often Lambda's scheduler hands out processor time, as far as anybody has measured it from outside.
const period = 20 * time.Millisecond

// throttle holds a process to a share of one core until it has ended: in each period it is stopped when it has had its part.
// What it had too much is taken from the next. A process that cannot be held is killed; it needs Linux.
func throttle(p *os.Process, share float64, ended <-chan struct{}) {
	part := time.Duration(share * float64(period))
	left, had, stopped := part, time.Duration(0), false
	for {
		next := time.Now().Add(period)
		for time.Now().Before(next) {
			span := time.Until(next)
			if !stopped {
				span = min(span, max(left/2, 100*time.Microsecond))
			}
			select {
			case <-time.After(span):
			case <-ended:
				return
			}
			if stopped {
				continue
			}
			now, err := computed(p.Pid)
			if left -= now - had; left <= 0 && err == nil {
				err = p.Signal(syscall.SIGSTOP)
				stopped = true
			}
			if had = now; err != nil {
				_ = p.Kill() // it may have ended
				return
			}
		}
		if left = min(left+part, part); stopped && left > 0 {
			_ = p.Signal(syscall.SIGCONT) // it may have ended
			stopped = false
		}
	}
}

// computed returns the processor time that a process has had: of all its threads, by the clock that Linux has for each process.
func computed(pid int) (time.Duration, error) {
	var t unix.Timespec
	err := unix.ClockGettime(int32(^pid<<3|2), &t)
	return time.Duration(t.Nano()), err
}
