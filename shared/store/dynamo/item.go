package dynamo

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// Attributes that several kinds of items have.
const (
	attrPK     = "pk"
	attrSK     = "sk"
	attrRecord = "rec" // bytes of package record
)

// item has the attributes of an item, or the values of an expression.
type item map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// bin stores nil as empty. A value that is to be absent must not be set.
func bin(b []byte) types.AttributeValue {
	if b == nil {
		b = []byte{}
	}
	return &types.AttributeValueMemberB{Value: b}
}

func boolean(b bool) types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: b} }

// texts returns a set, which must not be empty.
func texts(s []string) types.AttributeValue { return &types.AttributeValueMemberSS{Value: s} }

// An attribute that an item lacks, or has of another type, reads as zero.

func (it item) text(name string) string {
	v, _ := it[name].(*types.AttributeValueMemberS)
	if v == nil {
		return ""
	}
	return v.Value
}

func (it item) number(name string) int64 {
	v, _ := it[name].(*types.AttributeValueMemberN)
	if v == nil {
		return 0
	}
	n, _ := strconv.ParseInt(v.Value, 10, 64)
	return n
}

// bytes returns nil if the attribute is absent, and only then.
func (it item) bytes(name string) []byte {
	v, _ := it[name].(*types.AttributeValueMemberB)
	if v == nil {
		return nil
	}
	if v.Value == nil {
		return []byte{}
	}
	return v.Value
}

func (it item) boolean(name string) bool {
	v, _ := it[name].(*types.AttributeValueMemberBOOL)
	return v != nil && v.Value
}

func (it item) texts(name string) []string {
	v, _ := it[name].(*types.AttributeValueMemberSS)
	if v == nil {
		return nil
	}
	return v.Value
}

func (it item) key() key { return key{it.text(attrPK), it.text(attrSK)} }

// expires sets the time after which DynamoDB may delete the item. It never does for the zero time.
func (it item) expires(t time.Time) {
	if !t.IsZero() {
		it[TTLAttribute] = number((t.UnixMilli() + 999) / 1000)
	}
}

// attrNonce tells two writes of the same content apart.
const attrNonce = "n"

// sign gives the item a nonce by which ours recognises it.
func (it item) sign() {
	var nonce [8]byte
	_, _ = rand.Read(nonce[:]) // never fails since Go 1.24
	it[attrNonce] = bin(nonce[:])
}

// ours reports whether the item that is there is the one that was written, so that only the answer was lost.
func ours(there, written item) bool {
	return bytes.Equal(there.bytes(attrNonce), written.bytes(attrNonce))
}

// key is an item's primary key.
type key struct{ pk, sk string }

// item returns a new item that has only the key.
func (k key) item() item { return item{attrPK: text(k.pk), attrSK: text(k.sk)} }

func tenantKey(id string) key { return key{"t#" + id, "t"} }

// tenantDirectory is the partition that lists the tenants.
const tenantDirectory = "tenants"

func keysPK(tenant string) string    { return "k#" + tenant }
func hashKey(hash string) key        { return key{"h#" + hash, "h"} }
func webhookKey(ref webhook.Ref) key { return key{"w#" + ref.Tenant + "#" + ref.ID, "w"} }

// webhooksPK is the partition that lists a tenant's webhooks.
func webhooksPK(tenant string) string               { return "l#" + tenant }
func subscriptionsPK(tenant, pattern string) string { return "s#" + tenant + "#" + pattern }
func slotKey(ref webhook.Ref) key                   { return key{"r#" + ref.Tenant + "#" + ref.ID, "r"} }
func payloadKey(tenant, ref string) key             { return key{"y#" + tenant + "#" + ref, "y"} }

func deliveriesPK(tenant, hook string) string { return "d#" + tenant + "#" + hook }

func deliveryKey(k webhook.DeliveryKey) key {
	return key{deliveriesPK(k.Tenant, k.Webhook), acceptance(record.Millis(k.AcceptedAt)) + "#" + k.Event}
}

func replayKey(tenant, id string) key { return key{"j#" + tenant + "#" + id, "j"} }

// replaysPK is the partition that lists a tenant's replay jobs.
func replaysPK(tenant string) string          { return "g#" + tenant }
func sourceKey(id string) key                 { return key{"o#" + id, "o"} }
func sourcesPK(tenant string) string          { return "q#" + tenant }
func deploymentKey(tenant, id string) key     { return key{"p#" + tenant + "#" + id, "p"} }
func deploymentsPK(tenant string) string      { return "n#" + tenant }
func auditPK(tenant string) string            { return "a#" + tenant }
func dialectKey(name string, version int) key { return key{"v#" + name, strconv.Itoa(version)} }

// dialectDirectory is the partition that lists the dialects' names and their newest versions.
const dialectDirectory = "dialects"

// maxMillis is the last time that ids and keys can spell.
const maxMillis = 1<<48 - 1

// acceptance spells Unix milliseconds so that their texts sort by time.
func acceptance(ms int64) string { return fmt.Sprintf("%012x", min(max(ms, 0), maxMillis)) }

// parseDelivery is the inverse of deliveryKey.
func parseDelivery(k key) (webhook.DeliveryKey, error) {
	of := strings.Split(k.pk, "#")
	at, event, ok := strings.Cut(k.sk, "#")
	ms, err := strconv.ParseInt(at, 16, 64)
	if len(of) != 3 || !ok || err != nil {
		return webhook.DeliveryKey{}, internal(fmt.Errorf("no delivery's key: %q %q", k.pk, k.sk))
	}
	return webhook.DeliveryKey{Tenant: of[1], Webhook: of[2], Event: event, AcceptedAt: record.Time(ms)}, nil
}
