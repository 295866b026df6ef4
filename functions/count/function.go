package main

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"hookline/shared/settings"
	"hookline/shared/store/dynamo"
)

func newFunction(s settings.Count, cfg aws.Config) any {
	return dynamo.New(dynamodb.NewFromConfig(cfg), s.Table, dynamo.Options{}).CountStream
}
