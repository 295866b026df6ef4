package eventbridge

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/google/go-cmp/cmp"

	"hookline/shared/systemevent"
	"hookline/shared/webhook"
)

type entry struct {
	EventBusName, Source, DetailType, Detail string
	Time                                     float64
}

// bus answers PutEvents as EventBridge does, refusing entries of a type.
type bus struct {
	refuse string
	status int
	calls  [][]entry
}

func (b *bus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct{ Entries []entry }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("X-Amz-Target") != "AWSEvents.PutEvents" {
		http.Error(w, "not PutEvents", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if b.status != 0 {
		w.WriteHeader(b.status)
		_, _ = w.Write([]byte(`{"__type": "ResourceNotFoundException", "message": "no such bus"}`))
		return
	}
	b.calls = append(b.calls, in.Entries)
	failed := 0
	var results []map[string]string
	for _, e := range in.Entries {
		if e.DetailType == b.refuse {
			failed++
			results = append(results, map[string]string{"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"})
			continue
		}
		results = append(results, map[string]string{"EventId": "1"})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"FailedEntryCount": failed, "Entries": results})
}

func open(t *testing.T, b *bus) Bus {
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	return Bus{
		API: eventbridge.New(eventbridge.Options{
			BaseEndpoint: &server.URL, Region: "eu-west-1", Retryer: aws.NopRetryer{},
			Credentials: credentials.NewStaticCredentialsProvider("any", "any", ""),
		}),
		Name: "hookline-dev", Source: "hookline.hookline-dev",
	}
}

func notices(n int, of string) []systemevent.Notice {
	var out []systemevent.Notice
	for range n {
		out = append(out, systemevent.Notice{
			ID: "sys_1", DetailType: of, Time: time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC),
			Detail: systemevent.Detail{Tenant: "acme", ID: "sys_1", Data: json.RawMessage(`{"webhook_id":"wh_1"}`)},
		})
	}
	return out
}

func TestAnnounce(t *testing.T) {
	b := new(bus)
	if err := open(t, b).Announce(t.Context(), notices(11, systemevent.WebhookFailing)); err != nil {
		t.Fatal(err)
	}
	want := entry{
		EventBusName: "hookline-dev", Source: "hookline.hookline-dev", DetailType: "webhook.failing",
		Detail: `{"tenant":"acme","id":"sys_1","data":{"webhook_id":"wh_1"}}`, Time: 1774008000,
	}
	if len(b.calls) != 2 || len(b.calls[0]) != 10 || len(b.calls[1]) != 1 {
		t.Fatalf("got calls %v, want 10 entries and 1", b.calls)
	}
	if diff := cmp.Diff(want, b.calls[1][0]); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
}

func TestAnnounceFails(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	for name, tt := range map[string]struct {
		ctx  context.Context
		bus  bus
		want string
	}{
		"an entry is refused": {t.Context(), bus{refuse: systemevent.WebhookFailing}, "ThrottlingException: slow down"},
		"the call is refused": {t.Context(), bus{status: 400}, "no such bus"},
		"the context ended":   {ended, bus{}, "canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			err := open(t, &tt.bus).Announce(tt.ctx, append(notices(1, systemevent.WebhookCreated), notices(1, systemevent.WebhookFailing)...))
			if !webhook.Is(err, webhook.Unavailable) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want unavailable for %q", err, tt.want)
			}
		})
	}
}
