package faultinject

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"hookline/shared/audit"
	"hookline/shared/store"
	"hookline/shared/webhook"
)

// StoreFaults are what goes wrong with a store. Each is asked by the name of the call ("SaveDelivery"), and nil is never.
// They must be safe for concurrent use.
type StoreFaults struct {
	// Before is asked before a call that writes. Its error is answered as Unavailable and nothing is written, as by a
	// throttle.
	Before func(call string) error
	// After is asked after a call that wrote. Its error is answered as Unavailable although everything was written, as by
	// a connection that broke before the answer.
	After func(call string) error
	// Read is asked before a call that only reads. Its error is answered as Unavailable.
	Read func(call string) error
	// Stale is asked before Overdue, Subscriptions and LoadBatch. If it says true, a list gets the answer that it got last time
	// for the same list and page, or nothing if it was not asked yet, and LoadBatch misses the records of first. The contract
	// does not allow this for Subscriptions.
	Stale func(call string) bool
	// Around makes the call, or does not: it is given what the call does, with the faults above, and its error is the
	// caller's. nil calls do.
	Around func(ctx context.Context, call string, do func() error) error
}

// Store wraps a store with faults. It reads f at each call, so that a test can change the faults between two calls.
func Store(s store.Store, f *StoreFaults) store.Store {
	return &faultyStore{Store: s, faults: f, last: make(map[string]any)}
}

type faultyStore struct {
	store.Store
	faults *StoreFaults

	mu   sync.Mutex
	last map[string]any // fresh answers of the calls that can be stale, by call and list
}

func (s *faultyStore) around(ctx context.Context, call string, do func() error) error {
	if s.faults.Around == nil {
		return do()
	}
	return s.faults.Around(ctx, call, do)
}

func (s *faultyStore) write(ctx context.Context, call string, do func() error) error {
	return s.around(ctx, call, func() error {
		if err := strike(s.faults.Before, call); err != nil {
			return err
		}
		if err := do(); err != nil {
			return err
		}
		return strike(s.faults.After, call)
	})
}

func (s *faultyStore) read(ctx context.Context, call string, do func() error) error {
	return s.around(ctx, call, func() error {
		if err := strike(s.faults.Read, call); err != nil {
			return err
		}
		return do()
	})
}

func write1[T any](ctx context.Context, s *faultyStore, call string, do func() (T, error)) (v T, err error) {
	err = s.write(ctx, call, func() error {
		v, err = do()
		return err
	})
	if err != nil {
		return *new(T), err
	}
	return v, nil
}

func write2[A, B any](ctx context.Context, s *faultyStore, call string, do func() (A, B, error)) (a A, b B, err error) {
	err = s.write(ctx, call, func() error {
		a, b, err = do()
		return err
	})
	if err != nil {
		return *new(A), *new(B), err
	}
	return a, b, nil
}

func read1[T any](ctx context.Context, s *faultyStore, call string, do func() (T, error)) (v T, err error) {
	err = s.read(ctx, call, func() error {
		v, err = do()
		return err
	})
	if err != nil {
		return *new(T), err
	}
	return v, nil
}

func read2[A, B any](ctx context.Context, s *faultyStore, call string, do func() (A, B, error)) (a A, b B, err error) {
	err = s.read(ctx, call, func() error {
		a, b, err = do()
		return err
	})
	if err != nil {
		return *new(A), *new(B), err
	}
	return a, b, nil
}

// stale answers a list as it was answered last if the fault strikes, else anew.
func stale[T any](ctx context.Context, s *faultyStore, call, list string, do func() (T, error)) (T, error) {
	if s.faults.Stale == nil {
		return read1(ctx, s, call, do)
	}
	key := call + " " + list
	if s.faults.Stale(call) {
		s.mu.Lock()
		defer s.mu.Unlock()
		last, _ := s.last[key].(T)
		return last, nil
	}
	v, err := read1(ctx, s, call, do)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.last[key] = v
	}
	return v, err
}

