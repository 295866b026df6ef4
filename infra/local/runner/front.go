package runner

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"hookline/shared/console"
	"hookline/shared/stack/whole"
)

// bodyTime is how long a request's body may take to arrive. The largest is 1 MiB.
const bodyTime = 30 * time.Second

// front hands EventBridge's protocol to bus, /metrics to metrics, pages to the console, and all other requests to the API.
// It takes requests for loopback's names and the given ones alone, because a page anywhere on the web can have its own
// name lead to this machine (DNS rebinding) and would be one of ours then.
func front(all *whole.Stack, bus, metrics http.Handler, hosts []string) http.Handler {
	bus = http.NewCrossOriginProtection().Handler(bus) // a page that carries no key could publish
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !ours(r.Host, hosts) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusMisdirectedRequest)
			_, _ = fmt.Fprintf(w, `{"type":"about:blank","title":"Misdirected Request","status":421,"detail":%q,"code":"unknown-host"}`+"\n",
				"this address is not served under the name in the request; ALLOWED_HOSTS can name it")
			return
		}
		boundBody(w, r)
		switch {
		case r.Method == http.MethodPost && r.URL.Path == "/" && r.Header.Get("X-Amz-Target") != "":
			bus.ServeHTTP(w, r)
		case r.URL.Path == "/metrics" && (r.Method == http.MethodGet || r.Method == http.MethodHead) && ours(r.Host, nil):
			metrics.ServeHTTP(w, r) // which no proxy under another name gives to others
		case r.URL.Path == "/console":
			http.Redirect(w, r, console.Path, http.StatusMovedPermanently)
		case strings.HasPrefix(r.URL.Path, console.Path), r.URL.Path == "/" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
			all.Console.ServeHTTP(w, r)
		default:
			all.API.ServeHTTP(w, r)
		}
	})
}

// ours reports whether a request's host, with or without a port, is loopback or one of the names.
func ours(host string, names []string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if ip := net.ParseIP(strings.Trim(name, "[]")); ip != nil && ip.IsLoopback() {
		return true
	}
	return name == "localhost" || slices.Contains(names, name)
}

// boundBody has reading the request's body fail when it takes too long to arrive.
func boundBody(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	conn := http.NewResponseController(w)
	if conn.SetReadDeadline(time.Now().Add(bodyTime)) == nil {
		r.Body = &timedBody{r.Body, conn}
	}
}

// timedBody lifts the deadline once the body has arrived: the server notices through the connection when a client leaves.
type timedBody struct {
	io.ReadCloser
	conn *http.ResponseController
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}
