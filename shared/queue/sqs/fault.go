package sqs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// errUnmentioned is the error of an entry about which SQS's answer says nothing.
var errUnmentioned = webhook.ErrUnavailable(errors.New("the answer does not mention the entry"))

// fault turns the error of a call into one of the domain's.
func (q *Queue) fault(what string, err error) error {
	return fmt.Errorf("%s %s: %w", what, q.Name(), classify(err))
}

// classify returns a refusal for an error with which SQS refused the call, which it would refuse again. Every other
// error may pass and is Unavailable.
func classify(err error) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok || retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary || api.ErrorFault() == smithy.FaultServer {
		return webhook.ErrUnavailable(err)
	}
	return refusal(api.ErrorCode(), api.ErrorMessage(), err)
}

// note adds the entries that SQS refused to failed.
func note(failed map[int]error, entries []types.BatchResultErrorEntry) {
	for _, e := range entries {
		i, err := strconv.Atoi(aws.ToString(e.Id))
		if err != nil {
			continue // not an entry of this batch
		}
		said := fmt.Errorf("%s: %s", aws.ToString(e.Code), aws.ToString(e.Message))
		failed[i] = webhook.ErrUnavailable(said)
		if e.SenderFault {
			failed[i] = refusal(aws.ToString(e.Code), aws.ToString(e.Message), said)
		}
	}
}

func partly(failed map[int]error) error {
	if len(failed) == 0 {
		return nil
	}
	return &queue.PartialError{Failed: failed}
}

// refusal turns SQS's refusals into errors of package queue. It recognises them by their codes, and if one code stands
// for several by the message. The codes are those of the API reference's actions and common errors. About these
// messages the reference is silent; SQS has been seen to send them:
//
//	InvalidParameterValue  Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for
//	                       the message is beyond the limit [43200 seconds]
//	InvalidParameterValue  Value … for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not
//	                       available for visibility timeout change.
//	InvalidParameterValue  One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.
//	UnsupportedOperation   There is already a task running. Only one active task is allowed for a source queue arn at a
//	                       given time.
//
// "MessageTooLong" and "task is already running" are ElasticMQ's words for two of them.
func refusal(code, message string, said error) error {
	code = short(code)
	switch {
	case throttled(code):
		return webhook.ErrUnavailable(said)
	case code == "ReceiptHandleIsInvalid", code == "MessageNotInflight",
		strings.Contains(message, "parameter ReceiptHandle is invalid"):
		return because(queue.ErrStaleHandle, said)
	case strings.Contains(message, "VisibilityTimeout"):
		return because(queue.ErrBeyondLimit, said) // a span that is not negative cannot be wrong in another way
	case code == "BatchRequestTooLong", strings.Contains(message, "must be shorter than"), message == "MessageTooLong":
		return because(queue.ErrTooLarge, said)
	case strings.Contains(message, "already a task running"), strings.Contains(message, "task is already running"):
		return because(queue.ErrMoveRunning, said)
	}
	switch code {
	case "TooManyEntriesInBatchRequest", "InvalidMessageContents", "ReadCountOutOfRange", "InvalidParameterValue",
		"MissingParameter", "InvalidAddress", "InvalidAttributeValue", "UnsupportedOperation", "ValidationException",
		"ResourceNotFoundException", "QueueDoesNotExist", "NonExistentQueue":
		return because(queue.ErrRefused, said)
	}
	return said
}

// throttled reports whether a code asks the caller to try again. The SDK has checked the errors of whole calls already,
// but it does not know the codes that are SQS's own.
func throttled(code string) bool {
	_, known := retry.DefaultThrottleErrorCodes[code]
	return known || code == "OverLimit" || code == "KmsThrottled" || code == "ServiceUnavailable" || code == "InternalError" || code == "InternalFailure"
}

// codeOf returns the short code of an error that SQS answered with, "" of any other error.
func codeOf(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return short(api.ErrorCode())
	}
	return ""
}

// short drops the prefix that older protocols put in front of a code, as in
// "AWS.SimpleQueueService.BatchRequestTooLong".
func short(code string) string {
	return code[strings.LastIndexAny(code, ".#")+1:]
}

func because(err, said error) error { return fmt.Errorf("%w (%w)", err, said) }
