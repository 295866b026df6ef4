package httpapi_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A client that goes while its test is under way does not change what is recorded of the receiver, nor does one whose call has
// an Idempotency-Key.
func TestClientGoes(t *testing.T) {
	for name, headers := range map[string][]string{"alone": nil, "with a key": {"Idempotency-Key: k"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				id := w.webhook(w.key)
				w.sender.gate = make(chan struct{})
				ctx, leave := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				wg.Go(func() {
					w.send(w.request("POST", "/v1/webhooks/"+id+"/test", w.key, "", headers...).WithContext(ctx)).is(200)
				})
				synctest.Wait()
				leave()
				synctest.Wait()
				close(w.sender.gate)
				wg.Wait()
				var list struct {
					Data []struct {
						LastAttempt struct {
							StatusCode int `json:"status_code"`
						} `json:"last_attempt"`
					}
				}
				w.do("GET", "/v1/webhooks/"+id+"/deliveries", w.key, "").is(200).into(&list)
				if len(list.Data) != 1 || list.Data[0].LastAttempt.StatusCode != 500 {
					t.Errorf("got %+v, want the receiver's 500", list.Data)
				}
			})
		})
	}
}

// A function's time ends its calls.
func TestDeadlineEndsACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id := w.webhook(w.key)
		w.sender.gate = make(chan struct{})
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		start := time.Now()
		w.send(w.request("POST", "/v1/webhooks/"+id+"/test", w.key, "").WithContext(ctx)).is(503)
		if took := time.Since(start); took != 7*time.Second {
			t.Errorf("it took %v, want 7s", took)
		}
	})
}
