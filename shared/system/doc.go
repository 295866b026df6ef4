// Package system has the system events: what Hookline itself says of webhooks and deliveries ("webhook.failing").
//
// Whoever changes a webhook's state queues a Change first and then makes the change. The change's message is looked at
// a second later: when what is stored shows that the change was made, it becomes an event of the tenant and a notice on
// the stack's event bus, else it is dropped, after a minute. So a crash between the two neither loses an event nor makes
// up one, and of many writers that race for one change only the winner's is told of. Every event has an id made of what
// it says, so that it is told once however often its message comes.
//
// Events do not feed on themselves. "*" and prefixes never take them, a webhook is never told of itself, and a failing
// delivery of a system event is no event; where it changes a webhook's health, the change is quiet: a notice alone, for
// a mail.
//
// What it does not promise: a change that is undone, or made again by the webhook's owner, before its message is looked
// at may not be told of.
package system
