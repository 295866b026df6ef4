package main

import (
	"errors"
	"strings"
	"testing"
)

func TestJudge(t *testing.T) {
	failed := errors.New("exit status 1")
	for _, tt := range []struct {
		name   string
		err    error
		stderr string
		green  bool
		prints string
	}{
		{"nothing found", nil, "", true, "ok"},
		{"a vulnerability", errors.New("exit status 3"), "", false, ""},
		{"no such host", failed, `govulncheck: fetching vulnerabilities: Get "https://db.example": dial tcp: lookup db.example: no such host`, true, "NOT CHECKED"},
		{"refused by the database", failed, "govulncheck: fetching vulnerabilities: unexpected status code 500", false, ""},
		{"code that does not build", failed, "govulncheck: loading packages: there are errors with the provided package patterns", false, ""},
		{"a tool that cannot be downloaded", failed, "go: module lookup: dial tcp: no such host", false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			err := judge(tt.err, tt.stderr, &out)
			if (err == nil) != tt.green || !strings.Contains(out.String(), tt.prints) {
				t.Errorf("judge() = %v, printing %q, want green %t, printing %q", err, out.String(), tt.green, tt.prints)
			}
		})
	}
}

func TestSift(t *testing.T) {
	var out strings.Builder
	if err := sift("hookline \nexample.com/a v1.2.0\n", &out); err != nil || !strings.Contains(out.String(), "none of 2") {
		t.Errorf("got %v, printing %q", err, out.String())
	}
	err := sift("example.com/a v1.2.0\nexample.com/b v1.0.1 withdrawn: it panics\n", &out)
	if err == nil || !strings.Contains(err.Error(), "example.com/b v1.0.1 withdrawn: it panics") || strings.Contains(err.Error(), "example.com/a") {
		t.Errorf("got %v, want example.com/b named", err)
	}
}
