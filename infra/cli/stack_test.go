package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	sestypes "github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"hookline/shared/stack/stacktest"
)

// inAWS is an AWS account with a stack in it.
type inAWS struct {
	status      cfn.StackStatus
	concurrency int32
	alarm       string // the description of the one that is on
	depths      []float64
	inFlight    int
	called      string // the version behind the alias; the newest is 12
	mapping     string // its state
	verified    bool
	sending     bool
	production  bool
	sent        float64 // of 1,000 mails
	key         kmstypes.KeyState
	gone        bool // the key
	denied      bool // CloudWatch may not be read
}

func well() *inAWS {
	return &inAWS{
		status: cfn.StackStatusUpdateComplete, concurrency: 1000, depths: []float64{500, 400, 500, 600}, inFlight: 90_000, called: "12",
		mapping: "Enabled", verified: true, sending: true, production: true, sent: 700, key: kmstypes.KeyStateEnabled,
	}
}

func (f *inAWS) deployed(context.Context, string) (*deployed, error) {
	return &deployed{name: "hookline", stacks: f, watch: f, functions: f, queues: f, mail: f, sealKeys: f, now: time.Now}, nil
}

func (f *inAWS) DescribeStacks(context.Context, *cloudformation.DescribeStacksInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	out := cfn.Stack{StackStatus: f.status, Parameters: []cfn.Parameter{{ParameterKey: aws.String("MailIdentity"), ParameterValue: aws.String("example.com")}}}
	for _, name := range []string{"DeliveryConcurrency", "RetryConcurrency", "BulkConcurrency", "IngestConcurrency"} {
		out.Parameters = append(out.Parameters, cfn.Parameter{ParameterKey: aws.String(name), ParameterValue: aws.String("100")})
	}
	return &cloudformation.DescribeStacksOutput{Stacks: []cfn.Stack{out}}, nil
}

func (f *inAWS) ListStackResources(_ context.Context, in *cloudformation.ListStackResourcesInput, _ ...func(*cloudformation.Options)) (*cloudformation.ListStackResourcesOutput, error) {
	pages := [][]cfn.StackResourceSummary{{
		resource("AWS::CloudWatch::Alarm", "Errors", "hookline-Errors-1"),
		resource("AWS::SQS::Queue", "DeliveryQueue", "https://sqs.example.com/1/hookline-DeliveryQueue"),
		resource("AWS::SQS::Queue", "DeadLetterQueue", "https://sqs.example.com/1/hookline-DeadLetterQueue"),
	}, {
		resource("AWS::Lambda::Function", "DeliverFunction", "hookline-DeliverFunction-1"),
		resource("AWS::Lambda::EventSourceMapping", "DeliverFunctionDeliveryQueue", "0-1-2"),
		resource("AWS::KMS::Key", "Key", "3-4-5"),
	}}
	if in.NextToken == nil {
		return &cloudformation.ListStackResourcesOutput{StackResourceSummaries: pages[0], NextToken: aws.String("more")}, nil
	}
	return &cloudformation.ListStackResourcesOutput{StackResourceSummaries: pages[1]}, nil
}

func resource(kind, name, id string) cfn.StackResourceSummary {
	return cfn.StackResourceSummary{ResourceType: &kind, LogicalResourceId: &name, PhysicalResourceId: &id}
}

func (f *inAWS) DescribeAlarms(_ context.Context, in *cloudwatch.DescribeAlarmsInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error) {
	if f.denied {
		return nil, errors.New("AccessDenied")
	}
	out := &cloudwatch.DescribeAlarmsOutput{}
	if f.alarm != "" && slices.Equal(in.AlarmNames, []string{"hookline-Errors-1"}) {
		out.MetricAlarms = []cw.MetricAlarm{{AlarmName: aws.String("hookline-Errors-1"), AlarmDescription: &f.alarm}}
	}
	return out, nil
}

