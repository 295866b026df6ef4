// Package ssrf tests that no webhook leads to an address that Hookline does not call. The targets are in testdata/targets.txt.
// Each is tried by every call that takes a URL, and by the attempts of a webhook that was stored with it before there was a
// rule. Listeners on loopback and a trace of the dials show that nothing was sent.
package ssrf
