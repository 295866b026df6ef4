package checks

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestErrorsAlarm shows that one alarm is on after a single error of any function, and that the deployments of all
// functions watch it.
func TestErrorsAlarm(t *testing.T) {
	tm := readTemplate(t)
	if got, want := tm.of("AWS::Logs::MetricFilter"), []string{"ErrorLines"}; !cmp.Equal(got, want) {
		t.Fatalf("log metrics %v, want %v", got, want)
	}
	filter, alarm := tm.Resources["ErrorLines"], tm.Resources["Errors"]
	if filter.Condition != "" || alarm.Condition != "" {
		t.Errorf("the alarm depends on %q, its metric on %q", alarm.Condition, filter.Condition)
	}
	metrics := list1(filter.Properties["MetricTransformations"])
	if len(metrics) != 1 || at(metrics[0], "MetricValue") != any("1") || at(metrics[0], "DefaultValue") != nil {
		t.Errorf("metrics %v, want one that counts", metrics)
	}
	// One datapoint of five: CloudWatch evaluates a period before the metrics of logs are in. Metric math with FILL is no
	// way out, because the value that it fills in for the newest period is taken for its datapoint.
	want := map[string]any{
		"Namespace": at(metrics[0], "MetricNamespace"), "MetricName": at(metrics[0], "MetricName"), "Statistic": "Sum", "Period": 60,
		"EvaluationPeriods": 5, "DatapointsToAlarm": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
		"TreatMissingData": "notBreaching",
	}
	got := make(map[string]any)
	for name, value := range alarm.Properties {
		if name != "AlarmDescription" && name != "AlarmActions" && name != "OKActions" {
			got[name] = value
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the alarm (-want +got):\n%s", diff)
	}
	for _, name := range tm.of("AWS::CloudWatch::Alarm") {
		p := tm.Resources[name].Properties
		for _, m := range list1(p["Metrics"]) {
			if text, _ := at(m, "Expression").(string); strings.Contains(text, "FILL") && p["DatapointsToAlarm"] == nil {
				t.Errorf("%s fills in values, and a single one of those turns it", name)
			}
		}
	}

	// An alarm that is on stops a deployment; that is wanted where a deployment is gradual.
	preference := map[string]any{
		"Type":                 map[string]any{"Fn::If": []any{"IsProd", "Canary10Percent5Minutes", "AllAtOnce"}},
		"Alarms":               map[string]any{"Fn::If": []any{"IsProd", []any{ref("Errors")}, []any{ref("AWS::NoValue")}}},
		"PassthroughCondition": true,
	}
	if diff := cmp.Diff(any(preference), tm.Globals.Function["DeploymentPreference"]); diff != "" {
		t.Errorf("deployments (-want +got):\n%s", diff)
	}
	for _, name := range tm.of(functionType) {
		for _, own := range []string{"DeploymentPreference", "LoggingConfig", "AutoPublishAlias"} {
			if tm.Resources[name].Properties[own] != nil {
				t.Errorf("%s has %s of its own", name, own)
			}
		}
	}
}

// TestErrorPattern shows what the log metric counts, and that nothing it counts is filtered out of the log before.
func TestErrorPattern(t *testing.T) {
	tm := readTemplate(t)
	if got := tm.Resources["ErrorLines"].Properties["LogGroupName"]; !cmp.Equal(got, ref("FunctionsLog")) {
		t.Errorf("the metric is of %v", got)
	}
	logging := map[string]any{
		"LogGroup": ref("FunctionsLog"), "LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "SystemLogLevel": "WARN",
	}
	if diff := cmp.Diff(any(logging), tm.Globals.Function["LoggingConfig"]); diff != "" {
		t.Errorf("the functions' logs (-want +got):\n%s", diff)
	}
	for _, level := range tm.Parameters["LogLevel"].AllowedValues {
		switch level {
		case "DEBUG", "INFO", "WARN", "ERROR": // ERROR is logged at each of them
		default:
			t.Errorf("at LogLevel %s errors may be missing from the log", level)
		}
	}

	pattern, _ := tm.Resources["ErrorLines"].Properties["FilterPattern"].(string)
	for name, tt := range map[string]struct {
		line string
		want bool
	}{
		"an error":             {`{"timestamp":"2026-03-20T12:00:00Z","level":"ERROR","message":"function.failed","err":"load: away","requestId":"1"}`, true},
		"a warning":            {`{"timestamp":"2026-03-20T12:00:00Z","level":"WARN","message":"delivery.swept","count":1,"requestId":"1"}`, false},
		"an attempt":           {`{"level":"INFO","message":"delivery.attempted","status":"failed","type":"order.placed","error":"timeout"}`, false},
		"a timeout":            {`{"time":"2026-03-20T12:00:00.000Z","type":"platform.report","record":{"requestId":"1","metrics":{"durationMs":45000},"status":"timeout"}}`, true},
		"a process that ended": {`{"type":"platform.report","record":{"requestId":"1","status":"error","errorType":"Runtime.ExitError"}}`, true},
		"a call that is done": {
			`{"type":"platform.report","record":{"requestId":"1","metrics":{"durationMs":3.1},"status":"success"}}`, false,
		},
		"lines that were dropped": {`{"type":"platform.logsDropped","record":{"droppedRecords":1}}`, false},
	} {
		var line map[string]any
		if err := json.Unmarshal([]byte(tt.line), &line); err != nil {
			t.Fatal(err)
		}
		if got, err := matches(pattern, line); err != nil || got != tt.want {
			t.Errorf("%s: got %t, %v, want %t", name, got, err, tt.want)
		}
	}
	if _, err := matches(`{ $.level = ERROR }`, nil); err == nil {
		t.Error("got no error for a pattern that is not understood")
	}
}

var fieldOf = regexp.MustCompile(`\$\.([\w.]+)`)

// matches evaluates a filter pattern for JSON that compares fields with strings: CloudWatch Logs User Guide, Using filter
// patterns to match terms in JSON log events. With == for = and its fields quoted such a pattern is a Go expression.
func matches(pattern string, line map[string]any) (bool, error) {
	inner, ok := strings.CutPrefix(pattern, "{")
	inner, ok2 := strings.CutSuffix(inner, "}")
	if !ok || !ok2 {
		return false, fmt.Errorf("no pattern for JSON: %s", pattern)
	}
	expr, err := parser.ParseExpr(strings.ReplaceAll(fieldOf.ReplaceAllString(inner, `"$1"`), " = ", " == "))
	if err != nil {
		return false, err
	}
	return evaluate(expr, line)
}

func evaluate(e ast.Expr, line map[string]any) (bool, error) {
	if p, ok := e.(*ast.ParenExpr); ok {
		return evaluate(p.X, line)
	}
	b, ok := e.(*ast.BinaryExpr)
	if !ok {
		return false, fmt.Errorf("%T is not understood", e)
	}
	if b.Op == token.LAND || b.Op == token.LOR {
		left, err := evaluate(b.X, line)
		if err != nil {
			return false, err
		}
		right, err := evaluate(b.Y, line)
		return b.Op == token.LAND && left && right || b.Op == token.LOR && (left || right), err
	}
	field, err := quoted(b.X)
	if err != nil {
		return false, err
	}
	want, err := quoted(b.Y)
	if err != nil {
		return false, err
	}
	switch got := at(line, strings.Split(field, ".")...); b.Op {
	case token.EQL:
		return got == any(want), nil
	case token.NEQ:
		return got != any(want), nil
	}
	return false, fmt.Errorf("%s is not understood", b.Op)
}

func quoted(e ast.Expr) (string, error) {
	literal, ok := e.(*ast.BasicLit)
	if !ok {
		return "", fmt.Errorf("%T is compared, not text", e)
	}
	return strconv.Unquote(literal.Value)
}
