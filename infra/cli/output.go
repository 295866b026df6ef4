package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"hookline/shared/api"
	"hookline/shared/layout"
)

// column is one of a table's.
type column[T any] struct {
	name string
	of   func(T) string
}

// document prints an answer: as it is in JSON, laid out for people otherwise.
func (a *app) document(raw json.RawMessage) {
	if a.json() {
		a.line(raw)
		return
	}
	fmt.Fprintln(a.out, printable(layout.Readable(raw, 1<<20).Text, true))
}

// line prints JSON on one line.
func (a *app) line(raw []byte) {
	var out bytes.Buffer
	if json.Compact(&out, raw) != nil {
		out.Reset()
		out.Write(raw)
	}
	fmt.Fprintf(a.out, "%s\n", out.Bytes())
}

// rawList is a list whose items are printed as they came, or read for a table.
type rawList = api.List[json.RawMessage]

// table prints a list as a table of its columns, or as the API's own list.
func table[T any](a *app, list api.List[json.RawMessage], columns ...column[T]) error {
	if a.json() {
		raw, err := json.Marshal(list)
		if err != nil {
			return err
		}
		a.line(raw)
		return nil
	}
	rows := make([]T, len(list.Data))
	for i, raw := range list.Data {
		if err := json.Unmarshal(raw, &rows[i]); err != nil {
			return err
		}
	}
	out := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for i, c := range columns {
		fmt.Fprint(out, between(i), c.name)
	}
	fmt.Fprintln(out)
	for _, row := range rows {
		for i, c := range columns {
			fmt.Fprint(out, between(i), printable(c.of(row), false))
		}
		fmt.Fprintln(out)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if list.NextCursor != nil {
		fmt.Fprintln(a.err, "There are more: --all, or --cursor "+printable(*list.NextCursor, false))
	}
	return nil
}

func between(i int) string {
	if i == 0 {
		return ""
	}
	return "\t"
}

func tenantColumns() []column[api.Tenant] {
	return []column[api.Tenant]{
		{"ID", func(t api.Tenant) string { return t.ID }},
		{"NAME", func(t api.Tenant) string { return t.Name }},
		{"DIALECT", func(t api.Tenant) string { return t.Dialect }},
		{"CREATED", func(t api.Tenant) string { return t.CreatedAt.String() }},
	}
}

func webhookColumns() []column[api.ListedWebhook] {
	return []column[api.ListedWebhook]{
		{"ID", func(w api.ListedWebhook) string { return w.ID }},
		{"STATUS", func(w api.ListedWebhook) string { return string(w.Status) }},
		{"EVENTS", func(w api.ListedWebhook) string { return strings.Join(w.Events, ",") }},
		{"URL", func(w api.ListedWebhook) string { return w.URL }},
		{"NAME", func(w api.ListedWebhook) string { return w.Name }},
	}
}

func eventColumns() []column[api.Event] {
	return []column[api.Event]{
		{"ID", func(e api.Event) string { return e.ID }},
		{"TYPE", func(e api.Event) string { return e.Type }},
		{"ACCEPTED", func(e api.Event) string { return e.AcceptedAt.String() }},
		{"MATCHED", func(e api.Event) string { return strconv.Itoa(e.Matched) }},
	}
}

func deliveryColumns() []column[api.Delivery] {
	return []column[api.Delivery]{
		{"ID", func(d api.Delivery) string { return d.ID }},
		{"STATUS", func(d api.Delivery) string { return string(d.Status) }},
		{"TYPE", func(d api.Delivery) string { return d.EventType }},
		{"WEBHOOK", func(d api.Delivery) string { return d.WebhookID }},
		{"ACCEPTED", func(d api.Delivery) string { return d.CreatedAt.String() }},
		{"ATTEMPTS", func(d api.Delivery) string { return strconv.Itoa(d.AttemptCount) }},
		{"NEXT", func(d api.Delivery) string {
			if d.NextAttemptAt == nil {
				return ""
			}
			return d.NextAttemptAt.String()
		}},
		{"ANSWER", answered},
	}
}

func replayColumns() []column[api.Replay] {
	return []column[api.Replay]{
		{"ID", func(r api.Replay) string { return r.ID }},
		{"STATUS", func(r api.Replay) string { return string(r.Status) }},
		{"WEBHOOK", func(r api.Replay) string { return r.WebhookID }},
		{"MATCHED", func(r api.Replay) string { return strconv.Itoa(r.Matched) }},
		{"STARTED", func(r api.Replay) string { return strconv.Itoa(r.Started) }},
		{"SKIPPED", func(r api.Replay) string { return strconv.Itoa(r.Skipped) }},
	}
}

// answered says how the last attempt ended.
func answered(d api.Delivery) string {
	switch last := d.LastAttempt; {
	case last == nil:
		return ""
	case last.StatusCode != nil:
		return fmt.Sprintf("%d in %s", *last.StatusCode, time.Duration(last.DurationMS)*time.Millisecond)
	case last.Error != nil:
		return string(*last.Error)
	}
	return ""
}
