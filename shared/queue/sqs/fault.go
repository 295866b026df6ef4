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

// errUnmentioned is of an entry of which SQS says neither that it was taken nor that it was not.
var errUnmentioned = webhook.ErrUnavailable(errors.New("the answer does not mention the entry"))

// fault gives a call's error its place among the domain's.
func (q *Queue) fault(what string, err error) error {
	return fmt.Errorf("%s %s: %w", what, q.Name(), classify(err))
}

// classify: what SQS has answered with a refusal is that, and trying again is of no use; everything else may pass.
func classify(err error) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok || retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary || api.ErrorFault() == smithy.FaultServer {
		return webhook.ErrUnavailable(err)
	}
	return refusal(api.ErrorCode(), api.ErrorMessage(), err)
}

// note adds the entries that SQS refused.
func note(failed map[int]error, entries []types.BatchResultErrorEntry) {
	for _, e := range entries {
		i, err := strconv.Atoi(aws.ToString(e.Id))
		if err != nil {
			continue // names no entry of ours
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

// refusal recognises SQS's refusals by their codes, and where one code stands for several by the message. They are
// those of the API reference's actions and common errors, and, where it is silent, as SQS has been seen to say them:
//
//	InvalidParameterValue  Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for
//	                       the message is beyond the limit [43200 seconds]
//	InvalidParameterValue  Value … for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not
//	                       available for visibility timeout change.
//	InvalidParameterValue  One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.
//	UnsupportedOperation   There is already a task running. Only one active task is allowed for a source queue arn at a
//	                       given time.
//
// "MessageTooLong" and "task is already running" are ElasticMQ's words for two of these.
func refusal(code, message string, said error) error {
	code = short(code)
	switch {
	case throttled(code):
		return webhook.ErrUnavailable(said)
	case code == "ReceiptHandleIsInvalid", code == "MessageNotInflight",
		strings.Contains(message, "parameter ReceiptHandle is invalid"):
		return because(queue.ErrStaleHandle, said)
	case strings.Contains(message, "VisibilityTimeout"):
		return because(queue.ErrBeyondLimit, said) // the only way for a span that is not negative to be wrong
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

// throttled reports whether a code asks to try again. Errors of whole calls have been through the SDK's own check, which
// lacks those that are SQS's own.
func throttled(code string) bool {
	_, known := retry.DefaultThrottleErrorCodes[code]
	return known || code == "OverLimit" || code == "KmsThrottled" || code == "ServiceUnavailable" || code == "InternalError" || code == "InternalFailure"
}

// codeOf returns the short code of an answer of SQS, "" of any other error.
func codeOf(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return short(api.ErrorCode())
	}
	return ""
}

// short drops what older protocols put in front of a code: "AWS.SimpleQueueService.BatchRequestTooLong".
func short(code string) string {
	return code[strings.LastIndexAny(code, ".#")+1:]
}

func because(err, said error) error { return fmt.Errorf("%w (%w)", err, said) }
