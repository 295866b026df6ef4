package record

import "hookline/shared/webhook"

type replayRecord struct {
	Webhook    string               `json:"webhook,omitzero"`
	Of         webhook.ReplayOf     `json:"of,omitzero"`
	Type       string               `json:"type,omitzero"`
	Reason     webhook.AttemptError `json:"reason,omitzero"`
	Since      int64                `json:"since,omitzero"`
	Until      int64                `json:"until,omitzero"`
	Status     webhook.ReplayStatus `json:"status,omitzero"`
	Error      webhook.AttemptError `json:"error,omitzero"`
	Matched    int                  `json:"matched,omitzero"`
	More       bool                 `json:"more,omitzero"`
	Started    int                  `json:"started,omitzero"`
	Cursor     string               `json:"cursor,omitzero"`
	UpdatedAt  int64                `json:"updated_at,omitzero"`
	FinishedAt int64                `json:"finished_at,omitzero"`
	ExpiresAt  int64                `json:"expires_at,omitzero"`
}

// EncodeReplay encodes r without its Tenant, ID, Version and CreatedAt.
func EncodeReplay(r webhook.Replay) []byte {
	return marshal(replayRecord{
		Webhook: r.Webhook, Of: r.Of, Type: r.Type, Reason: r.Reason, Since: Millis(r.Since), Until: Millis(r.Until), Status: r.Status, Error: r.Error,
		Matched: r.Matched, More: r.More, Started: r.Started, Cursor: r.Cursor, UpdatedAt: Millis(r.UpdatedAt),
		FinishedAt: Millis(r.FinishedAt), ExpiresAt: Millis(r.ExpiresAt),
	})
}

// DecodeReplay decodes a job that EncodeReplay encoded. of has the fields that the engine keeps apart.
func DecodeReplay(of webhook.Replay, b []byte) (webhook.Replay, error) {
	var r replayRecord
	if err := unmarshal("replay", b, &r); err != nil {
		return webhook.Replay{}, err
	}
	return webhook.Replay{
		Tenant: of.Tenant, ID: of.ID, Version: of.Version, CreatedAt: of.CreatedAt,
		Webhook: r.Webhook, Of: r.Of, Type: r.Type, Reason: r.Reason, Since: Time(r.Since), Until: Time(r.Until), Status: r.Status, Error: r.Error,
		Matched: r.Matched, More: r.More, Started: r.Started, Cursor: r.Cursor, UpdatedAt: Time(r.UpdatedAt),
		FinishedAt: Time(r.FinishedAt), ExpiresAt: Time(r.ExpiresAt),
	}, nil
}
