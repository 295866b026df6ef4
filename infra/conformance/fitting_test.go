package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// fit rewrites what SAM makes of template.yaml where MiniStack 1.5.33 lacks something of AWS, and says for each place what
// it lacks. All else is deployed as it stands. parameters are those that the stack gets, code the place in S3 of each
// function's code, by its name in the template.
func fit(plain map[string]any, parameters, code map[string]string) {
	resources := plain["Resources"].(map[string]any)
	nameCode(resources, code)
	withoutCodeDeploy(resources)
	withoutMath(resources)
	numbers(plain, resources, parameters)
	routes(resources)
	permissions(resources)
	withoutTLS(resources)
}

// nameCode names the code that was uploaded, as `sam deploy` does. The code is for this machine's processor, on which
// MiniStack runs it as a process; it does not look at Architectures.
func nameCode(resources map[string]any, code map[string]string) {
	for name, key := range code {
		bucket, object, _ := strings.Cut(key, "/")
		properties(resources[name])["Code"] = map[string]any{"S3Bucket": bucket, "S3Key": object}
	}
}

// withoutCodeDeploy has aliases move at once: MiniStack has no CodeDeploy, which on AWS moves them as the
// DeploymentPreference says.
func withoutCodeDeploy(resources map[string]any) {
	for name, r := range resources {
		if strings.HasPrefix(kind(r), "AWS::CodeDeploy::") {
			delete(resources, name)
		}
		if kind(r) == "AWS::Lambda::Alias" {
			delete(r.(map[string]any), "UpdatePolicy")
		}
	}
}

// withoutMath leaves out the alarms on metric math, of which MiniStack has none. TestAlarms evaluates them.
func withoutMath(resources map[string]any) {
	for name, r := range resources {
		if kind(r) == "AWS::CloudWatch::Alarm" && properties(r)["Metrics"] != nil {
			delete(resources, name)
		}
	}
}

// numbers writes MaximumConcurrency as a number. CloudFormation turns the text of a Number parameter into one where the
// property is a number; MiniStack refuses it.
func numbers(plain, resources map[string]any, parameters map[string]string) {
	for _, r := range resources {
		scaling, _ := properties(r)["ScalingConfig"].(map[string]any)
		limit, _ := scaling["MaximumConcurrency"].(map[string]any)
		if limit == nil {
			continue
		}
		parameter := limit["Ref"].(string)
		value := any(parameters[parameter])
		if value == "" {
			value = plain["Parameters"].(map[string]any)[parameter].(map[string]any)["Default"]
		}
		var n int
		if _, err := fmt.Sscan(fmt.Sprint(value), &n); err != nil {
			panic(fmt.Sprintf("parameter %s is no number: %v", parameter, value))
		}
		scaling["MaximumConcurrency"] = n
	}
}

// routes makes a resource of each integration and each route of the API's OpenAPI document. API Gateway makes them of the
// document itself ("Working with OpenAPI definitions for HTTP APIs"); MiniStack does not read it.
func routes(resources map[string]any) {
	const extension = "x-amazon-apigateway-"
	document := properties(resources["Api"])["Body"].(map[string]any)
	integrations := document["components"].(map[string]any)[extension+"integrations"].(map[string]any)
	for name, in := range integrations {
		in := in.(map[string]any)
		resources["Integration"+name] = map[string]any{"Type": "AWS::ApiGatewayV2::Integration", "Properties": map[string]any{
			"ApiId": ref("Api"), "IntegrationType": strings.ToUpper(in["type"].(string)), "IntegrationUri": in["uri"],
			"IntegrationMethod": in["httpMethod"], "PayloadFormatVersion": in["payloadFormatVersion"],
		}}
	}
	paths := document["paths"].(map[string]any)
	for i, path := range slices.Sorted(maps.Keys(paths)) {
		for method, op := range paths[path].(map[string]any) {
			op := op.(map[string]any)
			key := strings.ToUpper(method) + " " + path
			if method == extension+"any-method" {
				key = "ANY " + path
			}
			if op["isDefaultRoute"] == true {
				key = "$default"
			}
			authorization := "NONE"
			if op["security"] != nil {
				authorization = "AWS_IAM"
			}
			name := strings.TrimPrefix(op[extension+"integration"].(map[string]any)["$ref"].(string), "#/components/"+extension+"integrations/")
			id := fmt.Sprintf("Route%d%s", i, strings.NewReplacer("-", "").Replace(method))
			resources[id] = map[string]any{"Type": "AWS::ApiGatewayV2::Route", "Properties": map[string]any{
				"ApiId": ref("Api"), "RouteKey": key, "AuthorizationType": authorization,
				"Target": map[string]any{"Fn::Sub": "integrations/${Integration" + name + "}"},
			}}
		}
	}
	body := maps.Clone(document)
	delete(body, "paths")
	properties(resources["Api"])["Body"] = body
}

// permissions rewrites what roles may do where MiniStack's IAM knows less than AWS's.
func permissions(resources map[string]any) {
	for _, r := range resources {
		policies, _ := properties(r)["Policies"].([]any)
		for _, p := range policies {
			for _, s := range p.(map[string]any)["PolicyDocument"].(map[string]any)["Statement"].([]any) {
				s := s.(map[string]any)
				// It does not know the condition key kms:EncryptionContext. TestAWSCalls holds the calls to it.
				condition, _ := s["Condition"].(map[string]any)
				equal, _ := condition["StringEquals"].(map[string]any)
				if _, ok := equal["kms:EncryptionContext:hookline:stack"]; ok {
					delete(s, "Condition")
				}
				// It asks for actions named after batches. On AWS there are none: the permission for a call is the one for its
				// batch (Service Authorization Reference, Amazon SQS).
				actions, _ := s["Action"].([]any)
				for _, a := range actions {
					switch a {
					case "sqs:SendMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility":
						actions = append(actions, a.(string)+"Batch")
					}
				}
				s["Action"] = actions
				// Of mails it asks whether any identity may be used, where AWS names the sender's and the recipient's, and it does
				// not know the condition key ses:FromAddress.
				if slices.Contains(actions, "ses:SendEmail") {
					s["Resource"] = "*"
					delete(s, "Condition")
				}
			}
		}
	}
}

// withoutTLS lets requests without TLS reach the queues: MiniStack is called without, and tells its IAM so.
func withoutTLS(resources map[string]any) {
	for name, r := range resources {
		if kind(r) != "AWS::SQS::QueuePolicy" {
			continue
		}
		document := properties(r)["PolicyDocument"].(map[string]any)
		kept := slices.DeleteFunc(document["Statement"].([]any), func(s any) bool { return s.(map[string]any)["Sid"] == "TLSOnly" })
		if document["Statement"] = kept; len(kept) == 0 {
			delete(resources, name)
		}
	}
}

func kind(resource any) string { return resource.(map[string]any)["Type"].(string) }

func properties(resource any) map[string]any {
	p, _ := resource.(map[string]any)["Properties"].(map[string]any)
	return p
}

func ref(name string) map[string]any { return map[string]any{"Ref": name} }
