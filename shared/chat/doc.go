// Package chat writes an event as a message for people, in the form that the incoming webhooks of Slack, Microsoft Teams and
// Discord accept.
//
// One rule holds for every event type: a message has a title, the fields of the data in their own order with readable labels,
// and a line that says where the event came from. With any data, the message is valid JSON within the product's
// documented limits, and the same each time it is written. Text that does not fit is cut with "…", and fields that do not fit
// are counted ("and 7 more fields"). The data is shown as text: it cannot mention anybody, format anything or hide where a link
// leads.
//
// The package does not send messages, and it does not decide who gets one: package delivery does.
package chat
