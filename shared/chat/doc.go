// Package chat writes an event as a message that people read, in what the incoming webhooks of Slack, Microsoft Teams
// and Discord accept.
//
// One rule for every event type: a title, the fields of the data in their own order with readable labels, and where it
// came from. Whatever the data, a message is valid JSON within the product's documented limits, the same each time it
// is written; what does not fit is cut with "…" or counted ("and 7 more fields"). Nothing in the data mentions anybody,
// formats anything or leads elsewhere than it says: it is text.
//
// It does not send, sign or choose: package delivery does.
package chat
