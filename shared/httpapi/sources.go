package httpapi

import (
	"net/http"
	"net/url"

	"hookline/shared/api"
	"hookline/shared/audit"
	"hookline/shared/deployment"
	"hookline/shared/input"
	"hookline/shared/webhook"
)

// receiverPath begins the paths of receivers; the kind and the id of a source follow.
const receiverPath = "/webhooks/deployments/"

// here returns an address of this API that begins as the caller's request did, so that it is right behind any domain. A
// tunnel to this machine says in X-Forwarded-Proto how it was called. A caller that gives a wrong one gets a wrong address.
func here(r *http.Request, path string) *url.URL {
	u := &url.URL{Scheme: "http", Host: r.Host, Path: path}
	if r.TLS != nil || r.URL.Scheme == "https" || r.Header.Get("X-Forwarded-Proto") == "https" {
		u.Scheme = "https"
	}
	return u
}

func sourceOf(c *call, s webhook.Source) api.Source {
	return api.SourceOf(s, here(c.request, receiverPath+s.Kind+"/"+s.ID).String())
}

func (a *API) deployments() deployment.Service {
	return deployment.Service{Store: a.Store, Publisher: a.Publisher, Box: a.Box, Now: a.Now, Log: a.Log}
}

func (a *API) findSource(c *call) (err error) {
	if !webhook.ValidGivenID(c.name) {
		return webhook.ErrNotFound("source")
	}
	c.source, err = a.Store.Source(c.ctx(), c.tenant.ID, c.name)
	return err
}

func (a *API) createSource(c *call) (answer, error) {
	var faults input.Faults
	var given api.NewSource
	input.Body(c.body, &given, &faults, "id", "url", "created_at")
	in := deployment.SourceInput{Kind: given.Kind.Value, Name: given.Name.Value, Secret: given.Secret.Value}
	src, secret, err := a.deployments().CreateSource(c.ctx(), c.tenant.ID, in, faults)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusCreated, api.CreatedSource{Source: sourceOf(c, src), Secret: secret})
}

func (a *API) listSources(c *call) (answer, error) {
	q := &c.query
	page := q.page()
	if err := q.faults.Err(); err != nil {
		return answer{}, err
	}
	l, err := a.Store.Sources(c.ctx(), c.tenant.ID, page)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, api.ListOf(l, func(s webhook.Source) api.Source { return sourceOf(c, s) }))
}

func (a *API) showSource(c *call) (answer, error) {
	return reply(http.StatusOK, sourceOf(c, c.source))
}

func (a *API) deleteSource(c *call) (answer, error) {
	return noContent(a.Store.DeleteSource(audit.Change(c.ctx(), a.now(), c.tenant.ID, audit.Target{Type: "source", ID: c.source.ID}), c.tenant.ID, c.source.ID))
}

// receivers returns the routes of reports, one for each provider.
func receivers() []route {
	var out []route
	for _, p := range deployment.Providers() {
		r := documented(p.Kind)
		r.method, r.path, r.scope, r.body, r.inbound = "POST", receiverPath+p.Kind+"/{id}", anyone, rawBody, true
		r.serve = func(a *API, c *call) (answer, error) { return a.receive(c, p) }
		r.tag = "Receivers"
		out = append(out, r)
	}
	return out
}

