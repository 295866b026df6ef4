// Package console is the web pages on which a tenant's people look after their webhooks.
//
// It is a client of the HTTP API: every page is put together from the API's own answers, asked for in the same process,
// and every change is a call of the API in the visitor's name. So the console can do nothing that the API cannot, and what
// the API refuses is shown beside the field it names.
//
// Pages are rendered on the server and work without JavaScript; htmx makes lists live and puts forms into dialogs.
// Nothing is loaded from elsewhere: styles, scripts and icons are embedded. The Content-Security-Policy allows no inline
// style or script, so templates have neither; html/template escapes what is printed.
//
// Only pages of a portal's session can be shown in a frame, and only by the sites that the tenant names. Changes are taken
// from our own pages alone, in a frame or not.
//
// # Rooms
//
// Each subject is a package, a room: it has one door, Room, which returns its pages by pattern, its templates, which are
// the HTML files beside the code, and its entries in the navigation. This package puts the rooms together.
//
//	webhooks     the list, one webhook, its form and secret, tests, troubleshooting, imports
//	deliveries   the history, one delivery, replays
//	events       what was published, and the catalogue of event types
//	deployments  deployments and the sources that report them
//	account      API keys, settings, portal links, mails
//	help         how webhooks work
//	session      who is signed in; signing in and out
//
// The rooms are made with
//
//	page         a visit: asking the API, showing a page, saying what went wrong; the layout and the assets
//	feed         lists of what happened that ask for what is new
//	receiver     what a webhook's receiver gets, and the code that verifies it
//	record       what the API answers, as pages read it
//	diagnosis    why deliveries fail and what helps
//	chart, timeline, words
//	             drawing numbers, drawing attempts, writing numbers and times
//
// The last three lines' packages serve nothing: they do not know of HTTP.
package console
