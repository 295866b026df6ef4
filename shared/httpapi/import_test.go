package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// changes counts what is told of webhooks.
type changes int

func (c *changes) Send(_ context.Context, out []queue.Outgoing) error {
	*c += changes(len(out))
	return nil
}

type imported struct {
	Data []struct {
		ID, URL, Name, Secret string
		CreatedAt             string `json:"created_at"`
		UpdatedAt             string `json:"updated_at"`
		Active                bool
	}
}

func TestImport(t *testing.T) {
	w := newWorld(t)
	told := new(changes)
	w.api.Changes = told
	const body = `[
		{"url":"https://example.com/a","events":["*"],"id":"old:1","secret":"whsec_c2hvcnQ=","created_at":"2024-05-01T08:00:00+02:00","name":"A","headers":{"X-T":"t"}},
		{"url":"https://example.com/b","events":["invoice.paid"],"active":false,"secret":""},
		{"url":"https://example.com/c","events":["invoice.*"],"id":null,"secret":null,"created_at":null}]`
	var got imported
	w.do("POST", "/v1/webhooks/import", w.key, body).is(201).into(&got)
	if len(got.Data) != 3 {
		t.Fatalf("got %d webhooks, want 3", len(got.Data))
	}
	now := w.now.Now().Format(webhook.TimeFormat)
	a, b := got.Data[0], got.Data[1]
	if a.ID != "old:1" || a.Secret != "whsec_c2hvcnQ=" || a.CreatedAt != "2024-05-01T06:00:00.000Z" || a.UpdatedAt != now || a.Name != "A" {
		t.Errorf("got %+v", a)
	}
	if !strings.HasPrefix(b.ID, "wh_") || b.Active || b.CreatedAt != now || !strings.HasPrefix(b.Secret, "whsec_") {
		t.Errorf("got %+v", b)
	}
	if b.ID == got.Data[2].ID || b.Secret == got.Data[2].Secret {
		t.Errorf("two webhooks share an id or a secret: %+v", got.Data)
	}
	for _, made := range got.Data {
		if shown := w.do("GET", "/v1/webhooks/"+made.ID, w.key, "").is(200); shown.str("url") != made.URL || strings.Contains(shown.body, "whsec_") {
			t.Errorf("got %s, want %s without its secret", shown.body, made.URL)
		}
	}
	if *told != 0 {
		t.Errorf("%d changes are told of, want none", *told)
	}
	// The same again makes others of those without ids, were it not for the one that has one.
	w.do("POST", "/v1/webhooks/import", w.key, body).problem(409, "webhook-exists")
	again := strings.Replace(body, `"id":"old:1",`, "", 1)
	var more imported
	w.do("POST", "/v1/webhooks/import", w.key, again).is(201).into(&more)
	w.now.Pass(time.Millisecond)
	w.do("POST", "/v1/webhooks/import", w.key, again).is(201)
	if n := w.do("GET", "/v1/webhooks?limit=100", w.key, "").is(200).num("total"); n != 9 {
		t.Errorf("got %d webhooks, want 9", n)
	}
	// Every POST takes an Idempotency-Key.
	for range 2 {
		w.do("POST", "/v1/webhooks/import", w.key, `[{"id":"once","url":"https://example.com/a","events":["*"]}]`, "Idempotency-Key: i").is(201)
	}
	w.do("POST", "/v1/webhooks/import", w.key, `[]`, "Idempotency-Key: i").problem(409, "idempotency-key-reused")
	w.do("POST", "/v1/webhooks/import", w.other, `[{"id":"old:1","url":"https://example.com/a","events":["*"]}]`).is(201)
}

