// Package api has the types of the HTTP API: the JSON of its answers, for those who write it (httpapi) and those who
// read it (console), with the conversions from the domain.
//
// The rules of the API's JSON are kept here: times are RFC 3339 in UTC with milliseconds, a pointer is null when there
// is nothing, and lists and objects are never null. The package makes no requests and serves none.
package api
