package httpapi

import (
	"net/http"
	"strings"

	"hookline/shared/docs"
	"hookline/shared/webhook"
)

// showDocs answers with the document as a page. It is made when somebody first asks: most processes never are.
func (a *API) showDocs(c *call) (answer, error) {
	s, err := c.site()
	if err != nil {
		return answer{}, err
	}
	return fileOf(c, s.Page), nil
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
	return fileOf(c, f), nil
}

func fileOf(c *call, f docs.File) answer {
	out := answer{Status: http.StatusOK, Body: f.Plain, Header: http.Header{
		"Content-Type": {f.Type}, "Content-Security-Policy": {docs.ContentSecurityPolicy}, "Vary": {"Accept-Encoding"}, "Referrer-Policy": {"same-origin"},
	}}
	if strings.Contains(c.request.Header.Get("Accept-Encoding"), "gzip") {
		out.Header.Set("Content-Encoding", "gzip")
		out.Body = f.Zipped
	}
	return out
}
