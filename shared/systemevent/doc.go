// Package systemevent has the system events: what Hookline itself says of webhooks and deliveries ("webhook.failing").
//
// Code that changes a webhook's state queues a Change first and then makes the change. As soon as what is stored shows that
// the change was made, its message becomes an event of the tenant and a notice on the stack's event bus; when that does
// not show within a minute, it is dropped. So a crash between the two neither loses an event nor makes
// up one, and of many writers that race for one change only the winner's is told of. Every event has an id made of what
// it says, so that it is told once however often its message comes.
//
// Events do not feed on themselves. "*" and prefixes never take them, a webhook is never told of itself, and a failing
// delivery of a system event is no event; where it changes a webhook's health, the change is quiet: a notice alone, for
// a mail.
//
// It does not promise an event of a change that the webhook's owner undoes before its message is looked at, which is mostly
// some milliseconds later. Where a success undoes it, webhook.recovered has webhook.failing told first,
// unless that is a day ago.
package systemevent
