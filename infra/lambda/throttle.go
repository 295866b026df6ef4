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
// What it had too much is taken from the next. It needs Linux; where the clock of another process cannot be read there is
// no limit.
func throttle(p *os.Process, share float64, ended <-chan struct{}) {
	part := time.Duration(share * float64(period))
	had, err := computed(p.Pid)
	for left := part; err == nil; {
		next := time.Now().Add(period)
		stopped := false
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
			now, fault := computed(p.Pid)
			if fault != nil {
				return
			}
			left -= now - had
			had = now
			if left <= 0 {
				stopped = true
				err = p.Signal(syscall.SIGSTOP)
			}
		}
		if stopped {
			err = p.Signal(syscall.SIGCONT)
		}
		left = min(left+part, part)
	}
}

// computed returns the processor time that a process has had: of all its threads, by the clock that Linux has for each process.
func computed(pid int) (time.Duration, error) {
	var t unix.Timespec
	err := unix.ClockGettime(int32(^pid<<3|2), &t)
	return time.Duration(t.Nano()), err
}
