package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// Answer is a response as API Gateway takes it.
type Answer = events.APIGatewayV2HTTPResponse

// Handler serves requests of an HTTP API with h, as a function that lambda.Start takes. An event that is no request is
// an error of the function; API Gateway answers its client 500 then. A panic of h is the runtime's affair.
func Handler(h http.Handler) func(context.Context, Event) (Answer, error) {
	return func(ctx context.Context, e Event) (Answer, error) {
		r, err := NewRequest(ctx, e)
		if err != nil {
			return Answer{}, err
		}
		w := &recorder{header: make(http.Header)}
		w.header.Set("Strict-Transport-Security", alwaysTLS)
		h.ServeHTTP(w, r)
		return w.answer(), nil
	}
}

// alwaysTLS has browsers come by https alone for a year (RFC 6797). API Gateway answers nothing else, so it is the first
// request of somebody who types an address that it protects.
const alwaysTLS = "max-age=31536000"

func newBody(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }

// recorder is a http.ResponseWriter that keeps everything. As with net/http's own, headers set after the status has
// been written do not count.
type recorder struct {
	header http.Header
	sent   http.Header // header as it was when the status was written
	status int         // 0 until then
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status != 0 || status < http.StatusOK { // an informational status cannot be passed on
		return
	}
	w.status = status
	w.sent = w.header.Clone()
}

func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.status == http.StatusNoContent || w.status == http.StatusNotModified {
		return 0, http.ErrBodyNotAllowed
	}
	return w.body.Write(b)
}

func (w *recorder) answer() Answer {
	w.WriteHeader(http.StatusOK)
	a := Answer{StatusCode: w.status, Headers: make(map[string]string), Cookies: w.sent.Values("Set-Cookie")}
	if w.body.Len() > 0 && len(w.sent.Values("Content-Type")) == 0 {
		a.Headers["Content-Type"] = http.DetectContentType(w.body.Bytes()) // API Gateway would say application/json
	}
	for name, values := range w.sent {
		switch name {
		case "Set-Cookie": // format 2.0 has a field for it
		case "Connection", "Content-Length", "Transfer-Encoding": // belong to API Gateway's own connection
		default:
			if len(values) > 0 {
				a.Headers[name] = strings.Join(values, ", ")
			}
		}
	}
	if b := w.body.Bytes(); utf8.Valid(b) {
		a.Body = string(b)
	} else {
		a.Body, a.IsBase64Encoded = base64.StdEncoding.EncodeToString(b), true
	}
	return a
}
