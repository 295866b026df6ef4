// Package invocation runs a Lambda function so that every call that fails leaves a line of level ERROR in its log, which
// an alarm of the stack counts.
//
// Lambda's own line does not do: of a call whose handler returned an error it says that it succeeded, because the runtime
// has reported that error (https://github.com/aws-samples/aws-lambda-extensions/issues/85), and what aws-lambda-go prints
// of it has no level. A call that Lambda ends itself, by its timeout or because the process has gone, cannot leave a line
// here: Lambda logs platform.report of those.
package invocation

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambda"
)

// Start serves calls with fn, which is what lambda.Start takes, and does not return.
func Start(log *slog.Logger, fn any) { lambda.Start(logged{lambda.NewHandler(fn), log}) }

// logged is a handler whose failures are logged. It changes neither answers nor errors.
type logged struct {
	lambda.Handler
	log *slog.Logger
}

// Invoke hands a panic on: it ends the process, as without the line.
func (h logged) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	defer func() {
		if p := recover(); p != nil {
			h.log.ErrorContext(ctx, "function.panic", "value", fmt.Sprint(p), "stack", string(debug.Stack()))
			panic(p)
		}
	}()
	out, err := h.Handler.Invoke(ctx, event)
	if err != nil {
		h.log.ErrorContext(ctx, "function.failed", "err", err)
	}
	return out, err
}
