// Package api has the types of the HTTP API: the JSON of its requests and answers, for httpapi, which serves it, and
// console, which calls it, with the conversions from the domain. The OpenAPI document is written from these types, their
// comments and their tags (see httpapi's TestOpenAPI).
//
// The rules of the API's JSON are kept here: times are RFC 3339 in UTC with milliseconds, a pointer is null when there
// is nothing, and lists and objects are never null. The package makes no requests and serves none.
package api
