// Package page is what all pages of the console are made with.
//
// A Room is a subject's pages: what serves them, by pattern, and their templates. A Site is what all of them have in
// common: the API they are put together from, the files they are rendered with, the sections of the navigation. A Visit is
// one request for a page: it asks the API in the visitor's name, and shows a page, leads to another, or says what went
// wrong.
package page
