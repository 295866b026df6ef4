package httpapi

import (
	_ "embed"
	"errors"
	"net/http"
	"strconv"

	"hookline/shared/api"
	"hookline/shared/audit"
	"hookline/shared/input"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

//go:embed openapi.json
var openAPI []byte

func (a *API) showOpenAPI(*call) (answer, error) {
	return answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {jsonType}}, Body: openAPI}, nil
}

// showHealth answers that the process serves. It does not ask the engines.
func (a *API) showHealth(*call) (answer, error) {
	return reply(http.StatusOK, api.Health{Status: "ok"})
}

func (a *API) redrive(c *call) (answer, error) {
	var faults input.Faults
	var in api.Redrive
	input.Body(c.body, &in, &faults)
	rate := in.MaxPerSecond
	if rate.Given() && (rate.Value < 1 || rate.Value > queue.MaxMovesPerSec) {
		faults.Add("max_per_second", "must be 1 to "+strconv.Itoa(queue.MaxMovesPerSec))
	}
	if err := faults.Err(); err != nil {
		return answer{}, err
	}
	var id string
	err := a.recorded(c, "", audit.Target{Type: "queue", ID: "dead-letters"}, func() (err error) {
		id, err = a.DeadLetters.StartMove(c.ctx(), a.RedriveTo, rate.Value)
		if errors.Is(err, queue.ErrMoveRunning) {
			return webhook.ErrConflict("redrive-running", "dead letters are being moved already; GET /v1/dead-letters shows how far")
		}
		return err
	})
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusAccepted, api.RedriveStarted{ID: id})
}

func (a *API) showDeadLetters(c *call) (answer, error) {
	n, err := a.DeadLetters.Counts(c.ctx())
	if err != nil {
		return answer{}, err
	}
	moves, err := a.DeadLetters.Moves(c.ctx())
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, api.DeadLetters{Depth: n.Visible + n.InFlight + n.Delayed, Tasks: api.Each(moves, api.MoveOf)})
}
