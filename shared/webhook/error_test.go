package webhook

import (
	"errors"
	"fmt"
	"testing"
)

func TestIs(t *testing.T) {
	wrapped := fmt.Errorf("load: %w", ErrNotFound("webhook"))
	for name, tt := range map[string]struct {
		err  error
		kind Kind
		want bool
	}{
		"its kind":              {ErrNotFound("webhook"), NotFound, true},
		"wrapped":               {wrapped, NotFound, true},
		"another kind":          {wrapped, Conflict, false},
		"a foreign error":       {errors.New("away"), Internal, true},
		"no error":              {nil, Internal, false},
		"no error of any kind":  {nil, NotFound, false},
		"a foreign error's not": {errors.New("away"), Unavailable, false},
	} {
		if got := Is(tt.err, tt.kind); got != tt.want {
			t.Errorf("%s: got %t, want %t", name, got, tt.want)
		}
	}
}
