// Command bare is what the functions' cold starts are compared with: aws-lambda-go, a client of DynamoDB, and as many
// calls of it as the event says.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"hookline/shared/settings"
)

func main() {
	account, err := settings.ReadAccount(os.Getenv)
	if err != nil {
		panic(err)
	}
	client, table := dynamodb.NewFromConfig(account.Config()), os.Getenv("TABLE")
	key := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "bare"}, "sk": &types.AttributeValueMemberS{Value: "bare"}}
	lambda.Start(func(ctx context.Context, e struct{ Calls int }) (string, error) {
		for range e.Calls {
			if _, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: key}); err != nil {
				return "", err
			}
		}
		return "done", nil
	})
}
