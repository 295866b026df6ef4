package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// What doctor asks of AWS, by service. All of it only reads.
type (
	stacks interface {
		DescribeStacks(ctx context.Context, in *cloudformation.DescribeStacksInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error)
		ListStackResources(ctx context.Context, in *cloudformation.ListStackResourcesInput, opts ...func(*cloudformation.Options)) (*cloudformation.ListStackResourcesOutput, error)
	}
	watch interface {
		DescribeAlarms(ctx context.Context, in *cloudwatch.DescribeAlarmsInput, opts ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error)
		GetMetricData(ctx context.Context, in *cloudwatch.GetMetricDataInput, opts ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error)
	}
	functions interface {
		GetAlias(ctx context.Context, in *lambda.GetAliasInput, opts ...func(*lambda.Options)) (*lambda.GetAliasOutput, error)
		ListVersionsByFunction(ctx context.Context, in *lambda.ListVersionsByFunctionInput, opts ...func(*lambda.Options)) (*lambda.ListVersionsByFunctionOutput, error)
		GetEventSourceMapping(ctx context.Context, in *lambda.GetEventSourceMappingInput, opts ...func(*lambda.Options)) (*lambda.GetEventSourceMappingOutput, error)
		GetAccountSettings(ctx context.Context, in *lambda.GetAccountSettingsInput, opts ...func(*lambda.Options)) (*lambda.GetAccountSettingsOutput, error)
	}
	queues interface {
		GetQueueAttributes(ctx context.Context, in *sqs.GetQueueAttributesInput, opts ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
	}
	mail interface {
		GetEmailIdentity(ctx context.Context, in *sesv2.GetEmailIdentityInput, opts ...func(*sesv2.Options)) (*sesv2.GetEmailIdentityOutput, error)
		GetAccount(ctx context.Context, in *sesv2.GetAccountInput, opts ...func(*sesv2.Options)) (*sesv2.GetAccountOutput, error)
	}
	sealKeys interface {
		DescribeKey(ctx context.Context, in *kms.DescribeKeyInput, opts ...func(*kms.Options)) (*kms.DescribeKeyOutput, error)
	}
)

// deployed is a stack on AWS, as doctor looks at it.
type deployed struct {
	name      string
	stacks    stacks
	watch     watch
	functions functions
	queues    queues
	mail      mail
	sealKeys  sealKeys
	now       func() time.Time

	status     string
	parameters map[string]string
	resources  []cfn.StackResourceSummary
}

// onAWS finds a stack by its name, with the credentials and region that every AWS tool finds.
func onAWS(ctx context.Context, name string) (*deployed, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, credentialError{"AWS's settings cannot be read: " + err.Error()}
	}
	if cfg.Region == "" {
		return nil, credentialError{"no AWS region is known: set AWS_REGION to the stack's"}
	}
	return &deployed{
		name: name, stacks: cloudformation.NewFromConfig(cfg), watch: cloudwatch.NewFromConfig(cfg), functions: lambda.NewFromConfig(cfg),
		queues: sqs.NewFromConfig(cfg), mail: sesv2.NewFromConfig(cfg), sealKeys: kms.NewFromConfig(cfg), now: time.Now,
	}, nil
}

// find reads which resources and parameters the stack has.
func (d *deployed) find(ctx context.Context) error {
	out, err := d.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &d.name})
	if err != nil {
		return fmt.Errorf("the stack %s cannot be read in AWS: %w", d.name, err)
	}
	if len(out.Stacks) != 1 {
		return fmt.Errorf("AWS has no stack %s in this region", d.name)
	}
	d.status, d.parameters = string(out.Stacks[0].StackStatus), make(map[string]string)
	for _, p := range out.Stacks[0].Parameters {
		d.parameters[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
	}
	d.resources = nil
	pages := cloudformation.NewListStackResourcesPaginator(d.stacks, &cloudformation.ListStackResourcesInput{StackName: &d.name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("the stack %s cannot be read in AWS: %w", d.name, err)
		}
		d.resources = append(d.resources, page.StackResourceSummaries...)
	}
	return nil
}

// of returns the stack's resources of a type.
func (d *deployed) of(kind string) []cfn.StackResourceSummary {
	return slices.DeleteFunc(slices.Clone(d.resources), func(r cfn.StackResourceSummary) bool { return aws.ToString(r.ResourceType) != kind })
}

// checks are what doctor looks at in AWS, each with what it is called where it could not look.
func (d *deployed) checks() []look {
	return []look{
		{"alarms", d.lookAtAlarms},
		{"queues", d.lookAtQueues},
		{"quotas", d.lookAtQuotas},
		{"versions of functions", d.lookAtVersions},
		{"what feeds the functions", d.lookAtMappings},
		{"mail", d.lookAtMail},
		{"the key that seals secrets", d.lookAtSealKey},
	}
}

// look is one part of an examination.
type look struct {
	what string
	at   func(context.Context) ([]trouble, error)
}

// runbook finds the file that an alarm's description names.
var runbook = regexp.MustCompile(`infra/runbooks/[a-z-]+\.md`)

