package deployment_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/deployment"
	"hookline/shared/payload"
	"hookline/shared/webhook"
)

// values are the five values of a deployment.
type values struct{ DeployedAt, Environment, CommitSHA, RepositoryID, RepositoryURL string }

func valuesOf(d webhook.Deployment) values {
	return values{d.DeployedAt.Format(time.RFC3339Nano), d.Environment, d.CommitSHA, d.RepositoryID, d.RepositoryURL}
}

// success has each payload that the products publish for a success, and the deployment that it registers.
func success(t testing.TB) map[string]struct {
	request
	want values
} {
	t.Helper()
	type of = struct {
		request
		want values
	}
	form := []byte("payload=" + url.QueryEscape(string(published(t, "github/deployment_status.success.json"))))
	helloWorld := values{"2019-05-15T15:20:55Z", "production", "f95f852bd8fca8fcc58a9a2d6c842781e32a215e", "186853002", "https://github.com/Codertocat/Hello-World"}
	axify := values{"2023-10-27T00:00:00Z", "production", "56e05fced214c44a37759efa2dfc25a65d8ae98d", "123", "https://git.scm-provider.ca/my-project/my-repo"}
	return map[string]of{
		"custom":              {proved("custom", secret, published(t, "custom/document.json")), axify},
		"github, JSON":        {proved("github", secret, published(t, "github/deployment_status.success.json"), "Content-Type", "application/json"), helloWorld},
		"github, form":        {proved("github", secret, form, "Content-Type", "application/x-www-form-urlencoded"), helloWorld},
		"gitlab":              {proved("gitlab", secret, published(t, "gitlab/deployment.success.json")), values{"2021-04-28T19:50:00Z", "staging", "279484c09fbe69ededfced8c1bb6e6d24616b468", "30", "http://10.126.0.2:3000/root/test-deployment-webhooks"}},
		"azure, release":      {proved("azure-devops", secret, published(t, "azure-devops/release.environment.json")), values{"2016-09-19T13:03:28.534Z", "Dev", "release:1", "project:00000000-0000-0000-0000-000000000000", "http://vsrm.dev.azure.com/fabfiber/DefaultCollection/Fabrikam-Fiber-Git/_apis/Release/releases/1"}},
		"azure, release 2024": {proved("azure-devops", secret, published(t, "azure-devops/release.deployment.json")), values{"2024-12-02T12:21:13.886Z", "Dev", "release:1", "project:project-id", "http://fabfiber.visualstudio.com/DefaultCollection/Fabrikam-Fiber-Git/_apps/hub/ms.azure-devops-releaseManagement-web.hub-explorer?_a=environment-summary&definitionEnvironmentId=8&definitionId=1"}},
		"azure, run":          {proved("azure-devops", secret, published(t, "azure-devops/run.json")), values{"2019-12-13T04:46:13.613Z", "TEST-CI", "run:11", "pipeline:11", "https://codedev.ms/org/863d0a5b-3c91-4bf3-8ad7-7f33736b7f4c/_build/definition?definitionId=1"}},
		"azure, run 2024":     {proved("azure-devops", secret, published(t, "azure-devops/run.short.json")), values{"2024-07-17T21:45:22.338Z", "Pipeline-Name", "run:11", "pipeline:1", "https://codedev.ms/org/00000000-0000-0000-0000-000000000000/_build/results?buildId=11"}},
	}
}

func TestSuccessRegisters(t *testing.T) {
	for name, tt := range success(t) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			first, err := w.send(t, tt.request)
			if err != nil || first.Outcome != deployment.Registered {
				t.Fatalf("got %+v, %v, want it registered", first, err)
			}
			d, err := w.store.Deployment(t.Context(), "acme", first.ID)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, valuesOf(d)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if d.Kind != tt.kind || d.Source != w.sources[tt.kind] || !d.RegisteredAt.Equal(w.now) || d.ExpiresAt.Sub(w.now) != 400*24*time.Hour {
				t.Errorf("got %+v", d)
			}
			if kept, err := payload.Unpack(d.Payload); err != nil || !json.Valid(kept) {
				t.Errorf("the report is kept as %.40s, %v", kept, err)
			}
			if len(w.events.got) != 1 {
				t.Fatalf("%d events, want 1", len(w.events.got))
			}
			e := w.events.got[0]
			want := `{"id":"` + d.ID + `","source_id":"` + d.Source + `","kind":"` + tt.kind + `","deployed_at":"` + tt.want.DeployedAt + `","environment":"` + tt.want.Environment +
				`","commit_sha":"` + tt.want.CommitSHA + `","repository_id":"` + tt.want.RepositoryID + `","repository_url":"` + tt.want.RepositoryURL + "\"}\n"
			if e.ID != d.ID || e.Type != "deployment.registered" || !e.Timestamp.Equal(d.DeployedAt) || string(e.Data) != want {
				t.Errorf("got event %s of %s at %s\n%s\nwant\n%s", e.ID, e.Type, e.Timestamp, e.Data, want)
			}

			w.now = w.now.Add(time.Hour)
			if again, err := w.send(t, tt.request); err != nil || again != (deployment.Receipt{Outcome: deployment.Repeated, ID: first.ID}) {
				t.Errorf("again: got %+v, %v", again, err)
			}
			if len(w.events.got) != 1 || w.events.repeats != 0 {
				t.Errorf("a repeat was published")
			}
		})
	}
}

