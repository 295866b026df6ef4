package dynamo

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"hookline/shared/audit"
	"hookline/shared/store/cursor"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

func auditKey(e audit.Entry) key {
	return key{auditPK(e.Tenant), registration(record.Millis(e.CreatedAt), e.ID)}
}

func auditItem(e audit.Entry) item {
	it := auditKey(e).item()
	it[attrRecord] = bin(record.EncodeAudit(e))
	it.expires(e.ExpiresAt)
	return it
}

// PutAudit stores an entry, or replaces it.
func (s *Store) PutAudit(ctx context.Context, e audit.Entry) error {
	_, err := s.put(ctx, auditItem(e), "", nil)
	return fault(err)
}

// DropAudit removes an entry.
func (s *Store) DropAudit(ctx context.Context, e audit.Entry) error {
	_, err := s.try(ctx, func(ctx context.Context) error {
		_, err := s.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: s.table, Key: auditKey(e).item()}, once)
		return err
	})
	return fault(err)
}

// AuditEntries lists by time, newest first, then by id.
func (s *Store) AuditEntries(ctx context.Context, tenant string, q audit.Query) (webhook.List[audit.Entry], error) {
	none := webhook.List[audit.Entry]{}
	list := "audit/" + tenant
	below, err := readRegistration(list, q.Cursor)
	if err != nil {
		return none, err
	}
	if !q.Until.IsZero() {
		until := acceptance(record.Millis(q.Until)) // before every key of that time
		if below == "" || until < below {
			below = until
		}
	}
	since := record.Millis(q.Since)
	p := cursor.NewPage[audit.Entry](q.Page)
	atOnce := size(p)
	if q.Actor != "" || q.Action != "" || q.Target != "" {
		atOnce = maxGet
	}
	return p.Answer(s.chunks(ctx, partition(auditPK(tenant), below, true, atOnce), func(items []item) (bool, error) {
		for _, it := range items {
			ms, id, err := parseRegistration(it.text(attrSK))
			if err != nil {
				return false, err
			}
			if ms < since || p.Full() {
				return false, nil
			}
			e, err := record.DecodeAudit(tenant, id, record.Time(ms), it.bytes(attrRecord))
			if err != nil {
				return false, internal(err)
			}
			p.Saw(func() string { return cursor.Make(list, strconv.FormatInt(ms, 10), id) })
			if q.Matches(e) {
				p.List.Items = append(p.List.Items, e)
			}
		}
		return true, nil
	}))
}
