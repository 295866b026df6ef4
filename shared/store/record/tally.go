package record

import (
	"cmp"
	"maps"
	"slices"

	"hookline/shared/webhook"
)

// Change is the change of a webhook's tally by some deliveries that were accepted within one minute. At is when the
// first of them was accepted, in Unix milliseconds.
type Change struct {
	Tenant, Webhook            string
	At                         int64
	Succeeded, Failed, Pending int
	Answers                    map[int]int // as webhook.Tally's
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

// Answered adds n deliveries of an AnswerTime.
func (c *Change) Answered(after, n int) {
	if after == webhook.NoAnswer {
		return
	}
	if c.Answers == nil {
		c.Answers = make(map[int]int)
	}
	if c.Answers[after] += n; c.Answers[after] == 0 {
		delete(c.Answers, after)
	}
}

// None reports whether nothing has changed.
func (c *Change) None() bool {
	return c.Succeeded == 0 && c.Failed == 0 && c.Pending == 0 && len(c.Answers) == 0
}

// EncodeChanges encodes changes as {tenant: {webhook: [at, succeeded, failed, pending, at, …]}}, about 50 bytes each, and
// apart from that their answers as [[position, answer time, n, answer time, n, …], …], where position is the change's in
// the order of the bytes. The answers are nil where there are none. The same changes give the same bytes.
func EncodeChanges(changes []Change) (rec, answers []byte) {
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Webhook, b.Webhook), cmp.Compare(a.At, b.At))
	})
	all := make(map[string]map[string][]int64)
	var rows [][]int
	for i, c := range changes {
		if all[c.Tenant] == nil {
			all[c.Tenant] = make(map[string][]int64)
		}
		all[c.Tenant][c.Webhook] = append(all[c.Tenant][c.Webhook], c.At, int64(c.Succeeded), int64(c.Failed), int64(c.Pending))
		if len(c.Answers) == 0 {
			continue
		}
		row := []int{i}
		for _, after := range slices.Sorted(maps.Keys(c.Answers)) {
			row = append(row, after, c.Answers[after])
		}
		rows = append(rows, row)
	}
	if rows != nil {
		answers = marshal(rows)
	}
	return marshal(all), answers
}

// DecodeChanges decodes a tenant's part of what EncodeChanges encoded.
func DecodeChanges(rec, answers []byte, tenant string) ([]Change, error) {
	var all map[string]map[string][]int64
	if err := unmarshal("tally", rec, &all); err != nil {
		return nil, err
	}
	if all[tenant] == nil {
		return nil, nil
	}
	rows := make(map[int][]int)
	if answers != nil {
		var list [][]int
		if err := unmarshal("tally", answers, &list); err != nil {
			return nil, err
		}
		for _, row := range list {
			if len(row) > 0 {
				rows[row[0]] = row[1:]
			}
		}
	}
	position := 0
	for of, hooks := range all {
		if of < tenant {
			for _, numbers := range hooks {
				position += len(numbers) / 4
			}
		}
	}
	var out []Change
	for _, hook := range slices.Sorted(maps.Keys(all[tenant])) {
		for n := range slices.Chunk(all[tenant][hook], 4) {
			if len(n) < 4 {
				continue
			}
			c := Change{Tenant: tenant, Webhook: hook, At: n[0], Succeeded: int(n[1]), Failed: int(n[2]), Pending: int(n[3])}
			for pair := range slices.Chunk(rows[position], 2) {
				if len(pair) == 2 {
					c.Answered(pair[0], pair[1])
				}
			}
			out = append(out, c)
			position++
		}
	}
	return out, nil
}

// Used is a part of a tenant's usage: what was done within one minute. At is when the first of it was, in Unix milliseconds.
type Used struct {
	Tenant                       string
	At                           int64
	Events, Deliveries, Attempts int
}

// Add adds another part, of the same tenant and minute.
func (u *Used) Add(v Used) {
	u.Tenant = v.Tenant
	if u.At == 0 || v.At < u.At {
		u.At = v.At
	}
	u.Events += v.Events
	u.Deliveries += v.Deliveries
	u.Attempts += v.Attempts
}

// EncodeUsed encodes parts as {tenant: [at, events, deliveries, attempts, at, …]}. The same parts give the same bytes.
func EncodeUsed(parts []Used) []byte {
	slices.SortFunc(parts, func(a, b Used) int { return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.At, b.At)) })
	all := make(map[string][]int64)
	for _, u := range parts {
		all[u.Tenant] = append(all[u.Tenant], u.At, int64(u.Events), int64(u.Deliveries), int64(u.Attempts))
	}
	return marshal(all)
}

// DecodeUsed decodes what EncodeUsed encoded.
func DecodeUsed(b []byte) ([]Used, error) {
	var all map[string][]int64
	if err := unmarshal("usage", b, &all); err != nil {
		return nil, err
	}
	var out []Used
	for tenant, numbers := range all {
		for n := range slices.Chunk(numbers, 4) {
			if len(n) == 4 {
				out = append(out, Used{Tenant: tenant, At: n[0], Events: int(n[1]), Deliveries: int(n[2]), Attempts: int(n[3])})
			}
		}
	}
	return out, nil
}
