package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"hookline/shared/seal"
	"hookline/shared/webhook"
)

const (
	// keepAnswer is how long the first answer for an Idempotency-Key is given again, in the deployment's clock.
	keepAnswer = 24 * time.Hour
	// waitForFirst is how long a repeat waits for a first use that is still under way, in real time.
	waitForFirst = 5 * time.Second
	pollFirst    = 100 * time.Millisecond
	// deadAfter is the age, in real time, at which a first use without an answer counts as dead: no call takes half as long.
	// A repeat then runs the call again. A process that died after the effect and before it kept the answer has then caused
	// the effect twice.
	deadAfter = time.Minute
)

// hashOf returns a hash by which two uses of a key are told apart: of the body, and of the query where there is one.
func hashOf(r *http.Request, body []byte) string {
	h := sha256.New()
	_, _ = h.Write(body)
	if r.URL.RawQuery != "" {
		_, _ = h.Write([]byte("\x00" + r.URL.RawQuery))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func keyReused() error {
	return webhook.ErrConflict("idempotency-key-reused", "this Idempotency-Key was used with another body in the last 24 hours")
}

// answerOnce runs the call unless its credential has used the key already: then it gives the first answer again. An answer may
// hold a secret that only its credential may see, so the same key of another credential is another key. A refused call (400
// and above) leaves no trace of the key.
func (a *API) answerOnce(c *call, key string, run func() (answer, error)) (answer, error) {
	p := webhook.Pin{
		Tenant: c.key.Tenant, Scope: c.caller + " " + c.request.Method + " " + c.request.URL.EscapedPath(), Key: key, Hash: hashOf(c.request, c.body),
	}
	giveUp := time.NewTimer(waitForFirst)
	defer giveUp.Stop()
	poll := time.NewTicker(pollFirst)
	defer poll.Stop()
	for {
		p.At = a.now()
		p.ExpiresAt = p.At.Add(keepAnswer)
		first, mine, err := a.Store.Pin(c.ctx(), p)
		switch {
		case err != nil:
			return answer{}, err
		case !mine && first.At.Before(c.tenant.CreatedAt): // it was an earlier tenant with this id
			if mine, err = a.takeOver(c, p, first); err != nil {
				return answer{}, err
			}
		case !mine && first.Hash != p.Hash:
			return answer{}, keyReused()
		case !mine && len(first.Answer) > 0:
			return a.again(c, first)
		case !mine && p.At.Sub(first.At) > a.span(deadAfter):
			if mine, err = a.takeOver(c, p, first); err != nil {
				return answer{}, err
			}
		}
		if mine {
			return a.first(c, p, run)
		}
		select {
		case <-c.ctx().Done():
			return answer{}, c.ctx().Err()
		case <-giveUp.C:
			return answer{}, webhook.ErrConflict("idempotency-key-in-use", "the first call with this Idempotency-Key is still under way; try again")
		case <-poll.C:
		}
	}
}

// takeOver gives the key to this call, and reports whether it did: another call may have been quicker.
func (a *API) takeOver(c *call, p, first webhook.Pin) (bool, error) {
	err := a.Store.Repin(c.ctx(), p, first.At)
	if webhook.Is(err, webhook.Conflict) {
		return false, nil
	}
	return err == nil, err
}

// first runs the call and keeps its answer. It writes about the key even when the client has hung up.
func (a *API) first(c *call, p webhook.Pin, run func() (answer, error)) (answer, error) {
	ctx := c.ctx()
	refused := true
	defer func() { // also when run panics
		if !refused {
			return
		}
		if err := a.Store.Unpin(context.WithoutCancel(ctx), p); err != nil {
			a.log(c, slog.Any("error", fmt.Errorf("forgetting an idempotency key: %w", err)))
		}
	}()
	out, err := run()
	if err != nil || out.Status >= http.StatusBadRequest {
		return out, err
	}
	refused = false
	if err := a.keep(context.WithoutCancel(ctx), p, out); err != nil {
		// The call is done, so its answer is given. Only a repeat suffers: it finds no answer.
		a.log(c, slog.Any("error", fmt.Errorf("keeping an answer: %w", err)))
	}
	return out, nil
}

func (a *API) keep(ctx context.Context, p webhook.Pin, out answer) error {
	plain, err := json.Marshal(out)
	if err != nil {
		return err
	}
	if p.Answer, err = a.Box.Seal(ctx, plain, seal.AnswerPlace(p.Tenant, p.Scope, p.Key)); err != nil {
		return err
	}
	const tries = 3
	for range tries {
		if err = a.Store.Repin(ctx, p, p.At); !webhook.Is(err, webhook.Unavailable) {
			return err
		}
	}
	return err
}

// again gives the first answer once more.
func (a *API) again(c *call, first webhook.Pin) (answer, error) {
	plain, err := a.Box.Open(c.ctx(), first.Answer, seal.AnswerPlace(first.Tenant, first.Scope, first.Key))
	if err != nil {
		return answer{}, fmt.Errorf("opening a kept answer: %w", err)
	}
	var out answer
	if err := json.Unmarshal(plain, &out); err != nil {
		return answer{}, fmt.Errorf("kept answer: %w", err)
	}
	if out.Header == nil {
		out.Header = make(http.Header)
	}
	out.Header.Set("Idempotent-Replayed", "true")
	return out, nil
}

func (a *API) span(real time.Duration) time.Duration {
	if a.Span == nil {
		return real
	}
	return a.Span(real)
}
