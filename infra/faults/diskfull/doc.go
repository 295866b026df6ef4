// Package diskfull takes the room for files away from the program that `make run` starts, and gives it back: by a limit of
// the process, which needs no rights, and on a file system of its own that is full, where the system lets the tests mount one.
package diskfull
