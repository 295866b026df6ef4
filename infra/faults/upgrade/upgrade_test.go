package upgrade

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hookline/infra/figures"
	"hookline/shared/fixture"
	"hookline/shared/queue"
	"hookline/shared/stack"
	"hookline/shared/stack/stacktest"
)

// TestKeptMessagesArrive puts the messages of deliveries that releases left into the queue: each is POSTed and recorded. A
// dead letter starts the round after the one it died in.
func TestKeptMessagesArrive(t *testing.T) {
	files, err := filepath.Glob("../../../shared/message/testdata/fixtures/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d fixtures of messages, %v", len(files), err)
	}
	handled := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var kept fixture.Kept
		if err := json.Unmarshal(raw, &kept); err != nil {
			t.Fatal(err)
		}
		if name := filepath.Base(file); strings.HasPrefix(name, "replay-job") || strings.HasPrefix(name, "erasure") {
			continue // they carry what there is to do, and no delivery
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			receiver := new(stacktest.Receiver)
			stacktest.World{Receiver: receiver}.Run(t, func(t *testing.T, s *stacktest.Stack) {
				acme := s.Tenant("acme", "standard")
				hook := acme.Webhook(stacktest.Hook("*")).ID
				var m struct {
					Accepted int64  `json:"a"`
					Due      int64  `json:"u"`
					Ref      string `json:"r"`
				}
				if err := json.Unmarshal(kept.Encoded, &m); err != nil {
					t.Fatal(err)
				}
				if m.Ref != "" {
					if err := s.Store.PutPayload(t.Context(), "acme", m.Ref, []byte(`p{"n":1}`), time.Now().Add(time.Hour)); err != nil {
						t.Fatal(err)
					}
				}
				now := fmt.Sprint(time.Now().UnixMilli()) // a bubble begins in 2000, before the message was accepted
				body := strings.NewReplacer(`"w":"wh_1"`, `"w":"`+hook+`"`, fmt.Sprint(m.Accepted), now, fmt.Sprintf(`"u":%d`, m.Due), `"u":`+now).
					Replace(string(kept.Encoded))
				if err := s.Queues[stack.DeliveryQueue].Send(t.Context(), []queue.Outgoing{{Body: body, Group: hook}}); err != nil {
					t.Fatal(err)
				}
				stacktest.Pass(time.Minute)
				if got := receiver.Requests(); len(got) != 1 || string(got[0].Body) == "" {
					t.Errorf("got %d POSTs, want one", len(got))
				}
				if got := acme.Deliveries(""); len(got) != 1 || got[0].Status != "succeeded" || got[0].EventID != "evt_1" {
					t.Errorf("got the records %+v, want one that succeeded", got)
				}
			})
		})
		handled++
	}
	every := 0
	for _, pattern := range []string{"../../../shared/*/testdata/fixtures/*.json", "../../../shared/*/*/testdata/fixtures/*.json"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		every += len(found)
	}
	figures.Note(t, "upgrade: fixtures held / of them messages delivered by today's code", fmt.Sprintf("%d / %d", every, handled))
}
