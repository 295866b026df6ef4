package stacktest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hookline/shared/api"
	"hookline/shared/webhook"
)

// Client calls an API with a key. Its methods fail the test where the API does not answer as it should.
type Client struct {
	T    testing.TB
	Key  string
	Base string // of URLs: "http://hookline.test"
	send func(*http.Request) (*http.Response, error)
}

// Call returns a client of a handler, without sockets.
func Call(t testing.TB, h http.Handler, key string) *Client {
	return &Client{T: t, Key: key, Base: "http://hookline.test", send: func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result(), nil
	}}
}

// Dial returns a client of an API that listens, at a base URL.
func Dial(t testing.TB, base, key string) *Client {
	return &Client{T: t, Key: key, Base: base, send: http.DefaultClient.Do}
}

// As returns the client with another key.
func (c *Client) As(key string) *Client {
	d := *c
	d.Key = key
	return &d
}

// In returns the client for a test, one within its own.
func (c *Client) In(t testing.TB) *Client {
	d := *c
	d.T = t
	return &d
}

// Reply is an answer of the API.
type Reply struct {
	Status int
	Body   []byte
}

// Do calls the API and fails the test unless it answers with the status. It decodes the answer into out. A body that is a
// string is sent as it is, anything else as JSON.
func (c *Client) Do(want int, method, path string, body, out any) {
	c.T.Helper()
	got, err := c.Try(method, path, body, out)
	if err != nil {
		c.T.Fatalf("%s %s: %v", method, path, err)
	}
	if got.Status != want {
		c.T.Fatalf("%s %s: got %d %s, want %d", method, path, got.Status, got.Body, want)
	}
}

// Try calls the API as Do does, with pairs of a header's name and value, and returns the answer whatever it is. It decodes
// a success into out.
func (c *Client) Try(method, path string, body, out any, headers ...string) (Reply, error) {
	var in io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(body)
	default:
		raw, err := json.Marshal(body)
		if err != nil {
			return Reply{}, err
		}
		in = strings.NewReader(string(raw))
	}
	req, err := http.NewRequest(method, c.Base+path, in)
	if err != nil {
		return Reply{}, err
	}
	req.Header.Set("Authorization", "Bearer "+c.Key)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.send(req)
	if err != nil {
		return Reply{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return Reply{}, err
	}
	if out != nil && resp.StatusCode < 300 {
		if err := json.Unmarshal(b, out); err != nil {
			return Reply{}, fmt.Errorf("%s: %w", b, err)
		}
	}
	return Reply{resp.StatusCode, b}, nil
}

// get asks for a T.
func get[T any](c *Client, path string) (out T) {
	c.T.Helper()
	c.Do(http.StatusOK, http.MethodGet, path, nil, &out)
	return out
}

// Tenant makes a tenant and returns a client with its key.
func (c *Client) Tenant(id, dialect string) *Client {
	c.T.Helper()
	var made api.CreatedTenant
	c.Do(http.StatusCreated, "POST", "/v1/tenants", map[string]any{"id": id, "name": id, "dialect": dialect}, &made)
	return c.As(made.APIKey)
}

// Hook is a webhook to be made, of these event types.
func Hook(events ...string) map[string]any {
	return map[string]any{"url": "https://example.com/hook", "events": events}
}

// Webhook makes a webhook.
func (c *Client) Webhook(fields map[string]any) (made api.CreatedWebhook) {
	c.T.Helper()
	c.Do(http.StatusCreated, "POST", "/v1/webhooks", fields, &made)
	return made
}

// Status returns a webhook's status.
func (c *Client) Status(id string) webhook.Status {
	c.T.Helper()
	return get[api.Webhook](c, "/v1/webhooks/"+id).Status
}

// Publish publishes one event and returns its id.
func (c *Client) Publish(eventType string, data any) string {
	c.T.Helper()
	return c.PublishEvent(map[string]any{"type": eventType, "data": data}).ID
}

// PublishEvent publishes one event, a map or a string of JSON.
func (c *Client) PublishEvent(event any) (made api.EventResult) {
	c.T.Helper()
	c.Do(http.StatusAccepted, "POST", "/v1/events", event, &made)
	return made
}

// PublishBatch publishes events in one request.
func (c *Client) PublishBatch(events any) []api.EventResult {
	c.T.Helper()
	var made api.Results[api.EventResult]
	c.Do(http.StatusAccepted, "POST", "/v1/events", events, &made)
	return made.Data
}

// Batch is n events of a type with the data {"n": 0}, {"n": 1} and so on, and more data that all of them have.
func Batch(n int, eventType string, more map[string]any) []map[string]any {
	events := make([]map[string]any, n)
	for i := range events {
		data := map[string]any{"n": i}
		maps.Copy(data, more)
		events[i] = map[string]any{"type": eventType, "data": data}
	}
	return events
}

// Events lists the event log's first page of 100, the newest first. The query narrows it: "&matched=true".
func (c *Client) Events(query string) []api.Event {
	c.T.Helper()
	return get[api.List[api.Event]](c, "/v1/events?limit=100"+query).Data
}

// Event shows an event.
func (c *Client) Event(id string) api.EventDetail {
	c.T.Helper()
	return get[api.EventDetail](c, "/v1/events/"+id)
}

// Deliveries lists the first page of 100 deliveries, the newest first. The query narrows it: "&status=failed".
func (c *Client) Deliveries(query string) []api.Delivery {
	c.T.Helper()
	return get[api.List[api.Delivery]](c, "/v1/deliveries?limit=100"+query).Data
}

// Delivery shows a delivery.
func (c *Client) Delivery(id string) api.DeliveryDetail {
	c.T.Helper()
	return get[api.DeliveryDetail](c, "/v1/deliveries/"+id)
}

// Replay starts a job over all deliveries of a webhook that are in a status. The answer has its id and how many match.
func (c *Client) Replay(hook, status string) (made api.Replay) {
	c.T.Helper()
	c.Do(http.StatusAccepted, "POST", "/v1/webhooks/"+hook+"/replay", map[string]any{"since": "2000-01-01T00:00:00Z", "status": status}, &made)
	return made
}

// Job shows a replay job.
func (c *Client) Job(id string) api.Replay {
	c.T.Helper()
	return get[api.Replay](c, "/v1/replays/"+id)
}

// DeadLetters returns how many deliveries are dead letters.
func (c *Client) DeadLetters() int {
	c.T.Helper()
	return get[api.DeadLetters](c, "/v1/dead-letters").Depth
}
