package browser

import "errors"

var axoriaSteps = []step{
	{"the webhooks page", theWebhooksPage("Settings → Webhooks", "Webhooks let external systems receive real-time notifications about events in Axoria.")},
	{"a new webhook", func(v *visitor) {
		v.open("/console/webhooks")
		v.click("+ New Webhook")
		v.dialog("New Webhook")
		v.sees("Endpoint that will receive events (should be HTTPS in production)", "String used to sign the payload (HMAC-SHA256). Store it securely.")
		v.fill("URL", v.s.hook+"/ok")
		v.fill("Secret", "a secret of mine")
		v.tick("status.changed")
		v.fill("Name", "Board")
		v.click("Save")
		v.secret()
		v.sees("use https") // as it "should be HTTPS in production": the receiver's is http
		v.click("Done")
		v.closed()
		v.sees("Board", "status.changed")
	}},
	{"the events on offer", eventsOnOffer([2]string{"issue.created", "A new issue is created"}, [2]string{"issue.updated", "Issue fields are changed"},
		[2]string{"issue.deleted", "An issue is deleted"}, [2]string{"status.changed", "An issue's status changes"}, [2]string{"comment.added", "A comment is added to an issue"},
		[2]string{"sprint.started", "A sprint is started"}, [2]string{"sprint.completed", "A sprint is completed"})},
	{"the snippets", theSnippets("X-Axoria-Signature", "sha256=", "base64")},
	{"the sidebar", func(v *visitor) {
		v.open("/console/webhooks")
		v.click("Help")
		v.at("/console/help")
		wait(v.tab, true, `document.querySelector("header nav a[aria-current=page]").textContent.includes("Help")`)
	}},
}

var agiletuneSteps = []step{
	{"the webhooks page", theWebhooksPage("Organization Settings → Webhooks", "Webhooks let you receive real-time HTTP callbacks when events occur in AgileTune.")},
	{"add a webhook", func(v *visitor) {
		v.open("/console/webhooks")
		v.click("Add Webhook")
		v.dialog("Add Webhook")
		v.sees("Payload URL", "The endpoint that will receive POST requests", "Content type", "Generate or enter a Secret for signature verification", "Events you want to subscribe to")
		v.fill("Payload URL", v.s.hook+"/ok")
		v.choose("Content type", "application/json")
		v.fill("Secret", "a secret of mine")
		v.tick("task.created")
		v.fill("Name", "Pipeline")
		v.click("Create Webhook")
		v.secret()
		v.click("Done")
		v.closed()
		v.sees("Pipeline", "task.created", "application/json")
	}},
	{"the events on offer", eventsOnOffer([2]string{"task.created", "A new task is created"}, [2]string{"task.updated", "A task's fields are changed"},
		[2]string{"task.deleted", "A task is permanently deleted"}, [2]string{"task.moved", "A task is moved to a different column"},
		[2]string{"comment.created", "A comment is added to a task"}, [2]string{"member.added", "A member is added to the organization"},
		[2]string{"member.removed", "A member is removed from the organization"}, [2]string{"project.created", "A new project is created"})},
	{"a payload", aPayload("task.updated", `"event": "task.updated"`, `"timestamp":`, `"data":`)},
	{"the retries on the page", theRetries("1 min", "5 min", "30 min", "2 h", "12 h", "2xx", "30 s")},
	{"failing", func(v *visitor) {
		c := v.elsewhere(systems.fast, "agiletune")
		w := c.c.webhook("/500", map[string]any{"name": "Down"}, "task.created")
		c.c.publish("task.created", map[string]any{})
		c.c.settled(w.ID, "failed", 1)
		within(v.t, func() error {
			c.open("/console/webhooks")
			if got := get[*string](c.tab, "cell", "Down", "Status"); spelled(got) != "Failing" {
				return errors.New("status: got " + spelled(got) + ", want Failing")
			}
			return nil
		})
		c.open("/console/webhooks/" + w.ID + "/deliveries")
		c.row("task.created", "Retry attempts", "5")
	}},
	{"the delivery logs", func(v *visitor) {
		w := v.c.webhook("/500", map[string]any{"name": "Logged"}, "task.deleted")
		v.c.do("POST", "/v1/webhooks/"+w.ID+"/test", map[string]any{}, nil)
		v.c.do("PATCH", "/v1/webhooks/"+w.ID, map[string]any{"url": v.s.hook + "/ok"}, nil)
		v.open("/console/webhooks")
		v.clickIn("Logged", "Delivery logs")
		v.at("/console/webhooks/" + w.ID + "/deliveries")
		v.row("webhook.test", "Status", "Failed")
		v.clickIn("webhook.test", "Re-trigger")
		v.sees("new round")
		v.c.settled(w.ID, "succeeded", 1)
	}},
	{"the snippets", theSnippets("X-AgileTune-Signature")},
}

