package dynamo

import (
	"cmp"
	"container/heap"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"hookline/shared/store/cursor"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// Deliveries lists by acceptance, newest first, then by webhook and event. It merges the histories of the webhooks that
// exist, each of which is a partition.
func (s *Store) Deliveries(ctx context.Context, tenant string, q webhook.DeliveryQuery) (webhook.List[webhook.Delivery], error) {
	none := webhook.List[webhook.Delivery]{}
	list := "deliveries/" + tenant + "/" + q.Webhook
	at, err := readPlace(list, q.Page.Cursor)
	if err != nil {
		return none, err
	}
	created, found, err := s.created(ctx, tenant)
	if err != nil || !found {
		return none, err
	}
	hooks := []string{q.Webhook}
	if q.Webhook == "" {
		if hooks, err = s.webhookIDs(ctx, tenant); err != nil {
			return none, err
		}
	}
	p := cursor.NewPage[webhook.Delivery](q.Page)
	wanted := p.Limit + 1
	if q.Status != "" || q.Type != "" {
		wanted = max(cursor.MaxScan, wanted)
	}
	from, until := acceptance(max(created, record.Millis(q.Since))), acceptance(maxMillis)
	if !q.Until.IsZero() {
		until = acceptance(record.Millis(q.Until))
	}
	histories := make([]*history, len(hooks))
	for i, hook := range hooks {
		histories[i] = &history{pk: deliveriesPK(tenant, hook), hook: hook, from: from, until: until, size: wanted/len(hooks) + 2}
		histories[i].below(at)
	}
	return p.Answer(s.merge(ctx, histories, func(it item) (bool, error) {
		if p.Full() {
			return false, nil
		}
		k, err := parseDelivery(it.key())
		if err != nil {
			return false, err
		}
		p.Saw(func() string {
			return cursor.Make(list, strconv.FormatInt(record.Millis(k.AcceptedAt), 10), k.Webhook, k.Event)
		})
		d, err := decodeDelivery(k, it)
		if err != nil {
			return false, err
		}
		if (q.Status == "" || q.Status == d.Status) && (q.Type == "" || q.Type == d.Type) {
			p.List.Items = append(p.List.Items, d)
		}
		return true, nil
	}))
}

// webhookIDs lists all of a tenant's webhooks.
func (s *Store) webhookIDs(ctx context.Context, tenant string) (ids []string, err error) {
	err = s.chunks(ctx, partition(webhooksPK(tenant), "", false, maxDirectory), func(entries []item) (bool, error) {
		for _, e := range entries {
			ids = append(ids, e.text(attrSK))
		}
		return true, nil
	})
	return ids, err
}

// place is the last delivery that a page showed.
type place struct {
	ms          int64
	hook, event string
}

// readPlace reads a cursor; nil is the beginning.
func readPlace(list, at string) (*place, error) {
	parts, err := cursor.Read(list, at, 3)
	if err != nil || parts == nil {
		return nil, err
	}
	ms, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil || !webhook.ValidGivenID(parts[1]) || !webhook.ValidGivenID(parts[2]) {
		return nil, cursor.Invalid()
	}
	return &place{ms, parts[1], parts[2]}, nil
}

// history reads one webhook's records part by part, newest first.
type history struct {
	pk, hook    string
	from, until string // sort keys, both included; no record has a bare time as its sort key
	skip        string // a sort key to leave out; "" for none
	size        int

	query *dynamodb.QueryInput
	items []item
	ended bool
}

// below leaves out the records up to a place in the list, and the one at the place itself.
func (h *history) below(at *place) {
	if at == nil {
		return
	}
	until := acceptance(at.ms) // this webhook's records of that moment were shown
	switch c := cmp.Compare(h.hook, at.hook); {
	case c < 0:
		until = acceptance(at.ms + 1)
	case c == 0:
		h.skip = until + "#" + at.event
		until = h.skip
	}
	h.until = min(h.until, until)
}

// fill reads the next part when nothing is left of the last one.
func (h *history) fill(ctx context.Context, s *Store) (err error) {
	if h.query == nil {
		h.ended = h.from > h.until // DynamoDB refuses such a range
		h.query = &dynamodb.QueryInput{
			KeyConditionExpression:    aws.String(attrPK + " = :pk AND " + attrSK + " BETWEEN :from AND :until"),
			ExpressionAttributeValues: item{":pk": text(h.pk), ":from": text(h.from), ":until": text(h.until)},
			ScanIndexForward:          aws.Bool(false), ConsistentRead: aws.Bool(true), Limit: aws.Int32(int32(h.size)),
		}
	}
	for len(h.items) == 0 && !h.ended {
		var more bool
		if h.items, more, err = s.query(ctx, h.query); err != nil {
			return err
		}
		h.ended = !more
		h.items = slices.DeleteFunc(h.items, func(it item) bool { return it.text(attrSK) == h.skip })
	}
	return nil
}

// newest is a heap of the histories that have items left.
type newest []*history

func (n newest) Len() int      { return len(n) }
func (n newest) Swap(i, j int) { n[i], n[j] = n[j], n[i] }

func (n newest) Less(i, j int) bool {
	a, aEvent, _ := strings.Cut(n[i].items[0].text(attrSK), "#")
	b, bEvent, _ := strings.Cut(n[j].items[0].text(attrSK), "#")
	return cmp.Or(cmp.Compare(b, a), cmp.Compare(n[j].hook, n[i].hook), cmp.Compare(bEvent, aEvent)) < 0
}

func (n *newest) Push(x any) { *n = append(*n, x.(*history)) }

func (n *newest) Pop() any {
	last := (*n)[len(*n)-1]
	*n = (*n)[:len(*n)-1]
	return last
}

// merge calls each with the items of all histories, newest first, until each returns false.
func (s *Store) merge(ctx context.Context, histories []*history, each func(item) (bool, error)) error {
	if err := parallel(ctx, len(histories), func(ctx context.Context, i int) error { return histories[i].fill(ctx, s) }); err != nil {
		return err
	}
	n := newest(slices.DeleteFunc(histories, func(h *history) bool { return len(h.items) == 0 }))
	heap.Init(&n)
	for len(n) > 0 {
		h := n[0]
		if goOn, err := each(h.items[0]); err != nil || !goOn {
			return err
		}
		h.items = h.items[1:]
		if err := h.fill(ctx, s); err != nil {
			return err
		}
		if len(h.items) == 0 {
			heap.Pop(&n)
		} else {
			heap.Fix(&n, 0)
		}
	}
	return nil
}
