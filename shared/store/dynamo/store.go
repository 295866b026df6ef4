// Package dynamo is the Store on AWS: everything that Hookline keeps except its queues, in one DynamoDB table.
//
// It keeps the contract of package store. Some of its behaviour follows from where it stores:
//
//   - Faults that may pass (throttles, conflicting transactions, 5xx answers, lost answers, keys and items left
//     unprocessed) are tried again, with waits that double, until shortly before the context's deadline. Only then is the
//     answer Unavailable. A write whose answer was lost is recognised as ours if it turns out to have been made.
//   - DeleteTenant is made of many writes, the first of which delete the keys. If it is cut short, the tenant is still
//     there and takes no new keys, sources or webhooks. The next DeleteTenant goes on.
//   - A transaction takes 100 actions. An update that exchanges 50 patterns for 50 others leaves an old index entry or two
//     to a second transaction. The webhook remembers them, and if the second transaction fails, the next reader of the
//     webhook removes them. Until then events of those types go to it as before.
//   - A pin is found by its tenant's CreatedAt too, so the pins of a deleted tenant need not be searched for.
//   - DynamoDB deletes what has expired, sometimes days late. A pin can be replaced from the moment it expires. Payloads,
//     delivery records, log items, replay jobs and deployments are there until DynamoDB deletes them, or a deployment
//     until it is registered anew.
//
// # The table
//
// Keys are pk and sk, both strings; "#" occurs in no id. Only pins, payloads, delivery records, log items and deployments
// grow with a tenant's traffic. The records of one webhook are one partition, which takes 1,000 writes a second, and so
// are the entries of a tenant's deployments.
//
//	pk                    sk               what
//	t#TENANT              t                a tenant
//	tenants               TENANT           directory of the tenants
//	k#TENANT              KEY              an API key
//	h#HASH                h                the same, by its hash
//	w#TENANT#WEBHOOK      w                a webhook, health apart from the rest
//	l#TENANT              WEBHOOK          directory of a tenant's webhooks, with what is counted
//	x#TENANT              WEBHOOK          a webhook that was deleted
//	s#TENANT#PATTERN      WEBHOOK          an index entry
//	r#TENANT#WEBHOOK      r                the webhook's next slot
//	lanes                 NAME             the lanes of that name
//	i#DIGEST              i                a pin
//	y#TENANT#REF          y                a payload
//	d#TENANT#WEBHOOK      MILLIS#EVENT     a delivery record, MILLIS being its acceptance in 12 hex digits
//	j#TENANT#ID           j                a replay job
//	g#TENANT              ID               the same, among its tenant's
//	o#SOURCE              o                a source, by its id alone
//	q#TENANT              SOURCE           the same, among its tenant's
//	c#NUMBER              MILLIS#BATCH     what a batch of the stream changed in tallies, MILLIS being its latest acceptance
//	u#TENANT              MILLIS           the tenant's usage in the hour of tallies that begins there
//	usage                 rolled           up to which hour the usage was summed up
//	p#TENANT#ID           p                a deployment with its payload
//	n#TENANT              MILLIS#ID        its entry in the tenant's list, MILLIS being its registration
//	e#TENANT#SHARD        REQUEST          a log item, SHARD being 0 to 3 by a hash of the request
//	a#TENANT              MILLIS#ID        an entry of the audit log; TENANT is "" for those of the stack
//	dialects              NAME             what a dialect's name stands for
//	v#NAME                VERSION          one version of a dialect
//
// The table's stream shows new and old images; Count reads it.
//
// The table has one index, due. It holds the keys of pending records alone, in 32 shards, by the time of their next
// attempt.
//
// # Costs
//
//   - A delivery that succeeds at its first attempt is one write of its record, of 1 write unit: package record cuts what is
//     kept of the answer where it would take another.
//   - LoadBatch reads each of first for half a read unit, and each of the others, also those that are not there, for one.
//   - WebhookCounts reads the tenant's directory, one read unit for about 60 webhooks.
//   - Deliveries of a whole tenant asks each of its webhooks for its newest: one read unit for each webhook and page, and
//     more for the records that it shows.
//   - Pin reads the tenant, one unit, once in a call.
//   - Count writes at most 8 items for each batch of the stream, of 1 write unit for about 20 webhooks that had
//     deliveries. With batches of a minute that is less than 0.1 write units for each delivery even if every delivery is
//     another webhook's, and about 0.01 if 1,000,000 a day go to a few webhooks.
//   - Tallies reads the changes of the last day in one of 8 partitions, which are those of all tenants in it. If 1,000,000
//     deliveries a day are spread as badly as can be, that is 7 MB or 900 read units; if they go to a few webhooks, 1 MB.
//   - A source is two small items that are written together.
//   - A deployment is its item and a small entry that are written together, which doubles the price of both. A list reads
//     entries, one read unit for about 20, and then the deployments that it shows.
//   - An entry of the audit log goes into the transaction of its change, or is two writes of its own. No method that accepts
//     events or delivers them writes one.
//   - A log item is one write. A list of log items asks each of the 4 shards.
package dynamo

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"hookline/shared/store"
	"hookline/shared/webhook"
)

