// Package fuzz runs every fuzz target of the module, each for as many cases as `make attack` has time for. `make test` runs the
// seeds of each beside its code.
package fuzz
