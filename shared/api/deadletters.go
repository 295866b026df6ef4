package api

import (
	"hookline/shared/input"
	"hookline/shared/queue"
)

// DeadLetters is the queue of deliveries that ran out of attempts. Depth is approximate.
type DeadLetters struct {
	Depth int    `json:"depth"`
	Tasks []Move `json:"tasks"`
}

// Move is the queue's own task of moving dead letters.
type Move struct {
	ID           string `json:"id"`
	Status       string `json:"status"`
	Moved        int    `json:"moved"`
	ToMove       int    `json:"to_move"` // estimated when it started
	MaxPerSecond *int   `json:"max_per_second"`
	StartedAt    Time   `json:"started_at"`
}

// MoveOf converts a task.
func MoveOf(m queue.Move) Move {
	return Move{
		ID: m.ID, Status: m.Status, Moved: m.Moved, ToMove: m.ToMove, MaxPerSecond: orNull(m.MaxPerSecond), StartedAt: Time{m.StartedAt},
	}
}

// Redrive says how fast dead letters are moved.
type Redrive struct {
	// Left out or null: as fast as the queue likes.
	MaxPerSecond input.Field[int] `json:"max_per_second,omitzero" jsonschema:"nullable,minimum=1,maximum=500"`
}

// RedriveStarted names the task that was started.
type RedriveStarted struct {
	ID string `json:"id"`
}
