package dialect

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFields shows what a receiver finds around an event's data, in the order in which it is sent.
func TestFields(t *testing.T) {
	for name, tt := range map[string]struct {
		envelope string
		want     []Field
	}{
		"an object": {`{"type":"{type}","v":1,"none":"","data":"{data}","meta":{"at":"{timestamp}"}}`, []Field{
			{"type", true, "{type}"}, {Name: "v"}, {"none", true, ""}, {"data", true, "{data}"}, {Name: "meta"},
		}},
		"a list":         {`["{type}","{data}"]`, nil},
		"the data alone": {`"{data}"`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, fields([]byte(tt.envelope))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
