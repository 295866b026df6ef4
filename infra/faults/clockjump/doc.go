// Package clockjump sets the clock of the program that `make run` starts hours forward and hours back: while it is stopped,
// and of a stack while it works.
package clockjump
