package sqlite

import (
	"context"
	"strconv"

	"hookline/shared/sqlitedb"
	"hookline/shared/store/cursor"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// CreateDeployment stores d unless one is there that has not expired at d.RegisteredAt.
func (s *Store) CreateDeployment(ctx context.Context, d webhook.Deployment) (webhook.Deployment, bool, error) {
	rec := record.EncodeDeployment(d) // before the write, because the one writer is everybody's
	registered := record.Millis(d.RegisteredAt)
	var isNew bool
	var at int64
	var there []byte
	err := s.write(ctx, func(tx *sqlitedb.Tx) (err error) {
		isNew, err = done(tx.Exec(`INSERT INTO deployment (tenant, id, registered_at, environment, repository_id, expires_at, record)
			VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (tenant, id) DO UPDATE SET registered_at = excluded.registered_at, environment = excluded.environment,
				repository_id = excluded.repository_id, expires_at = excluded.expires_at, record = excluded.record
			WHERE deployment.expires_at > 0 AND deployment.expires_at <= excluded.registered_at
				OR deployment.registered_at < (SELECT created_at FROM tenant WHERE id = excluded.tenant)`,
			d.Tenant, d.ID, registered, d.Environment, d.RepositoryID, record.Millis(d.ExpiresAt), rec))
		if err != nil || isNew {
			return err
		}
		return tx.QueryRow(`SELECT registered_at, record FROM deployment WHERE tenant = ? AND id = ?`, d.Tenant, d.ID).Scan(&at, &there)
	})
	if err != nil {
		return webhook.Deployment{}, false, err
	}
	if isNew {
		return d, true, nil
	}
	first, err := decodeDeployment(d.Tenant, d.ID, at, there)
	return first, false, err
}

func decodeDeployment(tenant, id string, registered int64, rec []byte) (webhook.Deployment, error) {
	d, err := record.DecodeDeployment(tenant, id, record.Time(registered), rec)
	if err != nil {
		return webhook.Deployment{}, internal(err)
	}
	return d, nil
}

// Deployment reads a deployment that was registered while its tenant existed.
func (s *Store) Deployment(ctx context.Context, tenant, id string) (webhook.Deployment, error) {
	var registered int64
	var rec []byte
	found, err := s.row(ctx, `SELECT d.registered_at, d.record FROM deployment d JOIN tenant t ON t.id = d.tenant
		WHERE d.tenant = ? AND d.id = ? AND d.registered_at >= t.created_at`, []any{tenant, id}, &registered, &rec)
	if err != nil {
		return webhook.Deployment{}, err
	}
	if !found {
		return webhook.Deployment{}, webhook.ErrNotFound("deployment")
	}
	return decodeDeployment(tenant, id, registered, rec)
}

// Deployments lists by registration, newest first, then by id.
func (s *Store) Deployments(ctx context.Context, tenant string, q webhook.DeploymentQuery) (webhook.List[webhook.Deployment], error) {
	none := webhook.List[webhook.Deployment]{}
	list := "deployments/" + tenant
	at, err := cursor.Read(list, q.Page.Cursor, 2)
	if err != nil {
		return none, err
	}
	since, found, err := s.tenantSince(ctx, tenant)
	if err != nil || !found {
		return none, err
	}
	query := `SELECT registered_at, id, record FROM deployment WHERE tenant = ? AND registered_at >= ?`
	args := []any{tenant, max(since, record.Millis(q.Since))}
	if at != nil {
		ms, err := intPart(at[0])
		if err != nil {
			return none, err
		}
		query += ` AND (registered_at, id) < (?, ?)`
		args = append(args, ms, at[1])
	}
	if q.Environment != "" {
		query += ` AND environment = ?`
		args = append(args, q.Environment)
	}
	if q.RepositoryID != "" {
		query += ` AND repository_id = ?`
		args = append(args, q.RepositoryID)
	}
	p := cursor.NewPage[webhook.Deployment](q.Page)
	err = s.rows(ctx, query+` ORDER BY registered_at DESC, id DESC`, args, func(scan func(...any) error) (bool, error) {
		if p.Full() {
			return false, nil
		}
		var registered int64
		var id string
		var rec []byte
		if err := scan(&registered, &id, &rec); err != nil {
			return false, err
		}
		d, err := decodeDeployment(tenant, id, registered, rec)
		if err != nil {
			return false, err
		}
		p.List.Items = append(p.List.Items, d)
		p.Weigh(len(d.Payload))
		p.Saw(func() string { return cursor.Make(list, strconv.FormatInt(registered, 10), id) })
		return true, nil
	})
	return p.Answer(err)
}
