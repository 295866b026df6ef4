package api

import (
	"hookline/shared/input"
	"hookline/shared/queue"
)

// DeadLetters is the queue of deliveries that ran out of attempts.
type DeadLetters struct {
	// How many messages are in the queue, approximately.
	Depth int    `json:"depth" jsonschema:"minimum=0"`
	Tasks []Move `json:"tasks"`
}

// Move is the queue's own task of moving dead letters.
type Move struct {
	ID     string `json:"id"`
	Status string `json:"status" jsonschema:"enum=RUNNING,enum=COMPLETED,enum=CANCELLING,enum=CANCELLED,enum=FAILED"`
	Moved  int    `json:"moved" jsonschema:"minimum=0"`
	// Estimated when it started.
	ToMove       int  `json:"to_move" jsonschema:"minimum=0"`
	MaxPerSecond *int `json:"max_per_second"`
	StartedAt    Time `json:"started_at"`
}

// MoveOf converts a task.
func MoveOf(m queue.Move) Move {
	return Move{
		ID: m.ID, Status: m.Status, Moved: m.Moved, ToMove: m.ToMove, MaxPerSecond: orNull(m.MaxPerSecond), StartedAt: Time{m.StartedAt},
	}
}

// Redrive is a move of dead letters to be started.
type Redrive struct {
	// Left out or null: as fast as the queue likes.
	MaxPerSecond input.Field[int] `json:"max_per_second,omitzero" jsonschema:"nullable,minimum=1,maximum=500"`
}

// RedriveStarted is the answer to the start of a move task.
type RedriveStarted struct {
	// The task's.
	ID string `json:"id"`
}