var codmirSteps = []step{
	{"the webhooks page", theWebhooksPage("Webhooks", "Receive real-time notifications when events happen in codmir.")},
	{"register a webhook", func(v *visitor) {
		v.open("/console/webhooks")
		v.click("Register Your Webhook")
		v.dialog("Register Your Webhook")
		v.sees("The endpoint must accept POST requests and return a 2xx status code")
		v.fill("URL", v.s.hook+"/webhooks/codmir")
		v.tick("ticket.created")
		v.tick("ticket.updated")
		v.fill("Secret", "your-webhook-secret")
		v.click("Register")
		v.secret()
		v.click("Done")
		v.closed()
		v.sees("ticket.created", "ticket.updated")
	}},
	{"the events on offer", eventsOnOffer([2]string{"ticket.created", "A new ticket was created"}, [2]string{"ticket.updated", "A ticket was updated"},
		[2]string{"ticket.deleted", "A ticket was deleted"}, [2]string{"ticket.status_changed", "A ticket status was changed"},
		[2]string{"ticket.assigned", "A ticket was assigned"}, [2]string{"comment.created", "A comment was added to a ticket"},
		[2]string{"project.created", "A new project was created"}, [2]string{"member.added", "A member was added to a project"})},
	{"the snippets", theSnippets("X-Codmir-Signature", "sha256=")},
	{"the retries on the page", theRetries("5 s", "5 min", "30 min", "2 h", "10 h")},
	{"a payload", aPayload("ticket.created", `"id":"evt_`, `"type":"ticket.created"`, `"timestamp":`, `"data":`)},
}

var axifySteps = []step{
	{"sources of every kind", func(v *visitor) {
		v.open("/console/sources/new")
		v.sees("GitLab", "GitHub", "Azure DevOps", "Custom", "Jenkins, Travis CI, Bamboo, GoCD")
	}},
	{"the guide while configuring", func(v *visitor) {
		v.open("/console/sources")
		v.click("Create source")
		v.dialog("Create source")
		v.clickIn("Jenkins", "Usage guide")
		v.sees(axifyGuide...)
		v.fill("Name", "Travis CI")
		v.click("Create source")
		v.dialog("Source created")
		v.sees(axifyGuide...)
		v.sees("openssl", "curl")
	}},
	{"the guide when listing", func(v *visitor) {
		var w made
		v.c.do("POST", "/v1/sources", map[string]any{"kind": "custom", "name": "Jenkins"}, &w)
		v.made["source"] = w
		v.open("/console/sources")
		v.clickIn("Jenkins", "Usage guide")
		v.dialog("Usage guide of Jenkins")
		v.sees("How to register deployments")
	}},
	{"the guide says all", func(v *visitor) {
		w := v.made["source"]
		v.open("/console/sources/" + w.ID)
		v.sees(axifyGuide...)
		v.sees(w.URL, "/webhooks/deployments/custom/"+w.ID, "OpenSSL and cURL", "openssl", "curl")
		v.lacks(w.Secret)
	}},
}

// axifyGuide is what the document says of requests that register a deployment.
var axifyGuide = []string{
	"deployed_at", "The moment when the deployment has successfully occurred", "environment", "The environment of the deployment",
	"commit_sha", "The associated repository commit SHA", "repository_id", "The target repository ID", "repository_url", "The repository URL",
	"X-Axify-Deployment-Event-Signature", "sha256=", "HMAC",
}
