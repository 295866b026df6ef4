package browser

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var tenants atomic.Int64

// name returns a tenant's id that no other test has.
func name(prefix string) string { return fmt.Sprintf("%s-%d", prefix, tenants.Add(1)) }

// none is a tenant with nothing.
func none(t *testing.T, s *system) data {
	return data{tenant: s.tenant(t, name("none"), "standard", nil), eventType: "user.created"}
}

const (
	hostile = `<script>document.title="broken"</script><img src=x onerror="alert(1)">`
	markup  = `<!doctype html><html><body onload="alert(1)"><script>alert(2)</script>`
)

// one is a tenant with one of everything, none of it easy to show.
func one(t *testing.T, s *system) data {
	c := s.tenant(t, name("one"), "axiestudio", map[string]any{"name": strings.Repeat("W", 120) + hostile, "notify_email": "owner@example.com"})
	d := data{tenant: c, eventType: "user.created"}
	w := c.webhook("/500/"+strings.Repeat("x", 300-len(s.hook)-5), map[string]any{
		"name": strings.Repeat("N", 200), "headers": map[string]string{"X-" + strings.Repeat("Long-", 15) + "Header": "a token"},
	}, "user.created", "role.changed")
	d.webhook = w.ID
	c.webhook("/ok", map[string]any{"name": hostile}, "*")
	d.event = c.publish("user.created", map[string]any{"text": markup, "long": strings.Repeat("y", 400)})
	c.settled(w.ID, "pending", 1)
	d.delivery = c.list("/v1/webhooks/" + w.ID + "/deliveries")[0].ID
	d.source = c.source("custom", hostile)
	d.replay = c.replayed(w.ID)
	d.otherKey = c.list("/v1/keys")[0].ID
	c.deployed(d.source, "<script>", "https://git.example.com/"+strings.Repeat("z", 250), 0)
	d.deployment = c.list("/v1/deployments")[0].ID
	return d
}

// thousands is how many rows are too many for one page.
const thousands = 5000

// many is a tenant with thousands of webhooks, one of which has thousands of deliveries. It is made once.
func many(t *testing.T, s *system) data {
	t.Helper()
	c := s.tenant(t, name("many"), "agiletune", nil)
	d := data{tenant: c, eventType: "task.moved"}
	var wg sync.WaitGroup
	fail := make(chan error, 64)
	next := make(chan int)
	for range 32 {
		wg.Go(func() {
			for i := range next {
				in := map[string]any{"url": fmt.Sprintf("%s/%d", s.hook, i), "name": fmt.Sprintf("Webhook %04d", i), "events": []string{"task.moved"}}
				if err := c.try("POST", "/v1/webhooks", in, nil); err != nil {
					select {
					case fail <- err:
					default:
					}
				}
			}
		})
	}
	for i := range thousands - 1 {
		next <- i
	}
	close(next)
	wg.Wait()
	close(fail)
	for err := range fail {
		t.Fatal(err)
	}
	d.webhook = c.webhook("/busy", map[string]any{"name": "The busy one"}, "task.created").ID
	for range thousands / 100 {
		var batch []map[string]any
		for i := range 100 {
			batch = append(batch, map[string]any{"type": "task.created", "data": map[string]any{"n": i}})
		}
		c.do("POST", "/v1/events", batch, nil)
	}
	c.settled(d.webhook, "succeeded", 20)
	d.event = c.list("/v1/events")[0].ID
	d.delivery = c.list("/v1/webhooks/" + d.webhook + "/deliveries")[0].ID
	return d
}

// replayed starts a replay of a webhook's deliveries and returns its id.
func (c tenant) replayed(webhookID string) string {
	c.t.Helper()
	var job made
	c.do("POST", "/v1/webhooks/"+webhookID+"/replay", map[string]any{"since": time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), "status": "succeeded"}, &job)
	return job.ID
}

const sourceSecret = "the secret of a source"

// source makes a source and returns its id.
func (c tenant) source(kind, name string) string {
	c.t.Helper()
	var s made
	c.do("POST", "/v1/sources", map[string]any{"kind": kind, "name": name, "secret": sourceSecret}, &s)
	return s.ID
}

// deployed reports a deployment to a source of the kind custom.
func (c tenant) deployed(source, environment, repository string, ago time.Duration) {
	c.t.Helper()
	body, err := json.Marshal(map[string]string{
		"deployed_at": time.Now().Add(-ago).UTC().Format(time.RFC3339), "environment": environment, "repository_id": "123", "repository_url": repository,
		"commit_sha": fmt.Sprintf("%x", sha1.Sum([]byte(name(source)))),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	mac := hmac.New(sha256.New, []byte(sourceSecret))
	mac.Write(body)
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.s.base+"/webhooks/deployments/custom/"+source, bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Axify-Deployment-Event-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusCreated {
		b, err := io.ReadAll(resp.Body)
		c.t.Fatalf("a deployment: got %d %s %v, want 201", resp.StatusCode, b, err)
	}
}
