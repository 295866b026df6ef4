package figures

import (
	"os"
	"path/filepath"
	"testing"
)

func TestNote(t *testing.T) {
	name := filepath.Join(t.TempDir(), "figures")
	t.Setenv("FIGURES", name)
	Note(t, "targets tried / through", "312 / 0")
	Note(t, "events", "1,000,000")
	got, err := os.ReadFile(name)
	if want := "targets tried / through\t312 / 0\nevents\t1,000,000\n"; err != nil || string(got) != want {
		t.Errorf("the file has %q, %v, want %q", got, err, want)
	}
}
