package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"hookline/infra/figures"
	"hookline/shared/api"
	"hookline/shared/egress"
	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// operator is a browser in the operators' console.
type operator struct {
	t    *testing.T
	base string
	http.Client
}

// page sends a form, or with nil asks for a page, and returns what is shown, wherever it leads.
func (o *operator) page(path string, form url.Values) (body, at string) {
	o.t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(o.t.Context(), method, o.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		o.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	answer, err := o.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		o.t.Fatalf("%s %s: got %d, %v: %s", method, path, answer.StatusCode, err, raw)
	}
	return string(raw), answer.Request.URL.Path
}

// field returns the value of the page's first hidden field or checkbox of that name whose value contains a text.
func field(t *testing.T, body, name, with string) string {
	t.Helper()
	for _, m := range regexp.MustCompile(`name="`+name+`" value="([^"]*)"`).FindAllStringSubmatch(body, -1) {
		if strings.Contains(m[1], with) {
			return m[1]
		}
	}
	t.Fatalf("the page has no field %s with %s: %s", name, with, body)
	return ""
}

// press chooses the dead letters of one webhook on the page, counts them, and presses the button that sends them again.
func (o *operator) press(hook string, count int) {
	o.t.Helper()
	body, _ := o.page("/console/admin/dead-letters", nil)
	form := url.Values{"part": {field(o.t, body, "part", hook)}}
	body, _ = o.page("/console/admin/dead-letters/replay", form)
	if want := fmt.Sprintf("Send %d deliveries again", count); !strings.Contains(body, want) {
		o.t.Fatalf("the page offers no %q: %s", want, body)
	}
	form.Set("once", field(o.t, body, "once", ""))
	form.Set("counted", field(o.t, body, "counted", hook))
	form.Set("start", "1")
	if body, at := o.page("/console/admin/dead-letters/replay", form); at != "/console/admin/replays" || !strings.Contains(body, hook) {
		o.t.Fatalf("led to %s: %s", at, body)
	}
}

// TestMend mends the failed deliveries of one webhook among a thousand others: by the button of the operators' page, by call and
// by command. Each way sends those alone, each once, without the one that somebody had sent again before. A redrive of
// everything then sends none of them a second time.
func TestMend(t *testing.T) {
	const each = 5
	hooks, events := 2, 100
	switch {
	case figures.Full():
		hooks = 10
	case testing.Short(): // under the race detector
		hooks, events = 1, 30
	}
	receiver := &stacktest.Receiver{Answer: stacktest.Status(500)}
	stack, tenant, sh := start(t, receiver)
	types := api.List[api.EventType]{}
	tenant.Do(http.StatusOK, "GET", "/v1/event-types?limit=4", nil, &types)
	hook := func(name string, of int) string {
		return tenant.Webhook(map[string]any{"url": "https://example.com/" + name, "events": []string{types.Data[of].Name}}).ID
	}
	publish := func(n, of int) {
		for ; n > 0; n -= 100 {
			tenant.PublishBatch(stacktest.Batch(min(n, 100), types.Data[of].Name, map[string]any{"data": types.Data[of].Example}))
		}
	}
	for i := range hooks {
		hook(fmt.Sprint("others/", i), 3)
	}
	publish(events, 3)
	ways := []string{"button", "call", "command"}
	ids := make(map[string]string)
	for i, way := range ways {
		ids[way] = hook(way, i)
		publish(each, i)
	}
	stacktest.Until(t, 2*time.Minute, "all dead letters", func() bool { return stack.DeadLetters() == hooks*events+len(ways)*each })

	mux := http.NewServeMux()
	mux.Handle("/console/", stack.Console)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	console := &operator{t: t, base: server.URL, Client: http.Client{Jar: jar}}
	console.page("/console/sign-in", url.Values{"key": {stacktest.AdminKey}})

	receiver.Set(stacktest.Status(200))
	since := func(n int) []egress.Request { return receiver.Requests()[n:] }
	mend := map[string]func(hook string){
		"button": func(hook string) { console.press(hook, each-1) },
		"call": func(hook string) {
			var job api.ReplayStarted
			body := map[string]any{"since": time.Now().Add(-time.Hour).Format(webhook.TimeFormat)}
			tenant.Do(http.StatusAccepted, "POST", "/v1/webhooks/"+hook+"/replay", body, &job)
			if job.Matched != each-1 {
				t.Errorf("the call matched %d, want %d", job.Matched, each-1)
			}
		},
		"command": func(hook string) { sh.do(nil, "deliveries", "replay", "--webhook", hook, "--since", "24h", "--wait") },
	}
	sent := 0
	for _, way := range ways {
		id := ids[way]
		var failed api.List[api.Delivery]
		tenant.Do(http.StatusOK, "GET", "/v1/webhooks/"+id+"/deliveries?status=failed", nil, &failed)
		before := len(receiver.Requests())
		tenant.Do(http.StatusAccepted, "POST", "/v1/deliveries/"+failed.Data[0].ID+"/replay", nil, nil)
		ended(t, tenant, id, webhook.Succeeded, 1)
		mend[way](id)
		ended(t, tenant, id, webhook.Succeeded, each)
		got := map[string]int{}
		for _, r := range since(before) {
			if got[stacktest.Header(r, "webhook-id")]++; !strings.HasSuffix(r.URL, "/"+way) {
				t.Errorf("by %s: POST to %s, which was not to be sent again", way, r.URL)
			}
		}
		if n := len(since(before)); n != each || len(got) != each {
			t.Errorf("by %s: %d POSTs of %d deliveries, want %d, each once", way, n, len(got), each)
		}
		sent += len(got)
	}
	if got, want := stack.DeadLetters(), hooks*events+len(ways)*each; got != want {
		t.Errorf("%d dead letters are left, want all %d: a job takes no message out of the queue", got, want)
	}

	before := len(receiver.Requests())
	sh.do(nil, "redrive")
	stacktest.Until(t, 2*time.Minute, "the others", func() bool { return len(since(before)) >= hooks*events && stack.DeadLetters() == 0 })
	stacktest.Until(t, time.Minute, "empty queues", func() bool {
		for _, q := range stack.Queues {
			if n, err := q.Counts(t.Context()); err != nil || n.Visible+n.InFlight+n.Delayed > 0 {
				return false
			}
		}
		return true
	})
	again := map[string]int{}
	for _, r := range since(before) {
		for _, way := range ways {
			if strings.HasSuffix(r.URL, "/"+way) {
				t.Errorf("the redrive sends %s again, which was mended by %s", stacktest.Header(r, "webhook-id"), way)
			}
		}
		again[r.URL+" "+stacktest.Header(r, "webhook-id")]++
	}
	if n := len(since(before)); n != hooks*events || len(again) != n {
		t.Errorf("the redrive sent %d, of %d deliveries, want %d, each once", n, len(again), hooks*events)
	}
	figures.Note(t, "failed deliveries of one webhook mended by button, call and command / others", fmt.Sprintf("%d, each once / %d untouched, then redriven alone", sent, hooks*events))
}
