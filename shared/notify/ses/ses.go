// Package ses hands mails to Amazon SES.
//
// A mail that SES took is SES's: whether it arrived, bounced or was complained of is in the account's own reports. SES
// has no key that would tell a repeat: a call whose answer is lost, tried again by the client, may bring a mail twice.
//
// An account in the SES sandbox mails to verified addresses alone, and nobody mails from an identity that is not
// verified: such mails are refused, with SES's reason.
package ses

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/smithy-go"

	"hookline/shared/notify"
	"hookline/shared/webhook"
)

// API is what a Mailer uses of *sesv2.Client. The IAM action is ses:SendEmail, on the identity that From is of, in SES's
// sandbox also on the recipient's, and on the default configuration set of From's.
type API interface {
	SendEmail(ctx context.Context, in *sesv2.SendEmailInput, opts ...func(*sesv2.Options)) (*sesv2.SendEmailOutput, error)
}

// Mailer is safe for concurrent use.
type Mailer struct {
	API  API
	From string // an address of an identity that SES has verified
	Log  *slog.Logger
}

// Send sends a mail of plain text. SES encodes its subject and text.
func (m Mailer) Send(ctx context.Context, mail notify.Mail) error {
	content := func(s string) *types.Content { return &types.Content{Data: &s, Charset: aws.String("UTF-8")} }
	out, err := m.API.SendEmail(ctx, &sesv2.SendEmailInput{
		FromEmailAddress: &m.From,
		Destination:      &types.Destination{ToAddresses: []string{mail.To}},
		Content: &types.EmailContent{Simple: &types.Message{
			Subject: content(mail.Subject),
			Body:    &types.Body{Text: content(mail.Text)},
		}},
	})
	if err != nil {
		return fmt.Errorf("send mail: %w", classify(err))
	}
	m.Log.InfoContext(ctx, "mail.sent", "tenant", mail.Tenant, "id", aws.ToString(out.MessageId))
	return nil
}

// classify tells what may pass from what SES has refused (MessageRejected, BadRequestException,
// MailFromDomainNotVerifiedException and others: API Reference v2, SendEmail, Errors). Over its quota SES asks to try
// again within 10 minutes (Developer Guide, Errors related to the sending quotas), and an account whose sending is
// paused can be resumed: those come back.
func classify(err error) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok || retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary || api.ErrorFault() == smithy.FaultServer {
		return webhook.ErrUnavailable(err)
	}
	switch api.ErrorCode() {
	case "SendingPausedException", "ExpiredTokenException":
		return webhook.ErrUnavailable(err)
	}
	return &webhook.Error{Kind: webhook.Invalid, Code: "mail-refused", Message: "the mail service refuses the mail", Cause: err}
}
