package webhook

import "testing"

func TestTraceParent(t *testing.T) {
	const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for name, tt := range map[string]struct {
		in   []string
		want string
	}{
		"none":                        {nil, ""},
		"the specification's":         {[]string{good}, good},
		"not sampled":                 {[]string{good[:54] + "0"}, good[:54] + "0"},
		"two":                         {[]string{good, good}, ""},
		"two that a proxy has joined": {[]string{good + "," + good}, ""},
		"empty":                       {[]string{""}, ""},
		"in capitals":                 {[]string{"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"}, ""},
		"no hex":                      {[]string{"00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01"}, ""},
		"no trace":                    {[]string{"00-00000000000000000000000000000000-00f067aa0ba902b7-01"}, ""},
		"no parent":                   {[]string{"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"}, ""},
		"version ff":                  {[]string{"ff" + good[2:]}, ""},
		"too long for version 00":     {[]string{good + "-00"}, ""},
		"too short":                   {[]string{good[:54]}, ""},
		"a later version":             {[]string{"cc" + good[2:53] + "07-what-the-future-will-be-like"}, good},
		"a later one as long":         {[]string{"cc" + good[2:53] + "fe"}, good[:54] + "0"},
		"a later one with no dash":    {[]string{"cc" + good[2:] + ".what"}, ""},
		"shifted dashes":              {[]string{"00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01"}, ""},
	} {
		if got := TraceParent(tt.in); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}
