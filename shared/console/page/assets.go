package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"

	"hookline/shared/brand"
)

// The files are ours except htmx.min.js, which is htmx 2.0.11 as https://htmx.org publishes it, under the Zero-Clause BSD
// licence: https://github.com/bigskysoftware/htmx/blob/master/LICENSE.
//
//go:embed assets
var assetFiles embed.FS

// AssetsPath is the path of the assets. Their hash follows it, so that browsers can keep them for ever and still get changed
// ones.
const AssetsPath = "/console/assets/"

// BrandPath is the path of the stylesheet with the deployment's own colours. A mark of it follows in the query, so that browsers
// can keep it for ever.
const BrandPath = "/console/brand.css"

// BrandColors serves that stylesheet.
func BrandColors(b brand.Brand) http.Handler {
	colors := []byte(b.Stylesheet())
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(colors) // a visitor who is gone needs no colours
	})
}

// stylesheet has all files of the folder css.
const stylesheet = "console.css"

// asset is a file in the two forms in which it is served.
type asset struct {
	plain  []byte
	zipped func() []byte // compressed when it is first called
}

// Files are the embedded templates and assets. Each is parsed or compressed when it is first asked for.
type Files struct {
	templates map[string]func() (*template.Template, error) // by page
	assets    map[string]asset                              // by name
	prefix    string                                        // of the assets' paths
}

// Parse parses all templates. A template that does not parse fails with its page otherwise.
func (f *Files) Parse() error {
	for page, parse := range f.templates {
		if _, err := parse(); err != nil {
			return fmt.Errorf("templates: %s: %w", page, err)
		}
	}
	return nil
}

// ReadFiles reads the files of this package and of the rooms.
func ReadFiles(rooms ...Room) (*Files, error) {
	f := &Files{}
	var err error
	if f.templates, err = templates(rooms); err != nil {
		return nil, err
	}
	if f.assets, err = readAssets(); err != nil {
		return nil, fmt.Errorf("assets: %w", err)
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(f.assets)) {
		h.Write(f.assets[name].plain)
	}
	f.prefix = AssetsPath + hex.EncodeToString(h.Sum(nil))[:12] + "/"
	return f, nil
}

// ServeHTTP serves the assets.
func (f *Files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutPrefix(r.URL.Path, f.prefix)
	file, found := f.assets[name]
	if !ok || !found {
		http.NotFound(w, r)
		return
	}
	header := w.Header()
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	header.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		header.Set("Content-Encoding", "gzip")
		_, _ = w.Write(file.zipped()) // a visitor who is gone needs no asset
		return
	}
	_, _ = w.Write(file.plain)
}

func readAssets() (map[string]asset, error) {
	plain := make(map[string][]byte)
	err := fs.WalkDir(assetFiles, "assets", func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := assetFiles.ReadFile(at)
		name := strings.TrimPrefix(at, "assets/")
		if path.Dir(name) == "css" {
			name = stylesheet
		}
		plain[name] = append(plain[name], b...) // in the order of their names
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make(map[string]asset)
	for name, b := range plain {
		out[name] = asset{b, sync.OnceValue(func() []byte { return zip(b) })}
	}
	return out, nil
}

func zip(b []byte) []byte {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write(b) // a bytes.Buffer takes everything
	_ = w.Close()
	return zipped.Bytes()
}
