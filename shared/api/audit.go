package api

import "hookline/shared/audit"

// AuditEntry is one call that changed something, and who made it.
type AuditEntry struct {
	ID        string `json:"id" jsonschema:"example=aud_01JQSMZ4T0000000000000000"`
	CreatedAt Time   `json:"created_at"`
	// What was done to what. It ends in `.begun` until the outcome of a call is known that takes several steps, and stays so
	// where the process died between them.
	Action string      `json:"action" jsonschema:"example=webhook.update"`
	Actor  AuditActor  `json:"actor"`
	Target AuditTarget `json:"target"`
	// Names of the fields that the call gave to something new, or that it changed. Never their values.
	Changed []string `json:"changed"`
	// Where the call came from; null where that is not known.
	IP *string `json:"ip" jsonschema:"example=192.0.2.1"`
	// `X-Request-Id` of the call's answer.
	RequestID string `json:"request_id" jsonschema:"example=req_01JQSMZ4T0000000000000000"`
}

// AuditActor is who made a call.
type AuditActor struct {
	// `portal` is somebody in the console who came by a portal link.
	Type string `json:"type" jsonschema:"enum=key,enum=portal,enum=admin"`
	// Of the key, of the portal link's `user` or, where it names none, of the link; of an admin, the IAM role or user, or
	// `admin` for the admin key.
	ID   string `json:"id"`
	Name string `json:"name"`
}

// AuditTarget is what a call changed.
type AuditTarget struct {
	Type string `json:"type" jsonschema:"example=webhook"`
	ID   string `json:"id"`
}

// AuditEntryOf converts an entry.
func AuditEntryOf(e audit.Entry) AuditEntry {
	return AuditEntry{
		ID: e.ID, CreatedAt: Time{e.CreatedAt}, Action: e.Action, Actor: AuditActor(e.Actor), Target: AuditTarget(e.Target),
		Changed: listOrEmpty(e.Changed), IP: orNull(e.IP), RequestID: e.RequestID,
	}
}
