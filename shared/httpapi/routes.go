package httpapi

import "hookline/shared/api"

// routes returns all calls. The table decides how they are served and says how they are documented.
func routes() []route {
	return append([]route{
		{
			method: "POST", path: "/v1/tenants", scope: admin, body: requiredBody, serve: (*API).createTenant, audit: "tenant.create",
			id: "createTenant", tag: "Tenants", summary: "Make a tenant",
			takes: api.NewTenant{}, gives: given{status: 201, body: api.CreatedTenant{}, text: "The tenant, with its first key."},
			text: "409 `tenant-exists` where a tenant has this id.",
		},
		{
			method: "GET", path: "/v1/tenants", scope: admin, query: api.TenantQuery{}, serve: (*API).listTenants,
			id: "listTenants", tag: "Tenants", summary: "List tenants, by id",
			gives: given{status: 200, body: api.List[api.Tenant]{}},
		},
		{
			method: "GET", path: "/v1/tenants/{id}", scope: admin, find: (*API).findTenant, serve: (*API).showTenant,
			id: "getTenant", tag: "Tenants", summary: "Show a tenant",
			gives: given{status: 200, body: api.Tenant{}},
		},
		{
			method: "PATCH", path: "/v1/tenants/{id}", scope: admin, body: requiredBody, find: (*API).findTenant, serve: (*API).updateTenant, audit: "tenant.update",
			id: "updateTenant", tag: "Tenants", summary: "Change a tenant",
			takes: api.TenantChange{}, gives: given{status: 200, body: api.Tenant{}},
		},
		{
			method: "DELETE", path: "/v1/tenants/{id}", scope: admin, find: (*API).findTenant, serve: (*API).deleteTenant, audit: "tenant.delete",
			id: "deleteTenant", tag: "Tenants", summary: "Delete a tenant",
			gives: given{status: 204},
			text: "Its keys and webhooks are deleted with it. Deliveries that are queued for it are dropped. Its events, deliveries " +
				"and deployments are erased within minutes; its audit log and its usage stay. The id can be used again, for a new, " +
				"empty tenant.",
		},
		{
			method: "POST", path: "/v1/tenants/{id}/events", scope: admin, body: requiredBody, publishes: true, find: (*API).findTenant, serve: (*API).publish,
			id: "publishForTenant", tag: "Tenants", summary: "Publish for a tenant",
			takes: (*api.NewEvents)(nil), gives: given{status: 202, body: (*api.Accepted)(nil), text: "In a durable queue."},
			text: "The admin makes the tenant's own call for it. The Idempotency-Key is the admin's: the same key in a call of the " +
				"tenant's own is another one.",
		},
		{
			method: "POST", path: "/v1/tenants/{id}/keys", scope: admin, body: requiredBody, find: (*API).findTenant, serve: (*API).createKey, audit: "key.create",
			id: "createKeyForTenant", tag: "Tenants", summary: "Make a key of a tenant",
			takes: api.NewKey{}, gives: given{status: 201, body: api.CreatedKey{}},
			text: "The admin makes the tenant's own call for it.",
		},
		{
			method: "POST", path: "/v1/tenants/{id}/portal-links", scope: admin, body: optionalBody, find: (*API).findTenant, serve: (*API).createPortalLink, audit: "portal_link.create",
			id: "createPortalLinkForTenant", tag: "Tenants", summary: "Make a portal link for a tenant",
			takes: api.NewPortalLink{}, gives: given{status: 201, body: api.PortalLink{}, text: "The link, shown only here."},
			text: "The admin makes the tenant's own call for it. The session ends with the tenant, not with a key, and can do all " +
				"that a portal can.",
		},
		{
			method: "GET", path: "/v1/tenants/{id}/audit-logs", scope: admin, query: api.AuditQuery{}, find: (*API).findLogged, serve: (*API).listAudit,
			id: "listAuditLogForTenant", tag: "Audit log", summary: "List who changed what of a tenant, the newest first",
			gives: given{status: 200, body: api.List[api.AuditEntry]{}},
			text: "The tenant's own list, and what was recorded before: a deleted tenant's entries are listed as long as they are " +
				"kept, with those of an earlier tenant of that id.",
		},
		{
			method: "GET", path: "/v1/audit-logs", scope: "audit:read", query: api.AuditQuery{}, serve: (*API).listAudit,
			id: "listAuditLog", tag: "Audit log", summary: "List who changed what, the newest first",
			gives: given{status: 200, body: api.List[api.AuditEntry]{}},
			text: "One entry for each call that changed configuration, access or the tenant, or that started a replay. An entry is " +
				"written together with its change. There is none for publishing events, for tests, for reports of deployments, for " +
				"a change that changes nothing, and for a repeat with the same Idempotency-Key. Entries name the fields that " +
				"changed and never hold values. They are kept for 400 days.",
		},
		{
			method: "GET", path: "/v1/admin/audit-logs", scope: admin, query: api.AuditQuery{}, serve: (*API).listAudit,
			id: "listStackAuditLog", tag: "Audit log", summary: "List who changed what of the stack, the newest first",
			gives: given{status: 200, body: api.List[api.AuditEntry]{}},
			text: "What belongs to no tenant: dialects, dead letters sent again, links to the operators' console. What an admin did to " +
				"a tenant is in the tenant's list.",
		},
		{
			method: "POST", path: "/v1/admin-links", scope: admin, body: optionalBody, serve: (*API).createAdminLink, audit: "admin_link.create",
			id: "createAdminLink", tag: "Operators", summary: "Make a link to the operators' console",
			takes: api.None{}, gives: given{status: 201, body: api.AdminLink{}, text: "The link, shown only here."},
			text: "The link opens the operators' console as the admin who asks, once. It, and the session that it opens, end after an " +
				"hour. A program that looks ahead does not use it up. `url` begins as this request's URL did.",
		},
		{
			method: "GET", path: "/v1/tenants/{id}/usage", scope: admin, query: api.UsageQuery{}, find: (*API).findTenant, serve: (*API).showUsage,
			id: "tenantUsage", tag: "Tenants", summary: "Show a tenant's events, deliveries and attempts by day",
			gives: given{status: 200, body: api.List[api.DayUsage]{}},
			text: "The oldest day first, at most 366 of them in one answer, which has no further page. An event counts on the day " +
				"it was accepted, a delivery on that of its first attempt, and an attempt on its own. Usage is kept for 400 days, and " +
				"is deleted with the tenant. On AWS it is counted from the table's stream and lags by about a minute.",
		},
		{
			method: "GET", path: "/v1/tenant", scope: "tenant:read", serve: (*API).showTenant,
			id: "getOwnTenant", tag: "Own tenant", summary: "Show the key's own tenant",
			gives: given{status: 200, body: api.Tenant{}},
		},
		{
			method: "PATCH", path: "/v1/tenant", scope: "tenant:write", body: requiredBody, serve: (*API).updateTenant, audit: "tenant.update",
			id: "updateOwnTenant", tag: "Own tenant", summary: "Change the key's own tenant",
			takes: api.OwnTenantChange{}, gives: given{status: 200, body: api.Tenant{}},
		},
		{
			method: "POST", path: "/v1/keys", scope: "keys:write", body: requiredBody, serve: (*API).createKey, audit: "key.create",
			id: "createKey", tag: "Keys", summary: "Make an API key",
			takes: api.NewKey{}, gives: given{status: 201, body: api.CreatedKey{}},
			text: "A key grants no more than the key that makes it.",
		},
		{
			method: "GET", path: "/v1/keys", scope: "keys:read", query: api.PageQuery{}, serve: (*API).listKeys,
			id: "listKeys", tag: "Keys", summary: "List API keys, the newest first",
			gives: given{status: 200, body: api.List[api.Key]{}},
		},
		{
			method: "DELETE", path: "/v1/keys/{id}", scope: "keys:write", serve: (*API).deleteKey, audit: "key.delete",
			id: "deleteKey", tag: "Keys", summary: "Delete an API key",
			gives: given{status: 204},
			text:  "The key stops working at once. A key may delete itself.",
		},
		{
			method: "POST", path: "/v1/portal-links", scope: "tenant:write", body: optionalBody, serve: (*API).createPortalLink, audit: "portal_link.create",
			id: "createPortalLink", tag: "Keys", summary: "Make a portal link",
			takes: api.NewPortalLink{}, gives: given{status: 201, body: api.PortalLink{}, text: "The link, shown only here."},
			text: "The link opens the tenant's console without a key, in a browser of its own or in a frame of a page of the " +
				"tenant's `frame_ancestors`. It opens once. A program that looks ahead (a prefetch, or one that calls itself a " +
				"bot or a preview) does not use it up and gets a page with a button. The session ends when the link expires, and " +
				"when the key that made it is deleted. It can do all that the key can, but it cannot make keys or links, see the " +
				"keys, change the tenant or publish events. `url` begins as this request's URL did. The link itself is not " +
				"stored. `user` is the actor in the audit log. With `webhook_id` all other things are not there for the " +
				"visitor, and with `read_only` every change is refused.",
		},
		{
			method: "POST", path: "/v1/webhooks", scope: "webhooks:write", body: requiredBody, serve: (*API).createWebhook, audit: "webhook.create",
			id: "createWebhook", tag: "Webhooks", summary: "Make a webhook",
			takes: api.NewWebhook{}, gives: given{status: 201, body: api.CreatedWebhook{}, text: "The webhook, with its secret."},
		},
		{
			method: "GET", path: "/v1/webhooks", scope: "webhooks:read", query: api.WebhookQuery{}, serve: (*API).listWebhooks,
			id: "listWebhooks", tag: "Webhooks", summary: "List webhooks, the newest first",
			gives: given{status: 200, body: api.WebhookList{}},
		},
		{
			method: "POST", path: "/v1/webhooks/import", scope: "webhooks:write", body: requiredBody, query: api.ImportQuery{}, serve: (*API).importWebhooks, audit: "webhook.import",
			id: "importWebhooks", tag: "Webhooks", summary: "Import up to 100 webhooks",
			takes: api.ImportWebhooks{}, gives: given{status: 200, body: api.ImportCheck{}, text: "What would happen: only with `dry_run=true`."},
			also: []given{{status: 201, body: api.Results[api.CreatedWebhook]{}, text: "The webhooks in the order of the list, with their secrets."}},
			text: "Each entry has the fields of a new webhook, and may bring its `id`, its `secret` and its `created_at`. A secret " +
				"that it brings need not keep the dialect's rule of length, as long as it can sign. No mail is sent, and no " +
				"`webhook.created` event.\n\n" +
				"The list is taken whole or not at all. Everything is checked before anything is made: fields at fault are named " +
				"`3.url` (422); an id that exists is 409 `webhook-exists`, and `errors` names it `3.id`. A call that is cut " +
				"short (503, or no answer) may have made some of the webhooks. The same call, byte for byte, made again within " +
				"24 hours with the same credential makes the rest, with the same ids, and answers for all. If somebody else has " +
				"taken an id meanwhile, the webhooks that were made are deleted again. A list that would give the tenant more " +
				"webhooks than it may have is 409 `too-many-webhooks`, also with `dry_run=true`.\n\n" +
				"With `dry_run=true` nothing is changed: the answer is 200 and says what would become of each webhook.",
		},
		{
			method: "POST", path: "/v1/webhooks/try-filter", scope: "webhooks:read", body: requiredBody, serve: (*API).tryFilter,
			id: "tryFilter", tag: "Webhooks", summary: "Try a filter",
			takes: api.FilterTrial{}, gives: given{status: 200, body: api.TriedFilter{}},
			text: "Says whether a filter takes an event's `data`. Where there is no `data`, the example of `type` is tried. " +
				"Nothing is sent or stored. A filter that a webhook could not have is refused.",
		},
		{
			method: "GET", path: "/v1/webhooks/{id}", scope: "webhooks:read", find: (*API).findWebhook, serve: (*API).showWebhook,
			id: "getWebhook", tag: "Webhooks", summary: "Show a webhook",
			gives: given{status: 200, body: api.Webhook{}},
		},
		{
			method: "PATCH", path: "/v1/webhooks/{id}", scope: "webhooks:write", body: requiredBody, find: (*API).findWebhook, serve: (*API).updateWebhook, audit: "webhook.update",
			id: "updateWebhook", tag: "Webhooks", summary: "Change a webhook",
			takes: api.WebhookChange{}, gives: given{status: 200, body: api.ChangedWebhook{}},
			text: "`url`, `headers`, `timeout_seconds`, `active` and `max_per_second` hold from the next attempt on, also for " +
				"deliveries that are queued. `events`, `filter`, `format` and `content_type` hold for events accepted from now " +
				"on.",
		},
		{
			method: "DELETE", path: "/v1/webhooks/{id}", scope: "webhooks:write", find: (*API).findWebhook, serve: (*API).deleteWebhook, audit: "webhook.delete",
			id: "deleteWebhook", tag: "Webhooks", summary: "Delete a webhook",
			gives: given{status: 204},
			text:  "Deliveries that are queued for it are dropped.",
		},
		{
			method: "POST", path: "/v1/webhooks/{id}/test", scope: "webhooks:write", body: optionalBody, find: (*API).findWebhook, serve: (*API).testWebhook,
			id: "testWebhook", tag: "Webhooks", summary: "Send a test event",
			takes: api.NewTest{}, gives: given{status: 200, body: api.TestResult{}},
			text: "The event is sent at once, also to an inactive webhook, whatever its events and filter. The call waits at most " +
				"20 s, and the event is never sent again. A receiver's failure is in the answer, which is 200 all the same. A " +
				"success makes a `failing` webhook `active` again. The outcome is recorded even when the caller hangs up before " +
				"the answer.",
		},
		{
			method: "POST", path: "/v1/webhooks/{id}/rotate-secret", scope: "webhooks:write", body: optionalBody, find: (*API).findWebhook, serve: (*API).rotateSecret, audit: "webhook.rotate_secret",
			id: "rotateSecret", tag: "Webhooks", summary: "Rotate the secret",
			takes: api.Rotation{}, gives: given{status: 200, body: api.Rotated{}},
			text: "The new secret signs from the next attempt on, also deliveries that are queued.",
		},
		{
			method: "GET", path: "/v1/webhooks/{id}/deliveries", scope: "deliveries:read", query: api.DeliveryQuery{}, find: (*API).findWebhook, serve: (*API).listDeliveries,
			id: "listWebhookDeliveries", tag: "Deliveries", summary: "List a webhook's deliveries, the newest first by acceptance",
			gives: given{status: 200, body: api.List[api.Delivery]{}},
		},
		{
			method: "POST", path: "/v1/webhooks/{id}/replay", scope: "deliveries:write", body: requiredBody, find: (*API).findWebhook, serve: (*API).replayWebhook, audit: "webhook.replay",
			id: "replayWebhook", tag: "Deliveries", summary: "Send many of a webhook's deliveries again",
			takes: api.NewReplay{}, gives: given{status: 202, body: api.ReplayStarted{}},
			text: "Starts a job, which survives a crash, and counts the deliveries that it will take: those of the webhook that " +
				"were accepted from `since` on and before `until` (now, when it is left out), whose status is `status`, and " +
				"whose event is of `event_type`. The list of the webhook's deliveries shows the same ones under the same " +
				"filters. With the status `missed` the job takes events of the event log that the webhook, as it is now, would " +
				"take and never got (404 `event-log-off` where the stack keeps no log). Each delivery gets a new round of " +
				"attempts, with the same body and webhook-id, as `POST /v1/deliveries/{id}/replay` gives it. A pending delivery " +
				"is being attempted already and is left alone.\n\n" +
				"With `dry_run` nothing is started: the answer is the same, and its `id` is null. Where counting a long history " +
				"would take too long, `more` is true and `matched` is the count so far; the job takes all of it. 409 " +
				"`webhook-inactive` when nothing can be sent.\n\n" +
				"A job's deliveries travel apart from new ones, which they do not hold up, and take at most half of the " +
				"webhook's `max_per_second`.",
		},
		{
			method: "GET", path: "/v1/webhooks/{id}/replays", scope: "deliveries:read", query: api.PageQuery{}, find: (*API).findWebhook, serve: (*API).listReplays,
			id: "listWebhookReplays", tag: "Deliveries", summary: "List a webhook's replay jobs, the newest first",
			gives: given{status: 200, body: api.List[api.Replay]{}},
			text:  "Jobs are kept for as long as deliveries.",
		},
		{
			method: "GET", path: "/v1/replays", scope: "deliveries:read", query: api.PageQuery{}, serve: (*API).listReplays,
			id: "listReplays", tag: "Deliveries", summary: "List the tenant's replay jobs, the newest first",
			gives: given{status: 200, body: api.List[api.Replay]{}},
		},
		{
			method: "GET", path: "/v1/replays/{id}", scope: "deliveries:read", find: (*API).findReplay, serve: (*API).showReplay,
			id: "getReplay", tag: "Deliveries", summary: "Show how far a replay job is",
			gives: given{status: 200, body: api.Replay{}},
		},
		{
			method: "DELETE", path: "/v1/replays/{id}", scope: "deliveries:write", find: (*API).findReplay, serve: (*API).cancelReplay,
			id: "cancelReplay", tag: "Deliveries", summary: "Cancel a replay job",
			gives: given{status: 204},
			text: "The job starts no more deliveries, and can still be read, as `cancelled`. Deliveries that it has started go on; " +
				"a few thousand at most are queued ahead. A job that has ended stays as it ended.",
		},
		{
			method: "GET", path: "/v1/webhooks/{id}/stats", scope: "webhooks:read", query: api.StatsQuery{}, find: (*API).findWebhook, serve: (*API).showWebhookStats,
			id: "webhookStats", tag: "Webhooks", summary: "Count a webhook's deliveries of the last hours, and how long answers took",
			gives: given{status: 200, body: api.WebhookStats{}},
			text: "`hours` are whole hours of the clock in UTC, the current one last. They are counted as in `GET /v1/stats`. Of answers, " +
				"the one to each delivery's latest attempt counts.",
		},
		{
			method: "GET", path: "/v1/stats", scope: "webhooks:read", serve: (*API).showStats,
			id: "stats", tag: "Webhooks", summary: "Count the tenant's webhooks, event types and deliveries",
			gives: given{status: 200, body: api.Stats{}},
			text: "`event_types` counts the types of the catalogue that can be subscribed to, without those that are coming soon. " +
				"`deliveries` counts the deliveries whose event was accepted in the last 24 hours, with tests and those to " +
				"deleted webhooks, each once, by its status now. On AWS they are counted from the table's stream: they lag by " +
				"about a minute, and the beginning of the 24 hours is precise to the minute.",
		},
		{
			method: "GET", path: "/v1/deliveries", scope: "deliveries:read", query: api.DeliveryQuery{}, serve: (*API).listDeliveries,
			id: "listDeliveries", tag: "Deliveries", summary: "List the tenant's deliveries, the newest first by acceptance",
			gives: given{status: 200, body: api.List[api.Delivery]{}},
		},
		{
			method: "GET", path: "/v1/deliveries/{id}", scope: "deliveries:read", find: (*API).findDelivery, serve: (*API).showDelivery,
			id: "getDelivery", tag: "Deliveries", summary: "Show a delivery with what was sent",
			gives: given{status: 200, body: api.DeliveryDetail{}},
		},
		{
			method: "POST", path: "/v1/deliveries/{id}/replay", scope: "deliveries:write", body: optionalBody, find: (*API).findDelivery, serve: (*API).replayDelivery, audit: "delivery.replay",
			id: "replayDelivery", tag: "Deliveries", summary: "Start a new round of attempts",
			takes: api.None{}, gives: given{status: 202, body: api.Delivery{}},
			text: "The same delivery gets a new round of attempts, with the same body and webhook-id. It replaces a retry that is " +
				"scheduled. 409 `webhook-deleted` when there is nowhere to send it.",
		},
		{
			method: "POST", path: "/v1/deliveries/{id}/cancel", scope: "deliveries:write", body: optionalBody, find: (*API).findDelivery, serve: (*API).cancelDelivery,
			id: "cancelDelivery", tag: "Deliveries", summary: "Cancel a pending delivery",
			takes: api.None{}, gives: given{status: 200, body: api.Delivery{}}, errors: []int{409},
			text: "The delivery ends as `failed`; its last attempt, which was not sent, has the error `cancelled`. There is no dead " +
				"letter, and the delivery can be replayed. What is queued for it is dropped. A request that is under way may still " +
				"arrive; its outcome is not recorded. 409 `delivery-not-pending` where the delivery has ended. A delivery waiting " +
				"for its first attempt is not known yet (404).",
		},
		{
			method: "POST", path: "/v1/events", scope: "events:write", body: requiredBody, publishes: true, serve: (*API).publish,
			id: "publish", tag: "Events", summary: "Publish one event or up to 100",
			takes: (*api.NewEvents)(nil), gives: given{status: 202, body: (*api.Accepted)(nil), text: "In a durable queue."},
			text: "Each event goes to the active webhooks whose `events` and `filter` take it. The answer comes once all of them " +
				"are in a durable queue.",
		},
		{
			method: "GET", path: "/v1/events", scope: "events:read", query: api.EventQuery{}, serve: (*API).listEvents,
			id: "listEvents", tag: "Events", summary: "List what was published, the newest first by acceptance",
			gives: given{status: 200, body: api.List[api.Event]{}}, errors: []int{404},
			text: "The event log holds events that were published or came over EventBridge, registered deployments, and system " +
				"events that a webhook took. They are kept for as long as deliveries. `matched` tells the events that went to a " +
				"webhook from those that went to none. 404 `event-log-off` where the stack keeps no log.",
		},
		{
			method: "GET", path: "/v1/events/{id}", scope: "events:read", query: api.EventDetailQuery{}, find: (*API).findEvent, serve: (*API).showEvent,
			id: "getEvent", tag: "Events", summary: "Show an event, where it went and where it did not",
			gives: given{status: 200, body: api.EventDetail{}},
			text: "The webhooks that it matched are those found when it was accepted. Why it did not go to the tenant's other " +
				"webhooks is worked out now, from what those webhooks are now: no record of that is kept. An id of yours that " +
				"was used again after 24 hours stands for the last event it was used for. The answer has the first webhooks of both " +
				"kinds, unless a page of them is asked for. A page may be short, or a little longer than `limit`, and still have a cursor.",
		},
		{
			method: "POST", path: "/v1/events/{id}/replay", scope: "deliveries:write", body: requiredBody, find: (*API).findEvent, serve: (*API).replayEvent, audit: "event.replay",
			id: "replayEvent", tag: "Events", summary: "Send an event to one webhook",
			takes: api.EventReplay{}, gives: given{status: 202, body: api.Delivery{}, text: "In a durable queue."},
			text: "Sends it also to a webhook that never got it. Where there is a delivery of this event to the webhook, that " +
				"delivery gets a new round of attempts, with the same body; else a new delivery is made, in the dialect and " +
				"format of now. Either way its webhook-id is the event's.",
		},
		{
			method: "DELETE", path: "/v1/events/{id}/payload", scope: "events:write", find: (*API).findEvent, serve: (*API).erasePayload, audit: "event.erase",
			id: "erasePayload", tag: "Events", summary: "Erase an event's payload",
			gives: given{status: 202, body: api.Erasure{}},
			text: "The answer says that it is queued and will be done; `erased_at` of the event says that it has begun. The log and " +
				"the deliveries lose the payload, and the receivers' answers with it; the history stays. Pending deliveries end as " +
				"`failed`, `erased`, and nothing is sent again (409 `event-erased`). A request that is under way may still arrive. " +
				"Copies that wait in queues are never attempted and expire within 14 days, those in back-ups within 35.",
		},
		{
			method: "GET", path: "/v1/event-types", scope: "events:read", query: api.PageQuery{}, serve: (*API).listEventTypes,
			id: "listEventTypes", tag: "Events", summary: "List the event types of the tenant's catalogue",
			gives: given{status: 200, body: api.List[api.EventType]{}},
		},
		{
			method: "GET", path: "/v1/event-types/{name}/preview", scope: "events:read", query: api.PreviewQuery{}, serve: (*API).previewEventType,
			id: "previewEventType", tag: "Events", summary: "Show what a webhook would get",
			gives: given{status: 200, body: api.Preview{}},
			text: "Shows an event of the type that happens now, with the data of the type's example: the exact body and headers, " +
				"for each content type of the dialect. They are signed with a secret that is made for this and shown, for trying " +
				"code that verifies; chat messages are not signed. Nothing is sent or stored.",
		},
		{
			method: "POST", path: "/v1/sources", scope: "sources:write", body: requiredBody, serve: (*API).createSource, audit: "source.create",
			id: "createSource", tag: "Sources and deployments", summary: "Make a source of deployments",
			takes: api.NewSource{}, gives: given{status: 201, body: api.CreatedSource{}, text: "The source, with its secret."},
			text: "Any tenant may have sources, whatever its dialect. `url` begins as this request's URL did.",
		},
		{
			method: "GET", path: "/v1/sources", scope: "sources:read", query: api.PageQuery{}, serve: (*API).listSources,
			id: "listSources", tag: "Sources and deployments", summary: "List sources, the newest first",
			gives: given{status: 200, body: api.List[api.Source]{}},
		},
		{
			method: "GET", path: "/v1/sources/{id}", scope: "sources:read", find: (*API).findSource, serve: (*API).showSource,
			id: "getSource", tag: "Sources and deployments", summary: "Show a source",
			gives: given{status: 200, body: api.Source{}},
		},
		{
			method: "DELETE", path: "/v1/sources/{id}", scope: "sources:write", find: (*API).findSource, serve: (*API).deleteSource, audit: "source.delete",
			id: "deleteSource", tag: "Sources and deployments", summary: "Delete a source",
			gives: given{status: 204},
			text:  "Its address is unknown at once: a report to it is 404. Deployments that it reported stay.",
		},
		{
			method: "GET", path: "/v1/deployments", scope: "sources:read", query: api.DeploymentQuery{}, serve: (*API).listDeployments,
			id: "listDeployments", tag: "Sources and deployments", summary: "List deployments, the newest first by registration",
			gives: given{status: 200, body: api.List[api.Deployment]{}},
			text: "Deployments are kept for 400 days. A page may be short, even empty, and still have a cursor. `payload` is null " +
				"where the payloads that stand before it on the page are over 4 MiB together; `GET /v1/deployments/{id}` has it.",
		},
		{
			method: "GET", path: "/v1/deployments/{id}", scope: "sources:read", find: (*API).findDeployment, serve: (*API).showDeployment,
			id: "getDeployment", tag: "Sources and deployments", summary: "Show a deployment",
			gives: given{status: 200, body: api.Deployment{}},
		},
		{
			method: "GET", path: "/v1/dialects", scope: admin, query: api.PageQuery{}, serve: (*API).listDialects,
			id: "listDialects", tag: "Dialects", summary: "List dialects, by name",
			gives: given{status: 200, body: api.List[api.DialectSummary]{}},
		},
		{
			method: "GET", path: "/v1/dialects/{name}", scope: admin, serve: (*API).showDialect,
			id: "getDialect", tag: "Dialects", summary: "Show a dialect",
			gives: given{status: 200, body: api.Dialect{}},
			text: "The whole description, with its examples. Put under another name, it makes the same dialect. `name` is the " +
				"newest version and `name@2` the second one, also of a name that was deleted.",
		},
		{
			method: "PUT", path: "/v1/dialects/{name}", scope: admin, body: requiredBody, serve: (*API).putDialect, audit: "dialect.put",
			id: "putDialect", tag: "Dialects", summary: "Make or change a dialect",
			takes: api.NewDialect{}, gives: given{status: 200, body: api.Dialect{}, text: "A new version, or nothing new."},
			also: []given{{status: 201, body: api.Dialect{}, text: "A new name."}}, errors: []int{409},
			text: "The body is a dialect's description, as `GET` shows one. `name` may be left out, else it is the path's. We " +
				"count `version`, whatever is given. The same description again changes nothing.\n\n" +
				"Events accepted from now on are sent in the new version; what is queued keeps the version it was accepted with. " +
				"Webhooks stay as they are. A type that the new version lacks can no longer be published, and a webhook that " +
				"subscribes to it keeps it. Secrets, URLs and content types that the new rules would refuse go on working. A " +
				"custom header that the dialect now sets itself is no longer sent. Only the way in which secrets become keys " +
				"must stay (`secret.key`, and `secret.prefix` of base64 keys): 422 on `secret`.\n\n" +
				"What multiplies is bounded (422). The longest values may make of the placeholders at most 64 KiB in a body, " +
				"beside the data (`envelope`), and at most 32 KiB in headers (`headers`). Holding the catalogue's examples " +
				"against its schemas has a bound, too, because references can double what they refer to; the fault is on the " +
				"`schema` that goes beyond it. A number in a schema or its example has at most 1,000 digits and an exponent of " +
				"at most 1,000. A built-in dialect is 409 `dialect-built-in`; a description over 256 KiB is 413.",
		},
		{
			method: "DELETE", path: "/v1/dialects/{name}", scope: admin, serve: (*API).deleteDialect, audit: "dialect.delete",
			id: "deleteDialect", tag: "Dialects", summary: "Delete a dialect",
			gives: given{status: 204}, errors: []int{409},
			text: "409 `dialect-in-use` where a tenant has it, 409 `dialect-built-in` for a built-in one. What is queued is still " +
				"sent; its versions can still be read, as `name@2`. The name can be put again: its versions count on.",
		},
		{
			method: "POST", path: "/v1/dialects/{name}/preview", scope: admin, body: requiredBody, find: (*API).findDialect, serve: (*API).previewDialect,
			id: "previewDialect", tag: "Dialects", summary: "Show what a webhook would get",
			takes: api.NewPreview{}, gives: given{status: 200, body: api.Preview{}},
			text: "Shows an event of a sample tenant that happens now: the exact body and headers, for each content type of the " +
				"dialect, signed with `secret` or with one that is made and shown. Nothing is sent or stored. An event that " +
				"publishing refuses is refused.",
		},
		{
			method: "POST", path: "/v1/dead-letters/redrive", scope: admin, body: optionalBody, serve: (*API).redrive, audit: "dead_letters.redrive",
			id: "redrive", tag: "Dead letters", summary: "Send dead letters again",
			takes: api.Redrive{}, gives: given{status: 202, body: api.RedriveStarted{}},
			text: "Starts the queue's own move task. Each dead letter starts a new round of attempts; one whose delivery has been " +
				"replayed or has succeeded since is dropped.",
		},
		{
			method: "GET", path: "/v1/dead-letters", scope: admin, serve: (*API).showDeadLetters,
			id: "getDeadLetters", tag: "Dead letters", summary: "Count the dead letters and list the move tasks",
			gives: given{status: 200, body: api.DeadLetters{}},
		},
		{
			method: "GET", path: "/openapi.json", scope: anyone, serve: (*API).showOpenAPI,
			id: "getOpenAPI", tag: "About", summary: "Get this document",
			gives: given{status: 200, types: []string{"application/json"}},
		},
		{
			method: "GET", path: "/docs", scope: anyone, serve: (*API).showDocs,
			id: "getDocs", tag: "About", summary: "Show this document as a page",
			gives: given{status: 200, types: []string{"text/html"}},
			text:  "The page is made of `/openapi.json` alone and loads nothing from elsewhere.",
		},
		{
			method: "GET", path: "/docs/{name}", scope: anyone, serve: (*API).showDocsFile,
			id: "getDocsFile", tag: "About", summary: "Get the page's stylesheet or script, or the page for tenants",
			gives: given{status: 200, types: []string{"text/css", "text/javascript", "text/html"}},
			text: "`docs.css` and `docs.js`; `tenants` is the page without the calls of admins. All of them, and the page, are " +
				"compressed for clients that accept gzip.",
		},
		{
			method: "GET", path: "/healthz", scope: anyone, serve: (*API).showHealth,
			id: "getHealth", tag: "About", summary: "Check that the process serves",
			gives: given{status: 200, body: api.Health{}},
		},
	}, receivers()...)
}