func TestWithoutTheSecret(t *testing.T) {
	for name, tt := range success(t) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			credentials := map[string]string{
				"custom": "X-Axify-Deployment-Event-Signature", "github": "X-Hub-Signature-256", "gitlab": "X-Gitlab-Token", "azure-devops": "Authorization",
			}
			header := credentials[tt.kind]
			right := tt.header.Get(header)
			none, twice := tt.header.Clone(), tt.header.Clone()
			none.Del(header)
			twice.Add(header, right)
			requests := map[string]request{
				"no secret":    {tt.kind, none, tt.body},
				"twice":        {tt.kind, twice, tt.body},
				"wrong secret": proved(tt.kind, "Secret", tt.body),
				"empty secret": proved(tt.kind, "", tt.body),
				"longer":       proved(tt.kind, secret, tt.body, header, right+"0"),
				"shorter":      proved(tt.kind, secret, tt.body, header, right[:len(right)-2]),
				"spaces":       proved(tt.kind, secret, tt.body, header, " "),
			}
			if tt.kind == "custom" || tt.kind == "github" {
				requests["one space more"] = request{tt.kind, tt.header, append([]byte(" "), tt.body...)}
				requests["without sha256="] = proved(tt.kind, secret, tt.body, header, strings.TrimPrefix(right, "sha256="))
				requests["SHA256="] = proved(tt.kind, secret, tt.body, header, strings.Replace(right, "sha256", "SHA256", 1))
			}
			for what, r := range requests {
				got, err := w.send(t, r)
				if !webhook.Is(err, webhook.Unauthorized) {
					t.Errorf("%s: got %+v, %v, want unauthorized", what, got, err)
				}
			}
			if len(w.events.got) != 0 {
				t.Errorf("published %d events", len(w.events.got))
			}
			if got, err := w.store.Deployments(t.Context(), "acme", webhook.DeploymentQuery{Page: webhook.Page{Limit: 10}}); err != nil || len(got.Items) != 0 {
				t.Errorf("registered %d deployments, %v", len(got.Items), err)
			}
		})
	}
}

