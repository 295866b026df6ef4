package httpapi

import (
	"testing"

	"hookline/shared/fixture"
)

// TestKeptAnswers holds the answers that pins of Idempotency-Keys keep, which are sealed as they are here.
func TestKeptAnswers(t *testing.T) { fixture.JSON[answer](t, "answer") }
