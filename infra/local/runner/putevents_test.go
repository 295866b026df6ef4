package runner

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	queuesqlite "hookline/shared/queue/sqlite"
	"hookline/shared/stack"
)

func TestPutEvents(t *testing.T) {
	const good = `{"Source": "my.app", "DetailType": "order.placed", "Detail": "{\"tenant\": \"acme\", \"data\": {}}", "Time": 1774008000}`
	tests := map[string]struct {
		target, body string
		status       int
		queued       int
		contains     string
	}{
		"one entry":      {putEvents, `{"Entries": [` + good + `]}`, 200, 1, `"FailedEntryCount":0`},
		"one of two bad": {putEvents, `{"Entries": [` + good + `, {"Source": "my.app", "DetailType": "x", "Detail": "{"}]}`, 200, 1, `"ErrorCode":"MalformedDetail"`},
		"no source":      {putEvents, `{"Entries": [{"DetailType": "x", "Detail": "{}"}]}`, 200, 0, `Parameter Source is not valid`},
		"a bad time":     {putEvents, `{"Entries": [{"Source": "s", "DetailType": "x", "Detail": "{}", "Time": "noon"}]}`, 200, 0, `Parameter Time`},
		"no entries":     {putEvents, `{"Entries": []}`, 400, 0, `ValidationException`},
		"eleven":         {putEvents, `{"Entries": [` + strings.Repeat(good+",", 10) + good + `]}`, 400, 0, `ValidationException`},
		"not JSON":       {putEvents, `{`, 400, 0, `SerializationException`},
		"another call":   {"AWSEvents.PutRule", `{}`, 400, 0, `UnknownOperationException`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			engine, err := queuesqlite.New("", queuesqlite.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = engine.Close() }()
			queues, err := Queues(engine)
			if err != nil {
				t.Fatal(err)
			}
			ingest := queues[stack.IngestQueue]
			bus := &eventBus{queue: ingest, now: time.Now}
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(tt.body))
			r.Header.Set("X-Amz-Target", tt.target)
			w := httptest.NewRecorder()
			bus.ServeHTTP(w, r)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.contains) {
				t.Errorf("got %d %s, want %d with %s", w.Code, w.Body, tt.status, tt.contains)
			}
			msgs, err := ingest.Receive(t.Context(), 10, 0)
			if err != nil || len(msgs) != tt.queued {
				t.Fatalf("got %d messages, %v, want %d", len(msgs), err, tt.queued)
			}
			if tt.queued == 0 {
				return
			}
			var answer struct {
				Entries []struct {
					EventID string `json:"EventId"`
				}
			}
			var entry struct {
				ID   string
				Time string
			}
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(msgs[0].Body), &entry); err != nil {
				t.Fatal(err)
			}
			if entry.ID != answer.Entries[0].EventID || entry.Time != "2026-03-20T12:00:00Z" {
				t.Errorf("got the entry %+v, want the id answered, %s, and its time", entry, answer.Entries[0].EventID)
			}
		})
	}
}

// TestClockGoesOn opens a data directory at one speed and then another: the clock never goes back.
func TestClockGoesOn(t *testing.T) {
	dir, err := openDataDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dir.close() }()
	real := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	last := time.Time{}
	for i, speed := range []float64{1, 3600, 3600, 1, 100} {
		real = real.Add(time.Minute)
		c, err := dir.clock(speed, real)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.At(real); got.Before(last) {
			t.Errorf("start %d at speed %g: got %v, want %v or later", i, speed, got, last)
		}
		real = real.Add(time.Minute)
		last = c.At(real)
	}
	if want := real.Add(2 * 60 * time.Hour); last.Before(want) {
		t.Errorf("got %v in the end, want %v at least: two minutes and more ran 3600 times as fast", last, want)
	}
}

func TestDataDirIsTakenOnce(t *testing.T) {
	path := t.TempDir()
	dir, err := openDataDir(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openDataDir(path); err == nil {
		t.Error("a second process got the same DATA_DIR")
	}
	if err := dir.close(); err != nil {
		t.Fatal(err)
	}
	again, err := openDataDir(path)
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	_ = again.close()
}
