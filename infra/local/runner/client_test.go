package runner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// client calls an API, in process or over a socket.
type client struct {
	t    testing.TB
	key  string
	send func(*http.Request) (*http.Response, error)
	base string
}

// over returns a client of a handler, without sockets.
func over(t testing.TB, h http.Handler, key string) *client {
	return &client{t: t, key: key, base: "http://hookline.test", send: func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result(), nil
	}}
}

// as returns the same client with another key.
func (c *client) as(key string) *client {
	d := *c
	d.key = key
	return &d
}

// do calls the API and fails the test unless it answers with the status. It decodes the answer into out.
func (c *client) do(want int, method, path string, body, out any) {
	c.t.Helper()
	got, err := c.try(method, path, body, out)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	if got.status != want {
		c.t.Fatalf("%s %s: got %d %s, want %d", method, path, got.status, got.body, want)
	}
}

type reply struct {
	status int
	body   []byte
}

func (c *client) try(method, path string, body, out any, headers ...string) (reply, error) {
	var in io.Reader
	if body != nil {
		raw, ok := body.(string)
		if !ok {
			b, err := json.Marshal(body)
			if err != nil {
				return reply{}, err
			}
			raw = string(b)
		}
		in = bytes.NewReader([]byte(raw))
	}
	req, err := http.NewRequest(method, c.base+path, in)
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.send(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{}, err
	}
	if out != nil && resp.StatusCode < 300 {
		if err := json.Unmarshal(b, out); err != nil {
			return reply{}, fmt.Errorf("%s: %w", b, err)
		}
	}
	return reply{resp.StatusCode, b}, nil
}

type webhookAnswer struct {
	ID, URL, Status, Secret string
	Active                  bool
}

type deliveryAnswer struct {
	ID            string
	WebhookID     string `json:"webhook_id"`
	EventID       string `json:"event_id"`
	Status        string
	AttemptCount  int     `json:"attempt_count"`
	NextAttemptAt *string `json:"next_attempt_at"`
	Body          string
	Attempts      []attemptAnswer
	LastAttempt   *attemptAnswer `json:"last_attempt"`
}

type attemptAnswer struct {
	Number      int
	ScheduledAt string `json:"scheduled_at"`
	StartedAt   string `json:"started_at"`
	StatusCode  *int   `json:"status_code"`
	Error       *string
}

type list[T any] struct {
	Data       []T
	NextCursor *string `json:"next_cursor"`
}

// webhook creates a webhook.
func (c *client) webhook(fields map[string]any) webhookAnswer {
	c.t.Helper()
	var w webhookAnswer
	c.do(http.StatusCreated, "POST", "/v1/webhooks", fields, &w)
	return w
}

// publish publishes one event and returns its id.
func (c *client) publish(eventType string, data any) string {
	c.t.Helper()
	var ev struct{ ID string }
	c.do(http.StatusAccepted, "POST", "/v1/events", map[string]any{"type": eventType, "data": data}, &ev)
	return ev.ID
}

// deliveries lists the tenant's deliveries, or a webhook's.
func (c *client) deliveries(query string) []deliveryAnswer {
	c.t.Helper()
	var l list[deliveryAnswer]
	c.do(http.StatusOK, "GET", "/v1/deliveries"+query, nil, &l)
	return l.Data
}

// delivery shows one.
func (c *client) delivery(id string) deliveryAnswer {
	c.t.Helper()
	var d deliveryAnswer
	c.do(http.StatusOK, "GET", "/v1/deliveries/"+id, nil, &d)
	return d
}
