package conformance

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"hookline/infra/local/runner"
	"hookline/infra/local/standin"
	"hookline/shared/clock"
	"hookline/shared/queue"
	"hookline/shared/stack"
	"hookline/shared/store/dynamo"
)

// openAWS opens the engines of a system that ends with the test: the stand-ins, or real ones where HOOKLINE_TABLE and
// HOOKLINE_QUEUE_URL say where (the queues are made beside that one and deleted; what is in the table stays).
func openAWS(t *testing.T) runner.Open {
	tableName, beside := os.Getenv("HOOKLINE_TABLE"), os.Getenv("HOOKLINE_QUEUE_URL")
	if tableName == "" || beside == "" {
		t.Attr("engines", "DynamoDB Local and ElasticMQ")
		return standin.Options{}.Open
	}
	t.Attr("engines", "Amazon DynamoDB and SQS")
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client, names := awssqs.NewFromConfig(cfg), path.Base(beside)+"-"+strings.ToLower(rand.Text()[:10])+"-"
	t.Cleanup(func() {
		for name := range stack.DeadLetters() {
			deleteQueue(t, client, names+name)
		}
	})
	return func(ctx context.Context, _ string, _ clock.Clock) (*runner.Engines, error) {
		queues, err := standin.Queues(ctx, client, names)
		if err != nil {
			return nil, err
		}
		store := dynamo.New(dynamodb.NewFromConfig(cfg), tableName, dynamo.Options{})
		return &runner.Engines{Store: store, Queues: queues, Close: func() error { return nil }}, nil
	}
}

// system is a running Hookline.
type system struct {
	client
	queues map[string]queue.Queue
	stop   func()
}

// startSystem runs what `make run ENGINE=aws-local` does, over a data directory, or what `make run` does where open is
// nil. Settings are NAME=value.
func startSystem(t *testing.T, dir string, open runner.Open, settings ...string) *system {
	t.Helper()
	s := &system{}
	const admin = "hka_of_conformance"
	env := map[string]string{"PORT": "0", "DATA_DIR": dir, "ADMIN_KEY": admin}
	if open != nil {
		env["ENGINE"] = standin.Name
	}
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		env[name] = value
	}
	ctx, stop := context.WithCancel(t.Context())
	out := &output{ready: make(chan string, 1)}
	ended := make(chan error, 1)
	go func() {
		ended <- runner.Main(ctx, func(name string) string { return env[name] }, out, map[string]runner.Open{
			standin.Name: func(ctx context.Context, dir string, clk clock.Clock) (*runner.Engines, error) {
				e, err := open(ctx, dir, clk)
				if err == nil {
					s.queues = e.Queues // before it is ready, so before anyone reads it
				}
				return e, err
			},
		})
	}()
	s.stop = sync.OnceFunc(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the system ended: %v", err)
		}
		if t.Failed() {
			t.Log(out.String())
		}
	})
	t.Cleanup(s.stop)
	select {
	case base := <-out.ready:
		s.client = client{t: t, base: base, key: admin}
		return s
	case err := <-ended:
		ended <- nil
		t.Fatalf("the system ended: %v", err)
		return nil
	}
}

// output keeps what a system prints, and says when it is ready.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	ready chan string
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if fields := strings.Fields(string(b)); o.text.Len() == 0 && len(fields) > 4 && fields[3] == "API" {
		o.ready <- fields[4]
	}
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// client calls the API with a key.
type client struct {
	t         *testing.T
	base, key string
}

func (c client) in(t *testing.T) client { c.t = t; return c }

