package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"hookline/infra/local/runner"
	"hookline/infra/receiver/receiver"
	"hookline/shared/dialect"
)

const adminKey = "hka_of_the_browser_tests"

// system is what `make run` starts, and a receiver that obeys its paths.
type system struct {
	base string // of the API and the console
	hook string // of the receiver
	log  *logged
}

// systems are those that tests share, each started when it is first asked for; every test has tenants of its own.
var systems = struct{ usual, strict, brisk, fast func() (*system, error) }{
	usual:  launch(),
	strict: launch("ALLOW_PRIVATE_TARGETS", "false"), // production's rules
	brisk:  launch("CLOCK_SPEED", "200"),             // a short ladder in a moment, and days in an hour
	fast:   launch("CLOCK_SPEED", "20000"),           // whole ladders in seconds
}

// launch returns what starts a system with settings beyond the usual ones, once.
func launch(settings ...string) func() (*system, error) {
	return sync.OnceValues(func() (*system, error) {
		dir, err := os.MkdirTemp("", "hookline-browser-")
		if err != nil {
			return nil, err
		}
		dialects, err := dialect.Builtin()
		if err != nil {
			return nil, err
		}
		standard, err := dialects.Dialect(context.Background(), "standard")
		if err != nil {
			return nil, err
		}
		r, err := receiver.New(receiver.Options{Dialect: standard})
		if err != nil {
			return nil, err
		}
		hook := httptest.NewServer(r)
		s := &system{hook: hook.URL, log: new(logged)}
		env := map[string]string{"PORT": "0", "DATA_DIR": dir, "ADMIN_KEY": adminKey}
		for i := 0; i < len(settings); i += 2 {
			env[settings[i]] = settings[i+1]
		}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- runner.Main(ctx, func(name string) string { return env[name] }, s.log, nil) }()
		atEnd(func() {
			hook.CloseClientConnections()
			stop()
			if err := <-done; err != nil {
				fmt.Fprintln(os.Stderr, "the system:", err)
			}
			hook.Close()
			_ = os.RemoveAll(dir)
		})
		told := regexp.MustCompile(`(?m)^  API +(http://\S+)`)
		for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
			if m := told.FindStringSubmatch(s.log.String()); m != nil {
				s.base = m[1]
				return s, nil
			}
			select {
			case err := <-done:
				done <- err
				return nil, errors.Join(errors.New("the system stopped"), err)
			default:
			}
		}
	})
}

// start returns a system.
func start(t *testing.T, launched func() (*system, error)) *system {
	t.Helper()
	s, err := launched()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// logged keeps what the system prints.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// tenant is one of the system's, with its key.
type tenant struct {
	t       testing.TB
	s       *system
	id, key string
}

// tenant makes one; fields are further members of the call.
func (s *system) tenant(t testing.TB, id, dialect string, fields map[string]any) tenant {
	t.Helper()
	in := map[string]any{"id": id, "name": id, "dialect": dialect}
	maps.Copy(in, fields)
	var made struct {
		Key string `json:"api_key"`
	}
	tenant{t, s, "", adminKey}.do("POST", "/v1/tenants", in, &made)
	return tenant{t, s, id, made.Key}
}

// do calls the API, and fails the test unless it agrees.
func (c tenant) do(method, path string, in, out any) {
	c.t.Helper()
	if err := c.try(method, path, in, out); err != nil {
		c.t.Fatal(err)
	}
}

func (c tenant) try(method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.s.base+path, body)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: got %d %s", method, path, resp.StatusCode, b)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

type made struct{ ID, Secret, URL string }

// webhook makes a webhook at a path of the receiver, for the events.
func (c tenant) webhook(path string, fields map[string]any, events ...string) made {
	c.t.Helper()
	in := map[string]any{"url": c.s.hook + path, "events": events}
	maps.Copy(in, fields)
	var w made
	c.do("POST", "/v1/webhooks", in, &w)
	return w
}

// publish publishes an event and returns its id.
func (c tenant) publish(eventType string, data any) string {
	c.t.Helper()
	var ev made
	c.do("POST", "/v1/events", map[string]any{"type": eventType, "data": data}, &ev)
	return ev.ID
}

// list asks for a list's first page.
func (c tenant) list(path string) []made {
	c.t.Helper()
	var l struct{ Data []made }
	c.do("GET", path, nil, &l)
	return l.Data
}

// settled waits until a webhook has n deliveries of a status.
func (c tenant) settled(webhookID, status string, n int) {
	c.t.Helper()
	path := "/v1/webhooks/" + webhookID + "/deliveries?limit=100&status=" + status
	within(c.t, func() error {
		if got := len(c.list(path)); got < n {
			return fmt.Errorf("%d deliveries are %s, want %d", got, status, n)
		}
		return nil
	})
}

// patience is how long anything may take to show.
const patience = 15 * time.Second

// within repeats check until it is content, and fails the test when it is not in time.
func within(t testing.TB, check func() error) {
	t.Helper()
	end := time.Now().Add(patience)
	tick := time.NewTicker(15 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(strings.TrimSpace(err.Error()))
		}
		<-tick.C
	}
}
