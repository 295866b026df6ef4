// Package console is the web pages on which a tenant's people look after their webhooks.
//
// It is a client of the HTTP API: every page is put together from the API's own answers, asked for in the same process,
// and every change is a call of the API in the name of whoever is signed in. So the console can do nothing that the API
// cannot, and what the API refuses is shown beside the field it names.
//
// Pages are rendered on the server and work without JavaScript; htmx makes lists live and puts forms into dialogs.
// Nothing is loaded from elsewhere: styles, scripts and icons are embedded. The Content-Security-Policy allows no inline
// style or script, so templates have neither; html/template escapes what is printed.
//
// Who is signed in stands in a sealed cookie: the hash of an API key, or a portal link that was used (package portal). The
// key, or the one that made the link, is looked up at every request: a deleted key ends its sessions at once. What the key
// grants, less what no portal may do, is whom the API sees.
//
// Only pages of a portal's session can be shown in a frame, and only by the sites that the tenant names. Changes are taken
// from our own pages alone, in a frame or not.
package console
