package console

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"hookline/shared/httpapi"
	"hookline/shared/webhook"
)

// problem is an error the API answered with.
type problem struct {
	Status int                  `json:"status"`
	Code   string               `json:"code"`
	Detail string               `json:"detail"`
	Errors []webhook.FieldError `json:"errors"`
}

func (p *problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail) }

// call asks the API in the name of k: in is the body, nil for none; out gets the answer, nil for none. Addresses in the
// answer begin as those of the page's own request do. With once, not "", the same call again gets the first answer.
func (c *Console) call(page *http.Request, k webhook.Key, once, method, path string, query url.Values, in, out any) error {
	var body io.Reader = http.NoBody
	var b bytes.Buffer
	if in != nil {
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false) // what is stored as it came, a filter, stays as it was entered
		if err := enc.Encode(in); err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		body = &b
	}
	r, err := http.NewRequestWithContext(httpapi.WithKey(page.Context(), k), method, path, body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	r.URL.RawQuery = query.Encode()
	r.URL.Scheme, r.Host, r.TLS = page.URL.Scheme, page.Host, page.TLS
	r.Header.Set("X-Forwarded-Proto", page.Header.Get("X-Forwarded-Proto"))
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if once != "" {
		sum := sha256.Sum256(append([]byte(once+"\x00"), b.Bytes()...))
		r.Header.Set("Idempotency-Key", hex.EncodeToString(sum[:]))
	}
	a := answer{header: make(http.Header)}
	c.API.ServeHTTP(&a, r)
	if a.status >= http.StatusBadRequest {
		p := &problem{}
		if err := json.Unmarshal(a.body.Bytes(), p); err != nil || p.Status == 0 {
			return fmt.Errorf("%s %s: answered %d", method, path, a.status)
		}
		return p
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(a.body.Bytes(), out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// answer is an answer of the API, kept.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) { a.status = status }

func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }
