package runner

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/brand"
)

func TestReadConfig(t *testing.T) {
	tests := map[string]struct {
		env  map[string]string
		want Config
		errs []string // variables named in the error
	}{
		"nothing set": {nil, Config{Port: 8080, DataDir: ".data", ClockSpeed: 1, AllowPrivate: true, Engine: "sqlite"}, nil},
		"all set": {
			map[string]string{"PORT": "9", "DATA_DIR": "d", "ADMIN_KEY": "sixteen-letters!", "CLOCK_SPEED": "3600", "ALLOW_PRIVATE_TARGETS": "false", "ENGINE": "e", "MAX_WEBHOOKS": "7", "BRAND_NAME": "Parcelbird", "BRAND_COLOR": "#0a7cff", "BRAND_LOGO_URL": "https://a.example/b.svg", "ALLOWED_HOSTS": "Hooks.example.com, box"},
			Config{Port: 9, DataDir: "d", AdminKey: "sixteen-letters!", ClockSpeed: 3600, Engine: "e", MaxWebhooks: 7, Brand: brand.Brand{Name: "Parcelbird", Color: "#0a7cff", Logo: "https://a.example/b.svg"}, Hosts: []string{"hooks.example.com", "box"}},
			nil,
		},
		"all wrong": {
			map[string]string{"PORT": "x", "CLOCK_SPEED": "-1", "ALLOW_PRIVATE_TARGETS": "maybe", "MAX_WEBHOOKS": "-1", "BRAND_COLOR": "red", "ADMIN_KEY": "fifteen-letters", "ALLOWED_HOSTS": "box:8080"},
			Config{},
			[]string{"BRAND_COLOR", "PORT", "CLOCK_SPEED", "ALLOW_PRIVATE_TARGETS", "MAX_WEBHOOKS", "ADMIN_KEY must have 16", `ALLOWED_HOSTS must be names of hosts, without a port, separated by commas, not "box:8080"`},
		},
		"no speed": {map[string]string{"CLOCK_SPEED": "NaN"}, Config{}, []string{"CLOCK_SPEED"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ReadConfig(func(name string) string { return tt.env[name] })
			if tt.errs == nil {
				if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
					t.Errorf("%v, or (-want +got):\n%s", err, diff)
				}
				return
			}
			for _, name := range tt.errs {
				if err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("got %v, want an error that names %s", err, name)
				}
			}
		})
	}
}
