// Package docs makes a page for reading an OpenAPI 3.1 document: every call with its scope, parameters, body, answers, an
// example and a command to try it, and every schema with its fields and their rules, all in the document's order. A second
// page, for the people of a tenant, has no calls of admins.
//
// The page is made of the document alone, so it cannot differ from it. The package knows the part of OpenAPI and JSON Schema
// that our document uses and refuses the rest: a keyword that the page would not show is an error. Texts are the Markdown
// that package prose knows.
//
// The page needs two files of its own, a stylesheet and a script, and nothing from elsewhere. The script makes the search
// work; without it the page is complete. The page has no inline style or script, so that ContentSecurityPolicy holds.
package docs

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"path"

	"hookline/shared/brand"
	"hookline/shared/httpapi"
)

// ContentSecurityPolicy is the policy under which the page works. A deployment's logo has its source added.
const ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

//go:embed assets page.html
var files embed.FS

// New returns what makes the page of a document, with its files, under a deployment's brand.
func New(b brand.Brand) func(document []byte) (httpapi.Site, error) {
	return func(document []byte) (httpapi.Site, error) { return newSite(b, document) }
}

func newSite(b brand.Brand, document []byte) (httpapi.Site, error) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.DisallowUnknownFields()
	var doc spec
	if err := d.Decode(&doc); err != nil {
		return httpapi.Site{}, fmt.Errorf("OpenAPI document: %w", err)
	}
	v, err := viewOf(&doc)
	if err != nil {
		return httpapi.Site{}, fmt.Errorf("OpenAPI document: %w", err)
	}
	v.Title, v.Logo, v.Colors = b.Or(v.Title), b.Image(), b.Color != ""
	t, err := template.New("page.html").Funcs(functions()).ParseFS(files, "page.html")
	if err != nil {
		return httpapi.Site{}, fmt.Errorf("page: %w", err)
	}
	s := httpapi.Site{Policy: ContentSecurityPolicy, Assets: make(map[string]httpapi.File)}
	if from := b.ImageSource(); from != "" {
		s.Policy += "; img-src" + from
	}
	if s.Page, err = page(t, &v); err != nil {
		return httpapi.Site{}, err
	}
	if s.Assets[httpapi.TenantDocs], err = page(t, v.forTenants()); err != nil {
		return httpapi.Site{}, err
	}
	names, err := fs.Glob(files, "assets/*")
	if err != nil {
		return httpapi.Site{}, err
	}
	for _, name := range names {
		plain, err := files.ReadFile(name)
		if err != nil {
			return httpapi.Site{}, err
		}
		if s.Assets[path.Base(name)], err = file(mime.TypeByExtension(path.Ext(name)), plain); err != nil {
			return httpapi.Site{}, err
		}
	}
	if colors := b.Stylesheet(); colors != "" {
		if s.Assets["brand.css"], err = file("text/css; charset=utf-8", []byte(colors)); err != nil {
			return httpapi.Site{}, err
		}
	}
	return s, nil
}

func page(t *template.Template, v *view) (httpapi.File, error) {
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		return httpapi.File{}, fmt.Errorf("page: %w", err)
	}
	return file("text/html; charset=utf-8", b.Bytes())
}

func file(contentType string, plain []byte) (httpapi.File, error) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := w.Write(plain); err != nil {
		return httpapi.File{}, err
	}
	if err := w.Close(); err != nil {
		return httpapi.File{}, err
	}
	return httpapi.File{Type: contentType, Plain: plain, Zipped: zipped.Bytes()}, nil
}