// An import is refused as a whole, with every field at fault, and a dry run says the same beforehand.
func TestImportRefuses(t *testing.T) {
	ok := `{"url":"https://example.com/a","events":["*"]}`
	tests := map[string]struct {
		body   string
		faults []string
	}{
		"no list":           {ok, []string{"body"}},
		"an empty list":     {`[]`, []string{"body"}},
		"too many":          {"[" + strings.Repeat(ok+",", 100) + ok + "]", []string{"body"}},
		"no webhook":        {`[` + ok + `,7,null]`, []string{"1", "2"}},
		"nothing in it":     {`[{}]`, []string{"0.url", "0.events"}},
		"unknown fields":    {`[` + ok + `,{"url":"https://example.com/a","events":["*"],"status":"active","surprise":1}]`, []string{"1.status", "1.surprise"}},
		"fields at fault":   {`[` + ok + `,{"url":"ftp://x","events":["no.such type"],"id":"a b","created_at":"yesterday","secret":"!"}]`, []string{"1.url", "1.events.0", "1.id", "1.created_at", "1.secret"}},
		"the future":        {`[{"url":"https://example.com/a","events":["*"],"created_at":"2026-03-20T12:00:01Z"}]`, []string{"0.created_at"}},
		"long ago":          {`[{"url":"https://example.com/a","events":["*"],"created_at":"1969-12-31T23:59:59Z"}]`, []string{"0.created_at"}},
		"an empty id":       {`[{"url":"https://example.com/a","events":["*"],"id":""}]`, []string{"0.id"}},
		"an empty secret":   {`[{"url":"https://example.com/a","events":["*"],"secret":"whsec_"}]`, []string{"0.secret"}},
		"one id twice":      {`[{"id":"x","url":"https://example.com/a","events":["*"]},` + ok + `,{"id":"x","url":"https://example.com/a","events":["*"]}]`, []string{"2.id"}},
		"an id and a fault": {`[{"id":"taken","url":"https://example.com/a","events":["*"]},{"id":"y","events":["*"]}]`, []string{"1.url"}},
		"unseen characters": {`[{"url":"https://example.com/\u200b","events":["*"],"secret":"whsec_c2hv\u200bcnQ=","headers":{"X-Token":"t\u200b"}}]`, []string{"0.url", "0.secret", "0.headers.X-Token"}},
		"a masked header":   {`[{"url":"https://example.com/a","events":["*"],"headers":{"X-Token":"********"}}]`, []string{"0.headers.X-Token"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.do("POST", "/v1/webhooks/import", w.key, `[{"id":"taken","url":"https://example.com/a","events":["*"]}]`).is(201)
			w.do("POST", "/v1/webhooks/import", w.key, tt.body).faults(tt.faults...)
			dry := w.do("POST", "/v1/webhooks/import?dry_run=true", w.key, tt.body)
			if tt.faults[0] == "body" {
				dry.faults("body")
			} else {
				var check importCheck
				dry.is(200).into(&check)
				if got := check.fields("exists"); check.Valid || !slices.Equal(got, slices.Sorted(slices.Values(tt.faults))) {
					t.Errorf("the dry run says %+v, want %q", check, tt.faults)
				}
			}
			if n := w.do("GET", "/v1/webhooks", w.key, "").is(200).num("total"); n != 1 {
				t.Errorf("got %d webhooks, want the one that was there", n)
			}
		})
	}
	w := newWorld(t)
	w.do("POST", "/v1/webhooks/import?dry_run=yes", w.key, "["+ok+"]").faults("dry_run")
	w.do("POST", "/v1/webhooks/import?dry_run=", w.key, "[{}]").faults("dry_run")
}

type importCheck struct {
	Valid bool
	Data  []struct {
		ID      *string
		Outcome string
		Errors  []webhook.FieldError
	}
}

// fields returns the fields at fault, but for those of one outcome.
func (c importCheck) fields(but string) (all []string) {
	for _, item := range c.Data {
		for _, e := range item.Errors {
			if item.Outcome != but {
				all = append(all, e.Field)
			}
		}
	}
	slices.Sort(all)
	return all
}

func TestImportDryRun(t *testing.T) {
	w := newWorld(t)
	w.do("POST", "/v1/webhooks/import", w.key, `[{"id":"taken","url":"https://example.com/a","events":["*"]}]`).is(201)
	var got importCheck
	const free = `{"id":"free","url":"https://example.com/a","events":["*"]}`
	w.do("POST", "/v1/webhooks/import?dry_run=true", w.key, `[`+free+`,{"id":"taken","url":"https://example.com/a","events":["*"]}]`).is(200).into(&got)
	if got.Valid || got.Data[0].Outcome != "create" || got.Data[1].Outcome != "exists" || len(got.Data[1].Errors) != 1 || got.Data[1].Errors[0].Field != "1.id" {
		t.Errorf("got %+v", got)
	}
	r := w.do("POST", "/v1/webhooks/import", w.key, `[`+free+`,{"id":"taken","url":"https://example.com/a","events":["*"]}]`).problem(409, "webhook-exists")
	if !strings.Contains(r.body, `"field":"1.id"`) {
		t.Errorf("the id that is taken is not named in %s", r.body)
	}
	w.do("GET", "/v1/webhooks/free", w.key, "").is(404)
	got = importCheck{}
	w.do("POST", "/v1/webhooks/import?dry_run=true", w.key, `[`+free+`]`).is(200).into(&got)
	if !got.Valid || got.Data[0].ID == nil || *got.Data[0].ID != "free" {
		t.Errorf("got %+v", got)
	}
	w.do("GET", "/v1/webhooks/free", w.key, "").is(404)
	w.do("POST", "/v1/webhooks/import?dry_run=false", w.key, `[`+free+`]`).is(201)
}

