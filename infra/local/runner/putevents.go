package runner

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"hookline/shared/queue"
)

// eventBus answers EventBridge's PutEvents on this machine and hands each entry to the ingest queue, as the stack's rule
// does on AWS. It takes any credentials: the port is bound to loopback, and the target header keeps web pages out.
//
// Shapes and errors are those of the EventBridge API reference, PutEvents (protocol AWS JSON 1.1).
type eventBus struct {
	queue queue.Sender
	now   func() time.Time
}

const (
	putEvents     = "AWSEvents.PutEvents"
	maxEntries    = 10      // of one call
	maxEntryBytes = 1 << 20 // of one call's entries together
	amzJSON       = "application/x-amz-json-1.1"
)

type putEntry struct {
	Time       json.RawMessage
	Source     string
	DetailType string
	Detail     string
	Resources  []string
}

type putResult struct {
	EventID      string `json:"EventId,omitempty"`
	ErrorCode    string `json:",omitempty"`
	ErrorMessage string `json:",omitempty"`
}

func (b *eventBus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Amz-Target") != putEvents {
		amzError(w, http.StatusBadRequest, "UnknownOperationException", "this endpoint knows "+putEvents)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 2*maxEntryBytes))
	if err != nil {
		amzError(w, http.StatusRequestEntityTooLarge, "ValidationException", "the request is too large")
		return
	}
	var in struct{ Entries []putEntry }
	if err := json.Unmarshal(body, &in); err != nil {
		amzError(w, http.StatusBadRequest, "SerializationException", err.Error())
		return
	}
	if n := len(in.Entries); n < 1 || n > maxEntries {
		amzError(w, http.StatusBadRequest, "ValidationException",
			fmt.Sprintf("1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length between 1 and %d, inclusive", maxEntries))
		return
	}
	results := make([]putResult, len(in.Entries))
	failed := 0
	for i, e := range in.Entries {
		if results[i] = b.put(r.Context(), e); results[i].ErrorCode != "" {
			failed++
		}
	}
	w.Header().Set("Content-Type", amzJSON)
	_ = json.NewEncoder(w).Encode(map[string]any{"FailedEntryCount": failed, "Entries": results})
}

func (b *eventBus) put(ctx context.Context, e putEntry) putResult {
	for _, field := range []struct{ name, value string }{{"Source", e.Source}, {"DetailType", e.DetailType}, {"Detail", e.Detail}} {
		if field.value == "" {
			return putResult{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter " + field.name + " is not valid. Reason: " + field.name + " is a required argument."}
		}
	}
	if !json.Valid([]byte(e.Detail)) || !strings.HasPrefix(strings.TrimSpace(e.Detail), "{") {
		return putResult{ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed."}
	}
	at, err := entryTime(e.Time, b.now())
	if err != nil {
		return putResult{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter Time is not valid."}
	}
	id := uuid()
	envelope, err := json.Marshal(map[string]any{
		"version": "0", "id": id, "detail-type": e.DetailType, "source": e.Source, "account": "000000000000",
		"time": at.UTC().Format(time.RFC3339), "region": "local", "resources": append([]string{}, e.Resources...),
		"detail": json.RawMessage(e.Detail),
	})
	if err == nil {
		err = queue.SendAll(ctx, b.queue, []queue.Outgoing{{Body: string(envelope)}})
	}
	if err != nil {
		return putResult{ErrorCode: "InternalFailure", ErrorMessage: "the entry could not be queued"}
	}
	return putResult{EventID: id}
}

// entryTime reads a time as the protocol writes it, in seconds since 1970, or in RFC 3339 as people write it.
func entryTime(raw json.RawMessage, now time.Time) (time.Time, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return now, nil
	}
	var seconds float64
	if err := json.Unmarshal(raw, &seconds); err == nil {
		return time.UnixMilli(int64(seconds * 1000)), nil
	}
	var t time.Time
	err := json.Unmarshal(raw, &t)
	return t, err
}

func amzError(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", amzJSON)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": kind, "message": message})
}

// uuid returns a random UUID (RFC 9562, version 4), the form of EventBridge's event ids.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
