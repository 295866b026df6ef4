// Package console serves the web pages on which a tenant's people look after their webhooks.
//
// The console is a client of the HTTP API in the same process. Every page is made of the API's answers, and every change is a
// request to the API with the visitor's key. So the console can do nothing that the API cannot, and a form shows the API's
// refusals beside the fields that they name.
//
// Pages are rendered on the server and work without JavaScript; htmx polls lists and puts forms into dialogs. Nothing is loaded
// from other sites: styles, scripts and icons are embedded. The Content-Security-Policy forbids inline styles and scripts, so
// the templates have none; html/template escapes everything that they print.
//
// Only pages of a portal's session can be shown in a frame, and only by the sites that the tenant names. Changes are accepted
// from the console's own pages alone, in a frame or not.
//
// # Rooms
//
// Each subject has a package, a room. Its only way in is the function Room, which returns the pages by pattern, their templates
// (the HTML files beside the code) and the entries in the navigation. This package puts the rooms together.
//
//	webhooks     the list, one webhook, its form and its secret, tests, troubleshooting, imports
//	deliveries   the history, one delivery, replays
//	events       the events that were published, the catalogue of event types
//	deployments  deployments, and the sources that report them
//	account      API keys, settings, portal links, mails
//	auditlog     who changed what
//	help         how webhooks work
//	operators    the operators' console: tenants, dead letters, queues, replay jobs
//	session      signing in and out, and who is signed in
//
// Rooms use these packages. The last five make no requests and serve none.
//
//	page         a visit: requests to the API, rendering, errors; the layout and the assets
//	feed         the common parts of the lists of deliveries and of events
//	receiver     a webhook from the receiver's side: the request, and the code that verifies it
//	record       values derived from the API's answers
//	diagnosis    why deliveries fail, and what helps
//	chart        bar charts
//	timeline     the drawing of a delivery's attempts
//	words        numbers, times and durations as text
package console
