package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"

	"hookline/shared/api"
)

// maxAnswer is far above the largest answer of the API.
const maxAnswer = 64 << 20

// request is a call of the API.
type request struct {
	method, path string
	query        url.Values
	body         any  // json.RawMessage is sent as it is
	admin        bool // the call is the admin's
}

// refusal is the API's own answer to a call that it did not do.
type refusal struct{ api.Problem }

func (r *refusal) Error() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%d %s: %s", r.Status, r.Title, r.Detail)
	for _, field := range r.Errors {
		fmt.Fprintf(&out, "\n  %s %s", field.Field, field.Message)
	}
	switch r.Code {
	case api.CodeUnauthorized:
		out.WriteString("\nSign in again: hookline login URL")
	case api.CodeMissingScope:
		out.WriteString("\nUse a key that has this scope: hookline login URL")
	case api.CodeAdminOnly:
		out.WriteString("\nThe call is the admin's: hookline login URL --admin, or --aws on AWS")
	case api.CodeTenantOnly:
		out.WriteString("\nThe call is a tenant's: hookline login URL, with a tenant's key; the admin's is kept by hookline login --admin URL")
	}
	return out.String()
}

// credentialError is a call that needs a credential that is not there.
type credentialError struct{ text string }

func (e credentialError) Error() string { return e.text }

// unreachable is a call that got no answer of the API.
type unreachable struct{ error }

func (e unreachable) Unwrap() error { return e.error }

// call makes one call and decodes its answer into out, which may be nil.
func (a *app) call(ctx context.Context, r request, out any) error {
	if a.acc == nil {
		acc, err := a.account()
		if err != nil {
			return err
		}
		a.acc = &acc
	}
	var body []byte
	if r.body != nil {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return err
		}
		if raw, ok := r.body.(json.RawMessage); ok {
			body = raw // byte for byte: an import that is repeated so goes on
		}
	}
	target := a.acc.URL + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "hookline-cli")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if err := a.authorize(req, body, r.admin); err != nil {
		return err
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return unreachable{fmt.Errorf("%w\nIs the stack running at %s? Whether the call was done is not known", err, a.acc.URL)}
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return unreachable{fmt.Errorf("the answer was cut short: %w", err)}
	}
	if resp.StatusCode >= 300 {
		return refused(resp, raw)
	}
	if out == nil || len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return unreachable{fmt.Errorf("%s answered with what is not Hookline's: %w", a.acc.URL, err)}
	}
	return nil
}

// refused reads a problem; where none is in the answer, something in front of Hookline has answered, as IAM does at API Gateway.
func refused(resp *http.Response, raw []byte) error {
	out := &refusal{}
	if json.Unmarshal(raw, &out.Problem) == nil && out.Title != "" {
		out.Status = resp.StatusCode
		if after := resp.Header.Get("Retry-After"); after != "" {
			out.Detail += " (try again in " + after + " s)"
		}
		return out
	}
	out.Problem = api.Problem{Status: resp.StatusCode, Title: http.StatusText(resp.StatusCode), Detail: "this is not Hookline's own answer; is the URL the stack's?"}
	if resp.StatusCode == http.StatusForbidden {
		out.Detail = "the AWS credentials may not make this call (execute-api:Invoke), or the URL is not the stack's"
	}
	return out
}

// authorize puts the credential on a call: a key, or a signature.
func (a *app) authorize(req *http.Request, body []byte, admin bool) error {
	region, _ := gatewayRegion(req.URL.Hostname())
	switch {
	case req.URL.Path == "/healthz" || req.URL.Path == "/openapi.json": // they are anyone's
		return nil
	case !admin && a.acc.APIKey != "":
		req.Header.Set("Authorization", "Bearer "+a.acc.APIKey)
		return nil
	case !admin:
		return credentialError{"no API key is known: run `hookline login URL`, or set HOOKLINE_API_KEY"}
	case a.acc.AdminKey != "":
		req.Header.Set("Authorization", "Bearer "+a.acc.AdminKey)
		return nil
	case !a.signs():
		return credentialError{"the call is the admin's, and no admin key is known: run `hookline login URL --admin`, or --aws on AWS, or set HOOKLINE_ADMIN_KEY"}
	}
	cfg, err := config.LoadDefaultConfig(req.Context())
	if err != nil {
		return credentialError{"AWS's settings cannot be read: " + err.Error()}
	}
	if region == "" {
		region = cfg.Region
	}
	if region == "" {
		return credentialError{"no AWS region is known: set AWS_REGION to the stack's"}
	}
	credentials, err := cfg.Credentials.Retrieve(req.Context())
	if err != nil {
		return credentialError{"no AWS credentials were found for an admin call: run `aws sso login` or `aws configure` (" + err.Error() + ")"}
	}
	sum := sha256.Sum256(body)
	return v4.NewSigner().SignHTTP(req.Context(), credentials, req, hex.EncodeToString(sum[:]), "execute-api", region, time.Now())
}

// gatewayRegion returns the region of an address of API Gateway's: ID.execute-api.REGION.amazonaws.com.
func gatewayRegion(host string) (string, bool) {
	_, rest, ok := strings.Cut(host, ".execute-api.")
	region, domain, _ := strings.Cut(rest, ".")
	return region, ok && strings.HasPrefix(domain, "amazonaws.com")
}

// hasAdmin reports whether there is a credential for admin calls.
func (a *app) hasAdmin() bool { return a.acc.AdminKey != "" || a.signs() }

// signs reports whether the stack is on AWS, where admin calls are signed.
func (a *app) signs() bool {
	u, err := url.Parse(a.acc.URL)
	if err != nil {
		return false
	}
	_, gateway := gatewayRegion(u.Hostname())
	return a.acc.AWS || gateway
}

// page is how much of a list is asked for.
type page struct {
	limit  int
	all    bool
	cursor string
}

// list reads pages until there are as many items as asked for. The list's next cursor says whether there are more.
func (a *app) list(ctx context.Context, r request, p page) (api.List[json.RawMessage], error) {
	out := api.List[json.RawMessage]{Data: []json.RawMessage{}}
	if p.limit < 1 {
		return out, usageError{errors.New("--limit must be 1 or more")}
	}
	query := url.Values{}
	maps.Copy(query, r.query)
	for {
		size := 100
		if !p.all {
			size = min(size, p.limit-len(out.Data))
		}
		query.Set("limit", strconv.Itoa(size))
		if p.cursor != "" {
			query.Set("cursor", p.cursor)
		}
		r.query = query
		var got api.List[json.RawMessage]
		if err := a.call(ctx, r, &got); err != nil {
			return out, err
		}
		out.Data, out.NextCursor = append(out.Data, got.Data...), got.NextCursor
		if got.NextCursor == nil || !p.all && len(out.Data) >= p.limit {
			return out, nil
		}
		p.cursor = *got.NextCursor
	}
}