func (s *faultyStore) Overdue(ctx context.Context, before time.Time, page webhook.Page) (webhook.List[webhook.Delivery], error) {
	return stale(ctx, s, "Overdue", page.Cursor, func() (webhook.List[webhook.Delivery], error) { return s.Store.Overdue(ctx, before, page) })
}

func (s *faultyStore) DeadLetters(ctx context.Context, since time.Time) ([]webhook.DeadLetters, bool, error) {
	return read2(ctx, s, "DeadLetters", func() ([]webhook.DeadLetters, bool, error) { return s.Store.DeadLetters(ctx, since) })
}

func (s *faultyStore) Subscriptions(
	ctx context.Context, tenant string, patterns []string, page webhook.Page,
) (webhook.List[webhook.Subscription], error) {
	list := strings.Join(append(slices.Sorted(slices.Values(patterns)), tenant, page.Cursor), " ")
	return stale(ctx, s, "Subscriptions", list, func() (webhook.List[webhook.Subscription], error) {
		return s.Store.Subscriptions(ctx, tenant, patterns, page)
	})
}

func (s *faultyStore) CreateTenant(ctx context.Context, t webhook.Tenant, k webhook.Key) error {
	return s.write(ctx, "CreateTenant", func() error { return s.Store.CreateTenant(ctx, t, k) })
}

func (s *faultyStore) Tenant(ctx context.Context, id string) (webhook.Tenant, error) {
	return read1(ctx, s, "Tenant", func() (webhook.Tenant, error) { return s.Store.Tenant(ctx, id) })
}

func (s *faultyStore) Tenants(ctx context.Context, page webhook.Page) (webhook.List[webhook.Tenant], error) {
	return read1(ctx, s, "Tenants", func() (webhook.List[webhook.Tenant], error) { return s.Store.Tenants(ctx, page) })
}

func (s *faultyStore) UpdateTenant(ctx context.Context, t webhook.Tenant) error {
	return s.write(ctx, "UpdateTenant", func() error { return s.Store.UpdateTenant(ctx, t) })
}

func (s *faultyStore) DeleteTenant(ctx context.Context, id string) error {
	return s.write(ctx, "DeleteTenant", func() error { return s.Store.DeleteTenant(ctx, id) })
}

func (s *faultyStore) DeletedWebhooks(ctx context.Context, tenant string, page webhook.Page) (webhook.List[string], error) {
	return read1(ctx, s, "DeletedWebhooks", func() (webhook.List[string], error) { return s.Store.DeletedWebhooks(ctx, tenant, page) })
}

func (s *faultyStore) Remains(ctx context.Context, tenant string, before time.Time, page webhook.Page) (webhook.Remains, error) {
	return read1(ctx, s, "Remains", func() (webhook.Remains, error) { return s.Store.Remains(ctx, tenant, before, page) })
}

func (s *faultyStore) DropRemains(ctx context.Context, r webhook.Remains) error {
	return s.write(ctx, "DropRemains", func() error { return s.Store.DropRemains(ctx, r) })
}

func (s *faultyStore) CreateKey(ctx context.Context, k webhook.Key) error {
	return s.write(ctx, "CreateKey", func() error { return s.Store.CreateKey(ctx, k) })
}

func (s *faultyStore) KeyByHash(ctx context.Context, hash string) (webhook.Key, error) {
	return read1(ctx, s, "KeyByHash", func() (webhook.Key, error) { return s.Store.KeyByHash(ctx, hash) })
}

func (s *faultyStore) Keys(ctx context.Context, tenant string, page webhook.Page) (webhook.List[webhook.Key], error) {
	return read1(ctx, s, "Keys", func() (webhook.List[webhook.Key], error) { return s.Store.Keys(ctx, tenant, page) })
}

func (s *faultyStore) DeleteKey(ctx context.Context, tenant, id string) error {
	return s.write(ctx, "DeleteKey", func() error { return s.Store.DeleteKey(ctx, tenant, id) })
}

func (s *faultyStore) CreateWebhook(ctx context.Context, w webhook.Webhook) error {
	return s.write(ctx, "CreateWebhook", func() error { return s.Store.CreateWebhook(ctx, w) })
}

