// Command relay is what Hookline's speed on one machine is compared with: it takes the same requests and makes the same
// POSTs, signed, and stores nothing. What a crash would lose is the whole difference.
//
// TARGETS is a JSON object from event types to lists of URLs. It listens on a port that the system chooses and prints it.
package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	workers = 64      // POSTs at a time, as many as a Hookline on one machine has batches
	waiting = 100_000 // events that wait, before publishers do
	timeout = 15 * time.Second
)

type event struct {
	ID   string          `json:"id"`
	Type string          `json:"type"`
	Time string          `json:"timestamp"`
	Data json.RawMessage `json:"data"`
}

type post struct {
	url, id string
	body    []byte
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "relay:", err)
		os.Exit(1)
	}
}

func run() error {
	var targets map[string][]string
	if err := json.Unmarshal([]byte(os.Getenv("TARGETS")), &targets); err != nil {
		return fmt.Errorf("TARGETS: %w", err)
	}
	r := &relay{targets: targets, posts: make(chan post, waiting), client: &http.Client{
		Timeout: timeout, Transport: &http.Transport{MaxIdleConnsPerHost: workers},
	}}
	for range workers {
		go r.work()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("API http://%s\n", l.Addr())
	return (&http.Server{Handler: r, ReadHeaderTimeout: timeout}).Serve(l)
}

type relay struct {
	targets map[string][]string
	posts   chan post
	client  *http.Client
	last    atomic.Int64
}

// ServeHTTP takes an event or an array of them.
func (r *relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	raw, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	var events []event
	if bytes.HasPrefix(raw, []byte("[")) {
		err = json.Unmarshal(raw, &events)
	} else {
		events = make([]event, 1)
		err = json.Unmarshal(raw, &events[0])
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	for _, e := range events {
		e.ID = "evt_" + strconv.FormatInt(r.last.Add(1), 10)
		e.Time = time.Now().UTC().Format(time.RFC3339)
		body, err := json.Marshal(e)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		for _, url := range r.targets[e.Type] {
			r.posts <- post{url: url, id: e.ID, body: body}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"id":"evt"}`)
}

func (r *relay) work() {
	for p := range r.posts {
		if err := r.send(p); err != nil {
			fmt.Fprintln(os.Stderr, "relay:", err)
		}
	}
}

// send makes a POST as the Standard Webhooks specification has it.
func (r *relay) send(p post) error {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, p.url, bytes.NewReader(p.body))
	if err != nil {
		return err
	}
	at := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte("a secret of the benchmark"))
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", p.id, at, p.body)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Webhook-Id", p.id)
	req.Header.Set("Webhook-Timestamp", at)
	req.Header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	resp, err := r.client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return err
}
