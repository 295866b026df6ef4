// Package conformance holds tests against programs that other people wrote: what receivers install to check our
// signatures, and the tools that show what our process asks of the system. They prove what our own code cannot prove
// about itself.
//
// A test whose program is missing is skipped, saying what is missing; with HOOKLINE_CONFORMANCE=1 (`make conformance`,
// which installs everything first) or with CI set it fails instead.
package conformance
