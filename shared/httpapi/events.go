package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"hookline/shared/api"
	"hookline/shared/dialect"
	"hookline/shared/ingest"
	"hookline/shared/input"
	"hookline/shared/webhook"
)

// publishScope is the scope of an Idempotency-Key of publishing: within it a key of one credential is unique.
const publishScope = "POST /v1/events"

func (a *API) publish(c *call) (answer, error) {
	d, err := a.dialect(c)
	if err != nil {
		return answer{}, err
	}
	in, batch, err := readEvents(d, c.body, webhook.TraceParent(c.request.Header.Values("Traceparent")))
	if err != nil {
		return answer{}, err
	}
	var key *ingest.IdempotencyKey
	if keys := c.request.Header.Values("Idempotency-Key"); len(keys) > 0 {
		key = &ingest.IdempotencyKey{Scope: c.caller + " " + publishScope, Key: keys[0], Hash: hashOf(c.request, c.body)}
	}
	results, err := a.Publisher.Publish(c.ctx(), c.tenant, d, in, key)
	switch {
	case err != nil && !batch:
		return answer{}, alone(err)
	case err != nil:
		return answer{}, err
	case batch:
		return reply(http.StatusAccepted, api.Results[api.EventResult]{Data: api.Each(results, eventResult)})
	}
	return reply(http.StatusAccepted, eventResult(results[0]))
}

func eventResult(r ingest.Result) api.EventResult { return api.EventResult(r) }

// alone takes the position out of the names of fields: the request was one event and no list.
func alone(err error) error {
	e, ok := errors.AsType[*webhook.Error](err)
	if !ok {
		return err
	}
	named := *e
	named.Fields = slices.Clone(e.Fields)
	for i := range named.Fields {
		named.Fields[i].Field = strings.TrimPrefix(named.Fields[i].Field, "0.")
	}
	return &named
}

// readEvents reads one event or a list of them, which is valid JSON, and checks every one. trace is the request's.
func readEvents(d *dialect.Dialect, body []byte, trace string) (in []ingest.Checked, batch bool, err error) {
	var faults input.Faults
	entries, batch := eventsOf(body)
	switch {
	case batch && len(entries) == 0:
		faults.Add(input.Whole, "must hold at least one event")
	case len(entries) > webhook.MaxBatch:
		faults.Add(input.Whole, "must hold at most "+strconv.Itoa(webhook.MaxBatch)+" events")
		entries = nil // their other faults do not matter
	}
	for i, raw := range entries {
		at, prefix := input.Whole, ""
		if batch {
			at = strconv.Itoa(i)
			prefix = at + "."
		}
		in = append(in, readEvent(d, raw, trace, at, prefix, &faults))
	}
	if len(faults) == 0 {
		return in, batch, nil
	}
	for _, i := range ingest.Clashing(in) { // else Publish names them
		faults.Add(strconv.Itoa(i)+".id", ingest.IDTwice)
	}
	return nil, batch, faults.Err()
}

func eventsOf(body []byte) (entries []json.RawMessage, batch bool) {
	if bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("[")) && json.Unmarshal(body, &entries) == nil {
		return entries, true
	}
	return []json.RawMessage{body}, false
}

func readEvent(d *dialect.Dialect, raw json.RawMessage, trace, at, prefix string, faults *input.Faults) ingest.Checked {
	object := input.Read(raw, at, prefix, faults)
	if !object.Is() {
		return ingest.Checked{}
	}
	var given api.NewEvent
	object.Into(&given)
	in := ingest.Input{ID: given.ID.Value, Type: given.Type.Value, Data: given.Data.Value, TraceParent: trace}
	if given.ID.Given() && in.ID == "" {
		faults.Add(prefix+"id", webhook.GivenIDRule)
	}
	if given.Timestamp.Given() {
		var ok bool
		if in.Timestamp, ok = input.Time(given.Timestamp.Value); !ok {
			faults.Add(prefix+"timestamp", "must be "+input.TimeRule)
		}
	}
	checked, wrong := ingest.Check(d, in)
	for _, e := range wrong {
		faults.Add(prefix+e.Field, e.Message)
	}
	return checked
}

// tooLargeEvent reports whether a body, which is valid JSON, has an event whose data is over the limit.
func tooLargeEvent(body []byte) bool {
	if len(body) <= webhook.MaxDataBytes {
		return false
	}
	entries, _ := eventsOf(body)
	for _, raw := range entries {
		if len(raw) <= webhook.MaxDataBytes {
			continue
		}
		if object, _, ok := input.Split(raw); ok && ingest.TooLarge(ingest.Input{Data: object["data"]}) {
			return true
		}
	}
	return false
}