// API is the part of *dynamodb.Client that the store uses.
type API interface {
	BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error)
	DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	GetItem(ctx context.Context, in *dynamodb.GetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	Query(ctx context.Context, in *dynamodb.QueryInput, opts ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, opts ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
	UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
}

// Options are a Store's settings. The zero Options are those of production.
type Options struct {
	// Attempt is how long one request may take before it is made again. 0 means 5 s.
	Attempt time.Duration
	// Patience is how long faults that may pass are tried again if the context has no deadline. 0 means 10 s.
	Patience time.Duration
	// FirstWait is the longest first wait between tries. 0 means 25 ms.
	FirstWait time.Duration
	// Jitter returns a number in [0, 1); nil means a random one.
	Jitter func() float64
}

var _ store.Store = (*Store)(nil)

// Store is a table. Its methods are safe for concurrent use.
type Store struct {
	api   API
	table *string
	opts  Options
}

// Open returns the store in a table of the account and region that cfg is for, as New does.
func Open(cfg aws.Config, table string) *Store {
	return New(dynamodb.NewFromConfig(cfg), table, Options{})
}

// New returns the store in a table that is as Table describes it, with TTLAttribute set up for expiry. The client's own
// retries are not used.
func New(client API, table string, opts Options) *Store {
	if opts.Attempt <= 0 {
		opts.Attempt = 5 * time.Second
	}
	if opts.Patience <= 0 {
		opts.Patience = 10 * time.Second
	}
	if opts.FirstWait <= 0 {
		opts.FirstWait = 25 * time.Millisecond
	}
	if opts.Jitter == nil {
		opts.Jitter = rand.Float64
	}
	return &Store{api: client, table: aws.String(table), opts: opts}
}

// Names that the table's definition shares with the code.
const (
	TTLAttribute = "ttl" // Unix seconds; absent means never
	DueIndex     = "due"
	duePK        = "due_pk"
	dueAt        = "due_at" // Unix milliseconds: when a pending record is due, or a dead letter's last attempt began
)

// Table returns the request that creates the table with its stream. Expiry (TTLAttribute) and backups are set up apart.
func Table(name string) *dynamodb.CreateTableInput {
	attribute := func(name string, t types.ScalarAttributeType) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: aws.String(name), AttributeType: t}
	}
	keys := func(hash, sort string) []types.KeySchemaElement {
		return []types.KeySchemaElement{
			{AttributeName: aws.String(hash), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String(sort), KeyType: types.KeyTypeRange},
		}
	}
	return &dynamodb.CreateTableInput{
		TableName:   aws.String(name),
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			attribute(attrPK, types.ScalarAttributeTypeS), attribute(attrSK, types.ScalarAttributeTypeS),
			attribute(duePK, types.ScalarAttributeTypeS), attribute(dueAt, types.ScalarAttributeTypeN),
		},
		KeySchema:           keys(attrPK, attrSK),
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String(DueIndex), KeySchema: keys(duePK, dueAt),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		}},
	}
}

func internal(err error) error {
	return &webhook.Error{Kind: webhook.Internal, Code: "internal", Message: "internal error", Cause: err}
}

func errChanged() error {
	return webhook.ErrConflict("changed-meanwhile", "changed meanwhile, read it again")
}
