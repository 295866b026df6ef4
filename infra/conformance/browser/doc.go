// Package browser holds tests of the console in Chromium, as people use it: what the products' documents say of pages,
// buttons, dialogs, statuses and messages is done sentence by sentence; every page is looked at on wide and narrow
// screens, light and dark, with none, one and thousands of rows; with the keyboard alone; and without JavaScript.
//
// The system is `make run`'s, in this process, with a receiver beside it. One browser serves all tests, each of which
// has a window of its own that shares nothing with the others.
//
// The tests take two minutes, Chromium and what infra/conformance/install installs: they run with HOOKLINE_CONFORMANCE=1
// only (`make conformance`), where what is missing fails them.
package browser
