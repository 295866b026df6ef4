// Package page has the things that every page of the console is made with.
//
// A Room is the pages of one subject with their templates. A Site is shared by all pages: the API that they ask, the files
// that they are rendered with, the sections of the navigation. A Visit is one request for a page: it asks the API in the
// visitor's name and then shows a page, redirects to another, or says what went wrong.
package page