func (s *faultyStore) Webhook(ctx context.Context, ref webhook.Ref) (webhook.Webhook, error) {
	return read1(ctx, s, "Webhook", func() (webhook.Webhook, error) { return s.Store.Webhook(ctx, ref) })
}

func (s *faultyStore) Webhooks(ctx context.Context, tenant string, q webhook.WebhookQuery) (webhook.List[webhook.Webhook], error) {
	return read1(ctx, s, "Webhooks", func() (webhook.List[webhook.Webhook], error) { return s.Store.Webhooks(ctx, tenant, q) })
}

func (s *faultyStore) WebhookCounts(ctx context.Context, tenant string) (webhook.Counts, error) {
	return read1(ctx, s, "WebhookCounts", func() (webhook.Counts, error) { return s.Store.WebhookCounts(ctx, tenant) })
}

func (s *faultyStore) UpdateWebhook(ctx context.Context, w webhook.Webhook, resetHealth bool) error {
	return s.write(ctx, "UpdateWebhook", func() error { return s.Store.UpdateWebhook(ctx, w, resetHealth) })
}

func (s *faultyStore) DeleteWebhook(ctx context.Context, ref webhook.Ref) error {
	return s.write(ctx, "DeleteWebhook", func() error { return s.Store.DeleteWebhook(ctx, ref) })
}

func (s *faultyStore) SetHealth(ctx context.Context, ref webhook.Ref, from, to webhook.Health) (bool, error) {
	return write1(ctx, s, "SetHealth", func() (bool, error) { return s.Store.SetHealth(ctx, ref, from, to) })
}

func (s *faultyStore) SetSlow(ctx context.Context, ref webhook.Ref, from, to time.Time) (bool, error) {
	return write1(ctx, s, "SetSlow", func() (bool, error) { return s.Store.SetSlow(ctx, ref, from, to) })
}

func (s *faultyStore) Pin(ctx context.Context, p webhook.Pin) (webhook.Pin, bool, error) {
	return write2(ctx, s, "Pin", func() (webhook.Pin, bool, error) { return s.Store.Pin(ctx, p) })
}

func (s *faultyStore) Pins(ctx context.Context, ps []webhook.Pin) ([]webhook.Pin, []bool, error) {
	return write2(ctx, s, "Pins", func() ([]webhook.Pin, []bool, error) { return s.Store.Pins(ctx, ps) })
}

func (s *faultyStore) FindPin(ctx context.Context, tenant, scope, key string) (webhook.Pin, error) {
	return read1(ctx, s, "FindPin", func() (webhook.Pin, error) { return s.Store.FindPin(ctx, tenant, scope, key) })
}

func (s *faultyStore) Repin(ctx context.Context, p webhook.Pin, at time.Time) error {
	return s.write(ctx, "Repin", func() error { return s.Store.Repin(ctx, p, at) })
}

func (s *faultyStore) Unpin(ctx context.Context, p webhook.Pin) error {
	return s.write(ctx, "Unpin", func() error { return s.Store.Unpin(ctx, p) })
}

func (s *faultyStore) PutPayload(ctx context.Context, tenant, ref string, body []byte, expires time.Time) error {
	return s.write(ctx, "PutPayload", func() error { return s.Store.PutPayload(ctx, tenant, ref, body, expires) })
}

func (s *faultyStore) DropPayload(ctx context.Context, tenant, ref string) error {
	return s.write(ctx, "DropPayload", func() error { return s.Store.DropPayload(ctx, tenant, ref) })
}

func (s *faultyStore) Payloads(ctx context.Context, tenant string, refs []string) (map[string][]byte, error) {
	return read1(ctx, s, "Payloads", func() (map[string][]byte, error) { return s.Store.Payloads(ctx, tenant, refs) })
}

func (s *faultyStore) Load(ctx context.Context, refs []webhook.Ref, keys []webhook.DeliveryKey) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error) {
	return read2(ctx, s, "Load", func() (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error) {
		return s.Store.Load(ctx, refs, keys)
	})
}

