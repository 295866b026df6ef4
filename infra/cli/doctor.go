package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"hookline/shared/api"
	"hookline/shared/webhook"
)

// overdueAfter is how late an attempt is before doctor says so; a first attempt that late trips the alarm DeliveryLate.
const overdueAfter = 15 * time.Minute

// maxOverdue is how many pending deliveries doctor looks at.
const maxOverdue = 1000

// trouble is something wrong with a stack.
type trouble struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Fix    string `json:"fix"`
}

func (a *app) doctor() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use: "doctor", Short: "Say what is wrong with the stack; silent (exit 0) if nothing is", Args: cobra.NoArgs,
		Long: "Looks at what the HTTP API shows: whether the stack answers, and is of this release; with the admin's credential, dead letters and moves of them\n" +
			"that failed; with a tenant's key, failing webhooks and attempts that are 15 minutes late (among the 1,000 newest pending\n" +
			"deliveries). With --stack, and AWS credentials that may read, also at the stack in AWS: alarms that are on, queues that\n" +
			"grow, quotas that are near, a deployment that went back, functions whose newest version is not called, queues that\n" +
			"nobody reads, mail, and the key that seals secrets. What it could not look at it names on the standard error.",
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		found, missed := a.examine(cmd.Context(), name)
		if found == nil {
			return missed
		}
		if err := a.report(found); err != nil {
			return err
		}
		if len(found) == 0 {
			return missed
		}
		if missed != nil {
			fmt.Fprintln(a.err, printable(missed.Error(), true))
		}
		return errTroubles
	}
	cmd.Flags().StringVar(&name, "stack", "", "the stack's name in CloudFormation; HOOKLINE_STACK if left out")
	return cmd
}

// report prints troubles.
func (a *app) report(found []trouble) error {
	if a.json() {
		raw, err := json.Marshal(api.Results[trouble]{Data: found})
		if err != nil {
			return err
		}
		a.line(raw)
		return nil
	}
	for _, t := range found {
		fmt.Fprintln(a.out, printable(t.Detail, false)+"\n  "+printable(t.Fix, false))
	}
	return nil
}

// examine looks at all that there is a credential for. It returns what it found, which is nil if it could look at nothing,
// and an error that says what it could not look at.
func (a *app) examine(ctx context.Context, name string) ([]trouble, error) {
	found := []trouble{}
	var health api.Health
	err := a.call(ctx, request{method: "GET", path: "/healthz"}, &health)
	if a.acc == nil {
		return nil, err // it is not known which stack
	}
	if err != nil {
		found = append(found, trouble{"no-answer", "The stack does not answer: " + err.Error(), "Start it, or read its log."})
	}
	parts, err := a.parts(ctx, cmp.Or(name, a.acc.Stack), len(found) == 0)
	if err != nil {
		return nil, err
	}
	var missed []error
	for _, part := range parts {
		more, err := part.at(ctx)
		if err != nil {
			missed = append(missed, fmt.Errorf("not looked at: %s: %w", part.what, err))
		}
		found = append(found, more...)
	}
	return found, errors.Join(missed...)
}

// parts returns what can be looked at, and names what cannot.
func (a *app) parts(ctx context.Context, name string, answers bool) (parts []look, err error) {
	if answers {
		for _, part := range []struct {
			able bool
			why  string
			look
		}{
			{true, "", look{"the API's version", a.lookAtAPI}},
			{a.hasAdmin(), "no admin credential", look{"dead letters", a.lookAtDeadLetters}},
			{a.acc.APIKey != "", "no tenant's key", look{"webhooks", a.lookAtWebhooks}},
			{a.acc.APIKey != "", "no tenant's key", look{"late attempts", a.lookAtOverdue}},
		} {
			if !part.able {
				fmt.Fprintf(a.err, "Not looked at: %s (%s)\n", part.what, part.why)
				continue
			}
			parts = append(parts, part.look)
		}
	}
	if name == "" {
		if answers && a.acc.APIKey == "" && !a.hasAdmin() {
			return nil, credentialError{"doctor needs a key: run `hookline login URL`, and with --admin (on AWS --aws) for dead letters"}
		}
		if a.signs() {
			fmt.Fprintln(a.err, "Not looked at: the stack in AWS (--stack NAME)")
		}
		return parts, nil
	}
	d, err := a.aws(ctx, name)
	if err == nil {
		err = d.find(ctx)
	}
	if err != nil {
		return nil, err
	}
	return append(parts, d.checks()...), nil
}