func (d *deployed) lookAtAlarms(ctx context.Context) (found []trouble, err error) {
	var names []string
	for _, r := range d.of("AWS::CloudWatch::Alarm") {
		names = append(names, aws.ToString(r.PhysicalResourceId))
	}
	for part := range slices.Chunk(names, 100) { // as many as one call takes
		out, err := d.watch.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: part, StateValue: cw.StateValueAlarm})
		if err != nil {
			return nil, err
		}
		for _, alarm := range out.MetricAlarms {
			fix := runbook.FindString(aws.ToString(alarm.AlarmDescription))
			if fix == "" {
				fix = "the README's section Operate"
			}
			found = append(found, trouble{
				"alarm-on", fmt.Sprintf("Alarm %s is on since %s: %s", aws.ToString(alarm.AlarmName), utc(alarm.StateUpdatedTimestamp), aws.ToString(alarm.AlarmDescription)),
				"See " + fix,
			})
		}
	}
	return found, nil
}

func utc(at *time.Time) string {
	if at == nil {
		return "some time"
	}
	return at.UTC().Format(time.RFC3339)
}

// The queues that functions read.
const (
	growing   = 100              // more messages than this, to be called growing
	growth    = 20 * time.Minute // how long a queue grows for that
	period    = 5 * time.Minute  // of SQS's metrics, where nobody has asked for a queue in hours
	inFlight  = 120_000          // messages of one queue, received and not deleted; then SQS gives out no more
	nearQuota = .8
)

// lookAtQueues says which queues have grown in each of the last periods.
func (d *deployed) lookAtQueues(ctx context.Context) (found []trouble, err error) {
	end := d.now().Truncate(period)
	in := &cloudwatch.GetMetricDataInput{StartTime: aws.Time(end.Add(-growth - period)), EndTime: &end, ScanBy: cw.ScanByTimestampAscending}
	var names []string
	for _, r := range d.of("AWS::SQS::Queue") {
		name := aws.ToString(r.LogicalResourceId)
		if strings.HasSuffix(name, "DeadLetterQueue") {
			continue // they have alarms
		}
		in.MetricDataQueries = append(in.MetricDataQueries, cw.MetricDataQuery{
			Id: aws.String("q" + strconv.Itoa(len(names))),
			MetricStat: &cw.MetricStat{
				Period: aws.Int32(int32(period / time.Second)), Stat: aws.String("Maximum"),
				Metric: &cw.Metric{
					Namespace: aws.String("AWS/SQS"), MetricName: aws.String("ApproximateNumberOfMessagesVisible"),
					Dimensions: []cw.Dimension{{Name: aws.String("QueueName"), Value: aws.String(queueName(r))}},
				},
			},
		})
		names = append(names, name)
	}
	out, err := d.watch.GetMetricData(ctx, in)
	if err != nil {
		return nil, err
	}
	for _, result := range out.MetricDataResults {
		at, err := strconv.Atoi(strings.TrimPrefix(aws.ToString(result.Id), "q"))
		if err != nil || at >= len(names) || !grows(result.Values) {
			continue
		}
		depth := result.Values[len(result.Values)-1]
		found = append(found, trouble{
			"queue-growing", fmt.Sprintf("%s has grown for %s, to %.0f messages: they come faster than they are worked on.", names[at], growth, depth),
			"See infra/runbooks/retries-late.md",
		})
	}
	return found, nil
}

// grows reports whether a queue was deeper in each period than in the one before.
func grows(depths []float64) bool {
	if len(depths) < int(growth/period) || depths[len(depths)-1] <= growing {
		return false
	}
	for i := 1; i < len(depths); i++ {
		if depths[i] <= depths[i-1] {
			return false
		}
	}
	return true
}

// queueName is a queue's name: CloudFormation knows it by its URL.
func queueName(r cfn.StackResourceSummary) string {
	address := aws.ToString(r.PhysicalResourceId)
	return address[strings.LastIndexByte(address, '/')+1:]
}

func (d *deployed) lookAtQuotas(ctx context.Context) (found []trouble, err error) {
	account, err := d.functions.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	if err != nil {
		return nil, err
	}
	wanted := 0
	for _, name := range []string{"DeliveryConcurrency", "RetryConcurrency", "BulkConcurrency", "IngestConcurrency"} {
		n, err := strconv.Atoi(d.parameters[name])
		if err != nil {
			return nil, fmt.Errorf("the stack's parameter %s is %q", name, d.parameters[name])
		}
		wanted += n
	}
	if limit := account.AccountLimit; limit != nil && int(limit.ConcurrentExecutions) < wanted {
		found = append(found, trouble{
			"quota-near", fmt.Sprintf("The account allows %d concurrent executions, and the stack's queues may take %d.", limit.ConcurrentExecutions, wanted),
			"Ask AWS for more, or lower the parameters …Concurrency: infra/runbooks/quotas.md",
		})
	}
	const attribute = "ApproximateNumberOfMessagesNotVisible"
	for _, r := range d.of("AWS::SQS::Queue") {
		out, err := d.queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl: r.PhysicalResourceId, AttributeNames: []sqstypes.QueueAttributeName{attribute},
		})
		if err != nil {
			return nil, err
		}
		if n, err := strconv.Atoi(out.Attributes[attribute]); err == nil && float64(n) >= nearQuota*inFlight {
			found = append(found, trouble{
				"quota-near", fmt.Sprintf("%s has %d messages in flight; at %d SQS gives out no more.", aws.ToString(r.LogicalResourceId), n, inFlight),
				"Find the webhooks that are down: infra/runbooks/endpoint-down.md",
			})
		}
	}
	return found, nil
}

