// Package system has the system events: what Hookline itself says of webhooks and deliveries ("webhook.failing").
//
// Whoever changes a webhook's state queues a Change first and then makes the change. The change's message is looked at
// later: when what is stored shows that the change was made, it becomes an event of the tenant and a notice on the
// stack's event bus, else it is dropped. So a crash between the two neither loses an event nor makes up one, and of
// many writers that race for one change only the winner's is told of.
//
// Every change has an event id made of what it says, so that it is told once however often its message comes.
package system
