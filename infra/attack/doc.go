// Package attack has the tests that try to get in, out or past a limit, each kind in a package of its own. `make test`
// runs a fixed small part of each; `make attack` runs all of it and prints a table.
package attack
