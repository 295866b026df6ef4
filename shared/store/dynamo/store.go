// Package dynamo is the Store on AWS: everything Hookline keeps but its queues, in one DynamoDB table.
//
// It keeps the contract of package store, with what follows from where it stores:
//
//   - Faults that pass (throttles, conflicting transactions, 5xx answers, lost answers, keys and items left
//     unprocessed) are tried again, the waits doubling, until shortly before the context's deadline. Only then the
//     answer is Unavailable. A write whose answer was lost is recognised as ours when it turns out to have been made.
//   - DeleteTenant is made of many writes. Keys go first. When it is cut short the tenant is still there, takes no new
//     keys, sources or webhooks, and the next DeleteTenant goes on.
//   - A transaction takes 100 actions. An update that exchanges 50 patterns for 50 others leaves an old entry or two to a
//     second transaction; the webhook remembers them, and should that one fail, whoever reads the webhook next removes
//     them. Until then events of those types go to it as before.
//   - Pins are found by the tenant's CreatedAt too, so that those of a deleted tenant need not be searched for.
//   - What has expired is deleted by DynamoDB, days late at times. A pin can be replaced from the moment it expires; payloads,
//     delivery records, log items, replay jobs and deployments are there until they are gone, or a deployment until it is
//     registered anew.
//
// # The table
//
// Keys are pk and sk, both strings; "#" occurs in no id. Nothing but pins, payloads, delivery records, log items and
// deployments grows with a tenant's traffic. Of these a webhook's records are one partition of 1,000 writes a second, and
// so are the entries of a tenant's deployments.
//
//	pk                    sk               what
//	t#TENANT              t                a tenant
//	tenants               TENANT           directory of the tenants
//	k#TENANT              KEY              an API key
//	h#HASH                h                the same, by its hash
//	w#TENANT#WEBHOOK      w                a webhook, health apart from the rest
//	l#TENANT              WEBHOOK          directory of a tenant's webhooks, with what is counted
//	s#TENANT#PATTERN      WEBHOOK          an index entry
//	r#TENANT#WEBHOOK      r                the webhook's next slot
//	lanes                 NAME             the lanes of that name
//	i#DIGEST              i                a pin
//	y#TENANT#REF          y                a payload
//	d#TENANT#WEBHOOK      MILLIS#EVENT     a delivery record, MILLIS being its acceptance in 12 hex digits
//	j#TENANT#ID           j                a replay job
//	o#SOURCE              o                a source, by its id alone
//	q#TENANT              SOURCE           the same, among its tenant's
//	c#NUMBER              MILLIS#BATCH     what a batch of the stream changed in tallies, MILLIS being its latest acceptance
//	p#TENANT#ID           p                a deployment with its payload
//	n#TENANT              MILLIS#ID        its entry in the tenant's list, MILLIS being its registration
//	e#TENANT#SHARD        REQUEST          a log item, SHARD being 0 to 3 by a hash of the request
//	dialects              NAME             what a dialect's name stands for
//	v#NAME                VERSION          one version of a dialect
//
// The table's stream shows new and old images: Count reads it.
//
// The one index, due, holds the keys of pending records alone, in 32 shards by the time of their next attempt.
//
// # Costs
//
// A delivery that succeeds at its first attempt is one write of its record. WebhookCounts reads the tenant's directory,
// one read unit for about 60 webhooks. Deliveries of a whole tenant asks each of its webhooks for its newest: one read
// unit for each webhook and page, and more for what it shows. Pin reads the tenant, one unit, once per call.
// Count writes at most 8 items for each batch of the stream, of 1 write unit for about 20 webhooks that had deliveries:
// batches of a minute are less than 0.1 write units for each delivery even where every delivery is another webhook's, and
// about 0.01 where 1,000,000 a day are a few webhooks'. Tallies reads those of the last day, of all tenants in the same of 8
// partitions: 1,000,000 deliveries a day spread as badly as can be are 7 MB of it or 900 read units, those to a few webhooks
// 1 MB.
// A source is two small items written together. A deployment is its item and a small entry, written together, which
// doubles the price of both; a list reads entries, one read unit for about 20, and then the deployments that it shows.
// A log item is one write; a list of them asks each of the 4 shards.
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

// API is what the store needs of a *dynamodb.Client.
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

// Options are a Store's settings. The zero Options are production's.
type Options struct {
	// EventualRecords makes Load read delivery records eventually consistently, at half the price. One that was just
	// written may be missed then; SaveDelivery's condition catches it.
	EventualRecords bool
	// Attempt is how long one request may take before it is made again; 0 means 5 s.
	Attempt time.Duration
	// Patience is how long passing faults are tried again where the context has no deadline; 0 means 10 s.
	Patience time.Duration
	// FirstWait is the longest first wait between tries; 0 means 25 ms.
	FirstWait time.Duration
	// Jitter is in [0, 1); nil is random.
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

// New returns the store in a table as Table describes it, with TTLAttribute set up for expiry. The client's own retries
// are not used.
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

// Names in the table that its definition shares.
const (
	TTLAttribute = "ttl" // Unix seconds; absent means never
	DueIndex     = "due"
	duePK        = "due_pk"
	dueAt        = "due_at" // Unix milliseconds
)

// Table returns what creates the table with its stream, its expiry (TTLAttribute) and backups aside.
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
