package diskfull

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// disk is where the tests have a small file system of their own, in memory; "" where the system does not let them.
var disk string

const (
	diskVar  = "HOOKLINE_TEST_DISK" // the folder that is to be that file system, in the process that runs the tests
	diskSize = "8m"
)

// onDisk runs the tests in a process that may mount file systems, and returns its exit status. Anybody may start one, in
// namespaces of its own, where the system allows it. It reports false where the system does not, and in that process.
func onDisk() (status int, ok bool) {
	dir, inside := os.LookupEnv(diskVar)
	if inside {
		if dir != "" && syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+diskSize) == nil {
			disk = dir
		}
		_ = os.Setenv(diskVar, "") // the programs that the tests start have the disk already
		return 0, false
	}
	dir, err := os.MkdirTemp("", "disk")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1, true
	}
	defer func() { _ = os.Remove(dir) }() // in this process it is empty
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1, true
	}
	tests := exec.Command(self, os.Args[1:]...)
	tests.Env = append(os.Environ(), diskVar+"="+dir)
	tests.Stdin, tests.Stdout, tests.Stderr = os.Stdin, os.Stdout, os.Stderr
	tests.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	if tests.Start() != nil {
		_ = os.Setenv(diskVar, "")
		return 0, false
	}
	if tests.Wait() != nil {
		return 1, true
	}
	return 0, true
}