// TestDocument sends the document's own example with its secret, signature and body.
func TestDocument(t *testing.T) {
	const (
		body      = `{ "deployed_at": "2023-10-27T00:00:00Z", "environment": "production", "commit_sha": "56e05fced214c44a37759efa2dfc25a65d8ae98d", "repository_id": "123", "repository_url": "https://git.scm-provider.ca/my-project/my-repo" }`
		signature = "94849743b7c6c5772dcd0abb37b37e9834062b0639ca1fcd69678bd7526816d7"
	)
	for name, sent := range map[string]string{"as it stands": signature, "in upper case": strings.ToUpper(signature)} {
		w := newWorld(t)
		r := proved("custom", "another", []byte(body), "X-Axify-Deployment-Event-Signature", "sha256="+sent)
		if got, err := w.send(t, r); err != nil || got.Outcome != deployment.Registered {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestNothingToRegister(t *testing.T) {
	status := published(t, "github/deployment_status.success.json")
	hook := published(t, "gitlab/deployment.success.json")
	release, run := published(t, "azure-devops/release.environment.json"), published(t, "azure-devops/run.json")
	newer := published(t, "azure-devops/release.deployment.json")
	const event, kind = "X-GitHub-Event", "X-Gitlab-Event"
	for name, tt := range map[string]struct {
		request
		want deployment.Outcome
	}{
		"github ping":                 {proved("github", secret, published(t, "github/ping.json"), event, "ping"), deployment.Pinged},
		"github in progress":          {proved("github", secret, published(t, "github/deployment_status.in_progress.json")), deployment.Ignored},
		"github failure":              {proved("github", secret, changed(t, status, `"state":"success"`, `"state":"failure"`)), deployment.Ignored},
		"github deployment":           {proved("github", secret, published(t, "github/deployment.json"), event, "deployment"), deployment.Ignored},
		"github no event":             {proved("github", secret, status, event, ""), deployment.Ignored},
		"gitlab approved":             {proved("gitlab", secret, published(t, "gitlab/deployment.approved.json")), deployment.Ignored},
		"gitlab running":              {proved("gitlab", secret, changed(t, hook, `"status": "success"`, `"status": "running"`)), deployment.Ignored},
		"gitlab other hook":           {proved("gitlab", secret, hook, kind, "Pipeline Hook"), deployment.Ignored},
		"gitlab other object":         {proved("gitlab", secret, changed(t, hook, `"deployment"`, `"pipeline"`)), deployment.Ignored},
		"azure release rejected":      {proved("azure-devops", secret, changed(t, release, `"status": "succeeded"`, `"status": "rejected"`)), deployment.Ignored},
		"azure release partially":     {proved("azure-devops", secret, changed(t, release, `"status": "succeeded"`, `"status": "partiallySucceeded"`)), deployment.Ignored},
		"azure release 2024 rejected": {proved("azure-devops", secret, changed(t, newer, `"status": "succeeded"`, `"status": "rejected"`)), deployment.Ignored},
		"azure release started":       {proved("azure-devops", secret, changed(t, release, "completed-event", "started-event")), deployment.Ignored},
		"azure run failed":            {proved("azure-devops", secret, changed(t, run, `"result": "succeeded"`, `"result": "failed"`)), deployment.Ignored},
		"azure run in progress":       {proved("azure-devops", secret, changed(t, run, `"state": "completed"`, `"state": "inProgress"`)), deployment.Ignored},
		"azure stage":                 {proved("azure-devops", secret, changed(t, run, "run-state-changed", "stage-state-changed")), deployment.Ignored},
		"azure nothing":               {proved("azure-devops", secret, []byte(`{}`)), deployment.Ignored},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			got, err := w.send(t, tt.request)
			if err != nil || got.Outcome != tt.want || got.ID != "" {
				t.Errorf("got %+v, %v, want %s", got, err, tt.want)
			}
			if (got.Reason == "") == (got.Outcome == deployment.Ignored) {
				t.Errorf("got reason %q", got.Reason)
			}
			if len(w.events.got) != 0 {
				t.Error("something was published")
			}
		})
	}
}

// TestEarlyGitLab sends the payload of early versions of GitLab, without the time and the deployment's id. The time of
// arrival and the id of the job that deployed take their places.
func TestEarlyGitLab(t *testing.T) {
	w := newWorld(t)
	early := published(t, "gitlab/deployment.early.json")
	first, err := w.send(t, proved("gitlab", secret, early))
	if err != nil || first.Outcome != deployment.Registered {
		t.Fatalf("got %+v, %v, want it registered", first, err)
	}
	d, err := w.store.Deployment(t.Context(), "acme", first.ID)
	want := values{"2026-03-20T12:00:00Z", "staging", "279484c09fbe69ededfced8c1bb6e6d24616b468", "30", "http://10.126.0.2:3000/root/test-deployment-webhooks"}
	if diff := cmp.Diff(want, valuesOf(d)); diff != "" || err != nil {
		t.Errorf("%v, -want +got\n%s", err, diff)
	}
	if len(w.events.got) != 1 || !w.events.got[0].Timestamp.Equal(w.now) || !strings.Contains(string(w.events.got[0].Data), `"deployed_at":"2026-03-20T12:00:00Z"`) {
		t.Errorf("told %+v, want one event of the time of arrival", w.events.got)
	}
	w.now = w.now.Add(time.Minute)
	for name, body := range map[string][]byte{"again": early, "a blank time": changed(t, early, "{", `{"status_changed_at": null, `)} {
		if got, err := w.send(t, proved("gitlab", secret, body)); err != nil || got != (deployment.Receipt{Outcome: deployment.Repeated, ID: first.ID}) {
			t.Errorf("%s: got %+v, %v, want a repeat", name, got, err)
		}
	}
	for _, job := range []string{"null", "797"} { // GitLab's API makes deployments without a job
		body := changed(t, early, `"deployable_id": 796`, `"deployable_id": `+job)
		if got, err := w.send(t, proved("gitlab", secret, body)); err != nil || got.Outcome != deployment.Registered || got.ID == first.ID {
			t.Errorf("job %s: got %+v, %v, want another deployment", job, got, err)
		}
	}
}

// TestResourceDetails sends events with the resource details Minimal and None. They do not say whether the deployment
// succeeded, and the answer says which setting to choose.
func TestResourceDetails(t *testing.T) {
	const run, release = "ms.vss-pipelines.run-state-changed-event", "ms.vss-release.deployment-completed-event"
	for name, tt := range map[string]struct{ event, resource string }{
		"run, minimal":          {run, `{"run": {"id": 11, "url": "https://dev.azure.com/fabrikam/_apis/Pipelines/1/runs/11"}}`},
		"run, URL and id":       {run, `{"url": "https://dev.azure.com/fabrikam/_apis/Pipelines/1/runs/11", "id": 11}`},
		"run, none":             {run, `null`},
		"release, minimal":      {release, `{"environment": {"id": 5}}`},
		"release, none":         {release, `null`},
		"release, newer's name": {"ms.azure-devops-release.deployment-completed-event", `{"deployment": {"id": 1}}`},
	} {
		w := newWorld(t)
		got, err := w.send(t, proved("azure-devops", secret, []byte(`{"eventType": "`+tt.event+`", "resource": `+tt.resource+`}`)))
		if err != nil || got.Outcome != deployment.Ignored || !strings.Contains(got.Reason, "choose All for the subscription's Resource details to send") {
			t.Errorf("%s: got %+v, %v, want to be told to choose All", name, got, err)
		}
	}
}

// TestByteOrderMark sends each product's payload after a byte order mark that the signature covers. The stored payload has no
// mark.
func TestByteOrderMark(t *testing.T) {
	const mark = "\xef\xbb\xbf"
	for name, file := range map[string]string{
		"custom": "custom/document.json", "github": "github/deployment_status.success.json", "gitlab": "gitlab/deployment.success.json",
		"azure-devops": "azure-devops/run.json",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			body := published(t, file)
			got, err := w.send(t, proved(name, secret, append([]byte(mark), body...)))
			if err != nil || got.Outcome != deployment.Registered {
				t.Fatalf("got %+v, %v, want it registered", got, err)
			}
			d, err := w.store.Deployment(t.Context(), "acme", got.ID)
			if err != nil {
				t.Fatal(err)
			}
			if kept, err := payload.Unpack(d.Payload); err != nil || !json.Valid(kept) {
				t.Errorf("kept %.20q, %v", kept, err)
			}
			if again, err := w.send(t, proved(name, secret, body)); err != nil || again.Outcome != deployment.Repeated || again.ID != got.ID {
				t.Errorf("without the mark: got %+v, %v, want a repeat", again, err)
			}
			if got, err := w.send(t, proved(name, secret, append([]byte(mark+mark), body...))); !webhook.Is(err, webhook.Malformed) {
				t.Errorf("two marks: got %+v, %v, want malformed", got, err)
			}
		})
	}
}

