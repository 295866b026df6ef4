package replay

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"hookline/shared/eventlog"
	"hookline/shared/webhook"
)

// A page of the log ends where the work of one request does, and the next goes on. An event that is too much alone is
// left out, and ends no job.
func TestMissedWithinItsWork(t *testing.T) {
	s, _, _, job := newService(t, 0)
	log := &eventlog.Log{Store: s.Store.(eventlog.Store)}
	s.Events = log
	at := s.Now().Add(-time.Second)
	entries := webhook.EventIDs(at, 20)
	var events []webhook.LoggedEvent
	for i, entry := range entries {
		values := 100
		if i == 7 {
			values = 5000
		}
		events = append(events, webhook.LoggedEvent{Entry: entry, Event: webhook.Event{
			Tenant: "acme", ID: fmt.Sprintf("evt_%02d", i), Type: "a.b", AcceptedAt: at,
			Data: json.RawMessage(`{"n":[` + strings.Repeat(`0,`, values) + `1]}`),
		}})
	}
	if err := log.Write(t.Context(), events, at.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	hook := webhook.Webhook{Ref: webhook.Ref{Tenant: "acme", ID: "wh_1"}, Events: []string{"*"}, Filter: json.RawMessage(`{"n":[1]}`)}
	for name, c := range map[string]struct{ work, pages, matched int }{
		"all in one page":               {0, 1, 20},
		"some in a page, but one never": {1000, 4, 19},
		"one in a page":                 {150, 20, 19},
	} {
		t.Run(name, func(t *testing.T) {
			s.MatchWork = c.work
			r := webhook.Replay{Tenant: "acme", Webhook: "wh_1", Of: webhook.ReplayMissed, Since: job.Since, Until: s.Now()}
			pages, found := 0, make(map[string]bool)
			for ; pages == 0 || r.Cursor != ""; pages++ {
				got, next, err := s.missed(t.Context(), r, takerOf(hook), countEvents)
				if err != nil {
					t.Fatal(err)
				}
				for _, ev := range got {
					if found[ev.ID] {
						t.Errorf("%s is there twice", ev.ID)
					}
					found[ev.ID] = true
				}
				r.Cursor = next
			}
			if len(found) != c.matched || found["evt_07"] != (c.work == 0) {
				t.Errorf("got %d events, want %d", len(found), c.matched)
			}
			if pages != c.pages {
				t.Errorf("got %d pages, want %d", pages, c.pages)
			}
		})
	}
}
