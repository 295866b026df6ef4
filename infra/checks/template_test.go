package checks

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// template is template.yaml, with its intrinsic functions in their long form: {"Ref": …}, {"Fn::Sub": …}.
type template struct {
	Parameters map[string]struct {
		Default       any   `yaml:"Default"`
		AllowedValues []any `yaml:"AllowedValues"`
	} `yaml:"Parameters"`
	Conditions map[string]any `yaml:"Conditions"`
	Globals    struct {
		Function map[string]any `yaml:"Function"`
	} `yaml:"Globals"`
	Resources map[string]resource `yaml:"Resources"`
}

type resource struct {
	Type                string         `yaml:"Type"`
	Condition           string         `yaml:"Condition"`
	DeletionPolicy      string         `yaml:"DeletionPolicy"`
	UpdateReplacePolicy string         `yaml:"UpdateReplacePolicy"`
	Properties          map[string]any `yaml:"Properties"`
}

func readTemplate(t *testing.T) template {
	t.Helper()
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	lengthen(&doc)
	var tm template
	if err := doc.Decode(&tm); err != nil {
		t.Fatal(err)
	}
	if len(tm.of(functionType)) == 0 {
		t.Fatal("no function is read: every test of them would pass")
	}
	return tm
}

// lengthen turns the short form of intrinsic functions, which are YAML tags, into the long one.
func lengthen(n *yaml.Node) {
	for _, child := range n.Content {
		lengthen(child)
	}
	name, ok := strings.CutPrefix(n.Tag, "!")
	if !ok || strings.HasPrefix(name, "!") {
		return
	}
	if name != "Ref" && name != "Condition" {
		name = "Fn::" + name
	}
	argument := *n
	argument.Tag = ""
	*n = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}, &argument}}
}

// ref and attribute are what `!Ref name` and `!GetAtt name` say.
func ref(name string) any       { return map[string]any{"Ref": name} }
func attribute(name string) any { return map[string]any{"Fn::GetAtt": name} }

// at follows keys into maps; nil where there is nothing.
func at(v any, keys ...string) any {
	for _, k := range keys {
		m, _ := v.(map[string]any)
		v = m[k]
	}
	return v
}

// named returns what an intrinsic function names: X of {"Ref": "X"}, of {"Ref": "X.Alias"} and of {"Fn::GetAtt": "X.Arn"}.
func named(v any) string {
	for _, how := range []string{"Ref", "Fn::GetAtt"} {
		if s, ok := at(v, how).(string); ok {
			name, _, _ := strings.Cut(s, ".")
			return name
		}
	}
	return ""
}

// of returns the names of the resources of a type, sorted.
func (tm template) of(kind string) []string {
	var names []string
	for name, r := range tm.Resources {
		if r.Type == kind {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

const functionType = "AWS::Serverless::Function"

// statements are what the policies of a role allow.
func (tm template) statements(role string) []statement {
	var all []statement
	policies, _ := tm.Resources[role].Properties["Policies"].([]any)
	for _, p := range policies {
		list, _ := at(p, "PolicyDocument", "Statement").([]any)
		for _, s := range list {
			all = append(all, statement{
				sid: fmt.Sprint(at(s, "Sid")), effect: fmt.Sprint(at(s, "Effect")),
				actions: texts(at(s, "Action")), resources: list1(at(s, "Resource")), condition: at(s, "Condition"),
			})
		}
	}
	return all
}

type statement struct {
	sid, effect string
	actions     []string
	resources   []any
	condition   any
}

// list1 reads a list that may be written as its only element.
func list1(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	return []any{v}
}

func texts(v any) []string {
	var out []string
	for _, e := range list1(v) {
		out = append(out, fmt.Sprint(e))
	}
	return out
}

// count returns how many resources of each type a stack has whose parameters are the defaults but for those given.
func (tm template) count(set map[string]string) (map[string]int, error) {
	values := make(map[string]string)
	for name, p := range tm.Parameters {
		values[name] = fmt.Sprint(p.Default)
		if v, ok := set[name]; ok {
			values[name] = v
		}
	}
	for name := range set {
		if _, ok := tm.Parameters[name]; !ok {
			return nil, fmt.Errorf("there is no parameter %s", name)
		}
	}
	counts := make(map[string]int)
	for name, r := range tm.Resources {
		if r.Condition != "" {
			yes, err := tm.holds(tm.Conditions[r.Condition], values)
			if err != nil {
				return nil, fmt.Errorf("%s: condition %s: %w", name, r.Condition, err)
			}
			if !yes {
				continue
			}
		}
		counts[r.Type]++
	}
	return counts, nil
}

// holds evaluates a condition over the values of parameters. A list's value is its elements with commas between.
func (tm template) holds(condition any, values map[string]string) (bool, error) {
	m, ok := condition.(map[string]any)
	if !ok || len(m) != 1 {
		return false, fmt.Errorf("not a condition: %v", condition)
	}
	for how, argument := range m {
		if how == "Condition" {
			return tm.holds(tm.Conditions[fmt.Sprint(argument)], values)
		}
		args, _ := argument.([]any)
		if how == "Fn::Equals" && len(args) == 2 {
			return tm.value(args[0], values) == tm.value(args[1], values), nil
		}
		var each []bool
		for _, a := range args {
			yes, err := tm.holds(a, values)
			if err != nil {
				return false, err
			}
			each = append(each, yes)
		}
		switch {
		case how == "Fn::Not" && len(each) == 1:
			return !each[0], nil
		case how == "Fn::And" && len(each) > 1:
			return !slices.Contains(each, false), nil
		case how == "Fn::Or" && len(each) > 1:
			return slices.Contains(each, true), nil
		}
	}
	return false, fmt.Errorf("not a condition: %v", condition)
}

func (tm template) value(v any, values map[string]string) string {
	if name, ok := at(v, "Ref").(string); ok {
		return values[name]
	}
	if join, ok := at(v, "Fn::Join").([]any); ok && len(join) == 2 {
		return strings.ReplaceAll(tm.value(join[1], values), ",", fmt.Sprint(join[0]))
	}
	return fmt.Sprint(v)
}