// TestProvidersTest sends what Azure DevOps's button Test does: the published event, with a subscription's id of zeros and a
// count (recorded by rancher/gitjob, pkg/webhook, for git.push). It registers nothing, whatever the event says.
func TestProvidersTest(t *testing.T) {
	made := func(name string) []byte {
		return changed(t, published(t, "azure-devops/"+name), "{", `{"subscriptionId": "00000000-0000-0000-0000-000000000000", "notificationId": 1, `)
	}
	run := made("run.json")
	for name, body := range map[string][]byte{
		"release": made("release.environment.json"), "release 2024": made("release.deployment.json"), "run": run, "run 2024": made("run.short.json"),
		"failed":                   changed(t, run, `"result": "succeeded"`, `"result": "failed"`),
		"another event":            changed(t, run, "ms.vss-pipelines.run-state-changed-event", "git.push"),
		"without resource details": []byte(`{"subscriptionId":"00000000-0000-0000-0000-000000000000","eventType":"ms.vss-pipelines.run-state-changed-event","resource":null}`),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			got, err := w.send(t, proved("azure-devops", secret, body))
			if err != nil || got.Outcome != deployment.Pinged || got.ID != "" || !strings.Contains(got.Reason, "test event") {
				t.Errorf("got %+v, %v, want to be told of a test", got, err)
			}
			if len(w.events.got) != 0 {
				t.Error("something was published")
			}
			if l, err := w.store.Deployments(t.Context(), "acme", webhook.DeploymentQuery{Page: webhook.Page{Limit: 10}}); err != nil || len(l.Items) != 0 {
				t.Errorf("registered %d deployments, %v", len(l.Items), err)
			}
		})
	}
	w := newWorld(t)
	own := changed(t, run, "00000000-0000-0000-0000-000000000000", "4f6e6328-0251-4814-a009-c01dfa368e3f")
	if got, err := w.send(t, proved("azure-devops", secret, own)); err != nil || got.Outcome != deployment.Registered {
		t.Errorf("of a subscription: got %+v, %v, want it registered", got, err)
	}
	if _, err := w.send(t, proved("azure-devops", "wrong", run)); !webhook.Is(err, webhook.Unauthorized) {
		t.Errorf("a test with a wrong password: got %v, want unauthorized", err)
	}
}

