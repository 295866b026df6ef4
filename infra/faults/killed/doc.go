// Package killed kills the program that `make run` starts, time after time at random moments, while it works.
package killed
