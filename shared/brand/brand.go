// Package brand is a deployment's own name, colour and logo, in place of ours on pages, in mails and in the API's docs.
package brand

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Brand is shown in place of ours. What is "" stays ours.
type Brand struct {
	Name  string
	Color string // #rrggbb
	Logo  string // the URL of an image, https: or data:
}

// Limits of what Read takes.
const (
	maxName = 60   // characters
	maxLogo = 2048 // bytes: the settings of a function have 4 KB in all
)

var (
	color = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
	image = regexp.MustCompile(`^data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/]+={0,2}$`)
)

// Read reads BRAND_NAME, BRAND_COLOR and BRAND_LOGO_URL, and names all that is wrong with them at once.
func Read(getenv func(string) string) (Brand, error) {
	b := Brand{Name: strings.TrimSpace(getenv("BRAND_NAME")), Color: getenv("BRAND_COLOR"), Logo: getenv("BRAND_LOGO_URL")}
	var errs []error
	if utf8.RuneCountInString(b.Name) > maxName || strings.ContainsFunc(b.Name, unicode.IsControl) || !utf8.ValidString(b.Name) {
		errs = append(errs, fmt.Errorf("BRAND_NAME must be a line of at most %d characters, not %q", maxName, b.Name))
	}
	if b.Color != "" && !color.MatchString(b.Color) {
		errs = append(errs, fmt.Errorf("BRAND_COLOR must be a colour such as #4338ca, not %q", b.Color))
	}
	if b.Logo != "" && (len(b.Logo) > maxLogo || !image.MatchString(b.Logo) && imageHost(b.Logo) == "") {
		errs = append(errs, fmt.Errorf("BRAND_LOGO_URL must be an https URL, or data:image/…;base64,…, of at most %d bytes, not %q", maxLogo, b.Logo))
	}
	return b, errors.Join(errs...)
}

// imageHost returns the origin of an https URL, in the form of a source in a content security policy, "" for other texts.
func imageHost(logo string) string {
	u, err := url.Parse(logo)
	if err != nil || u.Scheme != "https" || u.User != nil || !regexp.MustCompile(`^[A-Za-z0-9.-]+(:[0-9]+)?$`).MatchString(u.Host) {
		return ""
	}
	return "https://" + u.Host
}

// ImageSource is what a content security policy adds to img-src for the logo, with a space before it; "" for none.
func (b Brand) ImageSource() string {
	switch {
	case b.Logo == "":
		return ""
	case strings.HasPrefix(b.Logo, "data:"):
		return " data:"
	}
	return " " + imageHost(b.Logo)
}

// Image returns the logo as pages carry it: Read has held it to an image, which html/template does not know of a data: URL.
func (b Brand) Image() template.URL { return template.URL(b.Logo) } //nolint:gosec // G203: of an https URL or an image in base64

// Or returns the name, or ours where there is none.
func (b Brand) Or(name string) string {
	if b.Name != "" {
		return b.Name
	}
	return name
}

// Stylesheet returns the rules that put the colour in the place of ours, "" without one. They follow the stylesheets that
// have --accent and its companions. The colour is made darker on light ground and lighter on dark ground until text in it
// has a contrast of 4.5 there: https://www.w3.org/TR/WCAG22/#contrast-minimum.
func (b Brand) Stylesheet() string {
	if b.Color == "" {
		return ""
	}
	c := parse(b.Color)
	light, lightSoft := c.readable(white(), rgb{240, 241, 245}, .1, rgb{})
	dark, darkSoft := c.readable(rgb{23, 26, 33}, rgb{43, 48, 59}, .2, white())
	rule := func(name string, l, d rgb) string { return fmt.Sprintf("  --%s: light-dark(%s, %s);\n", name, l, d) }
	return ":root {\n" + rule("accent", light, dark) + rule("accent-hover", light.toward(rgb{}, .2), dark.toward(white(), .3)) +
		rule("on-accent", white(), rgb{17, 18, 26}) + rule("accent-soft", lightSoft, darkSoft) + "}\n"
}

// Mark differs between stylesheets, so that browsers can keep one for ever.
func (b Brand) Mark() string {
	sum := sha256.Sum256([]byte(b.Stylesheet()))
	return hex.EncodeToString(sum[:6])
}

// rgb is a colour of sRGB, with parts from 0 to 255.
type rgb [3]float64

func white() rgb { return rgb{255, 255, 255} }

// parse reads #rrggbb.
func parse(s string) (c rgb) {
	n, _ := strconv.ParseUint(s[1:], 16, 32) // Read has held it to six digits
	return rgb{float64(n >> 16), float64(n >> 8 & 255), float64(n & 255)}
}

func (c rgb) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(math.Round(c[0])), int(math.Round(c[1])), int(math.Round(c[2])))
}

// toward mixes a part of another colour in.
func (c rgb) toward(other rgb, part float64) (out rgb) {
	for i := range c {
		out[i] = math.Round(c[i] + (other[i]-c[i])*part)
	}
	return out
}

// luminance is WCAG's relative luminance.
func (c rgb) luminance() float64 {
	part := func(v float64) float64 {
		if v /= 255; v <= .04045 {
			return v / 12.92
		}
		return math.Pow((v+.055)/1.055, 2.4)
	}
	return .2126*part(c[0]) + .7152*part(c[1]) + .0722*part(c[2])
}

func contrast(a, b rgb) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + .05) / (min(x, y) + .05)
}

// readable moves the colour toward an end until it can be read on the ground that differs least from it and on soft, which
// is the surface with a part of the colour.
func (c rgb) readable(surface, least rgb, part float64, end rgb) (text, soft rgb) {
	for step := 0.; ; step += .02 {
		text = c.toward(end, min(step, 1))
		soft = surface.toward(text, part)
		if contrast(text, least) >= 4.5 && contrast(text, soft) >= 4.5 || step >= 1 {
			return text, soft
		}
	}
}
