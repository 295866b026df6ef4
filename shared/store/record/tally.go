package record

import (
	"cmp"
	"slices"

	"hookline/shared/webhook"
)

// Change is the change of a webhook's tally by some deliveries that were accepted within one minute. At is when the
// first of them was accepted, in Unix milliseconds.
type Change struct {
	Tenant, Webhook            string
	At                         int64
	Succeeded, Failed, Pending int
}

// Count adds n deliveries of a status.
func (c *Change) Count(status webhook.DeliveryStatus, n int) {
	switch status {
	case webhook.Succeeded:
		c.Succeeded += n
	case webhook.Failed:
		c.Failed += n
	case webhook.Pending:
		c.Pending += n
	}
}

// EncodeChanges encodes changes as {tenant: {webhook: [at, succeeded, failed, pending, at, …]}}, about 50 bytes each.
// The same changes give the same bytes.
func EncodeChanges(changes []Change) []byte {
	slices.SortFunc(changes, func(a, b Change) int { return cmp.Compare(a.At, b.At) })
	all := make(map[string]map[string][]int64)
	for _, c := range changes {
		if all[c.Tenant] == nil {
			all[c.Tenant] = make(map[string][]int64)
		}
		all[c.Tenant][c.Webhook] = append(all[c.Tenant][c.Webhook], c.At, int64(c.Succeeded), int64(c.Failed), int64(c.Pending))
	}
	return marshal(all)
}

// DecodeChanges decodes a tenant's part of what EncodeChanges encoded.
func DecodeChanges(b []byte, tenant string) ([]Change, error) {
	var all map[string]map[string][]int64
	if err := unmarshal("tally", b, &all); err != nil {
		return nil, err
	}
	var out []Change
	for hook, numbers := range all[tenant] {
		for c := range slices.Chunk(numbers, 4) {
			if len(c) == 4 {
				out = append(out, Change{Tenant: tenant, Webhook: hook, At: c[0], Succeeded: int(c[1]), Failed: int(c[2]), Pending: int(c[3])})
			}
		}
	}
	return out, nil
}
