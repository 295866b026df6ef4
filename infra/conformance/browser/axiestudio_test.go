package browser

import (
	"errors"
	"net/http"
	"strings"
)

const (
	axieEvent  = "user.created"
	axieAgain  = "Team members"
	axieBroken = "Broken"
)

var axiestudioSteps = []step{
	{"the webhooks page", theWebhooksPage("Dashboard → Enterprise → Webhooks", "Get notified in real-time when things happen in your enterprise account!")},
	{"an empty list", func(v *visitor) {
		v.open("/console/webhooks")
		v.heading("Webhooks")
		v.sees("Webhooks 0", "Total 0", "Active 0", "Inactive 0", "Events 9", "No webhooks yet")
	}},
	{"the create dialog", func(v *visitor) {
		v.open("/console/webhooks")
		v.click("Create")
		v.dialog("Create Webhook")
	}},
	{"the fields of the dialog", func(v *visitor) {
		v.open("/console/webhooks")
		v.click("Create")
		v.dialog("Create Webhook")
		v.sees("Webhook URL", "Your server endpoint that will receive webhooks", "Must start with https:// (required for security)", "Events",
			"Secret", "Leave blank to auto-generate a secure secret", "must be at least 32 characters", "Active Status", "Disabled webhooks won't send notifications")
		for _, e := range []string{"user.created", "user.updated", "user.deleted", "role.changed", "enterprise.created", "enterprise.updated", "settings.updated"} {
			v.tick(e)
			wait(v.tab, true, "checked", e)
		}
		wait(v.tab, true, "checked", "Active Status")
		v.tick("Active Status")
		wait(v.tab, false, "checked", "Active Status")
		v.fill("Webhook URL", v.s.hook+"/ok")
		v.fill("Secret", strings.Repeat("s", 31))
		v.click("Create Webhook")
		v.refused("secret")
		v.sees("Secret: Must be at least 32 characters")
		v.fill("Secret", strings.Repeat("s", 32))
		v.click("Create Webhook")
		v.secret()
		v.open("/console/webhooks")
		v.sees("Total 1", "Active 0", "Inactive 1")
	}},
	{"create", func(v *visitor) {
		secret := v.create("Create", "Create Webhook", "Create Webhook", v.s.hook+"/api/webhooks/axie", axieAgain, "user.created", "user.updated", "user.deleted", "role.changed")
		v.sees("Copy the webhook secret - you'll need it to verify webhooks", "The secret is shown only once for security")
		v.click("Done")
		v.closed()
		v.lacks(secret)
		id := v.found(axieAgain[:4])
		for _, path := range []string{"/console/webhooks", "/console/webhooks/" + id, "/console/webhooks/" + id + "/edit"} {
			v.open(path)
			v.lacks(secret)
		}
		v.made["new"] = made{ID: id, Secret: secret}
	}},
	{"after creating", func(v *visitor) {
		v.open("/console/webhooks")
		v.sees(axieAgain)
		v.c.publish(axieEvent, map[string]any{"email": "mike@company.com"})
		v.c.settled(v.made["new"].ID, "succeeded", 1)
	}},
	{"the email confirmation", func(v *visitor) {
		within(v.t, func() error {
			v.open("/console/mails")
			if text := get[string](v.tab, "document.body.textContent"); !strings.Contains(text, axieAgain) {
				return errors.New("no mail of " + axieAgain)
			}
			return nil
		})
		v.sees("axiestudio@example.com")
	}},
	{"the list of webhooks", func(v *visitor) {
		off := v.c.webhook("/off", map[string]any{"name": "Switched off", "active": false}, "user.created", "user.deleted")
		v.open("/console/webhooks")
		v.columns("Webhook URL", "Events", "Status", "Created")
		v.row("Switched off", "Webhook URL", v.s.hook+"/off")
		v.row("Switched off", "Events", "2")
		v.row("Switched off", "Status", "Inactive")
		v.row(axieAgain, "Status", "Active")
		v.row("Switched off", "Created", "20")
		for _, action := range []string{"Edit", "Test", "View History", "Delete"} {
			wait(v.tab, true, `P.point(`+quote(action)+`, "Switched off") !== null`)
		}
		v.click("Inactive")
		v.row("Switched off", "Status", "Inactive")
		wait(v.tab, false, `P.text().includes(`+quote(axieAgain)+`)`)
		v.click("Active")
		v.row(axieAgain, "Status", "Active")
		wait(v.tab, false, `P.text().includes("Switched off")`)
		v.click("All")
		v.row("Switched off", "Status", "Inactive")
		v.fill("Search", "Switched")
		wait(v.tab, false, `P.text().includes(`+quote(axieAgain)+`)`)
		v.sees("Switched off")
		v.c.do(http.MethodDelete, "/v1/webhooks/"+off.ID, nil, nil)
	}},
	{"edit", func(v *visitor) {
		v.open("/console/webhooks")
		v.clickIn(axieAgain, "Edit")
		v.dialog("Edit")
		v.fill("Webhook URL", v.s.hook+"/changed")
		v.tick("enterprise.created")
		v.tick("role.changed")
		v.tick("Active Status")
		v.click("Save")
		v.closed()
		v.sees("/changed", "enterprise.created", "Inactive")
		v.lacks(">role.changed<")
		v.click("Edit")
		v.dialog("Edit")
		v.tick("Active Status")
		v.click("Save")
		v.closed()
		v.sees("Active")
		v.c.publish("enterprise.created", map[string]any{"n": 1})
		v.c.settled(v.made["new"].ID, "succeeded", 2) // at once, at the new URL, for the new event
	}},
	{"no secret when editing", func(v *visitor) {
		v.open("/console/webhooks/" + v.made["new"].ID + "/edit")
		v.heading("Edit")
		wait(v.tab, true, `document.querySelector("input[name=secret]") === null`)
		v.sees("Rotate Secret")
	}},
	{"rotate", func(v *visitor) {
		v.open("/console/webhooks")
		v.clickIn(axieAgain, "Rotate Secret")
		v.dialog("Rotate Secret of " + axieAgain + "?")
		v.sees("New secret is generated", "Old secret stops working after rotation")
		v.click("Rotate Secret")
		secret := v.secret()
		if secret == v.made["new"].Secret || len(secret) < 32 {
			v.t.Errorf("the new secret: got %q, after %q", secret, v.made["new"].Secret)
		}
		v.sees("New secret is generated", "Copy the new secret immediately", "Update your server to use the new secret", "Old secret stops working after rotation")
		v.click("Done")
		v.closed()
		v.lacks(secret)
	}},
	{"test", func(v *visitor) {
		v.open("/console/webhooks")
		v.clickIn(axieAgain, "Test")
		v.dialog("Test " + axieAgain)
		v.click("Test")
		v.sees("Success", "answered 200", " ms")
	}},
	{"the payload of a test", func(v *visitor) {
		v.sees(`"event":"webhook.test"`, `"version":"v1"`, `"enterpriseId":"`+v.c.id+`"`, `"message":"This is a test webhook"`)
	}},
	{"the history", func(v *visitor) {
		v.open("/console/webhooks")
		v.clickIn(axieAgain, "View History")
		v.at("/console/webhooks/" + v.made["new"].ID + "/deliveries")
		v.row("enterprise.created", "Status", "Success")
		v.row(axieEvent, "Status", "Success")
	}},
	{"success", func(v *visitor) {
		v.history(v.made["new"].ID)
		v.row(axieEvent, "Status", "Success")
		v.row(axieEvent, "Response code", "200")
	}},
	{"failed", func(v *visitor) {
		for _, tt := range []struct{ path, code string }{{"/500", "500"}, {"/201", "201"}, {"/timeout", "timeout"}} {
			w := v.c.webhook(tt.path, map[string]any{"name": axieBroken, "timeout_seconds": 1}, "settings.updated")
			v.c.do(http.MethodPost, "/v1/webhooks/"+w.ID+"/test", map[string]any{}, nil)
			v.history(w.ID)
			v.row("webhook.test", "Status", "Failed")
			v.row("webhook.test", "Response code", tt.code)
			v.made["broken"] = w
		}
	}},
	{"pending", func(v *visitor) {
		w := v.c.webhook("/500", nil, "user.deleted")
		v.c.publish("user.deleted", map[string]any{})
		v.c.settled(w.ID, "pending", 1)
		v.history(w.ID)
		v.row("user.deleted", "Status", "Pending")
	}},
	{"the columns of the history", func(v *visitor) {
		v.history(v.made["new"].ID)
		v.columns("Event type", "Delivery time", "Status", "Response code", "Response time", "Retry attempts")
		v.row(axieEvent, "Response time", "ms")
		v.row(axieEvent, "Retry attempts", "0")
	}},
	{"replay", func(v *visitor) {
		w := v.made["broken"]
		v.c.do(http.MethodPatch, "/v1/webhooks/"+w.ID, map[string]any{"url": v.s.hook + "/ok"}, nil)
		v.history(w.ID)
		v.row("webhook.test", "Status", "Failed")
		v.clickIn("webhook.test", "Replay")
		v.sees("new round")
		v.c.settled(w.ID, "succeeded", 1)
		v.history(w.ID)
		v.row("webhook.test", "Status", "Success")
	}},
	{"delete", func(v *visitor) {
		w := v.c.webhook("/ok", map[string]any{"name": "Unwanted"}, "role.changed")
		v.open("/console/webhooks")
		v.clickIn("Unwanted", "Delete")
		v.dialog("Delete Unwanted?")
		v.sees("Deleting a webhook stops all notifications immediately. Make sure you really want to delete it!")
		v.click("Delete")
		v.closed()
		v.at("/console/webhooks")
		wait(v.tab, false, `P.text().includes("Unwanted")`)
		var ev struct{ Matched int }
		v.c.do(http.MethodPost, "/v1/events", map[string]any{"type": "role.changed", "data": map[string]any{}}, &ev)
		if ev.Matched != 0 {
			v.t.Errorf("after the deletion an event matches %d webhooks, want none", ev.Matched)
		}
		v.open("/console/webhooks/" + w.ID)
		v.heading("There is nothing here")
		v.forgive("404 (Not Found)")
	}},
	{"the events on offer", func(v *visitor) {
		eventsOnOffer([2]string{"user.created", "New team member added to enterprise"}, [2]string{"user.updated", "Team member profile or settings updated"},
			[2]string{"user.deleted", "Team member removed from enterprise"}, [2]string{"role.changed", "Team member role changed (Owner/Admin/User)"},
			[2]string{"enterprise.created", "Enterprise account created"}, [2]string{"enterprise.updated", "Enterprise settings or configuration updated"},
			[2]string{"settings.updated", "Enterprise settings changed"})(v)
		v.sees("Team Member Events", "Enterprise Events")
	}},
	{"events that are coming soon", func(v *visitor) {
		v.open("/console/webhooks/new")
		v.sees("Coming Soon", "Chat interface events", "Document upload events", "API key events")
	}},
	{"the payload on the help page", func(v *visitor) {
		v.open("/console/help")
		v.sees(`"event"`, `"timestamp"`, `"version": "v1"`, `"enterpriseId"`, `"data"`)
	}},
	{"the example payloads", func(v *visitor) {
		for eventType, want := range map[string][]string{
			"user.created": {"user_xyz789", "john@company.com", "John Smith", `"role":"user"`, `"invitedBy":"sarah@company.com"`, `"invitedByEmail":"sarah@company.com"`},
			"user.updated": {"user_xyz789", "john@company.com", "John Smith", `"role":"user"`, `"updatedFields":["name","role"]`},
			"user.deleted": {"user_xyz789", "john@company.com", `"deletedBy":"sarah@company.com"`},
			"role.changed": {"user_xyz789", "john@company.com", `"oldRole":"user"`, `"newRole":"admin"`, `"changedBy":"sarah@company.com"`},
		} {
			v.open("/console/event-types/" + eventType)
			text := get[string](v.tab, `document.querySelector("main").textContent`)
			for _, part := range append(want, `"event":"`+eventType+`"`, `"version":"v1"`, `"enterpriseId":`) {
				if !strings.Contains(text, part) {
					v.t.Errorf("%s shows no %s", eventType, part)
				}
			}
		}
	}},
	{"the headers of a delivery", func(v *visitor) {
		w := v.c.webhook("/ok", nil, axieEvent)
		v.c.publish(axieEvent, map[string]any{})
		v.c.settled(w.ID, "succeeded", 1)
		v.open("/console/deliveries/" + v.c.list("/v1/webhooks/" + w.ID + "/deliveries")[0].ID)
		text := strings.ToLower(get[string](v.tab, `document.querySelector("main").textContent`))
		for _, want := range []string{"x-webhook-event", axieEvent, "x-webhook-signature", "x-webhook-timestamp", "axiestudio-webhook/1.0"} {
			if !strings.Contains(text, want) {
				v.t.Errorf("the delivery shows no %s", want)
			}
		}
	}},
	{"the snippets", theSnippets("X-Webhook-Signature")},
	{"https only", func(v *visitor) {
		// On one machine http leads to receivers there alone.
		for _, c := range []*visitor{v.elsewhere(systems.strict, "axiestudio"), v.elsewhere(systems.usual, "axiestudio")} {
			c.open("/console/webhooks/new")
			c.fillURL("http://your-server.com/api/webhooks/axie")
			wait(c.tab, true, `document.getElementById("url-insecure").checkVisibility()`)
			c.sees("Must start with https:// (required for security). If you need HTTP for testing, use a local tunnel service (ngrok, localtunnel)")
			c.tick(axieEvent)
			c.click("Create Webhook")
			c.refused("url")
			c.sees("Must start with https://; for tests, use a local tunnel (ngrok, localtunnel)")
		}
	}},
	{"out of attempts", func(v *visitor) {
		c := v.elsewhere(systems.fast, "axiestudio")
		w := c.c.webhook("/500", map[string]any{"name": axieBroken}, axieEvent)
		c.c.publish(axieEvent, map[string]any{})
		c.c.settled(w.ID, "failed", 1)
		c.history(w.ID)
		c.row(axieEvent, "Status", "Failed")
		c.row(axieEvent, "Retry attempts", "4")
		wait(c.tab, true, `P.point("Replay", `+quote(axieEvent)+`) !== null`)
		c.open("/console/help")
		c.sees("Webhook is marked as failed")
		c.open("/console/webhooks") // and so it is
		c.row(axieBroken, "Status", "Failed")
		c.open("/console/webhooks/" + w.ID)
		c.sees("Failed since")
	}},
}