// An import that was cut short anywhere is completed by the same call, which answers for all.
func TestImportCutShort(t *testing.T) {
	body := "["
	for i := range 5 {
		body += fmt.Sprintf(`{"url":"https://example.com/%d","events":["*"]},`, i)
	}
	body += `{"id":"given","url":"https://example.com/given","events":["*"],"secret":"whsec_c2VjcmV0"}]`
	for _, lost := range []string{"before", "after"} {
		for call := 1; ; call++ { // which write fails
			w := newWorld(t)
			n := 0
			down := func(string) error {
				n++
				if n == call {
					return errors.New("down")
				}
				return nil
			}
			if lost == "before" {
				w.faults.Before = down
			} else {
				w.faults.After = down
			}
			status := w.do("POST", "/v1/webhooks/import", w.key, body).status
			w.faults.Before, w.faults.After = nil, nil
			var first struct{ Data []struct{ ID string } }
			w.do("GET", "/v1/webhooks", w.key, "").is(200).into(&first)
			if status == 201 {
				if n < 8 { // a pin, six webhooks, its end
					t.Fatalf("only %d writes", n)
				}
				break
			}
			if status != 503 {
				t.Fatalf("write %d lost %s: got %d, want 503", call, lost, status)
			}
			w.now.Pass(time.Hour)
			var check importCheck
			w.do("POST", "/v1/webhooks/import?dry_run=true", w.key, body).is(200).into(&check)
			if !check.Valid {
				t.Errorf("write %d lost %s: got %+v, want it said that the same call completes it", call, lost, check)
			}
			var got imported
			w.do("POST", "/v1/webhooks/import", w.key, body).is(201).into(&got)
			var ids []string
			for _, made := range got.Data {
				ids = append(ids, made.ID)
				w.do("GET", "/v1/webhooks/"+made.ID, w.key, "").is(200)
				if made.Secret == "" {
					t.Errorf("write %d lost %s: no secret of %s", call, lost, made.ID)
				}
			}
			for _, made := range first.Data {
				if !slices.Contains(ids, made.ID) {
					t.Errorf("write %d lost %s: %s is left over", call, lost, made.ID)
				}
			}
			if total := w.do("GET", "/v1/webhooks", w.key, "").is(200).num("total"); total != 6 || len(ids) != 6 {
				t.Errorf("write %d lost %s: got %d webhooks and %d in the answer, want 6", call, lost, total, len(ids))
			}
			w.do("POST", "/v1/webhooks/import", w.key, body).problem(409, "webhook-exists")
		}
	}
}

// An import that was cut short is completed by its own credential alone: the answer holds the secrets.
func TestImportCutShortOfAnother(t *testing.T) {
	w := newWorld(t)
	const body = `[{"url":"https://example.com/a","events":["*"]},{"url":"https://example.com/b","events":["*"]}]`
	made := 0
	w.faults.Before = func(call string) error {
		if made++; made == 4 { // an entry of the audit log, a pin, a webhook
			return errors.New("down")
		}
		return nil
	}
	w.do("POST", "/v1/webhooks/import", w.key, body).problem(503, "unavailable")
	w.faults.Before = nil
	var begun, others, own imported
	w.do("GET", "/v1/webhooks", w.key, "").is(200).into(&begun)
	if len(begun.Data) != 1 {
		t.Fatalf("got %d webhooks of an import that was cut short, want one", len(begun.Data))
	}
	w.now.Pass(time.Minute)
	w.do("POST", "/v1/webhooks/import", w.scoped("webhooks:write"), body).is(201).into(&others)
	w.do("POST", "/v1/webhooks/import", w.key, body).is(201).into(&own)
	holds := func(all imported) bool {
		for _, made := range all.Data {
			if made.ID == begun.Data[0].ID {
				return true
			}
		}
		return false
	}
	if holds(others) || !holds(own) {
		t.Errorf("the webhook that the import began with is in the answer of another key: %v, and of its own: %v", holds(others), holds(own))
	}
}

// Somebody takes an id while an import is under way: of the import nothing stays.
func TestImportLosesAnID(t *testing.T) {
	w := newWorld(t)
	taken := false
	w.faults.Before = func(call string) error {
		if call == "CreateWebhook" && !taken {
			taken = true
			w.webhookWithID("c")
		}
		return nil
	}
	var list []json.RawMessage
	for _, id := range []string{"a", "b", "c", "d"} {
		list = append(list, fmt.Appendf(nil, `{"id":%q,"url":"https://example.com/%s","events":["*"]}`, id, id))
	}
	body, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	r := w.do("POST", "/v1/webhooks/import", w.key, string(body)).problem(409, "webhook-exists")
	if !strings.Contains(r.body, `"field":"2.id"`) {
		t.Errorf("the id that is taken is not named in %s", r.body)
	}
	if got := w.do("GET", "/v1/webhooks", w.key, "").is(200).ids(); !slices.Equal(got, []string{"c"}) {
		t.Errorf("got %q, want c alone", got)
	}
	w.do("DELETE", "/v1/webhooks/c", w.key, "").is(204)
	w.do("POST", "/v1/webhooks/import", w.key, string(body)).is(201)
}

func (w *world) webhookWithID(id string) {
	w.t.Helper()
	at := w.now.Now().Add(-time.Hour)
	err := w.store.CreateWebhook(w.t.Context(), webhook.Webhook{
		Ref: webhook.Ref{Tenant: "acme", ID: id}, URL: "https://example.com/" + id, Events: []string{"*"}, Active: true,
		ContentType: webhook.ContentJSON, Format: webhook.FormatJSON, CreatedAt: at, UpdatedAt: at, Version: 1,
	})
	if err != nil {
		w.t.Error(err)
	}
}
