// Command count is the function that tallies deliveries; the stream of the table calls it.
package main

import (
	"hookline/shared/invocation"
	"hookline/shared/settings"
	"hookline/shared/store/dynamo"
)

func main() { invocation.Main("count", settings.ReadCount, handler) }

func handler(s settings.Count, account settings.Account) (any, error) {
	cfg := account.Config()
	return dynamo.Open(cfg, s.Table).CountStream, nil
}