func (s *faultyStore) LoadBatch(
	ctx context.Context, refs []webhook.Ref, keys, first []webhook.DeliveryKey,
) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error) {
	if s.faults.Stale != nil && s.faults.Stale("LoadBatch") {
		first = nil
	}
	return read2(ctx, s, "LoadBatch", func() (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error) {
		return s.Store.LoadBatch(ctx, refs, keys, first)
	})
}

func (s *faultyStore) Delivery(ctx context.Context, key webhook.DeliveryKey) (webhook.Delivery, error) {
	return read1(ctx, s, "Delivery", func() (webhook.Delivery, error) { return s.Store.Delivery(ctx, key) })
}

func (s *faultyStore) Deliveries(ctx context.Context, tenant string, q webhook.DeliveryQuery) (webhook.List[webhook.Delivery], error) {
	return read1(ctx, s, "Deliveries", func() (webhook.List[webhook.Delivery], error) { return s.Store.Deliveries(ctx, tenant, q) })
}

func (s *faultyStore) Tallies(ctx context.Context, tenant string, since time.Time) ([]webhook.Tally, error) {
	return read1(ctx, s, "Tallies", func() ([]webhook.Tally, error) { return s.Store.Tallies(ctx, tenant, since) })
}

func (s *faultyStore) Usage(ctx context.Context, tenant string, since, until time.Time) ([]webhook.Usage, error) {
	return read1(ctx, s, "Usage", func() ([]webhook.Usage, error) { return s.Store.Usage(ctx, tenant, since, until) })
}

func (s *faultyStore) SaveDelivery(ctx context.Context, d webhook.Delivery, prev webhook.Rev) error {
	return s.write(ctx, "SaveDelivery", func() error { return s.Store.SaveDelivery(ctx, d, prev) })
}

func (s *faultyStore) ReserveSlots(ctx context.Context, ref webhook.Ref, p webhook.Pace, n int, now time.Time) (time.Time, error) {
	return write1(ctx, s, "ReserveSlots", func() (time.Time, error) { return s.Store.ReserveSlots(ctx, ref, p, n, now) })
}

func (s *faultyStore) TakeLane(ctx context.Context, name string, n int, now, until time.Time) (int, error) {
	return write1(ctx, s, "TakeLane", func() (int, error) { return s.Store.TakeLane(ctx, name, n, now, until) })
}

func (s *faultyStore) FreeLane(ctx context.Context, name string, lane int, until time.Time) error {
	return s.write(ctx, "FreeLane", func() error { return s.Store.FreeLane(ctx, name, lane, until) })
}

func (s *faultyStore) CreateReplay(ctx context.Context, r webhook.Replay) error {
	return s.write(ctx, "CreateReplay", func() error { return s.Store.CreateReplay(ctx, r) })
}

func (s *faultyStore) Replay(ctx context.Context, tenant, id string) (webhook.Replay, error) {
	return read1(ctx, s, "Replay", func() (webhook.Replay, error) { return s.Store.Replay(ctx, tenant, id) })
}

func (s *faultyStore) Replays(ctx context.Context, tenant, hook string, page webhook.Page) (webhook.List[webhook.Replay], error) {
	return read1(ctx, s, "Replays", func() (webhook.List[webhook.Replay], error) { return s.Store.Replays(ctx, tenant, hook, page) })
}

func (s *faultyStore) UpdateReplay(ctx context.Context, r webhook.Replay) error {
	return s.write(ctx, "UpdateReplay", func() error { return s.Store.UpdateReplay(ctx, r) })
}

func (s *faultyStore) CreateSource(ctx context.Context, src webhook.Source) error {
	return s.write(ctx, "CreateSource", func() error { return s.Store.CreateSource(ctx, src) })
}

func (s *faultyStore) SourceByID(ctx context.Context, id string) (webhook.Source, error) {
	return read1(ctx, s, "SourceByID", func() (webhook.Source, error) { return s.Store.SourceByID(ctx, id) })
}

func (s *faultyStore) Source(ctx context.Context, tenant, id string) (webhook.Source, error) {
	return read1(ctx, s, "Source", func() (webhook.Source, error) { return s.Store.Source(ctx, tenant, id) })
}

