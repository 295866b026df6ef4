package brand

import (
	"regexp"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	const dot = "data:image/png;base64,iVBORw0KGgo="
	for name, tt := range map[string]struct {
		env   map[string]string
		want  Brand
		wrong []string
	}{
		"nothing": {nil, Brand{}, nil},
		"all": {
			map[string]string{"BRAND_NAME": " Parcelbird ", "BRAND_COLOR": "#0a7Cff", "BRAND_LOGO_URL": "https://cdn.example.com:8443/logo.svg?v=2"},
			Brand{"Parcelbird", "#0a7Cff", "https://cdn.example.com:8443/logo.svg?v=2"},
			nil,
		},
		"an image in itself": {map[string]string{"BRAND_LOGO_URL": dot}, Brand{Logo: dot}, nil},
		"all wrong": {
			map[string]string{"BRAND_NAME": "a\nb", "BRAND_COLOR": "red", "BRAND_LOGO_URL": "http://example.com/logo.png"},
			Brand{},
			[]string{"BRAND_NAME", "BRAND_COLOR", "BRAND_LOGO_URL"},
		},
		"a long name":             {map[string]string{"BRAND_NAME": strings.Repeat("é", maxName+1)}, Brand{}, []string{"BRAND_NAME"}},
		"a colour with rules":     {map[string]string{"BRAND_COLOR": "#fff;} body {"}, Brand{}, []string{"BRAND_COLOR"}},
		"a logo with a directive": {map[string]string{"BRAND_LOGO_URL": "https://a.example; script-src *"}, Brand{}, []string{"BRAND_LOGO_URL"}},
		"a page as a logo":        {map[string]string{"BRAND_LOGO_URL": "data:text/html;base64,PGI+"}, Brand{}, []string{"BRAND_LOGO_URL"}},
		"a long logo":             {map[string]string{"BRAND_LOGO_URL": "https://a.example/" + strings.Repeat("x", maxLogo)}, Brand{}, []string{"BRAND_LOGO_URL"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Read(func(name string) string { return tt.env[name] })
			if len(tt.wrong) == 0 && (err != nil || got != tt.want) {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
			for _, field := range tt.wrong {
				if err == nil || !strings.Contains(err.Error(), field) {
					t.Errorf("got %v, want an error that names %s", err, field)
				}
			}
		})
	}
}

func TestImageSource(t *testing.T) {
	for logo, want := range map[string]string{"": "", "data:image/png;base64,AA==": " data:", "https://a.example:8443/x": " https://a.example:8443"} {
		if got := (Brand{Logo: logo}).ImageSource(); got != want {
			t.Errorf("%s: got %q, want %q", logo, got, want)
		}
	}
}

// TestStylesheet holds every colour to WCAG's contrast on each ground of the pages, as text and as a button.
func TestStylesheet(t *testing.T) {
	if got := (Brand{Name: "x"}).Stylesheet(); got != "" {
		t.Errorf("got %q without a colour", got)
	}
	pair := regexp.MustCompile(`--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)`)
	for _, c := range []string{"#000000", "#ffffff", "#ff0000", "#00ff00", "#0000ff", "#ffff00", "#00ffff", "#808080", "#ffd400", "#0b3d2e", "#4338ca"} {
		have := make(map[string][2]rgb)
		for _, m := range pair.FindAllStringSubmatch((Brand{Color: c}).Stylesheet(), -1) {
			have[m[1]] = [2]rgb{parse(m[2]), parse(m[3])}
		}
		for i, grounds := range [2][]string{{"#f6f7f9", "#ffffff", "#f0f1f5"}, {"#0e1015", "#171a21", "#1f232c", "#12151b"}} {
			for _, name := range []string{"accent", "accent-hover"} {
				for _, ground := range grounds {
					if got := contrast(have[name][i], parse(ground)); got < 4.5 {
						t.Errorf("%s: --%s has a contrast of %.2f on %s", c, name, got, ground)
					}
				}
				for _, other := range []string{"on-accent", "accent-soft"} {
					if got := contrast(have[name][i], have[other][i]); got < 4.5 {
						t.Errorf("%s: --%s has a contrast of %.2f with --%s", c, name, got, other)
					}
				}
			}
		}
	}
}
