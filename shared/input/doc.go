// Package input reads JSON that a caller gives, field by field, and gathers everything that is wrong with it. The HTTP
// API, the console and the packages that make changes share it, so that a field has one name and one limit in all of them.
//
// It guarantees that every field at fault is named at once, by its path ("3.url", "headers.X-Token"), with one message
// for each; that a field given as null is told apart from one left out; and that unknown fields, and fields given twice,
// are refused. It knows types and limits; the rule of a field is checked by the package that makes the change.
package input
