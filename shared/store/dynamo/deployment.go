package dynamo

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"hookline/shared/store/cursor"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// Attributes of deployments and of their entries in a tenant's list. Times are Unix milliseconds.
const (
	attrRegistered  = "reg"
	attrExpires     = "x" // absent for never
	attrEnvironment = "env"
	attrRepository  = "repo"
	attrSize        = "size" // of the payload, in bytes
)

// CreateDeployment stores d unless one is there that has not expired at d.RegisteredAt. It writes the entry by which a
// list finds d in the same transaction.
func (s *Store) CreateDeployment(ctx context.Context, d webhook.Deployment) (webhook.Deployment, bool, error) {
	since, _, err := s.created(ctx, d.Tenant)
	if err != nil {
		return webhook.Deployment{}, false, err
	}
	registered := record.Millis(d.RegisteredAt)
	it := deploymentKey(d.Tenant, d.ID).item()
	it[attrRegistered], it[attrRecord] = number(registered), bin(record.EncodeDeployment(d))
	if !d.ExpiresAt.IsZero() {
		it[attrExpires] = number(record.Millis(d.ExpiresAt))
	}
	it.expires(d.ExpiresAt)
	entry := key{deploymentsPK(d.Tenant), registration(registered, d.ID)}.item()
	entry[attrEnvironment], entry[attrRepository] = text(d.Environment), text(d.RepositoryID)
	entry[attrSize] = number(int64(len(d.Payload)))
	entry.expires(d.ExpiresAt)
	put := s.putAction(it, absent+" OR "+attrExpires+" <= :reg OR "+attrRegistered+" < :since")
	put.Put.ExpressionAttributeValues = item{":reg": it[attrRegistered], ":since": number(since)}
	put.Put.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	refusal, err := s.transact(ctx, put, s.putAction(entry, ""))
	if err != nil {
		return webhook.Deployment{}, false, err
	}
	if refusal == nil {
		return d, true, nil
	}
	first, err := decodeDeployment(d.Tenant, d.ID, refusal[0].Item)
	return first, false, err
}

func decodeDeployment(tenant, id string, it item) (webhook.Deployment, error) {
	d, err := record.DecodeDeployment(tenant, id, record.Time(it.number(attrRegistered)), it.bytes(attrRecord))
	if err != nil {
		return webhook.Deployment{}, internal(err)
	}
	return d, nil
}

// Deployment reads a deployment that was registered while its tenant existed.
func (s *Store) Deployment(ctx context.Context, tenant, id string) (webhook.Deployment, error) {
	of, at := tenantKey(tenant), deploymentKey(tenant, id)
	found, err := s.load(ctx, []key{of, at}, true)
	if err != nil {
		return webhook.Deployment{}, err
	}
	if found[of] == nil || found[at] == nil || found[at].number(attrRegistered) < found[of].number(attrCreated) {
		return webhook.Deployment{}, webhook.ErrNotFound("deployment")
	}
	return decodeDeployment(tenant, id, found[at])
}

// Deployments lists by registration, newest first, then by id. It reads the entries, which are without payloads, and
// then the deployments that they name, in one go.
func (s *Store) Deployments(ctx context.Context, tenant string, q webhook.DeploymentQuery) (webhook.List[webhook.Deployment], error) {
	none := webhook.List[webhook.Deployment]{}
	list := "deployments/" + tenant
	below, err := readRegistration(list, q.Page.Cursor)
	if err != nil {
		return none, err
	}
	created, found, err := s.created(ctx, tenant)
	if err != nil || !found {
		return none, err
	}
	since := max(created, record.Millis(q.Since))
	p := cursor.NewPage[webhook.Deployment](q.Page)
	atOnce := size(p)
	if q.Environment != "" || q.RepositoryID != "" {
		atOnce = cursor.MaxScan
	}
	l, err := p.Answer(s.chunks(ctx, partition(deploymentsPK(tenant), below, true, atOnce), func(entries []item) (bool, error) {
		for _, e := range entries {
			ms, id, err := parseRegistration(e.text(attrSK))
			if err != nil {
				return false, err
			}
			if ms < since || p.Full() {
				return false, nil
			}
			p.Saw(func() string { return cursor.Make(list, strconv.FormatInt(ms, 10), id) })
			if (q.Environment == "" || q.Environment == e.text(attrEnvironment)) &&
				(q.RepositoryID == "" || q.RepositoryID == e.text(attrRepository)) {
				p.List.Items = append(p.List.Items, webhook.Deployment{Tenant: tenant, ID: id, RegisteredAt: record.Time(ms)})
				p.Weigh(int(e.number(attrSize)))
			}
		}
		return true, nil
	}))
	if err != nil {
		return none, err
	}
	l.Items, err = s.deployments(ctx, l.Items)
	return l, err
}

// deployments reads the deployments whose tenant, id and registration are given. It leaves out those that have expired
// since the entry was written: they are gone, or were registered anew and have another entry.
func (s *Store) deployments(ctx context.Context, listed []webhook.Deployment) ([]webhook.Deployment, error) {
	keys := make([]key, len(listed))
	for i, d := range listed {
		keys[i] = deploymentKey(d.Tenant, d.ID)
	}
	found, err := s.load(ctx, keys, true)
	if err != nil {
		return nil, err
	}
	var out []webhook.Deployment
	for i, d := range listed {
		it, ok := found[keys[i]]
		if !ok || it.number(attrRegistered) != record.Millis(d.RegisteredAt) {
			continue
		}
		if d, err = decodeDeployment(d.Tenant, d.ID, it); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// readRegistration returns the sort key of the last entry that a cursor's page showed; "" is the beginning.
func readRegistration(list, at string) (string, error) {
	parts, err := cursor.Read(list, at, 2)
	if err != nil || parts == nil {
		return "", err
	}
	ms, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil || !webhook.ValidGivenID(parts[1]) {
		return "", cursor.Invalid()
	}
	return registration(ms, parts[1]), nil
}

// registration is the sort key of an entry.
func registration(ms int64, id string) string { return acceptance(ms) + "#" + id }

// parseRegistration is the inverse of registration.
func parseRegistration(sk string) (ms int64, id string, err error) {
	at, id, ok := strings.Cut(sk, "#")
	ms, err = strconv.ParseInt(at, 16, 64)
	if !ok || err != nil {
		return 0, "", internal(fmt.Errorf("no deployment's entry: %q", sk))
	}
	return ms, id, nil
}
