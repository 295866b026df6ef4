package conformance

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"hookline/infra/conformance/engines"
	"hookline/infra/local/standin"
	"hookline/shared/queue/queuetest"
	"hookline/shared/queue/sqs"
)

// elastic is the one ElasticMQ of all tests, which ends with this process.
var elastic = sync.OnceValues(func() (*engines.Process, error) { return engines.ElasticMQ("") })

// elasticMQ returns a client of the ElasticMQ that tests share: a queue ends with its test.
func elasticMQ(t *testing.T) *awssqs.Client {
	t.Helper()
	p, err := elastic()
	if errors.Is(err, engines.ErrNotInstalled) {
		missing(t, "ElasticMQ")
	} else if err != nil {
		t.Fatal(err)
	}
	return awssqs.New(awssqs.Options{
		BaseEndpoint: &p.Endpoint, Region: engines.Region,
		Credentials: credentials.NewStaticCredentialsProvider("any", "any", ""),
	})
}

// maker makes queues whose names begin with a prefix.
type maker struct {
	client *awssqs.Client
	prefix string
}

func (m maker) queue(t *testing.T, name string, attributes map[string]string) *sqs.Queue {
	t.Helper()
	q, err := standin.Queue(t.Context(), m.client, m.prefix+name, attributes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { deleteQueue(t, m.client, m.prefix+name) })
	return q
}

func deleteQueue(t *testing.T, client *awssqs.Client, name string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	got, err := client.GetQueueUrl(ctx, &awssqs.GetQueueUrlInput{QueueName: &name})
	if err == nil {
		_, err = client.DeleteQueue(ctx, &awssqs.DeleteQueueInput{QueueUrl: got.QueueUrl})
	}
	if err != nil {
		t.Errorf("delete %s: %v", name, err)
	}
}

// redrive is a queue's redrive policy.
func redrive(t *testing.T, dead *sqs.Queue, after int) string {
	t.Helper()
	b, err := json.Marshal(map[string]any{"deadLetterTargetArn": dead.ARN(), "maxReceiveCount": after})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// open makes the three queues of a check.
func (m maker) open(t *testing.T, cfg queuetest.Config) queuetest.Queues {
	m.prefix += strings.ToLower(rand.Text()[:10]) + "-"
	basic := map[string]string{
		string(types.QueueAttributeNameVisibilityTimeout):  "30",
		string(types.QueueAttributeNameMaximumMessageSize): "1048576",
	}
	qs := queuetest.Queues{Dead: m.queue(t, "dead", basic), Other: m.queue(t, "other", basic)}
	if cfg.Visibility > 0 {
		basic[string(types.QueueAttributeNameVisibilityTimeout)] = strconv.Itoa(int(cfg.Visibility / time.Second))
	}
	if cfg.MaxReceive > 0 {
		basic[string(types.QueueAttributeNameRedrivePolicy)] = redrive(t, qs.Dead.(*sqs.Queue), cfg.MaxReceive)
	}
	qs.Main = m.queue(t, "main", basic)
	return qs
}

// elasticMQDiffers are checks that ElasticMQ 1.7.1 does not pass, with where AWS says that SQS does. "Guide" is the Amazon
// SQS Developer Guide, "Reference" the Amazon SQS API Reference. The embedded engine passes all of them.
var elasticMQDiffers = map[string]string{
	"at the in-flight cap nothing comes":  "it has no cap. Guide, Amazon SQS message quotas: about 120,000 in flight in a standard queue",
	"a noisy group does not block others": "it has no fair queues. Guide, Amazon SQS fair queues",
	"hiding for over 12 hours is refused": "it takes any time. Reference, ChangeMessageVisibility: VisibilityTimeout from 0 to 43200",
	"the 12 hours count from the receive": "it takes any time. Reference, ChangeMessageVisibility: a message can have a total of " +
		"12 hours from when it was received",
	"a long poll sees a dead letter come": "a dead letter that comes wakes none of its long polls. Guide, Amazon SQS short and long polling: a long poll " +
		"answers when a message becomes available",
	"a moved message is a new one": "it keeps the message's id and times. Guide, Configuring a dead-letter queue redrive: redriven " +
		"messages are new messages, with a new messageID and enqueueTime",
	"a move task says how many there were": "it says how many are left. Reference, ListMessageMoveTasksResultEntry: " +
		"ApproximateNumberOfMessagesToMove is obtained at the time of starting",
	"a cancelled move task stays listed": "it forgets the task. Reference, ListMessageMoveTasksResultEntry: Status may be CANCELLED",
	"a message without a source does not move back": "the task is COMPLETED, the message stays. Reference, " +
		"ListMessageMoveTasksResultEntry: Status FAILED, with a FailureReason",
	"only dead letters can be moved": "it moves any queue's. Reference, StartMessageMoveTask: SourceArn is a dead-letter queue's",
	"a move task runs at 500 a second at most": "it takes any rate. Reference, StartMessageMoveTask: MaxNumberOfMessagesPerSecond, " +
		"the maximum value is 500",
}

// awsDiffers are checks that SQS itself does not pass, or not within the suite's time.
var awsDiffers = map[string]string{
	"at the in-flight cap nothing comes": "it takes 120,000 messages",
	"a noisy group does not block others": "which messages are quiet shows over many receives, not over one batch. Guide, Amazon " +
		"SQS fair queues",
	"deleting by an old handle is an error":                    "the request succeeds, the message may stay. Reference, DeleteMessage",
	"a purge removes all messages, also those that are hidden": "it takes up to a minute. Reference, PurgeQueue",
}

// TestAWSQueues holds package sqs to the suite: over ElasticMQ, or over SQS itself where HOOKLINE_QUEUE_URL says where.
// The queues are then made beside that one, which need not be there, with names that begin with its name, and are
// deleted. It takes the right to sqs:CreateQueue, sqs:DeleteQueue and all that package sqs uses.
func TestAWSQueues(t *testing.T) {
	beside := os.Getenv("HOOKLINE_QUEUE_URL")
	if beside == "" {
		t.Attr("engine", "ElasticMQ")
		m := maker{client: elasticMQ(t), prefix: "suite-"}
		queuetest.Run(t, queuetest.Engine{Open: m.open, Differs: elasticMQDiffers})
		return
	}
	t.Attr("engine", "Amazon SQS")
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m := maker{client: awssqs.NewFromConfig(cfg), prefix: path.Base(beside) + "-"}
	queuetest.Run(t, queuetest.Engine{Open: m.open, Differs: awsDiffers})
}