func (f *inAWS) GetMetricData(_ context.Context, in *cloudwatch.GetMetricDataInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error) {
	out := &cloudwatch.GetMetricDataOutput{}
	for _, q := range in.MetricDataQueries {
		if aws.ToString(q.MetricStat.Metric.Dimensions[0].Value) != "hookline-DeliveryQueue" {
			return nil, fmt.Errorf("no metrics of %v", q.MetricStat.Metric.Dimensions)
		}
		out.MetricDataResults = append(out.MetricDataResults, cw.MetricDataResult{Id: q.Id, Values: f.depths})
	}
	return out, nil
}

func (f *inAWS) GetAlias(context.Context, *lambda.GetAliasInput, ...func(*lambda.Options)) (*lambda.GetAliasOutput, error) {
	return &lambda.GetAliasOutput{FunctionVersion: &f.called}, nil
}

func (f *inAWS) ListVersionsByFunction(context.Context, *lambda.ListVersionsByFunctionInput, ...func(*lambda.Options)) (*lambda.ListVersionsByFunctionOutput, error) {
	out := &lambda.ListVersionsByFunctionOutput{}
	for _, v := range []string{"$LATEST", "9", "12"} {
		out.Versions = append(out.Versions, lambdatypes.FunctionConfiguration{Version: &v})
	}
	return out, nil
}

func (f *inAWS) GetEventSourceMapping(context.Context, *lambda.GetEventSourceMappingInput, ...func(*lambda.Options)) (*lambda.GetEventSourceMappingOutput, error) {
	return &lambda.GetEventSourceMappingOutput{State: &f.mapping, EventSourceArn: aws.String("arn:aws:sqs:eu-west-1:1:hookline-DeliveryQueue")}, nil
}

func (f *inAWS) GetAccountSettings(context.Context, *lambda.GetAccountSettingsInput, ...func(*lambda.Options)) (*lambda.GetAccountSettingsOutput, error) {
	return &lambda.GetAccountSettingsOutput{AccountLimit: &lambdatypes.AccountLimit{ConcurrentExecutions: f.concurrency}}, nil
}

func (f *inAWS) GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error) {
	return &sqs.GetQueueAttributesOutput{Attributes: map[string]string{"ApproximateNumberOfMessagesNotVisible": fmt.Sprint(f.inFlight)}}, nil
}

func (f *inAWS) GetEmailIdentity(_ context.Context, in *sesv2.GetEmailIdentityInput, _ ...func(*sesv2.Options)) (*sesv2.GetEmailIdentityOutput, error) {
	return &sesv2.GetEmailIdentityOutput{VerifiedForSendingStatus: f.verified && *in.EmailIdentity == "example.com"}, nil
}

func (f *inAWS) GetAccount(context.Context, *sesv2.GetAccountInput, ...func(*sesv2.Options)) (*sesv2.GetAccountOutput, error) {
	return &sesv2.GetAccountOutput{
		SendingEnabled: f.sending, ProductionAccessEnabled: f.production, SendQuota: &sestypes.SendQuota{Max24HourSend: 1000, SentLast24Hours: f.sent},
	}, nil
}

func (f *inAWS) DescribeKey(context.Context, *kms.DescribeKeyInput, ...func(*kms.Options)) (*kms.DescribeKeyOutput, error) {
	if f.gone {
		return nil, &kmstypes.NotFoundException{}
	}
	return &kms.DescribeKeyOutput{KeyMetadata: &kmstypes.KeyMetadata{KeyState: f.key}}, nil
}

