package runner

import (
	"context"
	"os"
	"testing"

	"hookline/infra/local/process"
)

func TestMain(m *testing.M) {
	os.Exit(process.Main(m, func(ctx context.Context) error {
		return Main(ctx, os.Getenv, os.Stdout, map[string]Open{"held": held})
	}))
}
