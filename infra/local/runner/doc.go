// Package runner runs the whole of Hookline on one machine, on the embedded engines: the same handlers that run on
// Lambda, with pollers in the place of event source mappings and net/http in that of the HTTP API.
//
// It guarantees: everything accepted survives a restart, `kill -9` and the loss of power. It
// is no production server: it binds to loopback and knows one admin key.
package runner
