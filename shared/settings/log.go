package settings

import (
	"context"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Stage returns what the function's metrics have as their stage.
func (c Common) Stage() string { return c.Stack }

// Logger returns a function's logger: Lambda's own format, with the invocation's id in every line.
func (c Common) Logger() *slog.Logger {
	return slog.New(leveled{Handler: lambdacontext.NewLogHandler(), least: c.LogLevel})
}

// leveled drops what is below a level. lambdacontext's handler takes its level from Lambda's own variable alone, which
// is there only where Lambda itself filters.
type leveled struct {
	slog.Handler
	least slog.Level
}

func (l leveled) Enabled(_ context.Context, level slog.Level) bool { return level >= l.least }

func (l leveled) WithAttrs(attrs []slog.Attr) slog.Handler {
	return leveled{l.Handler.WithAttrs(attrs), l.least}
}

func (l leveled) WithGroup(name string) slog.Handler {
	return leveled{l.Handler.WithGroup(name), l.least}
}
