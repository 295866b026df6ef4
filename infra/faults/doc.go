// Package faults has the tests that hold Hookline to losing nothing whatever fails, each kind in a package of its own.
// `make test` runs a fixed small part of each; `make faults` runs all of it and prints a table.
package faults
