package deployment

import (
	"cmp"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// azureDevOps reads the webhooks of Azure DevOps's service hooks, as documented in "Webhooks with Azure DevOps" (basic
// authentication) and in "Service hook events", Release deployment completed and Run state changed,
// https://learn.microsoft.com/azure/devops/service-hooks/events.
//
// The payloads on these pages have no commit, no repository and, for a run, no environment. If a payload has these values (in a
// release's primary artifact or a run's repository resource, as in the REST API's Release and Run), they are used. Otherwise
// other values of the documented payloads take their place:
//
//	value            release                        run
//	environment      (always there)                 the pipeline's name
//	commit_sha       release:ID                     run:ID
//	repository_id    project:ID                     pipeline:ID
//	repository_url   the release's address          the pipeline's address, else the run's
func azureDevOps() Provider {
	return Provider{ //nolint:gosec // its texts speak of passwords and have none
		Kind:       "azure-devops",
		Carried:    true,
		Credential: "HTTP basic authentication must have the source's secret as its password, with any user name; put it into the subscription's Basic authentication password",
		Challenge:  `Basic realm="hookline", charset="UTF-8"`,
		Verify:     verifyBasic,
		Read:       readAzureDevOps,
		Guide: Guide{
			Product: "Azure DevOps", Intro: "Releases and pipeline runs of Azure Pipelines.",
			Header: "Authorization", Format: "Basic {BASE64 OF USER:SECRET}",
			Page: "https://learn.microsoft.com/azure/devops/service-hooks/services/webhooks",
			Steps: []string{
				"In Azure DevOps, open the project and choose **Project settings**, **Service hooks**, **Create subscription**.",
				"On the screen **Service** choose **Web Hooks**, then **Next**.",
				"On the screen **Trigger** choose **Release deployment completed** with the status Succeeded, or **Run state changed** with the state Completed and the result Succeeded, then **Next**.",
				"On the screen **Action** paste the endpoint URL into **URL**, any name into **Basic authentication username**, and the secret into **Basic authentication password**. Leave **Resource details to send** at **All**.",
				"Choose **Test**: the made-up event that Azure DevOps sends is answered 200, and registers nothing. Then choose **Finish**. For both triggers, make a subscription for each.",
			},
			Registers: "A release deployment or a pipeline run that succeeded. Everything else is answered 202 and left alone.",
			Hints:     []string{"Azure DevOps sends the password to https addresses only, and nothing to localhost.", "Payloads of Azure DevOps name no commit: unless the run names one, its own id stands in for it."},
		},
	}
}

func verifyBasic(header http.Header, _ []byte, secret string, _ time.Time) bool {
	r := http.Request{Header: http.Header{"Authorization": {only(header, "Authorization")}}}
	_, password, ok := r.BasicAuth()
	return same(password, secret) && ok
}

// noSubscription is the subscriptionId of an event that the Test button sends. Azure DevOps makes that event up, and the
// subscription need not exist yet. Other events have the id of their subscription.
const noSubscription = "00000000-0000-0000-0000-000000000000"

func readAzureDevOps(_ http.Header, body []byte) (Report, error) {
	r, err := read(body)
	if err != nil {
		return Report{}, err
	}
	if r.first("subscriptionId") == noSubscription {
		return Report{Ping: true, Reason: "this is Azure DevOps's test event: the address and the password are right, and nothing was registered"}, nil
	}
	switch r.first("eventType") {
	// The page has the second name since 2024.
	case "ms.vss-release.deployment-completed-event", "ms.azure-devops-release.deployment-completed-event":
		return readRelease(r)
	case "ms.vss-pipelines.run-state-changed-event", "ms.azure-devops-pipelines.run-state-changed-event":
		return readRun(r)
	}
	return Report{Reason: "only the events Release deployment completed and Run state changed register a deployment"}, nil
}

// notAll is the answer to an event that does not say whether the deployment succeeded: with the resource details Minimal an event
// has only a URL and an id, and with None nothing.
const notAll = "the event does not say how it went: choose All for the subscription's Resource details to send"

func readRelease(r *reading) (Report, error) {
	statuses := []string{"resource/environment/status", "resource/deployment/deploymentStatus", "resource/deployment/status"}
	switch {
	case r.first(statuses...) == "":
		return Report{Reason: notAll}, nil
	case !r.is("succeeded", statuses...):
		return Report{Reason: "only the status succeeded registers a deployment"}, nil
	}
	// The release is part of the environment (in payloads until 2022) or of the deployment (since 2024).
	const older, newer = "resource/environment/release", "resource/deployment/release"
	from := primary(r, newer+"/artifacts", "resource/release/artifacts")
	release := r.first(older+"/id", newer+"/id", "resource/release/id")
	project := r.first("resource/project/id", newer+"/project/id", "resourceContainers/project/id")
	// Releases are numbered within a project. A release can be deployed to an environment again, for example to roll another one
	// back. If the payload numbers the deployments themselves, that is a second deployment.
	own := known("release", collection(r)+"/"+project, release,
		r.first("resource/environment/id", "resource/deployment/releaseEnvironment/id", "resource/deployment/environment/id"))
	if n := r.first("resource/deployment/id"); n != "" && own != nil {
		own = append(own, n)
	}
	return r.report(Deployed{
		ID:          own,
		At:          r.when([]string{time.RFC3339}, "resource/deployment/completedOn", "createdDate"),
		Environment: r.text("resource/environment/name", "resource/deployment/environment/name", "resource/deployment/releaseEnvironment/name"),
		CommitSHA: r.check(older+"/id", cmp.Or(r.first(from+"/sourceVersion/id"),
			standIn("release", release)), maxText),
		RepositoryID: r.check("resource/project/id", cmp.Or(r.first(from+"/repository/id"),
			standIn("project", project)), maxText),
		RepositoryURL: r.address(older+"/url", cmp.Or(r.first(older+"/_links/web/href", older+"/url",
			newer+"/_links/web/href", newer+"/webAccessUri", newer+"/url"), linkIn(r.first("message/markdown")))),
	})
}

func readRun(r *reading) (Report, error) {
	switch {
	case r.first("resource/run/state") == "":
		return Report{Reason: notAll}, nil
	case !r.is("completed", "resource/run/state") || !r.is("succeeded", "resource/run/result"):
		return Report{Reason: "only a run that completed and succeeded registers a deployment"}, nil
	}
	const self, other = "resource/run/resources/repositories/self", "resource/repositories/0"
	run := cmp.Or(r.first("resource/run/id"), lastOf(r.first("resource/run/url")))
	return r.report(Deployed{
		ID:          known("run", collection(r), run), // runs are numbered within a collection
		At:          r.when([]string{time.RFC3339}, "resource/run/finishedDate", "createdDate"),
		Environment: r.text("resource/pipeline/name", "resource/run/pipeline/name"),
		CommitSHA: r.check("resource/run/id", cmp.Or(r.first(self+"/version", other+"/change/version"),
			standIn("run", run)), maxText),
		RepositoryID: r.check("resource/pipeline/id", cmp.Or(r.first(self+"/repository/id"),
			standIn("pipeline", r.first("resource/pipeline/id", "resource/run/pipeline/id"))), maxText),
		RepositoryURL: r.address("resource/run/url", r.first(other+"/url", "resource/run/_links/pipeline.web/href",
			"resource/pipeline/url", "resource/run/pipeline/url", "resource/run/_links/web/href", "resource/run/url")),
	})
}

// collection returns the id of the collection or organization that sent an event, or "-" if the event does not name it, like the
// shorter payloads on the page.
func collection(r *reading) string {
	return cmp.Or(r.first("resourceContainers/collection/id", "resourceContainers/account/id"), "-")
}

// primary returns the path to the definition of the first artifact that is marked as primary, or of the first one if none is.
func primary(r *reading, lists ...string) string {
	for _, list := range lists {
		artifacts, _ := r.at(list).([]any)
		for i := range artifacts {
			if path := list + "/" + strconv.Itoa(i); r.at(path+"/isPrimary") == true {
				return path + "/definitionReference"
			}
		}
		if len(artifacts) > 0 {
			return list + "/0/definitionReference"
		}
	}
	return "nowhere"
}

// standIn marks an id that takes the place of another one, so that readers do not confuse them.
func standIn(what, id string) string {
	if id == "" {
		return ""
	}
	return what + ":" + id
}

// lastOf returns the last segment of a URL's path. A run's URL ends in its id.
func lastOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || strings.Trim(u.Path, "/") == "" {
		return ""
	}
	return path.Base(u.Path)
}

var link = regexp.MustCompile(`\]\((https?://[^\s)]+)\)`)

// linkIn returns the first link of a text in Markdown.
func linkIn(text string) string {
	if m := link.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}
