// Package invocation runs a Lambda function so that every call leaves a line of what it counted in its log, and one that fails
// a line of level ERROR, which an alarm of the stack counts.
//
// Lambda's own line does not do: of a call whose handler returned an error it says that it succeeded, because the runtime
// has reported that error (https://github.com/aws-samples/aws-lambda-extensions/issues/85), and what aws-lambda-go prints
// of it has no level. A call that Lambda ends itself, by its timeout or because the process has gone, cannot leave a line
// here: Lambda logs platform.report of those.
package invocation

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"hookline/shared/metrics"
)

// Start serves calls with fn, which is what lambda.Start takes, and does not return. stage is that of its metrics.
func Start(log *slog.Logger, stage string, fn any) {
	lambda.Start(Counted(logged{lambda.NewHandler(fn), log}, os.Stdout, stage))
}

// Counted returns a handler that writes what each call counts to w, which is the function's log.
func Counted(h lambda.Handler, w io.Writer, stage string) lambda.Handler { return counted{h, w, stage} }

type counted struct {
	lambda.Handler
	log   io.Writer
	stage string
}

// Invoke writes also after an error. A line that cannot be written is missed by nothing but its metrics.
func (h counted) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	batch := new(metrics.Batch)
	defer func() { _ = batch.Write(h.log, h.stage, time.Now()) }()
	return h.Handler.Invoke(metrics.With(ctx, batch), event)
}

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
