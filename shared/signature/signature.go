// Package signature signs and verifies webhooks with HMAC-SHA256. The scheme is data.
//
// Products differ in the content that they sign, in how they write the digest and the key, in the prefix of a signature, and
// in whether a header holds several of them. A Scheme describes this. The time that verification takes does not depend on
// the content of the signature. The package reads no headers and judges no timestamps: a caller who needs protection from
// replayed requests checks their age.
package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Encoding is a way to write bytes as text.
type Encoding string

const (
	// Hex is lower-case hexadecimal.
	Hex Encoding = "hex"
	// Base64 is RFC 4648's standard alphabet with padding.
	Base64 Encoding = "base64"
	// UTF8 is the text itself. It is for keys only.
	UTF8 Encoding = "utf8"
)

// Scheme describes how one product signs.
type Scheme struct {
	// Signed is a Template of the content that is signed: {id}, {unix} (the time in whole Unix seconds) and {body} stand for
	// the message's values.
	Signed string
	// Encoding is the digest's: Hex or Base64.
	Encoding Encoding
	// Prefix stands before every signature ("sha256=", "v1,").
	Prefix string
	// Join separates several signatures, one for each secret. It is "" where a header holds only one. Prefix must not contain
	// it.
	Join string
	// Key says how a secret becomes the key.
	Key Key
}

// Key describes how a secret becomes an HMAC key.
type Key struct {
	// Encoding is UTF8 or "" if the whole secret is the key, and Base64 if the secret is Prefix and the key in base64.
	Encoding Encoding
	// Prefix begins a base64 secret. A secret without it is read as well.
	Prefix string
}

// Message holds the values that a signature can cover.
type Message struct {
	ID   string
	Time time.Time
	Body []byte // the bytes on the wire
}

// Names returns the names that Scheme.Signed can have in braces.
func Names() []string { return []string{"id", "unix", "body"} }

// Bytes returns the key that a secret stands for. The error never holds the secret.
func (k Key) Bytes(secret string) ([]byte, error) {
	switch k.Encoding {
	case UTF8, "":
		return []byte(secret), nil
	case Base64:
		key, err := decodeBase64(strings.TrimPrefix(secret, k.Prefix))
		if err != nil {
			return nil, errors.New("secret is not base64")
		}
		return key, nil
	}
	return nil, fmt.Errorf("unknown key encoding %q", k.Encoding)
}

// Sign returns the header value for a message: one signature for each secret, in the order of the secrets. If the header
// holds only one signature, Sign uses the first secret and ignores the others.
func (s Scheme) Sign(m Message, secrets ...string) (string, error) {
	if len(secrets) == 0 {
		return "", errors.New("no secret to sign with")
	}
	if s.Join == "" {
		secrets = secrets[:1]
	}
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		digest, err := s.digest(m, secret)
		if err != nil {
			return "", err
		}
		switch s.Encoding {
		case Hex:
			signatures[i] = s.Prefix + hex.EncodeToString(digest)
		case Base64:
			signatures[i] = s.Prefix + base64.StdEncoding.EncodeToString(digest)
		default:
			return "", fmt.Errorf("unknown signature encoding %q", s.Encoding)
		}
	}
	return strings.Join(signatures, s.Join), nil
}

// Verify reports whether any signature in a header value is the message's under any of the secrets. It takes hexadecimal in
// either case, because some tools write capitals. A secret that is no key matches nothing.
func (s Scheme) Verify(header string, m Message, secrets ...string) bool {
	candidates := []string{header}
	if s.Join != "" {
		candidates = strings.Split(header, s.Join)
	}
	valid := false
	for _, secret := range secrets {
		want, err := s.digest(m, secret)
		if err != nil {
			continue
		}
		for _, c := range candidates {
			// There is no early return: the time taken must not tell which secret or candidate matched.
			if got, ok := s.decode(c); ok && hmac.Equal(got, want) {
				valid = true
			}
		}
	}
	return valid
}

func (s Scheme) decode(signature string) ([]byte, bool) {
	text, ok := strings.CutPrefix(signature, s.Prefix)
	if !ok {
		return nil, false
	}
	var digest []byte
	var err error
	switch s.Encoding {
	case Hex:
		digest, err = hex.DecodeString(text)
	case Base64:
		digest, err = decodeBase64(text)
	default:
		return nil, false
	}
	return digest, err == nil
}

func (s Scheme) digest(m Message, secret string) ([]byte, error) {
	key, err := s.Key.Bytes(secret)
	if err != nil {
		return nil, err
	}
	if len(key) == 0 { // anybody could sign with an empty key
		return nil, errors.New("secret is empty")
	}
	mac := hmac.New(sha256.New, key)
	before, name, rest, ok := Template(s.Signed).next()
	for ; ok; before, name, rest, ok = rest.next() {
		mac.Write([]byte(before)) // a hash takes everything
		switch name {
		case "id":
			mac.Write([]byte(m.ID))
		case "unix":
			mac.Write(strconv.AppendInt(nil, m.Time.Unix(), 10))
		case "body":
			mac.Write(m.Body)
		default:
			return nil, fmt.Errorf("unknown name {%s} in what is signed", name)
		}
	}
	mac.Write([]byte(before))
	return mac.Sum(nil), nil
}

// decodeBase64 refuses stray bits and line breaks, which base64.Encoding skips: receivers' libraries read them differently.
func decodeBase64(text string) ([]byte, error) {
	if i := strings.IndexAny(text, "\r\n"); i >= 0 {
		return nil, base64.CorruptInputError(i)
	}
	return base64.StdEncoding.Strict().DecodeString(text)
}
