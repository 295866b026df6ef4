package dialect

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"hookline/shared/signature"
	"hookline/shared/webhook"
)

// maxImported is the longest secret, in bytes, that an import can have: its secrets are exempt from the dialect's length rules.
const maxImported = 4096

// secretRule describes a dialect's secrets.
type secretRule struct {
	prefix   string
	min, max int // characters of a text, bytes of a base64 key
	made     int // random bytes
}

// NewSecret returns a new random secret in the dialect's form.
func (d *Dialect) NewSecret() string {
	b := make([]byte, d.secret.made)
	_, _ = rand.Read(b) // never fails since Go 1.24
	if d.scheme.Key.Encoding == signature.Base64 {
		return d.secret.prefix + base64.StdEncoding.EncodeToString(b)
	}
	return d.secret.prefix + hex.EncodeToString(b)
}

// CheckSecret returns what is wrong with a secret that a webhook's owner chose, or "" if it is valid.
func (d *Dialect) CheckSecret(s string) string {
	if hidden := webhook.Invisible(s); hidden != "" {
		return hiddenCharacter(hidden)
	}
	r := d.secret
	if d.scheme.Key.Encoding == signature.Base64 {
		key, err := d.scheme.Key.Bytes(s)
		if err != nil || !strings.HasPrefix(s, r.prefix) || len(key) < r.min || len(key) > r.max {
			before := ""
			if r.prefix != "" {
				before = r.prefix + " and "
			}
			return fmt.Sprintf("must be %sthe base64 of %d to %d bytes", before, r.min, r.max)
		}
		return ""
	}
	switch n := utf8.RuneCountInString(s); {
	case n < r.min:
		return fmt.Sprintf("must be at least %d characters", r.min)
	case n > r.max:
		return fmt.Sprintf("must be at most %d characters", r.max)
	}
	return ""
}

// CheckImportedSecret is CheckSecret for imported webhooks, which keep their secrets: it accepts any secret that can sign.
func (d *Dialect) CheckImportedSecret(s string) string {
	if hidden := webhook.Invisible(s); hidden != "" {
		return hiddenCharacter(hidden)
	}
	key, err := d.scheme.Key.Bytes(s)
	switch {
	case len(s) > maxImported:
		return fmt.Sprintf("must be at most %d bytes", maxImported)
	case err != nil:
		return "must be base64, after " + d.secret.prefix + " or alone"
	case len(key) == 0:
		return "must not be empty"
	}
	return ""
}

func hiddenCharacter(which string) string {
	return "must not have the invisible character " + which + ", which is easily pasted along and makes another key"
}

// ReadsSecretsOf reports whether every secret gives the same key in the other dialect and in this one.
func (d *Dialect) ReadsSecretsOf(other *Dialect) bool { return d.scheme.Key == other.scheme.Key }