// lookAtVersions says which functions are called in another version than their newest, as after a deployment that went back.
func (d *deployed) lookAtVersions(ctx context.Context) (found []trouble, err error) {
	if strings.Contains(d.status, "ROLLBACK") || strings.HasSuffix(d.status, "_FAILED") {
		found = append(found, trouble{"deployment-failed", "The last deployment did not go through: the stack is " + d.status + ".", "See infra/runbooks/bad-deployment.md"})
	}
	for _, r := range d.of("AWS::Lambda::Function") {
		alias, err := d.functions.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: r.PhysicalResourceId, Name: aws.String("live")})
		if err != nil {
			return nil, err
		}
		newest := 0
		pages := lambda.NewListVersionsByFunctionPaginator(d.functions, &lambda.ListVersionsByFunctionInput{FunctionName: r.PhysicalResourceId})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			for _, v := range page.Versions {
				if n, err := strconv.Atoi(aws.ToString(v.Version)); err == nil { // $LATEST is none
					newest = max(newest, n)
				}
			}
		}
		if called := aws.ToString(alias.FunctionVersion); called != strconv.Itoa(newest) {
			found = append(found, trouble{
				"versions-adrift", fmt.Sprintf("%s is called in version %s, and its newest is %d: a deployment is under way or went back.", aws.ToString(r.LogicalResourceId), called, newest),
				"If none is under way: infra/runbooks/bad-deployment.md",
			})
		}
	}
	return found, nil
}

// lookAtMappings says which queues nobody reads.
func (d *deployed) lookAtMappings(ctx context.Context) (found []trouble, err error) {
	for _, r := range d.of("AWS::Lambda::EventSourceMapping") {
		out, err := d.functions.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: r.PhysicalResourceId})
		if err != nil {
			return nil, err
		}
		if state := aws.ToString(out.State); state == "Disabled" || state == "Disabling" {
			found = append(found, trouble{
				"polling-stopped", fmt.Sprintf("%s is %s: nothing is read from %s.", aws.ToString(r.LogicalResourceId), strings.ToLower(state), aws.ToString(out.EventSourceArn)),
				"Once its cause is mended: aws lambda update-event-source-mapping --enabled --uuid " + aws.ToString(r.PhysicalResourceId),
			})
		}
	}
	return found, nil
}

func (d *deployed) lookAtMail(ctx context.Context) (found []trouble, err error) {
	identity := d.parameters["MailIdentity"]
	if identity == "" {
		return nil, nil
	}
	const fix = "See infra/runbooks/mail.md"
	got, err := d.mail.GetEmailIdentity(ctx, &sesv2.GetEmailIdentityInput{EmailIdentity: &identity})
	if err != nil {
		return nil, err
	}
	if !got.VerifiedForSendingStatus {
		found = append(found, trouble{"mail-unverified", identity + " is not verified in SES: no mail goes out.", fix})
	}
	account, err := d.mail.GetAccount(ctx, &sesv2.GetAccountInput{})
	if err != nil {
		return nil, err
	}
	if !account.SendingEnabled {
		found = append(found, trouble{"mail-paused", "SES has paused the account: no mail goes out.", fix})
	}
	if !account.ProductionAccessEnabled {
		found = append(found, trouble{"mail-sandbox", "The account is in SES's sandbox: only verified addresses get mail.", fix})
	}
	if q := account.SendQuota; q != nil && q.Max24HourSend > 0 && q.SentLast24Hours >= nearQuota*q.Max24HourSend {
		found = append(found, trouble{"quota-near", fmt.Sprintf("%.0f of the %.0f mails that SES takes in 24 hours are sent.", q.SentLast24Hours, q.Max24HourSend), "See infra/runbooks/quotas.md"})
	}
	return found, nil
}

func (d *deployed) lookAtSealKey(ctx context.Context) ([]trouble, error) {
	const fix = "See infra/runbooks/kms.md; without it no webhook's secret can be opened"
	for _, r := range d.of("AWS::KMS::Key") {
		out, err := d.sealKeys.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: r.PhysicalResourceId})
		if _, gone := errors.AsType[*kmstypes.NotFoundException](err); gone {
			return []trouble{{"seal-key", "The key that seals secrets does not exist any more.", fix}}, nil
		}
		if err != nil {
			return nil, err
		}
		if state := out.KeyMetadata.KeyState; state != kmstypes.KeyStateEnabled {
			return []trouble{{"seal-key", "The key that seals secrets is " + string(state) + ".", fix}}, nil
		}
	}
	return nil, nil
}
