package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"hookline/shared/api"
	"hookline/shared/input"
	"hookline/shared/webhook"
)

// trigger publishes one event.
func (a *app) trigger() *cobra.Command {
	var data, id, tenant string
	cmd := &cobra.Command{
		Use: "trigger TYPE", Short: "Publish an event", Args: cobra.ExactArgs(1),
		Long: "Without --data the event has the example of the type, which takes a key of scope events:read.\n" +
			"With --id the command can be repeated safely: an event of the same id is published once.",
		Example: "  hookline trigger order.placed --data '{\"order\": 7}'",
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		event := api.NewEvent{Type: input.Of(args[0])}
		if id != "" {
			event.ID = input.Of(id)
		}
		raw, err := a.example(cmd.Context(), args[0], data, tenant)
		if err != nil {
			return err
		}
		event.Data = input.Of(raw)
		if tenant != "" {
			return a.show(cmd, request{method: "POST", path: "/v1/tenants/" + url.PathEscape(tenant) + "/events", body: event, admin: true})
		}
		return a.show(cmd, request{method: "POST", path: "/v1/events", body: event})
	}
	cmd.Flags().StringVarP(&data, "data", "d", "", "the event's data as JSON; @FILE reads a file and - the standard input")
	cmd.Flags().StringVar(&id, "id", "", "an id of yours")
	cmd.Flags().StringVar(&tenant, "tenant", "", "publish for this tenant, as the admin")
	return cmd
}

// example returns the data that was given, or the catalogue's.
func (a *app) example(ctx context.Context, eventType, given, tenant string) (json.RawMessage, error) {
	if given != "" {
		return a.data(given)
	}
	if tenant != "" {
		return nil, usageError{errors.New("--data is needed with --tenant")}
	}
	list, err := a.list(ctx, request{method: "GET", path: "/v1/event-types"}, page{limit: 1, all: true})
	if err != nil {
		return nil, err
	}
	for _, raw := range list.Data {
		var t api.EventType
		if err := json.Unmarshal(raw, &t); err != nil {
			return nil, err
		}
		if t.Name == eventType {
			return t.Example, nil
		}
	}
	return nil, usageError{fmt.Errorf("the catalogue has no %s: give --data, or see `hookline events types --all`", eventType)}
}

// tailPages bounds how much one look reads: deliveries may come faster than a person reads.
const tailPages = 10

// tail prints deliveries, or events, as they come.
func (a *app) tail() *cobra.Command {
	var events bool
	var count int
	var every time.Duration
	var hook string
	given := filters{}
	cmd := &cobra.Command{
		Use: "tail", Short: "Print new deliveries as they change, or new events", Args: cobra.NoArgs,
		Long: "Prints a line for each delivery whose status or count of attempts is new; with --events, for each new event.\n" +
			"It looks every two seconds at what was accepted in the minute before the newest, at most 1,000 at a time.\n" +
			"A delivery is there from its first attempt on. Ctrl-C ends it.",
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		query, err := given.query()
		if err != nil {
			return err
		}
		r, printed := request{method: "GET", path: deliveriesOf(hook), query: query}, 0
		if events {
			if hook != "" || query.Has("status") {
				return usageError{errors.New("--webhook and --status are of deliveries, not of --events")}
			}
			r.path = "/v1/events"
			if query.Has("event_type") {
				query.Set("type", query.Get("event_type"))
				query.Del("event_type")
			}
		}
		if every < 100*time.Millisecond {
			return usageError{errors.New("--interval must be 100ms or more")}
		}
		var seen looked
		for first := true; ; first = false {
			fresh, err := a.look(cmd.Context(), r, &seen)
			if cmd.Context().Err() != nil {
				return nil //nolint:nilerr // Ctrl-C is how a tail ends
			}
			if err != nil {
				return err
			}
			for _, raw := range fresh {
				if first {
					continue // it was there before
				}
				if err := a.follow(raw, events); err != nil {
					return err
				}
				if printed++; printed == count {
					return nil
				}
			}
			if !pause(cmd.Context(), every) {
				return nil
			}
		}
	}
	given.add(cmd, "status", "pending, succeeded or failed")
	given.add(cmd, "event-type", "of this event type only")
	cmd.Flags().StringVar(&hook, "webhook", "", "of this webhook only")
	cmd.Flags().BoolVar(&events, "events", false, "events instead of deliveries")
	cmd.Flags().IntVar(&count, "count", 0, "end after so many lines; 0 goes on")
	cmd.Flags().DurationVar(&every, "interval", 2*time.Second, "between two looks")
	return cmd
}

// listed is what tail needs to know of a delivery or of an event.
type listed struct {
	ID           string                 `json:"id"`
	Status       webhook.DeliveryStatus `json:"status"`
	AttemptCount int                    `json:"attempt_count"`
	CreatedAt    api.Time               `json:"created_at"`
	AcceptedAt   api.Time               `json:"accepted_at"`
}

// looked is what the last look has seen. What was accepted too long ago for it is not listed again.
type looked struct {
	states map[string]bool
	newest time.Time // as the stack's clock has it
}

// look returns what was not seen yet, the oldest first.
func (a *app) look(ctx context.Context, r request, seen *looked) ([]json.RawMessage, error) {
	query := url.Values{}
	maps.Copy(query, r.query)
	if !seen.newest.IsZero() {
		query.Set("since", seen.newest.Add(-time.Minute).UTC().Format(time.RFC3339Nano))
	}
	r.query = query
	list, err := a.list(ctx, r, page{limit: tailPages * 100})
	if err != nil {
		return nil, err
	}
	var fresh []json.RawMessage
	states := make(map[string]bool, len(list.Data))
	for _, raw := range list.Data {
		var item listed
		if err := json.Unmarshal(raw, &item); err != nil {
			return nil, err
		}
		key := fmt.Sprintf("%s %s %d", item.ID, item.Status, item.AttemptCount)
		if states[key] = true; !seen.states[key] {
			fresh = append(fresh, raw)
		}
		for _, at := range []time.Time{item.CreatedAt.Time, item.AcceptedAt.Time} {
			if at.After(seen.newest) {
				seen.newest = at
			}
		}
	}
	seen.states = states
	slices.Reverse(fresh)
	return fresh, nil
}

// follow prints one line of tail.
func (a *app) follow(raw json.RawMessage, events bool) error {
	if a.json() {
		a.line(raw)
		return nil
	}
	if events {
		return row(a, raw, eventColumns())
	}
	return row(a, raw, deliveryColumns())
}

// row prints one row without waiting for others to be as wide.
func row[T any](a *app, raw json.RawMessage, columns []column[T]) error {
	var item T
	if err := json.Unmarshal(raw, &item); err != nil {
		return err
	}
	for i, c := range columns {
		if i > 0 {
			fmt.Fprint(a.out, "  ")
		}
		fmt.Fprint(a.out, printable(c.of(item), false))
	}
	fmt.Fprintln(a.out)
	return nil
}

// pause waits, and reports whether the command goes on.
func pause(ctx context.Context, span time.Duration) bool {
	timer := time.NewTimer(span)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
