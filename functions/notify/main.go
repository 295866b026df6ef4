// Command notify is the function that mails webhooks' owners; NotifyQueue calls it.
package main

import (
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"hookline/shared/clock"
	"hookline/shared/dialect"
	"hookline/shared/invocation"
	"hookline/shared/notify"
	"hookline/shared/notify/ses"
	"hookline/shared/queue/sqs"
	"hookline/shared/settings"
	"hookline/shared/store/dynamo"
)

func main() { invocation.Main("notify", settings.ReadNotify, handler) }

func handler(s settings.Notify, account settings.Account) (any, error) {
	cfg := account.Config()
	builtin, err := dialect.Builtin()
	if err != nil {
		return nil, err
	}
	store, queues, log := dynamo.Open(cfg, s.Table), awssqs.NewFromConfig(cfg), s.Logger()
	service := &notify.Service{
		Store: store, Dialects: &dialect.Library{Builtin: builtin, Store: store}, Console: s.Console, Brand: s.Brand.Name, Now: clock.Clock{}.Now, Log: log,
		Mailer:  ses.Mailer{API: sesv2.NewFromConfig(cfg), From: s.From, Log: log},
		Queue:   sqs.New(queues, s.Notify.URL, s.Notify.ARN),
		Refused: sqs.New(queues, s.NotifyDeadLetter.URL, s.NotifyDeadLetter.ARN),
	}
	return sqs.Function(service.Handle), nil
}
