// Package dialect speaks a product's existing webhook format, byte for byte.
//
// A dialect is a description, data in JSON: envelope, headers, signature, ladder, what counts as success, catalogue,
// the rules for secrets and URLs, and the product's own words. Nothing of any product is in code, and a new dialect is
// one more file. The package guarantees that what a description promises is what is sent: the body's bytes, the
// headers' spelling and order, the signature over the body as it travels. It sends nothing and stores nothing.
//
// # Descriptions
//
// Every field is required unless it says otherwise; fields that are not listed are refused.
//
//	name                      a–z, 0–9 and -, a letter first
//	version                   from 1; a new one when anything changes that a receiver can see. A Library counts it
//	product                   the product's name, as people read it
//	words                     optional: labels where the product's own differ; common.json has all of them
//	envelope                  any JSON up to 16 KiB. The string "{data}", once, is replaced by the event's data, or is the
//	                          whole envelope; {id}, {type}, {tenant} and when the event happened are replaced inside
//	                          strings. That is {timestamp} (2026-03-20T12:00:00Z), {timestamp_ms} (the same with
//	                          milliseconds: 12:00:00.000Z), {timestamp_unix} (Unix seconds) or {timestamp_unix_ms} (Unix
//	                          milliseconds); each of the last two, alone in a string, makes a number. Keys keep their order
//	body                      "plain": the data as it came, white space between tokens removed; or "ecmascript": the
//	                          whole body as JSON.stringify(JSON.parse(body)) writes it (see package ecmajson)
//	headers                   an object, in the order they are sent, after Content-Type, User-Agent and webhook-id,
//	                          which every dialect has. Values hold {id} (the event's), {type}, {tenant}, {timestamp}
//	                          (when the event happened), {unix} (the attempt's time), {webhook} and {delivery} (their
//	                          ids; a delivery's is the same in all its attempts) and, in exactly one header,
//	                          {signature}. A User-Agent here replaces ours
//	signature
//	    signed                a template of {id}, {unix} and {body}; {body} must be in it once
//	    encoding              "hex" or "base64"
//	    prefix                optional: before each signature
//	    join                  optional: between several, one character; without it a header holds one and secrets cannot
//	                          overlap
//	secret
//	    key                   "utf8": the secret's bytes are the key; "base64": what follows the prefix is the key's base64
//	    prefix                optional: before secrets that are made, and before every base64 one
//	    min, max              characters of a utf8 secret, bytes of a base64 key; max is optional, 1024
//	    made_bytes            random bytes of a secret that is made: in base64 or, for utf8, in hex
//	rotation_overlap_seconds  how long the old secret signs too unless the caller says otherwise; 0 without join
//	ladder                    waits before each retry, as "30s", "5m", "2h"
//	success                   "2xx" or a list of codes within it
//	timeout_seconds           1–30
//	failing_when_exhausted    optional: a delivery out of attempts turns its webhook failing
//	url
//	    schemes               "https", "http"
//	    warn_of_http          optional: an http URL is taken with a warning
//	content_types             "application/json", "application/x-www-form-urlencoded"; the first is the default
//	catalogue
//	    open                  optional: any valid event type can be published and subscribed to
//	    events                a list of
//	        name, description
//	        wire_name         optional: what {type} stands for in what is sent, where the product's own name is no event
//	                          type ("orders/create") or is shared by several; printable ASCII
//	        group             optional: the heading it is listed under
//	        coming_soon       optional: announced only; cannot be published or subscribed to
//	        schema            optional: JSON Schema of the data
//	        example           optional: data of such an event; the examples given beside the description come first
//
// What a deployment puts at run time is also bounded in what it multiplies: see Excess, and shared/management for schemas.
//
// Every catalogue also has the events of common.json, unless it describes them itself. The system events are described
// there too; they are in no catalogue.
//
// # A deployment's own
//
// Dialects that come with Hookline are a Set. A Library adds those that a deployment describes at run time, kept in a
// store, version by version: what is accepted is sent in the newest, what is queued in the version it was accepted
// with, for ever. A name that was deleted is no longer offered, and resolves for the tenants that have it.
package dialect
