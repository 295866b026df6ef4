// Package checks holds the rules of this repository that are about its code rather than its behaviour: which package
// may import which, where documentation has to stand, how long files may be, and what may lie in the top folder. They
// are tests, so that `go test ./...` says so at once; the commands beside it serve `make test` and `make check`.
//
// The rules read source files and nothing else. A rule that needs types, such as errors left unchecked, is for the linters.
package checks
