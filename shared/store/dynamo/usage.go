package dynamo

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// The usage is in the tallies' items, which hold many tenants' and do not live for long. RollUsage sums up each hour of
// them, once no more can come to it, in an item for each tenant, which replaces nothing and is the same when it is written
// again. A reader adds up a tenant's hours, and what came after the last hour that was summed up.
const (
	// usageLag is for how long the stream may bring what was done at a time: it holds records for 24 hours.
	// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
	usageLag = 25 * time.Hour
	// usageSpan is what one item sums up, by the time in the tallies' keys.
	usageSpan = time.Hour
)

func usagePK(tenant string) string { return "u#" + tenant }

// rolledKey is of the item that says up to which time the usage was summed up.
func rolledKey() key { return key{"usage", "rolled"} }

const attrRolled = "at"

// rolled returns up to which time the usage was summed up: zero if it never was.
func (s *Store) rolled(ctx context.Context) (time.Time, error) {
	it, err := s.get(ctx, rolledKey())
	return record.Time(it.number(attrRolled)), err
}

// RollUsage sums up the hours that are complete at now. Called again, also side by side or after a crash, it does the same.
func (s *Store) RollUsage(ctx context.Context, now time.Time) error {
	from, err := s.rolled(ctx)
	if err != nil {
		return err
	}
	if from.IsZero() {
		from = now.Add(-tallyLife).Truncate(usageSpan)
	}
	for ; !from.Add(usageSpan).After(now.Add(-usageLag)); from = from.Add(usageSpan) {
		byTenant := make(map[string]map[int64]*record.Used) // and minute
		var mu sync.Mutex
		if err := parallel(ctx, tallyPartitions, func(ctx context.Context, i int) error {
			return s.used(ctx, tallyPartition(i), from, acceptance(record.Millis(from.Add(usageSpan))), func(u record.Used) {
				mu.Lock()
				defer mu.Unlock()
				if byTenant[u.Tenant] == nil {
					byTenant[u.Tenant] = make(map[int64]*record.Used)
				}
				minute := u.At / time.Minute.Milliseconds()
				if byTenant[u.Tenant][minute] == nil {
					byTenant[u.Tenant][minute] = &record.Used{}
				}
				byTenant[u.Tenant][minute].Add(u)
			})
		}); err != nil {
			return err
		}
		for tenant, minutes := range byTenant {
			var parts []record.Used
			for _, u := range minutes {
				parts = append(parts, *u)
			}
			it := key{usagePK(tenant), acceptance(record.Millis(from))}.item()
			it[attrUsed] = bin(record.EncodeUsed(parts))
			it.expires(from.Add(webhook.UsageKept))
			if _, err := s.put(ctx, it, "", nil); err != nil {
				return fault(err)
			}
		}
		it := rolledKey().item()
		it[attrRolled] = number(record.Millis(from.Add(usageSpan)))
		if _, err := s.put(ctx, it, "", nil); err != nil {
			return fault(err)
		}
	}
	return nil
}

// used calls each with the parts of the usage in a partition's items whose keys are from a time and below a text.
func (s *Store) used(ctx context.Context, pk string, from time.Time, below string, each func(record.Used)) error {
	return s.chunks(ctx, &dynamodb.QueryInput{
		KeyConditionExpression:   aws.String(attrPK + " = :pk AND " + attrSK + " BETWEEN :from AND :below"), // no tally has a bare time as its key
		ProjectionExpression:     aws.String("#use"),
		ExpressionAttributeNames: map[string]string{"#use": attrUsed},
		ExpressionAttributeValues: item{
			":pk": text(pk), ":from": text(acceptance(record.Millis(from))), ":below": text(below),
		},
	}, func(items []item) (bool, error) {
		for _, it := range items {
			if it.bytes(attrUsed) == nil {
				continue
			}
			parts, err := record.DecodeUsed(it.bytes(attrUsed))
			if err != nil {
				return false, internal(err)
			}
			for _, u := range parts {
				each(u)
			}
		}
		return true, nil
	})
}

// Usage adds up the tenant's hours, and what is not summed up yet.
func (s *Store) Usage(ctx context.Context, tenant string, since, until time.Time) ([]webhook.Usage, error) {
	created, found, err := s.created(ctx, tenant)
	if err != nil || !found {
		return nil, err
	}
	rolled, err := s.rolled(ctx)
	if err != nil {
		return nil, err
	}
	since = webhook.DayOf(since)
	days := make(map[time.Time]*webhook.Usage)
	add := func(u record.Used) {
		day := webhook.DayOf(record.Time(u.At))
		if u.Tenant != tenant || u.At < created || day.Before(since) || !day.Before(until) {
			return
		}
		if days[day] == nil {
			days[day] = &webhook.Usage{Day: day}
		}
		days[day].Events += u.Events
		days[day].Deliveries += u.Deliveries
		days[day].Attempts += u.Attempts
	}
	// What was done at a time is in an item of that time or, beside other things, of a later one.
	if !rolled.IsZero() {
		if err := s.used(ctx, usagePK(tenant), since, acceptance(record.Millis(rolled.Add(-usageSpan))), add); err != nil {
			return nil, err
		}
	}
	if rolled.Before(since) {
		rolled = since
	}
	if err := s.used(ctx, tallyPK(tenant), rolled, acceptance(maxMillis), add); err != nil {
		return nil, err
	}
	var out []webhook.Usage
	for _, u := range days {
		out = append(out, *u)
	}
	slices.SortFunc(out, func(a, b webhook.Usage) int { return a.Day.Compare(b.Day) })
	return out, nil
}
