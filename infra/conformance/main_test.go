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
	switch {
	case os.Getenv("HOOKLINE_CONFORMANCE") == "1":
	case os.Getenv("CI") != "" && !testing.Short(): // `make race`, which says -short, runs them under the detector
		set["test.skip"] = "." // `make conformance` is another step of the same run
	default:
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
