package record

import (
	"slices"
	"strings"
	"time"

	"hookline/shared/webhook"
)

// MaxDelivery is the length of an encoded delivery at most, if its inline payload is within its limit. DynamoDB takes
// items of 400 KB, with their keys and attribute names. Beyond it the oldest attempts lose the bodies and headers of
// their answers.
const MaxDelivery = 384 << 10

// maxFirst is the length of an item, as DynamoDB counts it, up to which it takes one write. The record of a delivery that
// succeeded at its first attempt keeps as much of the answer's body as fits beside the rest. If the rest does not fit
// either, it keeps all of the body, for then it takes two writes in any case.
const maxFirst = 1 << 10

// itemOverhead is what an item has in DynamoDB besides the record and the ids in its key: names of attributes, the marks of
// a key's parts, the time of acceptance, the revision, the time of expiry, and a nonce.
const itemOverhead = 56

// Names are short and usual values are omitted, because DynamoDB counts a write by the KB and the record of a first
// attempt that succeeded is to stay within one, with its payload and key. Times are milliseconds since the event's
// acceptance.
type deliveryRecord struct {
	Type        string          `json:"t,omitzero"`
	Dialect     string          `json:"d,omitzero"`
	ContentType string          `json:"ct,omitzero"` // absent: JSON
	Format      string          `json:"f,omitzero"`  // absent: JSON
	Timestamp   string          `json:"ts,omitzero"` // if Happened is absent too: the second of acceptance
	Happened    *int64          `json:"h,omitzero"`  // instead of Timestamp, if the event's time has milliseconds
	Ref         string          `json:"p,omitzero"`
	Status      string          `json:"s,omitzero"` // absent: succeeded
	Round       int             `json:"r,omitzero"`
	Count       int             `json:"n,omitzero"`
	Total       int             `json:"m,omitzero"`
	Owner       string          `json:"o,omitzero"`
	Via         webhook.Via     `json:"v,omitzero"`
	NextAt      *int64          `json:"w,omitzero"`
	Job         string          `json:"j,omitzero"`
	Attempts    []attemptRecord `json:"a,omitzero"`
	Retention   int             `json:"k,omitzero"` // days
	ExpiresAt   *int64          `json:"x,omitzero"`
	ErasedAt    *int64          `json:"z,omitzero"`
	TraceParent string          `json:"tp,omitzero"`
}

type attemptRecord struct {
	Number       int                  `json:"n,omitzero"`
	ScheduledAt  *int64               `json:"w,omitzero"`
	StartedAt    *int64               `json:"b,omitzero"`
	SentAt       *int64               `json:"u,omitzero"` // Unix seconds of real time; the acceptance is a reading of the clock
	Duration     int64                `json:"d,omitzero"` // milliseconds
	StatusCode   int                  `json:"c,omitzero"`
	Error        webhook.AttemptError `json:"e,omitzero"`
	ErrorDetail  webhook.ErrorDetail  `json:"ed,omitzero"`
	ResponseBody string               `json:"r,omitzero"`
	Truncated    bool                 `json:"t,omitzero"`
	RetryAfter   int64                `json:"ra,omitzero"` // milliseconds
	Secret       int                  `json:"k,omitzero"`
	Headers      map[string]string    `json:"h,omitzero"`
}

// EncodeDelivery encodes d without its key, as JSON, followed by the bytes of an inline payload as they are. Durations
// are cut to whole milliseconds, and SentAt to whole seconds. TraceParent is left out where it would make the item take
// another write.
func EncodeDelivery(d webhook.Delivery) []byte {
	at := d.AcceptedAt
	r := deliveryRecord{
		Type: d.Type, Dialect: d.Dialect,
		ContentType: abbreviate(d.ContentType, webhook.ContentJSON),
		Format:      abbreviate(d.Format, webhook.FormatJSON),
		Timestamp:   abbreviate(d.Timestamp, bodyTime(at)),
		Status:      abbreviate(string(d.Status), string(webhook.Succeeded)),
		Ref:         d.Body.Ref, Round: d.Round, Count: d.Count, Total: d.Total, Owner: d.Owner, Via: d.Via, Job: d.Job, Retention: d.RetentionDays,
		NextAt: sinceMillis(at, d.NextAt), ExpiresAt: sinceMillis(at, d.ExpiresAt), ErasedAt: sinceMillis(at, d.ErasedAt),
	}
	if happened, err := time.Parse(webhook.TimeFormat, d.Timestamp); err == nil {
		r.Timestamp, r.Happened = "", new(happened.UnixMilli()-at.UnixMilli())
	}
	for _, a := range d.Attempts {
		r.Attempts = append(r.Attempts, attemptRecord{
			Number: a.Number, ScheduledAt: sinceMillis(at, a.ScheduledAt), StartedAt: sinceMillis(at, a.StartedAt),
			SentAt: unixSeconds(a.SentAt), Duration: a.Duration.Milliseconds(), StatusCode: a.StatusCode, Error: a.Error,
			ResponseBody: a.ResponseBody, Truncated: a.Truncated, RetryAfter: a.RetryAfter.Milliseconds(), Secret: a.Secret,
			ErrorDetail: a.ErrorDetail, Headers: a.ResponseHeaders,
		})
	}
	of := itemOverhead + len(d.Tenant) + len(d.Webhook) + len(d.Event) + len(d.Body.Inline)
	b := fitted(r, d, of)
	if r.TraceParent = d.TraceParent; r.TraceParent != "" {
		if traced := fitted(r, d, of); writes(of+len(traced)) == writes(of+len(b)) {
			b = traced
		}
	}
	return append(b, d.Body.Inline...)
}

