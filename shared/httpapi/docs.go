package httpapi

import (
	"net/http"
	"strings"

	"hookline/shared/webhook"
)

// File is a file that is served.
type File struct {
	Type   string // its Content-Type
	Plain  []byte
	Zipped []byte // the same, by gzip
}

// Site is the document as a page, with the files that the page needs.
type Site struct {
	Page File
	// Assets are the page's files by name. The page asks for them in the folder docs beside it. TenantDocs is among them.
	Assets map[string]File
	Policy string // the Content-Security-Policy of the page and its files
}

// TenantDocs is the name of the page without the calls of admins, for the people of a tenant.
const TenantDocs = "tenants"

// showDocs answers with the document as a page. The page is made at the first request, because most processes never get one.
func (a *API) showDocs(c *call) (answer, error) {
	s, err := c.site()
	if err != nil {
		return answer{}, err
	}
	return fileOf(c, s, s.Page), nil
}

func (a *API) showDocsFile(c *call) (answer, error) {
	s, err := c.site()
	if err != nil {
		return answer{}, err
	}
	f, ok := s.Assets[c.name]
	if !ok {
		return answer{}, webhook.ErrNotFound("file")
	}
	return fileOf(c, s, f), nil
}

func fileOf(c *call, s Site, f File) answer {
	out := answer{Status: http.StatusOK, Body: f.Plain, Header: http.Header{
		"Content-Type": {f.Type}, "Content-Security-Policy": {s.Policy}, "Vary": {"Accept-Encoding"}, "Referrer-Policy": {"same-origin"},
	}}
	if strings.Contains(c.request.Header.Get("Accept-Encoding"), "gzip") {
		out.Header.Set("Content-Encoding", "gzip")
		out.Body = f.Zipped
	}
	return out
}
