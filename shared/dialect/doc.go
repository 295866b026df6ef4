// Package dialect writes webhooks in a product's existing format, byte for byte.
//
// A dialect is a description in JSON: envelope, headers, signature, ladder, success codes, catalogue, the rules for secrets and
// URLs, and the product's own words. The code knows no product, and a new dialect is one more file. The package guarantees that
// requests are as the description promises: the body's bytes, the headers' spelling and order, and the signature over the body
// as it travels. The package sends nothing and stores nothing.
//
// # Descriptions
//
// Every field is required unless the list says otherwise. Fields that are not in the list are refused.
//
//	name                      a–z, 0–9 and -, a letter first
//	version                   from 1; a new one for each change that a receiver can see. A Library counts it
//	product                   the product's name, as people read it
//	words                     optional: labels where the product's own differ; common.json has all of them
//	envelope                  any JSON up to 16 KiB. It has the string "{data}" once, or is that string: the event's data
//	                          replaces it. In strings, {id}, {type} and {tenant} are replaced, and the time when the event
//	                          happened replaces {timestamp} (2026-03-20T12:00:00Z), {timestamp_ms} (with milliseconds:
//	                          12:00:00.000Z), {timestamp_unix} (Unix seconds) and {timestamp_unix_ms} (Unix milliseconds). A
//	                          string that is just one of the last two becomes a number. Keys keep their order
//	body                      "plain": the data as it came, white space between tokens removed; or "ecmascript": the
//	                          whole body as JSON.stringify(JSON.parse(body)) writes it (see package ecmajson)
//	headers                   an object. Its headers are sent in its order, after Content-Type, User-Agent and webhook-id,
//	                          which every dialect has. Values can have {id} (the event's), {type}, {tenant}, {timestamp}
//	                          (when the event happened), {unix} (the attempt's time), {webhook} and {delivery} (their
//	                          ids; a delivery's is the same in all its attempts). Exactly one header has {signature}. A
//	                          User-Agent here replaces ours
//	signature
//	    signed                a template with {id}, {unix} and {body}; it must have {body} once
//	    encoding              "hex" or "base64"
//	    prefix                optional: before each signature
//	    join                  optional: the one character between several signatures; without it a header holds one, and
//	                          secrets cannot overlap
//	secret
//	    key                   "utf8": the secret's bytes are the key; "base64": what follows the prefix is the key's base64
//	    prefix                optional: before secrets that are made, and before every base64 one
//	    min, max              characters of a utf8 secret, bytes of a base64 key; max is optional, 1024
//	    made_bytes            random bytes of a secret that Hookline makes: in base64 or, for utf8, in hex
//	rotation_overlap_seconds  how long the old secret signs too unless the request says otherwise; 0 without join
//	ladder                    waits before each retry, as "30s", "5m", "2h"
//	success                   "2xx" or a list of codes within it
//	timeout_seconds           1–30
//	failing_when_exhausted    optional: a delivery that is out of attempts turns its webhook failing
//	url
//	    schemes               "https", "http"
//	    warn_of_http          optional: an http URL is accepted with a warning
//	content_types             "application/json", "application/x-www-form-urlencoded"; the first is the default
//	catalogue
//	    open                  optional: any valid event type can be published and subscribed to
//	    events                a list of
//	        name, description
//	        wire_name         optional: replaces {type} in requests, if the product's own name is not a valid event type
//	                          ("orders/create") or is shared by several; printable ASCII
//	        group             optional: the heading it is listed under
//	        coming_soon       optional: the type is only announced and cannot be published or subscribed to
//	        schema            optional: JSON Schema of the data
//	        example           optional: data of such an event; an example from a file beside the description takes precedence
//
// Descriptions that a deployment puts at run time have further limits on the sizes that they lead to: see Excess, and
// shared/management for schemas.
//
// Every catalogue also has the events of common.json, unless it describes them itself. That file describes the system events as
// well, which are in no catalogue.
//
// # A deployment's own dialects
//
// The dialects that come with Hookline are a Set. A Library adds those that a deployment describes at run time. It keeps all
// their versions in a store: an event is sent in the version that was the newest when it was accepted, however long it is
// queued. A name that was deleted is no longer offered to new tenants, but tenants that have it can use it.
package dialect
