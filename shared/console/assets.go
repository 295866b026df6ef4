package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
)

// The files are ours but for htmx.min.js, which is htmx 2.0.11 as https://htmx.org publishes it, under the Zero-Clause BSD
// licence: https://github.com/bigskysoftware/htmx/blob/master/LICENSE.
//
//go:embed assets
var assetFiles embed.FS

// assetsPath is where the assets lie. Their hash follows: browsers keep them for ever, and ask for changed ones.
const assetsPath = Path + "assets/"

// stylesheet is the files of css as one.
const stylesheet = "console.css"

// asset is a file as it is served.
type asset struct{ plain, zipped []byte }

// assets returns the path below which the embedded files are served, and what serves them.
func assets() (prefix string, handler http.Handler, err error) {
	files, err := readAssets()
	if err != nil {
		return "", nil, fmt.Errorf("assets: %w", err)
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h.Write(files[name].plain)
	}
	prefix = assetsPath + hex.EncodeToString(h.Sum(nil))[:12] + "/"
	return prefix, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, ok := strings.CutPrefix(r.URL.Path, prefix)
		file, found := files[name]
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
			_, _ = w.Write(file.zipped) // a visitor who is gone needs no asset
			return
		}
		_, _ = w.Write(file.plain)
	}), nil
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
		var zipped bytes.Buffer
		w := gzip.NewWriter(&zipped)
		if _, err := w.Write(b); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		out[name] = asset{b, zipped.Bytes()}
	}
	return out, nil
}
