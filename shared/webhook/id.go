package webhook

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"
)

// Prefixes of the ids we make. A ULID follows (26 characters of Crockford's base 32, 48 bits of Unix
// milliseconds first), so that ids of one kind sort by the time they were made.
const (
	WebhookPrefix = "wh_"
	EventPrefix   = "evt_"
	KeyPrefix     = "key_"
	SecretKey     = "hk_"  // an API key itself, as against its id
	AdminKey      = "hka_" // the local admin key
)

// GivenIDRule says in words what ValidGivenID holds to.
const GivenIDRule = "must be 1 to 128 characters of A-Z a-z 0-9 _ : -"

// ValidGivenID reports whether an id that a client chose may be used.
func ValidGivenID(id string) bool {
	return id != "" && len(id) <= maxGivenID && !strings.ContainsFunc(id, func(c rune) bool { return c != ':' && !wordChar(c) })
}

const maxGivenID = 128

// wordChar reports whether names may have a character: A-Z a-z 0-9 _ -. Names are checked by hand, because compiling a regular
// expression took longer than any other package of ours takes when a process starts.
func wordChar(c rune) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// NewID returns prefix and a ULID of the time and 80 random bits.
func NewID(prefix string, now time.Time) string {
	var entropy [10]byte
	_, _ = rand.Read(entropy[:]) // never fails since Go 1.24
	return prefix + ulid(now, entropy)
}

// IDOf returns prefix and a ULID of the time and bits that the caller has: the same id for the same.
func IDOf(prefix string, at time.Time, bits [10]byte) string { return prefix + ulid(at, bits) }

// EventIDs returns n ids for the events of one request. They share their time and 64 random bits and end in their
// position, so that an id alone says which request it came in and where in it.
func EventIDs(now time.Time, n int) []string {
	var entropy [10]byte
	_, _ = rand.Read(entropy[:8])
	ids := make([]string, n)
	for i := range ids {
		binary.BigEndian.PutUint16(entropy[8:], uint16(i))
		ids[i] = EventPrefix + ulid(now, entropy)
	}
	return ids
}

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

func ulid(now time.Time, entropy [10]byte) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixMilli())<<16)
	copy(b[6:], entropy[:])
	return spell(b)
}

// ulidChars is how many characters of base 32 hold 128 bits.
const ulidChars = 26

func spell(b [16]byte) string {
	var out [ulidChars]byte
	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	for i := ulidChars - 1; i >= 0; i-- {
		out[i] = crockford[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(out[:])
}

// NewAPIKey returns a fresh API key of 160 random bits.
func NewAPIKey(prefix string) string {
	var b [20]byte
	_, _ = rand.Read(b[:])
	return prefix + hex.EncodeToString(b[:])
}

// HashAPIKey returns what is stored of an API key. Keys carry 160 random bits, so a plain hash cannot be searched.
func HashAPIKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// DeliveryKey is a delivery's identity (webhook and event) and its place in history (the event's acceptance, whole
// milliseconds). The same event published again within the time its id is remembered has the same key.
type DeliveryKey struct {
	Tenant     string
	Webhook    string
	Event      string
	AcceptedAt time.Time
}

const deliveryPrefix = "dlv_"

// ID returns the delivery's public id: opaque to clients, it holds all of the key but the tenant, so that finding a
// delivery by its id needs no index.
func (k DeliveryKey) ID() string {
	b := binary.BigEndian.AppendUint64(nil, uint64(k.AcceptedAt.UnixMilli()))[2:]
	b = append(b, byte(len(k.Webhook)))
	b = append(b, k.Webhook...)
	b = append(b, k.Event...)
	return deliveryPrefix + base64.RawURLEncoding.EncodeToString(b)
}

// ParseDeliveryID reads an id that DeliveryKey.ID made; the tenant is the caller's, which is what keeps a stranger's
// delivery out of reach.
func ParseDeliveryID(tenant, id string) (DeliveryKey, bool) {
	if len(id) < len(deliveryPrefix) || id[:len(deliveryPrefix)] != deliveryPrefix {
		return DeliveryKey{}, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(id[len(deliveryPrefix):])
	if err != nil || len(b) < 7 || len(b) < 7+int(b[6]) {
		return DeliveryKey{}, false
	}
	ms := binary.BigEndian.Uint64(append([]byte{0, 0}, b[:6]...))
	n := 7 + int(b[6])
	k := DeliveryKey{Tenant: tenant, Webhook: string(b[7:n]), Event: string(b[n:]), AcceptedAt: time.UnixMilli(int64(ms)).UTC()}
	if !ValidGivenID(k.Webhook) || !ValidGivenID(k.Event) {
		return DeliveryKey{}, false
	}
	return k, true
}
