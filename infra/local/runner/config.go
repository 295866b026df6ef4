package runner

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"hookline/shared/brand"
)

// Config is what `make run` reads from the environment.
type Config struct {
	Port         int         // PORT; 0 lets the system choose
	DataDir      string      // DATA_DIR
	AdminKey     string      // ADMIN_KEY; "" is made once and kept
	ClockSpeed   float64     // CLOCK_SPEED
	AllowPrivate bool        // ALLOW_PRIVATE_TARGETS
	MaxWebhooks  int         // MAX_WEBHOOKS of a tenant; 0 is no limit
	Brand        brand.Brand // BRAND_NAME, BRAND_COLOR and BRAND_LOGO_URL
	Engine       string      // ENGINE: what keeps everything
	Hosts        []string    // ALLOWED_HOSTS, separated by commas: names that requests may have as their host, beside loopback's
}

// embedded is the engine that every build has.
const embedded = "sqlite"

// minAdminKey is how many characters an admin key has at least: it opens everything, to whoever guesses it.
const minAdminKey = 16

// maxSpeed keeps a visibility of some seconds within what a queue can count.
const maxSpeed = 1_000_000

// ReadConfig reads the environment and names all that is wrong with it at once.
func ReadConfig(getenv func(string) string) (Config, error) {
	c := Config{Port: 8080, DataDir: ".data", AdminKey: getenv("ADMIN_KEY"), ClockSpeed: 1, AllowPrivate: true, Engine: embedded}
	var errs []error
	if s := getenv("PORT"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 || n > 65535 {
			errs = append(errs, fmt.Errorf("PORT must be a number from 0 to 65535, not %q", s))
		}
		c.Port = n
	}
	if s := getenv("DATA_DIR"); s != "" {
		c.DataDir = s
	}
	if s := getenv("CLOCK_SPEED"); s != "" {
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || !(n > 0 && n <= maxSpeed) {
			errs = append(errs, fmt.Errorf("CLOCK_SPEED must be a number above 0, at most %d, not %q", maxSpeed, s))
		}
		c.ClockSpeed = n
	}
	switch s := getenv("ALLOW_PRIVATE_TARGETS"); s {
	case "", "true":
	case "false":
		c.AllowPrivate = false
	default:
		errs = append(errs, fmt.Errorf("ALLOW_PRIVATE_TARGETS must be true or false, not %q", s))
	}
	if n := len(c.AdminKey); n > 0 && n < minAdminKey {
		errs = append(errs, fmt.Errorf("ADMIN_KEY must have %d characters or more, not %d; without it one is made", minAdminKey, n))
	}
	for name := range strings.SplitSeq(getenv("ALLOWED_HOSTS"), ",") {
		if name = strings.ToLower(strings.TrimSpace(name)); name == "" {
			continue
		}
		if strings.ContainsAny(name, "/:*@ ") {
			errs = append(errs, fmt.Errorf("ALLOWED_HOSTS must be names of hosts, without a port, separated by commas, not %q", name))
		}
		c.Hosts = append(c.Hosts, name)
	}
	if s := getenv("MAX_WEBHOOKS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			errs = append(errs, fmt.Errorf("MAX_WEBHOOKS must be a number from 0 on, not %q", s))
		}
		c.MaxWebhooks = n
	}
	if s := getenv("ENGINE"); s != "" {
		c.Engine = s
	}
	var err error
	if c.Brand, err = brand.Read(getenv); err != nil {
		errs = append(errs, err)
	}
	return c, errors.Join(errs...)
}
