package dynamo

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// Attributes of pins. Times are Unix milliseconds.
const (
	pinHash    = "h"
	pinAt      = "a"
	pinAnswer  = "b" // absent for nil
	pinExpires = "x"
	pinKept    = "k" // absent for zero
)

// generations returns the generation of each pin's tenant: the time of its creation in Unix milliseconds, or −1 if
// there is no such tenant.
func (s *Store) generations(ctx context.Context, ps ...webhook.Pin) (map[string]int64, error) {
	of := make(map[string]int64)
	for _, p := range ps {
		if _, ok := of[p.Tenant]; ok {
			continue
		}
		of[p.Tenant] = -1
		if p.Tenant == "" { // the admin's
			continue
		}
		ms, found, err := s.created(ctx, p.Tenant)
		if err != nil {
			return nil, err
		}
		if found {
			of[p.Tenant] = ms
		}
	}
	return of, nil
}

// pinKey returns a pin's key. Keys are spread over the whole table, so a tenant's pins are in no partition of their
// own. The parts of the digest are told apart by their lengths.
func pinKey(p webhook.Pin, generation int64) key {
	var b []byte
	for _, part := range []string{p.Tenant, p.Scope, p.Key} {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	sum := sha256.Sum256(binary.AppendVarint(b, generation))
	return key{"i#" + base64.RawURLEncoding.EncodeToString(sum[:]), "i"}
}

func pinItem(p webhook.Pin, generation int64) item {
	it := pinKey(p, generation).item()
	it[pinHash], it[pinAt], it[pinExpires] = text(p.Hash), number(record.Millis(p.At)), number(record.Millis(p.ExpiresAt))
	if p.Answer != nil {
		it[pinAnswer] = bin(p.Answer)
	}
	if !p.KeptUntil.IsZero() {
		it[pinKept] = number(record.Millis(p.KeptUntil))
	}
	it.expires(p.Until())
	it.sign()
	return it
}

// Pin stores p unless one is there that has not expired at p.At.
func (s *Store) Pin(ctx context.Context, p webhook.Pin) (webhook.Pin, bool, error) {
	pins, stored, err := s.Pins(ctx, []webhook.Pin{p})
	if err != nil {
		return webhook.Pin{}, false, err
	}
	return pins[0], stored[0], nil
}

// Pins does the same for many pins side by side. Pins of the same key are stored one after the other, in their order.
func (s *Store) Pins(ctx context.Context, ps []webhook.Pin) ([]webhook.Pin, []bool, error) {
	generation, err := s.generations(ctx, ps...)
	if err != nil {
		return nil, nil, err
	}
	pins, stored := make([]webhook.Pin, len(ps)), make([]bool, len(ps))
	var lines [][]int // positions of equal keys
	lineOf := make(map[key]int)
	for i, p := range ps {
		k := pinKey(p, generation[p.Tenant])
		if _, ok := lineOf[k]; !ok {
			lineOf[k] = len(lines)
			lines = append(lines, nil)
		}
		lines[lineOf[k]] = append(lines[lineOf[k]], i)
	}
	if err := parallel(ctx, len(lines), func(ctx context.Context, n int) (err error) {
		for _, i := range lines[n] {
			if pins[i], stored[i], err = s.pin(ctx, ps[i], generation[ps[i].Tenant]); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return nil, nil, err
	}
	return pins, stored, nil
}

func (s *Store) pin(ctx context.Context, p webhook.Pin, generation int64) (webhook.Pin, bool, error) {
	it := pinItem(p, generation)
	unsure, err := s.put(ctx, it, absent+" OR "+pinExpires+" <= :at", item{":at": it[pinAt]})
	there, ok := refused(err)
	if !ok {
		return p, err == nil, fault(err)
	}
	if unsure && ours(there, it) {
		return p, true, nil
	}
	return readPin(p, there), false, nil
}

// readPin reads an item as the pin of the tenant, scope and key of another.
func readPin(of webhook.Pin, it item) webhook.Pin {
	return webhook.Pin{
		Tenant: of.Tenant, Scope: of.Scope, Key: of.Key, Hash: it.text(pinHash), Answer: it.bytes(pinAnswer),
		At: record.Time(it.number(pinAt)), ExpiresAt: record.Time(it.number(pinExpires)), KeptUntil: record.Time(it.number(pinKept)),
	}
}

// FindPin returns the pin that is there, even if it has expired.
func (s *Store) FindPin(ctx context.Context, tenant, scope, key string) (webhook.Pin, error) {
	p := webhook.Pin{Tenant: tenant, Scope: scope, Key: key}
	generation, err := s.generations(ctx, p)
	if err != nil {
		return webhook.Pin{}, err
	}
	it, err := s.get(ctx, pinKey(p, generation[tenant]))
	if err != nil {
		return webhook.Pin{}, err
	}
	if it == nil {
		return webhook.Pin{}, webhook.ErrNotFound("pin")
	}
	return readPin(p, it), nil
}

// Repin replaces the pin whose At is that time.
func (s *Store) Repin(ctx context.Context, p webhook.Pin, at time.Time) error {
	generation, err := s.generations(ctx, p)
	if err != nil {
		return err
	}
	it := pinItem(p, generation[p.Tenant])
	unsure, err := s.put(ctx, it, pinAt+" = :at", item{":at": number(record.Millis(at))})
	if there, ok := refused(err); ok {
		if unsure && ours(there, it) {
			return nil
		}
		return errChanged()
	}
	return fault(err)
}

// Unpin removes the pin whose At is p.At.
func (s *Store) Unpin(ctx context.Context, p webhook.Pin) error {
	generation, err := s.generations(ctx, p)
	if err != nil {
		return err
	}
	err = s.remove(ctx, pinKey(p, generation[p.Tenant]), pinAt+" = :at", item{":at": number(record.Millis(p.At))})
	if _, ok := refused(err); ok {
		return nil
	}
	return fault(err)
}

// PutPayload stores a body if there is none under its ref.
func (s *Store) PutPayload(ctx context.Context, tenant, ref string, body []byte, expires time.Time) error {
	it := payloadKey(tenant, ref).item()
	it[payloadBody] = bin(body)
	it.expires(expires)
	_, err := s.put(ctx, it, absent, nil)
	if _, ok := refused(err); ok {
		return nil
	}
	return fault(err)
}

// DropPayload removes a body.
func (s *Store) DropPayload(ctx context.Context, tenant, ref string) error {
	err := s.remove(ctx, payloadKey(tenant, ref), exists, nil)
	if _, ok := refused(err); ok {
		return nil
	}
	return fault(err)
}

const payloadBody = "body"

// Payloads returns the bodies by ref. Its first read is eventually consistent and costs half. A second read of a ref is
// rarely needed.
func (s *Store) Payloads(ctx context.Context, tenant string, refs []string) (map[string][]byte, error) {
	bodies := make(map[string][]byte, len(refs))
	for _, consistent := range []bool{false, true} {
		var keys []key
		for _, ref := range refs {
			if _, ok := bodies[ref]; !ok {
				keys = append(keys, payloadKey(tenant, ref))
			}
		}
		found, err := s.load(ctx, keys, consistent)
		if err != nil {
			return nil, err
		}
		for _, ref := range refs {
			if it, ok := found[payloadKey(tenant, ref)]; ok {
				bodies[ref] = it.bytes(payloadBody)
			}
		}
	}
	return bodies, nil
}