// fitted encodes the record, with the answers cut to what it may hold. of is the size of the item without it.
func fitted(r deliveryRecord, d webhook.Delivery, of int) []byte {
	b := marshal(r)
	r.Attempts = slices.Clone(r.Attempts)
	if d.Status == webhook.Succeeded && len(r.Attempts) == 1 {
		if trim(&r.Attempts[0], of+len(b)-maxFirst) {
			b = marshal(r)
		}
	} else if size := len(b) + len(d.Body.Inline); size > MaxDelivery {
		shed(r.Attempts, size-MaxDelivery)
		b = marshal(r)
	}
	return b
}

// writes returns how many write units an item of a size takes.
func writes(size int) int { return (size + maxFirst - 1) / maxFirst }

// trim cuts the body of an answer by at least over bytes of its encoding, and reports whether it did. The encoding of a
// text is never shorter than the text.
func trim(a *attemptRecord, over int) bool {
	if !a.Truncated {
		over += len(`,"t":true`)
	}
	keep := len(a.ResponseBody) - over
	if keep < 0 || keep >= len(a.ResponseBody) {
		return false
	}
	a.ResponseBody, a.Truncated = strings.ToValidUTF8(a.ResponseBody[:keep], ""), true
	return true
}

// DecodeDelivery decodes the delivery of that key, which EncodeDelivery encoded. The result does not alias b.
func DecodeDelivery(key webhook.DeliveryKey, b []byte) (webhook.Delivery, error) {
	var r deliveryRecord
	inline, err := unmarshalFirst("delivery", b, &r)
	if err != nil {
		return webhook.Delivery{}, err
	}
	key.AcceptedAt = Time(Millis(key.AcceptedAt))
	at := key.AcceptedAt
	d := webhook.Delivery{
		DeliveryKey: key, Type: r.Type, Dialect: r.Dialect,
		ContentType: expand(r.ContentType, webhook.ContentJSON),
		Format:      expand(r.Format, webhook.FormatJSON),
		Timestamp:   expand(r.Timestamp, bodyTime(at)),
		Body:        webhook.Payload{Ref: r.Ref, Inline: inline},
		Status:      webhook.DeliveryStatus(expand(r.Status, string(webhook.Succeeded))),
		Round:       r.Round, Count: r.Count, Total: r.Total, Owner: r.Owner, Via: r.Via, Job: r.Job, RetentionDays: r.Retention, TraceParent: r.TraceParent,
		NextAt: afterMillis(at, r.NextAt), ExpiresAt: afterMillis(at, r.ExpiresAt), ErasedAt: afterMillis(at, r.ErasedAt),
	}
	if r.Happened != nil {
		d.Timestamp = afterMillis(at, r.Happened).Format(webhook.TimeFormat)
	}
	for _, a := range r.Attempts {
		attempt := webhook.Attempt{
			Number: a.Number, ScheduledAt: afterMillis(at, a.ScheduledAt), StartedAt: afterMillis(at, a.StartedAt),
			Duration: time.Duration(a.Duration) * time.Millisecond, StatusCode: a.StatusCode, Error: a.Error,
			ResponseBody: a.ResponseBody, Truncated: a.Truncated, RetryAfter: time.Duration(a.RetryAfter) * time.Millisecond,
			Secret: a.Secret, ErrorDetail: a.ErrorDetail, ResponseHeaders: a.Headers,
		}
		if a.SentAt != nil {
			attempt.SentAt = time.Unix(*a.SentAt, 0).UTC()
		}
		d.Attempts = append(d.Attempts, attempt)
	}
	return d, nil
}

// shed drops the bodies and headers of answers, the oldest first, until at least over bytes are gone. The encoding of a
// text is never shorter than the text.
func shed(attempts []attemptRecord, over int) {
	for i := range attempts {
		if over <= 0 {
			return
		}
		if a := &attempts[i]; a.ResponseBody != "" {
			over -= len(a.ResponseBody) - len(`,"t":true`)
			a.ResponseBody, a.Truncated = "", true
		}
		if over > 0 {
			for name, value := range attempts[i].Headers {
				over -= len(name) + len(value)
			}
			attempts[i].Headers = nil // and not cleared: the map belongs to the caller
		}
	}
}

// absent replaces the empty string where an absent name means the usual value.
const absent = "-"

func abbreviate(v, usual string) string {
	switch v {
	case usual:
		return ""
	case "":
		return absent
	}
	return v
}

func expand(v, usual string) string {
	switch v {
	case "":
		return usual
	case absent:
		return ""
	}
	return v
}

func bodyTime(at time.Time) string { return at.UTC().Format(webhook.BodyTimeFormat) }

func sinceMillis(at, t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	return new(t.UnixMilli() - at.UnixMilli())
}

func afterMillis(at time.Time, ms *int64) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return time.UnixMilli(at.UnixMilli() + *ms).UTC()
}

func unixSeconds(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	return new(t.Unix())
}
