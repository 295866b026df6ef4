package bill

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// template is what the bill depends on of template.yaml, with the parameters' defaults.
type template struct {
	memory    map[string]int // MB of each function
	mappings  int            // of queues to functions
	alarms    int            // the metrics that they are on
	filters   int            // of logs, each of which makes a metric
	boards    int
	keys      int
	schedules []string
	accessLog string // the format of a line
}

// readTemplate reads template.yaml at the root of the repository, which the working directory is in.
func readTemplate() (template, error) {
	text, err := fromRoot("template.yaml")
	if err != nil {
		return template{}, err
	}
	var doc struct {
		Globals struct {
			Function struct {
				MemorySize int `yaml:"MemorySize"`
			} `yaml:"Function"`
		} `yaml:"Globals"`
		Resources map[string]struct {
			Type       string `yaml:"Type"`
			Condition  string `yaml:"Condition"`
			Properties struct {
				MemorySize int   `yaml:"MemorySize"`
				Metrics    []any `yaml:"Metrics"`
				Events     map[string]struct {
					Type       string `yaml:"Type"`
					Properties struct {
						Schedule string `yaml:"Schedule"`
					} `yaml:"Properties"`
				} `yaml:"Events"`
				AccessLogSettings struct {
					Format string `yaml:"Format"`
				} `yaml:"AccessLogSettings"`
			} `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return template{}, fmt.Errorf("template.yaml: %w", err)
	}
	t := template{memory: make(map[string]int)}
	for name, r := range doc.Resources {
		if r.Condition == "HasMail" { // the default has none
			continue
		}
		switch r.Type {
		case "AWS::Serverless::Function":
			t.memory[strings.ToLower(strings.TrimSuffix(name, "Function"))] = max(r.Properties.MemorySize, doc.Globals.Function.MemorySize)
			for _, e := range r.Properties.Events {
				switch e.Type {
				case "SQS":
					t.mappings++
				case "Schedule":
					t.schedules = append(t.schedules, e.Properties.Schedule)
				}
			}
		case "AWS::Serverless::HttpApi":
			t.accessLog = r.Properties.AccessLogSettings.Format
		case "AWS::CloudWatch::Alarm":
			t.alarms += max(len(r.Properties.Metrics)-1, 1) // one of several is the expression
		case "AWS::Logs::MetricFilter":
			t.filters++
		case "AWS::CloudWatch::Dashboard":
			t.boards++
		case "AWS::KMS::Key":
			t.keys++
		}
	}
	return t, nil
}

// fromRoot reads a file of the repository that the working directory is in.
func fromRoot(name string) ([]byte, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			return text, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return nil, fmt.Errorf("%s is in no folder above the working directory", name)
		}
		dir = up
	}
}

// accessLine is a line of the API's access log as API Gateway would write it of a request to publish: each variable of the
// format stands for a value of its usual length.
func (t template) accessLine() string {
	return strings.NewReplacer(
		"$context.requestId", "JKJaXmPLvHcESHA=", "$context.requestTime", "28/Nov/2026:03:43:07 +0000",
		"$context.identity.sourceIp", "203.0.113.178", "$context.routeKey", "POST /v1/events", "$context.httpMethod", "POST",
		"$context.path", "/v1/events", "$context.status", "202", "$context.responseLatency", "38",
		"$context.identity.userArn", "-", "$context.error.message", "-", "$context.integrationErrorMessage", "-",
	).Replace(t.accessLog)
}
