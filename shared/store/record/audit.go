package record

import (
	"time"

	"hookline/shared/audit"
)

type auditRecord struct {
	Action     string   `json:"action,omitzero"`
	ActorType  string   `json:"actor_type,omitzero"`
	ActorID    string   `json:"actor_id,omitzero"`
	ActorName  string   `json:"actor_name,omitzero"`
	TargetType string   `json:"target_type,omitzero"`
	TargetID   string   `json:"target_id,omitzero"`
	Changed    []string `json:"changed,omitzero"`
	IP         string   `json:"ip,omitzero"`
	RequestID  string   `json:"request_id,omitzero"`
	ExpiresAt  int64    `json:"expires_at,omitzero"`
}

// EncodeAudit encodes e without its Tenant, ID and CreatedAt.
func EncodeAudit(e audit.Entry) []byte {
	return marshal(auditRecord{
		Action: e.Action, ActorType: e.Actor.Type, ActorID: e.Actor.ID, ActorName: e.Actor.Name, TargetType: e.Target.Type,
		TargetID: e.Target.ID, Changed: e.Changed, IP: e.IP, RequestID: e.RequestID, ExpiresAt: Millis(e.ExpiresAt),
	})
}

// DecodeAudit decodes an entry that EncodeAudit encoded.
func DecodeAudit(tenant, id string, created time.Time, b []byte) (audit.Entry, error) {
	var r auditRecord
	if err := unmarshal("audit", b, &r); err != nil {
		return audit.Entry{}, err
	}
	return audit.Entry{
		Tenant: tenant, ID: id, CreatedAt: created, Action: r.Action, Actor: audit.Actor{Type: r.ActorType, ID: r.ActorID, Name: r.ActorName},
		Target: audit.Target{Type: r.TargetType, ID: r.TargetID}, Changed: r.Changed, IP: r.IP, RequestID: r.RequestID, ExpiresAt: Time(r.ExpiresAt),
	}, nil
}