// do calls the API and decodes its answer into out, which may be nil. A body of JSON text goes as it is.
func (c client) do(want int, method, path string, body, out any) {
	c.t.Helper()
	var in io.Reader
	if text, ok := body.(json.RawMessage); ok {
		in = bytes.NewReader(text)
	} else if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, in)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Content-Type", "application/json")
	if path == "/" {
		req.Header.Set("X-Amz-Target", "AWSEvents.PutEvents")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if resp.StatusCode != want {
		c.t.Fatalf("%s %s: got %d %s, want %d", method, path, resp.StatusCode, b, want)
	}
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			c.t.Fatalf("%s %s: %v in %s", method, path, err, b)
		}
	}
}

// tenant makes a tenant and returns a client with its key.
func (c client) tenant(id, dialect string) client {
	c.t.Helper()
	var made struct {
		Key string `json:"api_key"`
	}
	c.do(http.StatusCreated, "POST", "/v1/tenants", map[string]any{"id": id, "name": id, "dialect": dialect}, &made)
	c.key = made.Key
	return c
}

func (c client) webhook(url string, events ...string) string {
	c.t.Helper()
	var made struct{ ID string }
	c.do(http.StatusCreated, "POST", "/v1/webhooks", map[string]any{"url": url, "events": events}, &made)
	return made.ID
}

func (c client) publish(eventType string) string {
	c.t.Helper()
	var made struct{ ID string }
	c.do(http.StatusAccepted, "POST", "/v1/events", map[string]any{"type": eventType, "data": map[string]any{"n": 1}}, &made)
	return made.ID
}

// delivered is a delivery as the API shows it.
type delivered struct {
	ID            string
	Status        string
	AttemptCount  int     `json:"attempt_count"`
	NextAttemptAt *string `json:"next_attempt_at"`
	Attempts      []struct {
		StartedAt  time.Time `json:"started_at"`
		StatusCode *int      `json:"status_code"`
		Error      *string
	}
}

// deliveries lists the tenant's.
func (c client) deliveries() []delivered {
	c.t.Helper()
	var list struct{ Data []delivered }
	c.do(http.StatusOK, "GET", "/v1/deliveries", nil, &list)
	return list.Data
}

// becomes waits until the tenant's one delivery has a status after so many attempts, and returns it.
func (c client) becomes(status string, attempts int, limit time.Duration) delivered {
	c.t.Helper()
	var d delivered
	until(c.t, limit, fmt.Sprintf("one delivery %s after %d attempts", status, attempts), func() (bool, any) {
		all := c.deliveries()
		if len(all) != 1 {
			return false, all
		}
		d = all[0]
		return d.Status == status && d.AttemptCount == attempts, d
	})
	c.do(http.StatusOK, "GET", "/v1/deliveries/"+d.ID, nil, &d)
	return d
}

// until asks again and again until it is so.
func until(t *testing.T, limit time.Duration, what string, is func() (bool, any)) {
	t.Helper()
	late := time.After(limit)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, state := is()
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("after %v still not: %s; it is %+v", limit, what, state)
		}
	}
}

// hit is a request that a receiver got.
type hit struct {
	path   string
	header http.Header
	body   string
}

// target is a receiver on the loopback interface.
type target struct {
	*httptest.Server
	mu     sync.Mutex
	answer func(path string, n int) int // the status for a path's n-th request, from 1
	hits   []hit
	counts map[string]int
}

func startTarget(t *testing.T, answer func(path string, n int) int) *target {
	r := &target{answer: answer, counts: make(map[string]int)}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *target) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hits = append(r.hits, hit{req.URL.Path, req.Header, string(body)})
	r.counts[req.URL.Path]++
	if code := r.answer(req.URL.Path, r.counts[req.URL.Path]); code != http.StatusOK {
		w.WriteHeader(code)
	}
}

// got returns the requests so far.
func (r *target) got() []hit {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]hit(nil), r.hits...)
}

func (r *target) set(answer func(string, int) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func always(code int) func(string, int) int { return func(string, int) int { return code } }

// secondTry fails a path's first request.
func secondTry(_ string, n int) int {
	if n == 1 {
		return http.StatusInternalServerError
	}
	return http.StatusOK
}
