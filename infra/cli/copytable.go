package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/spf13/cobra"

	sealkms "hookline/shared/seal/kms"
)

// copying is a copy of one stack's table into another's: of a back-up that was restored beside the stack's table, or of a
// stack that moves to another region. Items are copied as they are. Only the data keys, which seal the secrets, are wrapped
// anew where the stacks have different KMS keys.
type copying struct {
	from, to           *dynamodb.Client
	source, target     string
	fromKey, toKey     *kms.Client
	fromKeyID, toKeyID string // the same, or "" both: data keys stay as they are wrapped
	stack              string // which data keys are bound to
	overwrite          bool
	read, written      atomic.Int64
}

// segments of the table are read at once.
const segments = 8

func (a *app) copyTable() *cobra.Command {
	var c copying
	var fromRegion, toRegion string
	cmd := &cobra.Command{
		Use: "copy-table SOURCE TARGET", Short: "Copy one DynamoDB table of Hookline's into another, with AWS credentials", Args: cobra.ExactArgs(2),
		Long: "Copies items that TARGET lacks: nothing that is there is changed, unless --overwrite is given. It can be repeated.\n" +
			"Where the tables are of different regions, the data keys are unwrapped by --from-key and wrapped by --to-key.",
		Example: "  hookline copy-table hookline-Table-1-restored hookline-Table-1",
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if (c.fromKeyID == "") != (c.toKeyID == "") || c.fromKeyID != "" && c.stack == "" {
			return usageError{errors.New("--from-key, --to-key and --stack-name go together")}
		}
		c.source, c.target = args[0], args[1]
		from, err := config.LoadDefaultConfig(cmd.Context(), config.WithRegion(fromRegion), config.WithRetryMaxAttempts(10))
		if err != nil {
			return credentialError{"AWS's settings cannot be read: " + err.Error()}
		}
		to := from.Copy()
		if toRegion != "" {
			to.Region = toRegion
		}
		if c.source == c.target && from.Region == to.Region {
			return usageError{errors.New("the two tables are the same")}
		}
		c.from, c.to = dynamodb.NewFromConfig(from), dynamodb.NewFromConfig(to)
		c.fromKey, c.toKey = kms.NewFromConfig(from), kms.NewFromConfig(to)
		err = c.run(cmd.Context())
		fmt.Fprintf(a.err, "Read %d items, wrote %d.\n", c.read.Load(), c.written.Load())
		return err
	}
	cmd.Flags().StringVar(&fromRegion, "from-region", "", "the region of SOURCE; AWS_REGION if left out")
	cmd.Flags().StringVar(&toRegion, "to-region", "", "the region of TARGET; that of SOURCE if left out")
	cmd.Flags().StringVar(&c.fromKeyID, "from-key", "", "the ARN of the KMS key of SOURCE's stack, its output KeyArn")
	cmd.Flags().StringVar(&c.toKeyID, "to-key", "", "the same of TARGET's stack")
	cmd.Flags().StringVar(&c.stack, "stack-name", "", "the name of both stacks, which their data keys are bound to")
	cmd.Flags().BoolVar(&c.overwrite, "overwrite", false, "write items that are there too, as SOURCE has them")
	return cmd
}

// run copies all segments, and ends with the first error.
func (c *copying) run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	for i := range int32(segments) {
		wg.Go(func() {
			if err := c.segment(ctx, i); err != nil {
				stop(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

func (c *copying) segment(ctx context.Context, n int32) error {
	pages := dynamodb.NewScanPaginator(c.from, &dynamodb.ScanInput{
		TableName: &c.source, Segment: aws.Int32(n), TotalSegments: aws.Int32(segments), ConsistentRead: aws.Bool(true),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("reading %s: %w", c.source, err)
		}
		for _, item := range page.Items {
			c.read.Add(1)
			if err := c.item(ctx, item); err != nil {
				return fmt.Errorf("writing %s: %w", c.target, err)
			}
		}
	}
	return nil
}

func (c *copying) item(ctx context.Context, item map[string]types.AttributeValue) error {
	if err := c.rewrap(ctx, item); err != nil {
		return err
	}
	in := &dynamodb.PutItemInput{TableName: &c.target, Item: item}
	if !c.overwrite {
		in.ConditionExpression = aws.String("attribute_not_exists(pk)")
	}
	_, err := c.to.PutItem(ctx, in)
	if _, there := errors.AsType[*types.ConditionalCheckFailedException](err); there {
		return nil
	}
	if err == nil {
		c.written.Add(1)
	}
	return err
}

// rewrap wraps a data key anew for the target's KMS key.
func (c *copying) rewrap(ctx context.Context, item map[string]types.AttributeValue) error {
	pk, _ := item["pk"].(*types.AttributeValueMemberS)
	body, _ := item["body"].(*types.AttributeValueMemberB)
	if pk == nil || body == nil || c.fromKeyID == c.toKeyID {
		return nil
	}
	name, ok := strings.CutPrefix(pk.Value, "y#"+sealkms.ShelfTenant+"#")
	if !ok {
		return nil
	}
	month, prefix, wrapped := sealkms.Wrapped(name, body.Value)
	bound := sealkms.Context(c.stack, month)
	plain, err := c.fromKey.Decrypt(ctx, &kms.DecryptInput{KeyId: &c.fromKeyID, CiphertextBlob: wrapped, EncryptionContext: bound})
	if err != nil {
		return fmt.Errorf("unwrapping the data key of %s: %w", month, err)
	}
	out, err := c.toKey.Encrypt(ctx, &kms.EncryptInput{KeyId: &c.toKeyID, Plaintext: plain.Plaintext, EncryptionContext: bound})
	if err != nil {
		return fmt.Errorf("wrapping the data key of %s: %w", month, err)
	}
	item["body"] = &types.AttributeValueMemberB{Value: slices.Concat(prefix, out.CiphertextBlob)}
	return nil
}
