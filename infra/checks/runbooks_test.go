package checks

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	quotedName  = regexp.MustCompile("`([A-Za-z]+)`")
	runbookFile = regexp.MustCompile(`infra/runbooks/[a-z-]+\.md`)
)

// TestRunbooks holds alarms, README.md and the runbooks to each other: each alarm names its runbook, its row in the README
// has that one, and no row is of an alarm that there is not.
func TestRunbooks(t *testing.T) {
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{} // an alarm's runbooks
	_, section, _ := strings.Cut(string(raw), "\n## Operate, on AWS\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		if cells := strings.Split(line, "|"); len(cells) == 5 {
			for _, name := range quotedName.FindAllStringSubmatch(cells[1], -1) {
				rows[name[1]] = runbookFile.FindAllString(cells[3], -1)
			}
		}
	}
	tm := readTemplate(t)
	alarms := tm.of("AWS::CloudWatch::Alarm")
	for _, name := range alarms {
		own := runbookFile.FindString(fmt.Sprint(tm.Resources[name].Properties["AlarmDescription"]))
		if own == "" || !slices.Contains(rows[name], own) {
			t.Errorf("alarm %s names the runbook %q, and README.md's row has %q", name, own, rows[name])
		}
	}
	for name := range rows {
		if !slices.Contains(alarms, name) {
			t.Errorf("README.md has a row of %s, and template.yaml no such alarm", name)
		}
	}

	files, err := os.ReadDir("../runbooks")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := "infra/runbooks/" + file.Name(); strings.HasSuffix(name, ".md") && !strings.Contains(section, "("+name+")") {
			t.Errorf("README.md's Operate does not lead to %s", name)
		}
	}
	for _, name := range runbookFile.FindAllString(section, -1) {
		if _, err := os.Stat("../../" + name); err != nil {
			t.Errorf("README.md leads to %s: %v", name, err)
		}
	}
}