// TestDoctorOnAWS seeds each trouble that a stack in AWS can have.
func TestDoctorOnAWS(t *testing.T) {
	_, _, sh := start(t, new(stacktest.Receiver))
	look := func(f *inAWS) result { sh.aws = f.deployed; return sh.run("", "doctor", "--stack", "hookline") }
	if got := look(well()); got != (result{}) {
		t.Errorf("doctor of a healthy stack: %+v, want silence", got)
	}
	for name, tt := range map[string]struct {
		seed func(f *inAWS)
		says []string
	}{
		"an alarm that names its runbook": {
			func(f *inAWS) { f.alarm = "Bad. Runbook: infra/runbooks/kms.md" },
			[]string{"Alarm hookline-Errors-1 is on since", "  See infra/runbooks/kms.md"},
		},
		"an alarm that names none": {func(f *inAWS) { f.alarm = "Bad." }, []string{"section Operate"}},
		"a queue that grows": {
			func(f *inAWS) { f.depths = []float64{0, 100, 300, 301, 2000} },
			[]string{"DeliveryQueue has grown", "2000 messages", "retries-late.md"},
		},
		"an account that allows little":  {func(f *inAWS) { f.concurrency = 399 }, []string{"allows 399", "may take 400", "quotas.md"}},
		"messages in flight":             {func(f *inAWS) { f.inFlight = 96_000 }, []string{"DeliveryQueue has 96000 messages in flight", "DeadLetterQueue has"}},
		"mails of a day":                 {func(f *inAWS) { f.sent = 800 }, []string{"800 of the 1000 mails"}},
		"an update that went back":       {func(f *inAWS) { f.status = cfn.StackStatusUpdateRollbackComplete }, []string{"UPDATE_ROLLBACK_COMPLETE", "bad-deployment.md"}},
		"an alias on an earlier version": {func(f *inAWS) { f.called = "9" }, []string{"DeliverFunction is called in version 9, and its newest is 12"}},
		"a queue that nobody reads":      {func(f *inAWS) { f.mapping = "Disabled" }, []string{"hookline-DeliveryQueue", "--enabled --uuid 0-1-2"}},
		"an unverified identity":         {func(f *inAWS) { f.verified = false }, []string{"example.com is not verified", "mail.md"}},
		"a paused account":               {func(f *inAWS) { f.sending = false }, []string{"SES has paused"}},
		"the sandbox":                    {func(f *inAWS) { f.production = false }, []string{"sandbox"}},
		"a disabled key":                 {func(f *inAWS) { f.key = kmstypes.KeyStateDisabled }, []string{"is Disabled", "kms.md"}},
		"a key that is to be deleted":    {func(f *inAWS) { f.key = kmstypes.KeyStatePendingDeletion }, []string{"is PendingDeletion"}},
		"no key":                         {func(f *inAWS) { f.gone = true }, []string{"does not exist"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := well()
			tt.seed(f)
			got := look(f)
			if got.code != 6 || got.err != "" {
				t.Errorf("exit code %d and %q, want 6 and no error", got.code, got.err)
			}
			for _, want := range tt.says {
				if !strings.Contains(got.out, want) {
					t.Errorf("got %q, want %q in it", got.out, want)
				}
			}
		})
	}

	t.Run("a part that may not be read", func(t *testing.T) {
		f := well()
		f.denied = true
		if got := look(f); got.code != 1 || got.out != "" || !strings.Contains(got.err, "not looked at: alarms: AccessDenied") {
			t.Errorf("got %+v, want exit code 1 and what was not looked at", got)
		}
		f.gone = true
		if got := look(f); got.code != 6 || !strings.Contains(got.out, "does not exist") || !strings.Contains(got.err, "not looked at: alarms") {
			t.Errorf("got %+v, want what was found and what was not looked at", got)
		}
	})
	t.Run("no stack is named", func(t *testing.T) {
		sh.env["HOOKLINE_STACK"] = "hookline"
		f := well()
		f.gone = true
		sh.aws = f.deployed
		if got := sh.run("", "doctor"); got.code != 6 {
			t.Errorf("HOOKLINE_STACK is not taken: %+v", got)
		}
	})
}

func TestGrows(t *testing.T) {
	for _, tt := range []struct {
		depths []float64
		want   bool
	}{
		{nil, false},
		{[]float64{200, 300, 400}, false}, // too short a time
		{[]float64{10, 20, 30, 40}, false},
		{[]float64{10, 20, 30, 101}, true},
		{[]float64{200, 300, 300, 400}, false},
		{[]float64{200, 300, 400, 350}, false},
	} {
		if got := grows(tt.depths); got != tt.want {
			t.Errorf("%v: got %t, want %t", tt.depths, got, tt.want)
		}
	}
}
