package settings

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// AWS reads what Lambda gives every function to call AWS with: AWS_REGION and the credentials of its role, which last
// longer than its process. AWS_ENDPOINT_URL_<SERVICE> points a client at a stand-in.
//
// It takes the place of the SDK's package config, which looks in files, instance metadata and single sign-on besides,
// none of which are there: a tenth of a function's size.
func AWS(getenv func(string) string) (aws.Config, error) {
	e := environment{getenv: getenv}
	cfg := aws.Config{
		Region: e.required("AWS_REGION"),
		Credentials: credentials.NewStaticCredentialsProvider(
			e.required("AWS_ACCESS_KEY_ID"), e.required("AWS_SECRET_ACCESS_KEY"), getenv("AWS_SESSION_TOKEN"),
		),
		ConfigSources: []any{endpoints{getenv}},
	}
	return cfg, e.err()
}

// endpoints is a source of configuration as the SDK's clients look for one.
type endpoints struct{ getenv func(string) string }

// GetServiceBaseEndpoint returns the endpoint set for a service, named as "DynamoDB" or "SQS".
func (e endpoints) GetServiceBaseEndpoint(_ context.Context, service string) (string, bool, error) {
	url := e.getenv("AWS_ENDPOINT_URL_" + strings.ReplaceAll(strings.ToUpper(service), " ", "_"))
	return url, url != "", nil
}