// documented returns the part of a provider's route that is written into the OpenAPI document.
func documented(kind string) route {
	registered := given{
		status: 201, body: api.Received{},
		text: "Registered: it is a deployment of the tenant, and an event `deployment.registered`, under this id.",
	}
	ignored := given{status: 202, body: api.Received{}, text: "Understood; there is nothing to register, and `detail` says why."}
	repeated := func(text string) given { return given{status: 200, body: api.Received{}, text: text} }
	const again = "Registered before, under this id. Nothing is sent again."
	switch kind {
	case "custom":
		return route{
			id: "receiveCustom", summary: "Report a deployment from any tool", takes: api.DeploymentReport{},
			gives: repeated(again), also: []given{registered},
			text: "The format is Axify's. The signature is over the body byte for byte as it arrives. Two deployments are the same when " +
				"their source, `deployed_at`, `environment`, `commit_sha`, `repository_id` and `repository_url` are. A report that is " +
				"over 300 KB when compressed is 413, one that is nested deeper than 512 levels is 422.",
			headers: []header{{
				name: "X-Axify-Deployment-Event-Signature", required: true,
				text: "`sha256=` and the hex (in either case) of the body's HMAC-SHA256 with the source's secret.",
			}},
		}
	case "github":
		return route{
			id: "receiveGitHub", summary: "Receive a webhook of GitHub", takes: api.ProductReport{}, form: api.ReportForm{},
			gives: repeated("Registered before, under this id; or a ping."), also: []given{registered, ignored},
			text: "The event `deployment_status` with the state `success` registers a deployment. It is made of " +
				"`deployment_status.created_at`, its `environment`, `deployment.sha`, `repository.id` and `repository.html_url`, and it is " +
				"known by `repository.id` and `deployment.id`: a further status `success` of it is 200. `ping` is 200, everything else is " +
				"202. Either content type that GitHub offers is taken.",
			headers: []header{
				{
					name: "X-Hub-Signature-256", required: true,
					text: "`sha256=` and the hex of the body's HMAC-SHA256 with the source's secret.",
				},
				{name: "X-GitHub-Event", text: "The event's name."},
			},
		}
	case "gitlab":
		return route{
			id: "receiveGitLab", summary: "Receive a webhook of GitLab", takes: api.ProductReport{},
			gives: repeated(again), also: []given{registered, ignored},
			text: "The credential is the source's secret in `X-Gitlab-Token`. Where the secret is a signing token that GitLab made " +
				"(`whsec_` and the base64 of at least 24 bytes), it is a signature after Standard Webhooks.\n\n" +
				"A `Deployment Hook` with the status `success` registers a deployment. It is made of `status_changed_at` (the time of " +
				"arrival where an early GitLab sends none), `environment`, the commit at the end of `commit_url` (else `short_sha`), " +
				"`project.id` and `project.web_url`. It is known by `project.id` and `deployment_id`, else `deployable_id`. GitLab's Test " +
				"sends the newest deployment with the time of now: it is 200 when that one is registered. Everything else is 202.",
			headers: []header{
				{name: "X-Gitlab-Token", text: "The source's secret, unless the request is signed."},
				{
					name: "webhook-signature",
					text: "Where the source's secret is GitLab's signing token: `v1,` and the base64 of the HMAC-SHA256, with the token's key, " +
						"of webhook-id, webhook-timestamp and the body, joined with full stops. A request that has this header is " +
						"refused where it is wrong.",
				},
				{name: "webhook-id", text: "Of the request that is signed."},
				{name: "webhook-timestamp", text: "When it was signed, in Unix seconds; at most 5 minutes from now."},
				{name: "X-Gitlab-Event", text: "The event's name."},
			},
		}
	case "azure-devops":
		return route{
			id: "receiveAzureDevOps", summary: "Receive a service hook of Azure DevOps", takes: api.ProductReport{},
			gives: repeated("Registered before, under this id, and nothing is sent again; or a test event."), also: []given{registered, ignored},
			text: "The credential is HTTP basic authentication, with the source's secret as the password and any user name. The events " +
				"`ms.vss-release.deployment-completed-event` with the status `succeeded` and `ms.vss-pipelines.run-state-changed-event` of " +
				"a run that completed and succeeded register a deployment. An event that Test made up (its `subscriptionId` is zeros) is " +
				"200 with the status `ping`; everything else is 202. An event that does not say how it went, as with the resource details " +
				"Minimal or None, is ignored, and `detail` asks for it to be sent with All.\n\n" +
				"The payloads name no repository and no commit unless a release has an artifact or a run a repository resource that does. " +
				"Where they do not, `commit_sha` is `release:ID` or `run:ID`, `repository_id` is `project:ID` or `pipeline:ID`, and " +
				"`repository_url` is the address of the release, or of the pipeline, else the run. The `environment` of a run is its " +
				"pipeline's name.\n\n" +
				"A run is known by its id and its collection's. A release's deployment is known by the ids of collection, project, release " +
				"and environment, and by `resource.deployment.id` where the payload has it, for a release may be deployed to an " +
				"environment again.",
		}
	}
	return route{}
}

// receive takes a report. An Idempotency-Key makes no difference: the same report has the same id, whatever its headers.
func (a *API) receive(c *call, p deployment.Provider) (answer, error) {
	got, err := a.deployments().Receive(c.ctx(), c.name, p.Kind, c.request.Header, c.body)
	switch {
	case webhook.Is(err, webhook.Unauthorized):
		out := problemOf(err)
		out.Header.Set("WWW-Authenticate", p.Challenge)
		return out, nil
	case err != nil:
		return answer{}, err
	}
	status := http.StatusOK
	switch got.Outcome {
	case deployment.Registered:
		status = http.StatusCreated
	case deployment.Ignored:
		status = http.StatusAccepted
	case deployment.Repeated, deployment.Pinged:
	}
	return reply(status, api.Received{ID: got.ID, Status: string(got.Outcome), Detail: got.Reason})
}
