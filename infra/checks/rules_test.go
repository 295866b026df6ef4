package checks

import (
	"os"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// TestRules holds every rule against a small tree that breaks it, to show that it can fail, and against the repository.
func TestRules(t *testing.T) {
	repository := read(t, os.DirFS("../.."))
	const doc = "// Package p is documented.\npackage p\n"
	for _, tt := range []struct {
		name string
		rule func(tree) []string
		bad  map[string]string
		want []string // what the rule says of bad
	}{
		{
			name: "every package has a doc",
			rule: undocumented,
			bad: map[string]string{
				"shared/a/a.go":      doc,
				"shared/a/b.go":      "package p\n",
				"shared/b/b.go":      "package p\n",
				"shared/b/b_test.go": doc,
				"shared/c/c_test.go": "package p\n",
				"shared/d/d.go":      "//go:build linux\n\npackage p\n",
			},
			want: []string{
				"shared/b: no package documentation",
				"shared/d: no package documentation",
			},
		},
		{
			name: "the map shows every package, and nothing else",
			rule: unmapped,
			bad: map[string]string{
				"CONTRIBUTING.md": "## A map of the code\n\n- `shared/a` is there; see `/v1/a`.\n- `functions/<name>` too.\n- `shared/b` is gone.\n" +
					"\nNo entry: `shared/c`.\n\n### From here\n\n- `shared/d`\n",
				"shared/a/deep/a.go":  "package p\n",
				"shared/ab/a.go":      "package p\n",
				"shared/c/c.go":       "package p\n",
				"shared/d/d_test.go":  "package p\n",
				"functions/a/main.go": "package p\n",
			},
			want: []string{
				"CONTRIBUTING.md: no folder shared/b",
				"shared/ab: not on CONTRIBUTING.md's map",
				"shared/c: not on CONTRIBUTING.md's map",
				"shared/d: not on CONTRIBUTING.md's map",
			},
		},
		{
			name: "a package that writes JSON holds fixtures of it",
			rule: heldFormats,
			bad: map[string]string{
				"shared/a/a.go":      "package a\n\nvar b, _ = json.Marshal(1)\n",
				"shared/b/b.go":      "package b\n\nvar e = json.NewEncoder(nil)\n",
				"shared/b/b_test.go": "package b\n\nvar _ = fixture.Hold\n",
				"shared/c/c_test.go": "package c\n\nvar b, _ = json.Marshal(1)\n",
			},
			want: []string{"shared/a: writes JSON and holds no fixture of it"},
		},
		{
			name: "the domain imports the standard library only",
			rule: domainImports,
			bad: map[string]string{
				"shared/webhook/id.go":      `package webhook; import ("time"; "github.com/google/uuid"; "hookline/shared/clock")`,
				"shared/webhook/id_test.go": `package webhook; import "github.com/google/go-cmp/cmp"`,
				"shared/clock/clock.go":     `package clock; import "github.com/google/uuid"`,
			},
			want: []string{
				"shared/webhook/id.go: the domain imports github.com/google/uuid",
				"shared/webhook/id.go: the domain imports hookline/shared/clock",
			},
		},
		{
			name: "adapters are chosen at the outside",
			rule: adapterImports,
			bad: map[string]string{
				"functions/deliver/main.go":         `package main; import "hookline/shared/queue/sqs"`,
				"infra/local/main.go":               `package main; import "hookline/shared/store/sqlite"`,
				"shared/delivery/deliver.go":        `package delivery; import "hookline/shared/store/sqlite"`,
				"shared/delivery/handle.go":         `package delivery; import "hookline/shared/store/sqlitex"`,
				"shared/delivery/delivery_test.go":  `package delivery; import "hookline/shared/store/sqlite"`,
				"shared/httpapi/api.go":             `package httpapi; import "hookline/shared/queue/sqs/wire"`,
				"shared/store/sqlite/sqlite.go":     `package sqlite; import "hookline/shared/sqlitedb"`,
				"shared/store/storetest/storage.go": `package storetest; import "hookline/shared/sqlitedb"`,
			},
			want: []string{
				"shared/delivery/deliver.go: imports the adapter hookline/shared/store/sqlite",
				"shared/httpapi/api.go: imports the adapter hookline/shared/queue/sqs/wire",
				"shared/store/storetest/storage.go: imports the adapter hookline/shared/sqlitedb",
			},
		},
		{
			name: "the console's diagnosis and drawings know no HTTP",
			rule: httpImports,
			bad: map[string]string{
				"shared/console/diagnosis/a.go":      `package diagnosis; import "net/http"`,
				"shared/console/diagnosis/a_test.go": `package diagnosis; import "net/http"`,
				"shared/console/chart/a.go":          `package chart; import ("net/url"; "hookline/shared/console/page")`,
				"shared/console/webhooks/a.go":       `package webhooks; import "net/http"`,
			},
			want: []string{
				"shared/console/chart/a.go: imports hookline/shared/console/page",
				"shared/console/diagnosis/a.go: imports net/http",
			},
		},
		{
			name: "Lambda's events are read in its adapters alone",
			rule: lambdaImports,
			bad: map[string]string{
				"shared/delivery/handle.go":      `package delivery; import "github.com/aws/aws-lambda-go/events"`,
				"shared/delivery/handle_test.go": `package delivery; import "github.com/aws/aws-lambda-go/events"`,
				"functions/deliver/main.go":      `package main; import "github.com/aws/aws-lambda-go/events"`,
				"functions/count/main.go":        `package main; import "github.com/aws/aws-lambda-go/lambda"`,
				"infra/local/runner/poll.go":     `package runner; import "github.com/aws/aws-lambda-go/events/test"`,
				"shared/queue/sqs/lambda.go":     `package sqs; import "github.com/aws/aws-lambda-go/events"`,
				"shared/gateway/request.go":      `package gateway; import "github.com/aws/aws-lambda-go/events"`,
				"shared/store/dynamo/tally.go":   `package dynamo; import "github.com/aws/aws-lambda-go/events"`,
			},
			want: []string{
				"functions/deliver/main.go: imports github.com/aws/aws-lambda-go/events",
				"infra/local/runner/poll.go: imports github.com/aws/aws-lambda-go/events/test",
				"shared/delivery/handle.go: imports github.com/aws/aws-lambda-go/events",
			},
		},
		{
			name: "no program links what is for tests",
			rule: supportImports,
			bad: map[string]string{
				"shared/a/a.go":                 `package a; import "hookline/shared/faultinject"`,
				"shared/a/a_test.go":            `package a; import "hookline/shared/faultinject"`,
				"shared/store/storetest/s.go":   `package storetest; import "hookline/shared/faultinject"`,
				"shared/store/sqlite/sqlite.go": `package sqlite; import "hookline/shared/faultinjection"`,
				"infra/local/main.go":           `package main; import "hookline/shared/queue/queuetest"`,
				"functions/console/main.go":     `package main; import "hookline/shared/console/consoletest"`,
			},
			want: []string{
				"functions/console/main.go: imports hookline/shared/console/consoletest, which is for tests",
				"infra/local/main.go: imports hookline/shared/queue/queuetest, which is for tests",
				"shared/a/a.go: imports hookline/shared/faultinject, which is for tests",
			},
		},
		{
			name: "shared code does not import what runs it",
			rule: outwardImports,
			bad: map[string]string{
				"shared/a/a.go":         `package a; import "hookline/infra/local/runner"`,
				"shared/a/a_test.go":    `package a; import "hookline/functions/deliver"`,
				"infra/local/main.go":   `package main; import "hookline/functions/deliver"`,
				"functions/notify/n.go": `package main; import "hookline/infra/alarms"`,
			},
			want: []string{
				"functions/notify/n.go: imports hookline/infra/alarms",
				"shared/a/a.go: imports hookline/infra/local/runner",
			},
		},
		{
			name: "libraries of tests are linked by tests only",
			rule: testImports,
			bad: map[string]string{
				"shared/httpapi/openapi.go":      `package httpapi; import "github.com/invopop/jsonschema"`,
				"shared/httpapi/openapi_test.go": `package httpapi; import ("github.com/invopop/jsonschema"; "github.com/pb33f/ordered-map/v2")`,
			},
			want: []string{"shared/httpapi/openapi.go: imports github.com/invopop/jsonschema, which is for tests"},
		},
		{
			name: "main.go of a function only wires",
			rule: longMains,
			bad: map[string]string{
				"functions/a/main.go":       lines(41),
				"functions/b/main.go":       lines(40),
				"infra/local/main.go":       lines(41),
				"functions/a/deep/main.go":  lines(41),
				"functions/a/main_other.go": lines(41),
			},
			want: []string{"functions/a/main.go: 41 lines, at most 40"},
		},
		{
			name: "files stay short",
			rule: longFiles,
			bad: map[string]string{
				"shared/a/a.go":         lines(501),
				"shared/a/b.go":         lines(500),
				"shared/a/a_test.go":    lines(501),
				"shared/a/generated.go": "// Code generated by a program. DO NOT EDIT.\n\n" + lines(501),
			},
			want: []string{"shared/a/a.go: 501 lines, at most 500"},
		},
		{
			name: "tests sleep in virtual time only",
			rule: sleeps,
			bad: map[string]string{
				"shared/a/a_test.go": "package a\nimport \"time\"\nfunc f() {\n\ttime.Sleep(1)\n}\n",
				"shared/a/b_test.go": "package a\nimport clock \"time\"\nvar nap = clock.Sleep\n",
				"shared/a/c_test.go": "package a\nimport \"time\"\n// time.Sleep(1)\nvar now = time.Now\n",
				"shared/a/d_test.go": "package a\nimport (\"testing/synctest\"; \"time\")\nfunc f() {\n\ttime.Sleep(1)\n}\n",
				"shared/a/a.go":      "package a\nimport \"time\"\nfunc f() {\n\ttime.Sleep(1)\n}\n",
			},
			want: []string{
				"shared/a/a_test.go:4: time.Sleep",
				"shared/a/b_test.go:3: time.Sleep",
			},
		},
		{
			name: "JSON is laid out within bounds",
			rule: unbounded,
			bad: map[string]string{
				"shared/a/a.go":           "package a\nimport \"encoding/json\"\nvar f = json.Indent\n",
				"infra/b/b.go":            "package b\nimport j \"encoding/json\"\nvar f, g = j.MarshalIndent, (*j.Encoder).SetIndent\n",
				"shared/a/a_test.go":      "package a\nimport \"encoding/json\"\nvar f = json.Indent\n",
				"shared/a/xml.go":         "package a\nimport \"encoding/xml\"\nvar f = xml.MarshalIndent\n",
				"shared/layout/layout.go": "package layout\nimport \"encoding/json\"\nvar f = json.Indent\n",
			},
			want: []string{
				"infra/b/b.go:3: MarshalIndent, where shared/layout has a bound",
				"infra/b/b.go:3: SetIndent, where shared/layout has a bound",
				"shared/a/a.go:3: Indent, where shared/layout has a bound",
			},
		},
		{
			name: "secrets are compared in a time that tells nothing",
			rule: hasty,
			bad: map[string]string{
				"shared/a/a.go":       "package a\nvar a = x.Secret == y\nvar b = key != m.AdminKeyHash\nvar c = bytes.Equal([]byte(token), got)\nvar d = HashAPIKey(k) == h\n",
				"shared/a/fine.go":    "package a\nvar a = x.Secret == \"\"\nvar b = secret != nil\nvar c = hmac.Equal(mac, got)\nvar d = len(secret) == n\nvar e = x.Format == y\nvar f = strings.TrimSpace(in.Secret) != in.Secret\n",
				"shared/a/a_test.go":  "package a\nvar a = secret == y\n",
				"infra/bench/main.go": "package main\nvar a = secret == y\n",
			},
			want: []string{
				"shared/a/a.go:2: compares Secret, in a time that tells of it",
				"shared/a/a.go:3: compares AdminKeyHash, in a time that tells of it",
				"shared/a/a.go:4: compares token, in a time that tells of it",
				"shared/a/a.go:5: compares HashAPIKey, in a time that tells of it",
			},
		},
		{
			name: "the top folder holds what the owner decided",
			rule: strangers,
			bad: map[string]string{
				"README.md":          "",
				".golangci.yml":      "",
				"NOTES.md":           "",
				"cmd/main.go":        "package main\n",
				"infra/notes/a.md":   "",
				"functions/a/a.yaml": "",
			},
			want: []string{"NOTES.md", "cmd"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bad := fstest.MapFS{}
			for name, text := range tt.bad {
				bad[name] = &fstest.MapFile{Data: []byte(text)}
			}
			if diff := cmp.Diff(tt.want, tt.rule(read(t, bad))); diff != "" {
				t.Errorf("of a tree that breaks it (-want +got):\n%s", diff)
			}
			for _, s := range tt.rule(repository) {
				t.Error(s)
			}
		})
	}
}

// lines returns a Go file of n lines.
func lines(n int) string {
	return "package p\n" + string(slices.Repeat([]byte{'\n'}, n-1))
}
