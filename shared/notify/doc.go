// Package notify mails a tenant's owner what became of its webhooks: that one was created, is failing, is active again,
// or was made inactive. It reads the notices of package systemevent from a queue, and the digests that it puts there itself.
//
// The package guarantees: every change is mailed, once, however often its notice comes; a crash between a mail and the note
// that it was sent repeats that mail, for mail services take no key of ours that would tell a repeat. At most ten mails
// an hour and tenant, hours of the deployment's clock; the changes beyond are in one more mail when the hour is over. No
// mail holds a secret: a URL is shown without what it may hide, and what people named a webhook cannot add a header or
// a line.
//
// It makes no notices, and says nothing of single deliveries. A change that happened while its tenant
// had no address is not mailed later. Of a mail that the service took it does not hear whether it arrived.
package notify
