package settings

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Account is what Lambda gives every function to call AWS with: AWS_REGION and the credentials of its role, which last
// longer than its process. AWS_ENDPOINT_URL_<SERVICE> points a client at a stand-in.
//
// It takes the place of the SDK's package config, which looks in files, instance metadata and single sign-on besides,
// none of which are there: a tenth of a function's size.
type Account struct {
	region, id, secret, token string
	getenv                    func(string) string
}

// ReadAccount reads the environment.
func ReadAccount(getenv func(string) string) (Account, error) {
	e := environment{getenv: getenv}
	a := Account{
		region: e.required("AWS_REGION"), id: e.required("AWS_ACCESS_KEY_ID"), secret: e.required("AWS_SECRET_ACCESS_KEY"),
		token: getenv("AWS_SESSION_TOKEN"), getenv: getenv,
	}
	return a, e.err()
}

// Config returns the configuration of the SDK's clients.
func (a Account) Config() aws.Config {
	return aws.Config{
		Region: a.region, Credentials: credentials.NewStaticCredentialsProvider(a.id, a.secret, a.token), ConfigSources: []any{endpoints{a.getenv}},
	}
}

// endpoints is a source of configuration as the SDK's clients look for one.
type endpoints struct{ getenv func(string) string }

// GetServiceBaseEndpoint returns the endpoint set for a service, named as "DynamoDB" or "SQS".
func (e endpoints) GetServiceBaseEndpoint(_ context.Context, service string) (string, bool, error) {
	url := e.getenv("AWS_ENDPOINT_URL_" + strings.ReplaceAll(strings.ToUpper(service), " ", "_"))
	return url, url != "", nil
}