// latest are the calls of this program that the API has got last: a stack without one is of an earlier release.
func latest() []string {
	return []string{
		"/v1/audit-logs", "/v1/admin-links", "/v1/deliveries/{id}/cancel", "/v1/events/{id}/payload", "/v1/replays", "/v1/tenants/{id}/usage",
	}
}

// lookAtAPI says whether the stack is of an earlier release than this program.
func (a *app) lookAtAPI(ctx context.Context) ([]trouble, error) {
	var document struct {
		Paths map[string]json.RawMessage `json:"paths"`
	}
	if err := a.call(ctx, request{method: "GET", path: "/openapi.json"}, &document); err != nil {
		return nil, err
	}
	for _, path := range latest() {
		if document.Paths[path] == nil {
			return []trouble{{
				"versions-adrift", "The stack's API has no " + path + ": it is of an earlier release than this program.",
				"Deploy the stack anew, or use the program of its release.",
			}}, nil
		}
	}
	return nil, nil
}

func (a *app) lookAtDeadLetters(ctx context.Context) (found []trouble, err error) {
	var dead api.DeadLetters
	if err := a.call(ctx, request{method: "GET", path: "/v1/dead-letters", admin: true}, &dead); err != nil {
		return nil, err
	}
	if dead.Depth > 0 {
		found = append(found, trouble{
			"dead-letters", fmt.Sprintf("%d deliveries ran out of attempts.", dead.Depth),
			"Once their receivers are mended: hookline redrive; of one webhook: hookline deliveries replay --webhook ID --since 24h",
		})
	}
	if len(dead.Tasks) > 0 && dead.Tasks[0].Status == "FAILED" {
		found = append(found, trouble{"redrive-failed", fmt.Sprintf("The last redrive failed after %d of %d.", dead.Tasks[0].Moved, dead.Tasks[0].ToMove), "Start it again: hookline redrive"})
	}
	return found, nil
}

func (a *app) lookAtWebhooks(ctx context.Context) (found []trouble, err error) {
	list, err := a.list(ctx, request{method: "GET", path: "/v1/webhooks", query: map[string][]string{"status": {string(webhook.Failing)}}}, page{limit: 1, all: true})
	if err != nil {
		return nil, err
	}
	for _, raw := range list.Data {
		var w api.Webhook
		if err := json.Unmarshal(raw, &w); err != nil {
			return nil, err
		}
		since := "some time"
		if w.FailingSince != nil {
			since = w.FailingSince.String()
		}
		found = append(found, trouble{
			"webhook-failing", fmt.Sprintf("Webhook %s (%s) has been failing since %s.", w.ID, w.URL, since),
			"See its answers: hookline deliveries list --webhook " + w.ID + " --status failed",
		})
	}
	return found, nil
}

func (a *app) lookAtOverdue(ctx context.Context) ([]trouble, error) {
	list, err := a.list(ctx, request{method: "GET", path: "/v1/deliveries", query: map[string][]string{"status": {string(webhook.Pending)}}}, page{limit: maxOverdue})
	if err != nil {
		return nil, err
	}
	late, oldest := 0, api.Delivery{}
	for _, raw := range list.Data {
		var d api.Delivery
		if err := json.Unmarshal(raw, &d); err != nil {
			return nil, err
		}
		if d.NextAttemptAt == nil || time.Since(d.NextAttemptAt.Time) < overdueAfter {
			continue
		}
		if late++; late == 1 || d.NextAttemptAt.Before(oldest.NextAttemptAt.Time) {
			oldest = d
		}
	}
	if late == 0 {
		return nil, nil
	}
	return []trouble{{
		"attempts-late", fmt.Sprintf("%d attempts are late, the oldest since %s: %s to %s.", late, oldest.NextAttemptAt, oldest.ID, oldest.WebhookID),
		"Read the stack's log, and raise its concurrency; hookline deliveries get " + oldest.ID,
	}}, nil
}