func (s *faultyStore) Sources(ctx context.Context, tenant string, page webhook.Page) (webhook.List[webhook.Source], error) {
	return read1(ctx, s, "Sources", func() (webhook.List[webhook.Source], error) { return s.Store.Sources(ctx, tenant, page) })
}

func (s *faultyStore) DeleteSource(ctx context.Context, tenant, id string) error {
	return s.write(ctx, "DeleteSource", func() error { return s.Store.DeleteSource(ctx, tenant, id) })
}

func (s *faultyStore) CreateDeployment(ctx context.Context, d webhook.Deployment) (webhook.Deployment, bool, error) {
	return write2(ctx, s, "CreateDeployment", func() (webhook.Deployment, bool, error) { return s.Store.CreateDeployment(ctx, d) })
}

func (s *faultyStore) Deployment(ctx context.Context, tenant, id string) (webhook.Deployment, error) {
	return read1(ctx, s, "Deployment", func() (webhook.Deployment, error) { return s.Store.Deployment(ctx, tenant, id) })
}

func (s *faultyStore) Deployments(ctx context.Context, tenant string, q webhook.DeploymentQuery) (webhook.List[webhook.Deployment], error) {
	return read1(ctx, s, "Deployments", func() (webhook.List[webhook.Deployment], error) { return s.Store.Deployments(ctx, tenant, q) })
}

func (s *faultyStore) PutLogItem(ctx context.Context, it webhook.LogItem) (webhook.LogItem, bool, error) {
	return write2(ctx, s, "PutLogItem", func() (webhook.LogItem, bool, error) { return s.Store.PutLogItem(ctx, it) })
}

func (s *faultyStore) LogItem(ctx context.Context, tenant, request string) (webhook.LogItem, error) {
	return read1(ctx, s, "LogItem", func() (webhook.LogItem, error) { return s.Store.LogItem(ctx, tenant, request) })
}

func (s *faultyStore) LogItems(ctx context.Context, tenant string, r webhook.LogRange) ([]webhook.LogItem, bool, error) {
	return read2(ctx, s, "LogItems", func() ([]webhook.LogItem, bool, error) { return s.Store.LogItems(ctx, tenant, r) })
}

func (s *faultyStore) PutDialect(ctx context.Context, d webhook.DialectVersion) error {
	return s.write(ctx, "PutDialect", func() error { return s.Store.PutDialect(ctx, d) })
}

func (s *faultyStore) DialectHead(ctx context.Context, name string) (webhook.DialectHead, error) {
	return read1(ctx, s, "DialectHead", func() (webhook.DialectHead, error) { return s.Store.DialectHead(ctx, name) })
}

func (s *faultyStore) DialectVersion(ctx context.Context, name string, version int) (webhook.DialectVersion, error) {
	return read1(ctx, s, "DialectVersion", func() (webhook.DialectVersion, error) { return s.Store.DialectVersion(ctx, name, version) })
}

func (s *faultyStore) DialectHeads(ctx context.Context, page webhook.Page) (webhook.List[webhook.DialectHead], error) {
	return read1(ctx, s, "DialectHeads", func() (webhook.List[webhook.DialectHead], error) { return s.Store.DialectHeads(ctx, page) })
}

func (s *faultyStore) DeleteDialect(ctx context.Context, name string, version int) error {
	return s.write(ctx, "DeleteDialect", func() error { return s.Store.DeleteDialect(ctx, name, version) })
}

func (s *faultyStore) PutAudit(ctx context.Context, e audit.Entry) error {
	return s.write(ctx, "PutAudit", func() error { return s.Store.PutAudit(ctx, e) })
}

func (s *faultyStore) DropAudit(ctx context.Context, e audit.Entry) error {
	return s.write(ctx, "DropAudit", func() error { return s.Store.DropAudit(ctx, e) })
}

func (s *faultyStore) AuditEntries(ctx context.Context, tenant string, q audit.Query) (webhook.List[audit.Entry], error) {
	return read1(ctx, s, "AuditEntries", func() (webhook.List[audit.Entry], error) { return s.Store.AuditEntries(ctx, tenant, q) })
}
