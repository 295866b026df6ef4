// Package answers tests that no receiver can take more of Hookline than its webhook's timeout and a small, fixed memory. A
// table of receivers answers with everything that HTTP/1.1, HTTP/2 and TLS forbid, or allow and nobody should do. One event
// goes to all of them through the whole system, and the API then shows what came of each attempt.
package answers
