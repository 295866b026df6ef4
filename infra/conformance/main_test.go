package conformance

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// TestMain leaves to `make conformance` the tests that start stand-ins for AWS or generate clients: they take real time.
// They are not skipped but not there, for `make test` is complete without them.
func TestMain(m *testing.M) {
	flag.Parse()
	set := map[string]string{"test.parallel": "40"} // they wait, most of the time
	if os.Getenv("HOOKLINE_CONFORMANCE") != "1" {
		set = map[string]string{"test.skip": "^Test(AWS|OpenAPI)"}
	}
	for name, value := range set {
		if err := flag.Set(name, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}
