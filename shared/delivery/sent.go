package delivery

import (
	"context"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/webhook"
)

// Sent returns the body and the headers of a delivery's last attempt, as they went out; custom headers are masked, and
// the signature is there while the secret that made it is. Before any attempt the headers are those of one made now.
func (d *Deliverer) Sent(ctx context.Context, rec webhook.Delivery) ([]byte, []dialect.Header, error) {
	dl, err := d.Dialects.Dialect(ctx, rec.Dialect)
	if err != nil {
		return nil, nil, err
	}
	body, err := d.body(ctx, rec)
	if err != nil {
		return nil, nil, err
	}
	wire := dialect.Wire(body, rec.ContentType)
	ref := webhook.Ref{Tenant: rec.Tenant, ID: rec.Webhook}
	webhooks, _, err := d.Store.Load(ctx, []webhook.Ref{ref}, nil)
	if err != nil {
		return nil, nil, err
	}
	w := webhooks[ref]
	sent, version := time.Now(), 0
	if a := rec.LastAttempt(); a != nil && !a.SentAt.IsZero() {
		sent, version = a.SentAt, a.Secret
	}
	secrets, newest, err := d.secrets(ctx, w, d.now())
	if err != nil {
		return nil, nil, err
	}
	if version != 0 && version != newest {
		secrets = nil
	}
	headers, err := d.headers(dl, rec, body, sent, secrets)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range w.HeaderNames {
		if dl.Owns(name) {
			continue
		}
		headers = append(headers, dialect.Header{Name: name, Value: "********"})
	}
	return wire, headers, nil
}
