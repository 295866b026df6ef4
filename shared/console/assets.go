package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
)

// The files are ours but for htmx.min.js, which is htmx 2.0.11 as https://htmx.org publishes it, under the Zero-Clause BSD
// licence: https://github.com/bigskysoftware/htmx/blob/master/LICENSE.
//
//go:embed assets
var assetFiles embed.FS

// assetsPath is where the assets lie. Their hash follows: browsers keep them for ever, and ask for changed ones.
const assetsPath = Path + "assets/"

// assets returns the embedded files and the path below which they are served.
func assets() (prefix string, handler http.Handler, err error) {
	files, err := fs.Sub(assetFiles, "assets")
	if err != nil {
		return "", nil, fmt.Errorf("assets: %w", err)
	}
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return "", nil, fmt.Errorf("assets: %w", err)
	}
	h := sha256.New()
	for _, entry := range entries {
		b, err := fs.ReadFile(files, entry.Name())
		if err != nil {
			return "", nil, fmt.Errorf("assets: %w", err)
		}
		h.Write(b)
	}
	prefix = assetsPath + hex.EncodeToString(h.Sum(nil))[:12] + "/"
	served := http.StripPrefix(prefix, http.FileServerFS(files))
	return prefix, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == prefix || !strings.HasPrefix(r.URL.Path, prefix) {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		served.ServeHTTP(w, r)
	}), nil
}