// TestTakenFirst checks that a payload's own commit and repository are used if it has them.
func TestTakenFirst(t *testing.T) {
	release := changed(t, published(t, "azure-devops/release.environment.json"), `"resource": {`, `"resource": {"deployment": {"completedOn": "2026-03-01T10:00:00.5Z", "release": {"artifacts": [
		{"definitionReference": {"sourceVersion": {"id": "other"}}},
		{"isPrimary": true, "definitionReference": {"sourceVersion": {"id": "8de03fd"}, "repository": {"id": "17c74b2a"}}}]}},`)
	run := changed(t, published(t, "azure-devops/run.json"), `"run": {`, `"repositories": [{"url": "https://dev.azure.com/fabrikam/_git/viva"}], "run": {"resources": {"repositories": {"self":
		{"version": "8de03fd", "repository": {"id": "17c74b2a"}}}},`)
	hook := changed(t, published(t, "gitlab/deployment.success.json"), "279484c09fbe69ededfced8c1bb6e6d24616b468", "")
	for name, tt := range map[string]struct {
		request
		want values
	}{
		"release":      {proved("azure-devops", secret, release), values{"2026-03-01T10:00:00.5Z", "Dev", "8de03fd", "17c74b2a", "http://vsrm.dev.azure.com/fabfiber/DefaultCollection/Fabrikam-Fiber-Git/_apis/Release/releases/1"}},
		"run":          {proved("azure-devops", secret, run), values{"2019-12-13T04:46:13.613Z", "TEST-CI", "8de03fd", "17c74b2a", "https://dev.azure.com/fabrikam/_git/viva"}},
		"short commit": {proved("gitlab", secret, hook), values{"2021-04-28T19:50:00Z", "staging", "279484c0", "30", "http://10.126.0.2:3000/root/test-deployment-webhooks"}},
		"UTC":          {proved("gitlab", secret, changed(t, hook, "+0200", "UTC")), values{"2021-04-28T21:50:00Z", "staging", "279484c0", "30", "http://10.126.0.2:3000/root/test-deployment-webhooks"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			got, err := w.send(t, tt.request)
			if err != nil {
				t.Fatal(err)
			}
			d, err := w.store.Deployment(t.Context(), "acme", got.ID)
			if diff := cmp.Diff(tt.want, valuesOf(d)); diff != "" || err != nil {
				t.Errorf("%v, -want +got\n%s", err, diff)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	doc := published(t, "custom/document.json")
	long := strings.Repeat("x", 257)
	tests := map[string]struct {
		request
		kind   webhook.Kind
		fields []string
	}{
		"nothing":         {proved("custom", secret, nil), webhook.Malformed, nil},
		"no JSON":         {proved("custom", secret, []byte("deployed")), webhook.Malformed, nil},
		"no UTF-8":        {proved("custom", secret, []byte("{\"a\":\"\xff\"}")), webhook.Malformed, nil},
		"two":             {proved("custom", secret, []byte("{}{}")), webhook.Malformed, nil},
		"no form":         {proved("github", secret, []byte("%zz"), "Content-Type", "application/x-www-form-urlencoded"), webhook.Malformed, nil},
		"form without it": {proved("github", secret, []byte("a=b"), "Content-Type", "application/x-www-form-urlencoded"), webhook.Malformed, nil},
		"github no JSON":  {proved("github", secret, []byte("x")), webhook.Malformed, nil},
		"gitlab no JSON":  {proved("gitlab", secret, []byte("x")), webhook.Malformed, nil},
		"azure no JSON":   {proved("azure-devops", secret, []byte("x")), webhook.Malformed, nil},
		"too deep":        {proved("custom", secret, changed(t, doc, "{", `{"build":`+strings.Repeat("[", 512)+strings.Repeat("]", 512)+",")), webhook.Invalid, []string{"body"}},
		"far too deep":    {proved("custom", secret, []byte(strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000))), webhook.Invalid, []string{"body"}},
		"github too deep": {proved("github", secret, []byte(`{"a":`+strings.Repeat("[", 512)+strings.Repeat("]", 512)+"}")), webhook.Invalid, []string{"body"}},
		"list":            {proved("custom", secret, []byte("[]")), webhook.Invalid, []string{"body"}},
		"empty":           {proved("custom", secret, []byte("{}")), webhook.Invalid, []string{"deployed_at", "environment", "commit_sha", "repository_id", "repository_url"}},
		"blank and null":  {proved("custom", secret, []byte(`{"deployed_at":" ","environment":"","commit_sha":null,"repository_id":" ","repository_url":""}`)), webhook.Invalid, []string{"deployed_at", "environment", "commit_sha", "repository_id", "repository_url"}},
		"no strings":      {proved("custom", secret, []byte(`{"deployed_at":1,"environment":{},"commit_sha":[],"repository_id":123,"repository_url":true}`)), webhook.Invalid, []string{"deployed_at", "environment", "commit_sha", "repository_id", "repository_url"}},
		"malformed":       {proved("custom", secret, []byte(`{"deployed_at":"yesterday","environment":"a\nb","commit_sha":"`+long+`","repository_id":"`+long+`","repository_url":"my-repo"}`)), webhook.Invalid, []string{"deployed_at", "environment", "commit_sha", "repository_id", "repository_url"}},
		"too early":       {proved("custom", secret, changed(t, doc, "2023-10-27", "1969-10-27")), webhook.Invalid, []string{"deployed_at"}},
		"early in UTC":    {proved("custom", secret, changed(t, doc, "2023-10-27T00:00:00Z", "1970-01-01T00:00:00+01:00")), webhook.Invalid, []string{"deployed_at"}},
		"a date":          {proved("custom", secret, changed(t, doc, "T00:00:00Z", "")), webhook.Invalid, []string{"deployed_at"}},
		"script":          {proved("custom", secret, changed(t, doc, "https://git.scm-provider.ca/", "javascript:alert(1)//")), webhook.Invalid, []string{"repository_url"}},
		"file":            {proved("custom", secret, changed(t, doc, "https://git.scm-provider.ca", "file://git.scm-provider.ca")), webhook.Invalid, []string{"repository_url"}},
		"long URL":        {proved("custom", secret, changed(t, doc, "my-repo", strings.Repeat("x", 2048))), webhook.Invalid, []string{"repository_url"}},
		"github, no hash": {proved("github", secret, changed(t, published(t, "github/deployment_status.success.json"), `"sha":`, `"sha_":`)), webhook.Invalid, []string{"deployment.sha"}},
		"github, a skeleton": {
			proved("github", secret, []byte(`{"deployment_status":{"state":"success"}}`)), webhook.Invalid,
			[]string{"deployment_status.created_at", "deployment_status.environment", "deployment.sha", "repository.id", "repository.html_url"},
		},
		"gitlab, a skeleton": {
			proved("gitlab", secret, []byte(`{"object_kind":"deployment","status":"success"}`)), webhook.Invalid,
			[]string{"environment", "commit_url", "project.id", "project.web_url"},
		},
		"gitlab, no time": {proved("gitlab", secret, changed(t, published(t, "gitlab/deployment.success.json"), "2021-04-28 21:50:00 +0200", "yesterday")), webhook.Invalid, []string{"status_changed_at"}},
		"azure, a release's": {
			proved("azure-devops", secret, []byte(`{"eventType":"ms.vss-release.deployment-completed-event","resource":{"environment":{"status":"succeeded"}}}`)), webhook.Invalid,
			[]string{"resource.deployment.completedOn", "resource.environment.name", "resource.environment.release.id", "resource.project.id", "resource.environment.release.url"},
		},
		"azure, a run's": {
			proved("azure-devops", secret, []byte(`{"eventType":"ms.vss-pipelines.run-state-changed-event","resource":{"run":{"state":"completed","result":"succeeded"}}}`)), webhook.Invalid,
			[]string{"resource.run.finishedDate", "resource.pipeline.name", "resource.run.id", "resource.pipeline.id", "resource.run.url"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			got, err := w.send(t, tt.request)
			refused, ok := errors.AsType[*webhook.Error](err)
			if !ok || refused.Kind != tt.kind {
				t.Fatalf("got %+v, %v, want kind %d", got, err, tt.kind)
			}
			var fields []string
			for _, f := range refused.Fields {
				fields = append(fields, f.Field)
			}
			if diff := cmp.Diff(tt.fields, fields); diff != "" {
				t.Errorf("fields -want +got\n%s", diff)
			}
			if len(w.events.got) != 0 {
				t.Error("something was published")
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{
		"http://git.example.com/a", "https://user@git.example.com:8443/a.git", "ssh://git@example.com:2222/a.git", "git://example.com/a", "git@github.com:acme/repo.git",
	} {
		w := newWorld(t)
		body := changed(t, published(t, "custom/document.json"), "https://git.scm-provider.ca/my-project/my-repo", address)
		if got, err := w.send(t, proved("custom", secret, body)); err != nil || got.Outcome != deployment.Registered {
			t.Errorf("%s: got %+v, %v", address, got, err)
		}
	}
}

// TestIdentity checks that two reports are the same if source, instant and the other four values are, whatever else differs.
func TestIdentity(t *testing.T) {
	w := newWorld(t)
	doc := published(t, "custom/document.json")
	first, err := w.send(t, proved("custom", secret, doc))
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string][]byte{
		"in another zone":   changed(t, doc, "2023-10-27T00:00:00Z", "2023-10-27T02:00:00+02:00"),
		"with milliseconds": changed(t, doc, "00:00:00Z", "00:00:00.000Z"),
		"with more fields":  changed(t, doc, "{", `{"build": {"number": 7}, `),
		"as deep as events": changed(t, doc, "{", `{"build": `+strings.Repeat("[", 511)+strings.Repeat("]", 511)+", "),
	} {
		if got, err := w.send(t, proved("custom", secret, body)); err != nil || got != (deployment.Receipt{Outcome: deployment.Repeated, ID: first.ID}) {
			t.Errorf("%s: got %+v, %v, want a repeat", name, got, err)
		}
	}
	seen := map[string]string{first.ID: "the first"}
	other := func(name, id string, err error) {
		t.Helper()
		if err != nil || seen[id] != "" || id == "" {
			t.Errorf("%s: got %s, which is %s, %v", name, id, seen[id], err)
		}
		seen[id] = name
	}
	for name, body := range map[string][]byte{
		"later":               changed(t, doc, "00:00:00Z", "00:00:00.001Z"),
		"another environment": changed(t, doc, "production", "production "),
		"another commit":      changed(t, doc, "56e05f", "56E05F"),
		"another repository":  changed(t, doc, `"123"`, `"1234"`),
		"another address":     changed(t, doc, "my-repo", "my-repo/"),
		"values shifted":      changed(t, changed(t, doc, `"production"`, `"production5"`), `"56e05f`, `"6e05f`),
	} {
		got, err := w.send(t, proved("custom", secret, body))
		other(name, got.ID, err)
	}
	w.sources["custom"] = w.source(t, "custom", secret)
	got, err := w.send(t, proved("custom", secret, doc))
	other("another source", got.ID, err)
	w.now = w.now.Add(400 * 24 * time.Hour)
	if got, err := w.send(t, proved("custom", secret, doc)); err != nil || got.Outcome != deployment.Registered {
		t.Errorf("after it expired: got %+v, %v, want it registered again", got, err)
	}
}

// TestKnownByProduct checks that the product's own id identifies a deployment. A report with another time, status or value is
// about the same deployment, and one with another id is about another, even if all values are the same.
func TestKnownByProduct(t *testing.T) {
	status, hook := published(t, "github/deployment_status.success.json"), published(t, "gitlab/deployment.success.json")
	release, newer := published(t, "azure-devops/release.environment.json"), published(t, "azure-devops/release.deployment.json")
	run, short := published(t, "azure-devops/run.json"), published(t, "azure-devops/run.short.json")
	more := func(body []byte, container string) []byte {
		return changed(t, body, "{", `{"resourceContainers": {`+container+`}, `)
	}
	for name, tt := range map[string]struct {
		kind        string
		body        []byte
		same, other map[string][]byte
	}{
		"github": {
			"github", status,
			map[string][]byte{
				"a second status":     changed(t, changed(t, status, `"created_at":"2019-05-15T15:20:55Z"`, `"created_at":"2019-05-15T15:21:40Z"`), "209916254", "209916255"),
				"another environment": changed(t, status, `"environment":"production","target_url"`, `"environment":"production-eu","target_url"`),
			},
			map[string][]byte{"another deployment": changed(t, status, `"id":145988746`, `"id":145988747`)},
		},
		"gitlab": {
			"gitlab", hook,
			map[string][]byte{"Test": changed(t, hook, "2021-04-28 21:50:00 +0200", "2026-03-20 11:59:59 UTC")},
			map[string][]byte{"another deployment": changed(t, hook, `"deployment_id": 15`, `"deployment_id": 16`), "another project's": changed(t, hook, `"id": 30`, `"id": 31`)},
		},
		"azure, release": {
			"azure-devops", release,
			map[string][]byte{"another time": changed(t, release, "2016-09-19T13", "2016-09-19T14"), "another project's name": changed(t, release, `"Fabrikam"`, `"Fiber"`)},
			map[string][]byte{
				"another release": changed(t, release, `"release": {
        "id": 1,`, `"release": {
        "id": 2,`),
				"another environment": changed(t, release, `"environment": {
      "id": 5,`, `"environment": {
      "id": 6,`),
				"another project":    changed(t, release, "00000000-0000-0000-0000-000000000000\",\n      \"name\": \"Fabrikam", "be9b3917-87e6-42a4-a549-2bc06a7a878f\",\n      \"name\": \"Fabrikam"),
				"another collection": changed(t, release, "c12d0eb8", "c12d0eb9"),
			},
		},
		"azure, release 2024": {
			"azure-devops", newer,
			map[string][]byte{"another time": changed(t, newer, "2024-12-02T12", "2024-12-02T13")},
			map[string][]byte{
				"deployed again": changed(t, newer, `"deployment": {
      "id": 1,`, `"deployment": {
      "id": 2,`),
				"another environment":  changed(t, newer, `"id": 8,`, `"id": 9,`),
				"another organization": more(newer, `"account": {"id": "f844ec47"}`),
			},
		},
		"azure, run": {
			"azure-devops", run,
			map[string][]byte{"completed again": changed(t, run, `"finishedDate": "2019-12-13T04:46`, `"finishedDate": "2019-12-13T05:46`)},
			map[string][]byte{
				"another run":        changed(t, run, "\"id\": 11,\n      \"name\": \"11\"", "\"id\": 12,\n      \"name\": \"11\""),
				"another collection": changed(t, run, "c12d0eb8", "c12d0eb9"),
			},
		},
		"azure, run 2024": {
			"azure-devops", short,
			map[string][]byte{"completed again": changed(t, short, `"finishedDate": "2024-07-17T21:45`, `"finishedDate": "2024-07-17T22:45`)},
			map[string][]byte{"another run": changed(t, short, `00000000-0000-0000-0000-000000000000/_apis/Pipelines/1/runs/11"
    }`, `00000000-0000-0000-0000-000000000000/_apis/Pipelines/1/runs/12"
    }`), "another collection": more(short, `"collection": {"id": "c12d0eb8"}`)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			first, err := w.send(t, proved(tt.kind, secret, tt.body))
			if err != nil || first.Outcome != deployment.Registered {
				t.Fatalf("got %+v, %v, want it registered", first, err)
			}
			for what, body := range tt.same {
				if got, err := w.send(t, proved(tt.kind, secret, body)); err != nil || got != (deployment.Receipt{Outcome: deployment.Repeated, ID: first.ID}) {
					t.Errorf("%s: got %+v, %v, want a repeat", what, got, err)
				}
			}
			if len(w.events.got) != 1 || w.events.repeats != 0 {
				t.Errorf("told %d times, and %d times again, want once", len(w.events.got), w.events.repeats)
			}
			seen := map[string]bool{first.ID: true}
			for what, body := range tt.other {
				got, err := w.send(t, proved(tt.kind, secret, body))
				if err != nil || got.Outcome != deployment.Registered || seen[got.ID] {
					t.Errorf("%s: got %+v, %v, want another deployment", what, got, err)
				}
				seen[got.ID] = true
			}
		})
	}
}

// TestRegisteredByValues has deployments under the ids of earlier releases, which were derived from the values alone. The
// same report again is a repeat and publishes no event.
func TestRegisteredByValues(t *testing.T) {
	for name, tt := range success(t) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			source := w.sources[tt.kind]
			at, err := time.Parse(time.RFC3339Nano, tt.want.DeployedAt)
			if err != nil {
				t.Fatal(err)
			}
			h := sha256.New()
			for _, part := range []string{source, tt.want.DeployedAt, tt.want.Environment, tt.want.CommitSHA, tt.want.RepositoryID, tt.want.RepositoryURL} {
				h.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(part))), part...))
			}
			old := webhook.Deployment{
				Tenant: "acme", ID: "dep_" + hex.EncodeToString(h.Sum(nil)[:16]), Source: source, Kind: tt.kind, DeployedAt: at,
				RegisteredAt: w.now, ExpiresAt: w.now.Add(time.Hour),
			}
			if _, _, err := w.store.CreateDeployment(t.Context(), old); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if got, err := w.send(t, tt.request); err != nil || got != (deployment.Receipt{Outcome: deployment.Repeated, ID: old.ID}) {
					t.Errorf("got %+v, %v, want a repeat of %s", got, err, old.ID)
				}
			}
			if len(w.events.got) != 0 {
				t.Error("it was told again")
			}
			w.now = w.now.Add(time.Hour) // it has expired
			if got, err := w.send(t, tt.request); err != nil || got.Outcome != deployment.Registered {
				t.Errorf("after it expired: got %+v, %v, want it registered", got, err)
			}
		})
	}
}

