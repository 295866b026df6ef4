// Command count is the function that tallies deliveries; the stream of the table calls it.
package main

import (
	"github.com/aws/aws-sdk-go-v2/aws"

	"hookline/shared/invocation"
	"hookline/shared/settings"
	"hookline/shared/store/dynamo"
)

func main() { invocation.Main("count", settings.ReadCount, handler) }

func handler(s settings.Count, cfg aws.Config) (any, error) {
	return dynamo.Open(cfg, s.Table).CountStream, nil
}
