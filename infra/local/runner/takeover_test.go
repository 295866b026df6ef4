package runner

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hookline/infra/local/process"
	"hookline/shared/api"
	"hookline/shared/clock"
	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// twoFiles is a folder of an earlier program, which had the queues in a file of their own, and what is in it.
type twoFiles struct {
	dir        string
	At         time.Time
	Keys       map[string]string // by tenant
	Webhooks   map[string]string // ids
	Deliveries map[string]map[string]webhook.DeliveryStatus
	Source     string
	Deployment string
	Cookie     string
	Job        string
	Events     struct {
		Large, Pinned, Dead, Long, Short, Bus string
		Paced                                 []string
	}
}

// unpack returns the folder of testdata/twofiles/name as its program left it, its clock going on from then.
func unpack(t *testing.T, name string) twoFiles {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "twofiles", name+".tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	top := t.TempDir()
	folder := twoFiles{dir: filepath.Join(top, "data")}
	if err := os.Mkdir(folder.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	files := tar.NewReader(unzipped)
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		b, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(top, filepath.Clean(h.Name)), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	facts, err := os.ReadFile(filepath.Join(top, "facts.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(facts, &folder); err != nil {
		t.Fatal(err)
	}
	then, err := json.Marshal(clock.Clock{Real: time.Now(), Anchor: folder.At, Speed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder.dir, "clock.json"), then, 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// folded returns such a folder whose databases have no logs beside them, as a copy made by SQLite's own means has none.
func folded(t *testing.T) string {
	t.Helper()
	dir := unpack(t, "stopped").dir
	for _, name := range []string{"store.db", "queue.db"} {
		db, err := sql.Open("sqlite", filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestTakeover opens the folders of an earlier program: everything is there, and what was queued is delivered.
func TestTakeover(t *testing.T) {
	for _, name := range []string{"stopped", "killed"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			takenOver(t, unpack(t, name))
		})
	}
}

// TestTakeoverKilled kills the program at any moment while it takes a folder over, until the old file is put away.
func TestTakeoverKilled(t *testing.T) {
	for n := range 4 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			folder := unpack(t, "killed")
			kills, within := 0, 60*time.Millisecond
			for there := true; there; kills++ {
				cmd := process.Command(t, folder.dir, nil)
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				<-time.After(rand.N(within))
				within += within / 8 // a slow machine does not even start the program in 60 ms
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
				_, err := os.Stat(filepath.Join(folder.dir, "queue.db"))
				there = err == nil
			}
			t.Logf("taken over after %d kills", kills)
			takenOver(t, folder)
		})
	}
}

// takenOver opens a folder and finds in it all that was there.
func takenOver(t *testing.T, folder twoFiles) {
	t.Helper()
	receiver := &counter{seen: make(map[string]int)}
	server := httptest.NewServer(receiver)
	defer server.Close()
	p := process.Start(t, folder.dir, nil)
	admin := p.Client().As(stacktest.AdminKey)
	acme, globex := admin.As(folder.Keys["acme"]), admin.As(folder.Keys["globex"])

	var tenants api.List[struct{ ID string }]
	admin.Do(http.StatusOK, "GET", "/v1/tenants", nil, &tenants)
	if got := fmt.Sprint(tenants.Data); got != "[{acme} {demo} {globex}]" {
		t.Errorf("got tenants %s", got)
	}
	for name, id := range folder.Webhooks {
		c := acme
		if name == "dead" {
			c = globex
		}
		change := map[string]any{"url": server.URL + "/" + name}
		if name == "takes" {
			change["headers"] = map[string]string{"X-Token": "t-1"}
		}
		c.Do(http.StatusOK, "PATCH", "/v1/webhooks/"+id, change, nil)
	}
	for tenant, kept := range folder.Deliveries {
		found := make(map[string]webhook.DeliveryStatus)
		for _, d := range admin.As(folder.Keys[tenant]).Deliveries("") {
			found[d.EventID] = d.Status
		}
		for id, status := range kept {
			if got := found[id]; got != status && !(status == "pending" && got == "succeeded") {
				t.Errorf("delivery of %s to %s: got %q, want %q", id, tenant, got, status)
			}
		}
	}
	var large int
	for _, d := range acme.Deliveries("") {
		if d.EventID == folder.Events.Large {
			large = len(*acme.Delivery(d.ID).Body)
		}
	}
	if large < 5000 {
		t.Errorf("the large body has %d bytes, want 5,000 and more", large)
	}
	var again struct{ ID string }
	const same = `{"type": "order.placed", "data": {"order": 7}}`
	if got, err := acme.Try("POST", "/v1/events", same, &again, "Idempotency-Key", "k-1"); err != nil || again.ID != folder.Events.Pinned {
		t.Errorf("the Idempotency-Key: got %d %s, %v, want the first answer", got.Status, got.Body, err)
	}
	acme.Do(http.StatusConflict, "POST", "/v1/events", map[string]any{"id": "order-7", "type": "order.placed", "data": map[string]any{"n": 0}}, nil)
	acme.Do(http.StatusOK, "GET", "/v1/sources/"+folder.Source, nil, nil)
	acme.Do(http.StatusOK, "GET", "/v1/deployments/"+folder.Deployment, nil, nil)
	acme.Do(http.StatusOK, "GET", "/v1/events/"+folder.Events.Short, nil, nil)
	admin.Do(http.StatusOK, "GET", "/v1/dialects/quick", nil, nil)
	if got := acme.Job(folder.Job).Status; got != "done" {
		t.Errorf("the replay job is %s, want done", got)
	}
	if got, err := acme.Try("GET", "/console/webhooks", nil, nil, "Cookie", folder.Cookie); err != nil || got.Status != http.StatusOK ||
		!strings.Contains(string(got.Body), folder.Webhooks["paced"]) {
		t.Errorf("the portal session: got %d, %v, want the page of webhooks", got.Status, err)
	}
	if got := admin.DeadLetters(); got != 1 {
		t.Errorf("got %d dead letters, want 1", got)
	}
	admin.Do(http.StatusAccepted, "POST", "/v1/dead-letters/redrive", nil, nil)
	if err := p.Stop(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit status 0", err)
	}
	left := sizes(t, folder.dir)
	delete(left, "queue.db.old-wal") // which goes with its file, if a kill has left it there
	files := slices.Sorted(maps.Keys(left))
	if got, want := strings.Join(files, " "), "clock.json complete demo-key queue.db.old seal-key store.db"; got != want {
		t.Errorf("got files %s, want %s", got, want)
	}

	p = process.Start(t, folder.dir, []string{"CLOCK_SPEED=300"}) // five minutes are a second
	queued := append([]string{folder.Events.Long, folder.Events.Short, folder.Events.Bus, folder.Events.Dead}, folder.Events.Paced...)
	stacktest.Until(t, 2*time.Minute, "what was queued arrived", func() bool {
		receiver.mu.Lock()
		defer receiver.mu.Unlock()
		return !slices.ContainsFunc(queued, func(id string) bool {
			return receiver.seen[id] == 0 && folder.Deliveries["acme"][id] != "succeeded"
		})
	})
	stacktest.Until(t, time.Minute, "nothing is left to deliver", p.Idle)
	for tenant, n := range map[string]int{"acme": len(folder.Deliveries["acme"]) + 7, "globex": 1} {
		deliveries := p.Client().As(folder.Keys[tenant]).Deliveries("")
		for _, d := range deliveries {
			if d.Status != "succeeded" {
				t.Errorf("the delivery of %s is %s, want succeeded", d.EventID, d.Status)
			}
		}
		if len(deliveries) != n {
			t.Errorf("%s has %d deliveries, want %d", tenant, len(deliveries), n)
		}
	}
	if err := p.Stop(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit status 0", err)
	}
}