func TestNoSuchSource(t *testing.T) {
	w := newWorld(t)
	r := proved("custom", secret, published(t, "custom/document.json"))
	gone := w.source(t, "custom", secret)
	if err := w.store.DeleteSource(t.Context(), "acme", gone); err != nil {
		t.Fatal(err)
	}
	for name, at := range map[string][2]string{
		"unknown": {"src_none", "custom"}, "empty": {"", "custom"}, "no id": {"a b", "custom"}, "another kind's": {w.sources["github"], "custom"},
		"at another kind": {w.sources["custom"], "github"}, "no kind": {w.sources["custom"], "jenkins"}, "deleted": {gone, "custom"},
	} {
		if got, err := w.service.Receive(t.Context(), at[0], at[1], r.header, r.body); !webhook.Is(err, webhook.NotFound) {
			t.Errorf("%s: got %+v, %v, want not found", name, got, err)
		}
	}
	if err := w.store.DeleteTenant(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	if got, err := w.send(t, r); !webhook.Is(err, webhook.NotFound) {
		t.Errorf("the tenant is gone: got %+v, %v, want not found", got, err)
	}
}

// TestFaults lets each step fail. When the sender tries again, the result is as without the failure.
func TestFaults(t *testing.T) {
	fault := webhook.ErrUnavailable(errors.New("out of order"))
	failing := func(call string) func(string) error {
		return func(c string) error {
			if c == call {
				return fault
			}
			return nil
		}
	}
	for name, tt := range map[string]struct {
		fail    func(*world)
		again   deployment.Outcome
		repeats int // that the publisher gets to see
	}{
		"the event is not taken":         {func(w *world) { w.events.err = fault }, deployment.Registered, 0},
		"the record is lost":             {func(w *world) { w.faults.Before = failing("CreateDeployment") }, deployment.Registered, 1},
		"the record is written, unheard": {func(w *world) { w.faults.After = failing("CreateDeployment") }, deployment.Repeated, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r := proved("custom", secret, published(t, "custom/document.json"))
			tt.fail(w)
			if got, err := w.send(t, r); !webhook.Is(err, webhook.Unavailable) {
				t.Fatalf("got %+v, %v, want unavailable", got, err)
			}
			w.events.err, w.faults.Before, w.faults.After = nil, nil, nil
			if got, err := w.send(t, r); err != nil || got.Outcome != tt.again {
				t.Errorf("again: got %+v, %v, want %s", got, err, tt.again)
			}
			if len(w.events.got) != 1 || w.events.repeats != tt.repeats {
				t.Errorf("%d events and %d repeats, want 1 and %d", len(w.events.got), w.events.repeats, tt.repeats)
			}
			if l, err := w.store.Deployments(t.Context(), "acme", webhook.DeploymentQuery{Page: webhook.Page{Limit: 10}}); err != nil || len(l.Items) != 1 {
				t.Errorf("%d deployments, %v, want 1", len(l.Items), err)
			}
		})
	}
}

// TestTwiceAtOnce sends the same report again while the first one is being registered.
func TestTwiceAtOnce(t *testing.T) {
	w := newWorld(t)
	r := proved("custom", secret, published(t, "custom/document.json"))
	var within deployment.Receipt
	w.faults.Before = func(call string) (err error) {
		if call == "CreateDeployment" {
			w.faults.Before = nil
			within, err = w.send(t, r)
		}
		return err
	}
	got, err := w.send(t, r)
	if err != nil || got.Outcome != deployment.Repeated || within.Outcome != deployment.Registered || got.ID != within.ID {
		t.Errorf("got %+v, %v, and meanwhile %+v, want one registered and one repeated", got, err, within)
	}
}
