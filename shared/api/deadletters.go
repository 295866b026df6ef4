package api

import "hookline/shared/queue"

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

// RedriveStarted names the task that was started.
type RedriveStarted struct {
	ID string `json:"id"`
}
