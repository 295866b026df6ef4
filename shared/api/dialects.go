package api

// DialectSummary is a dialect in a list.
type DialectSummary struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Product string `json:"product"`
	BuiltIn bool   `json:"built_in"`
}

// Preview is an event as a webhook would get it. The first of Requests stands beside them too: most callers want that one.
type Preview struct {
	Dialect   string `json:"dialect"` // name@version
	Type      string `json:"type"`
	EventID   string `json:"event_id"`
	Tenant    string `json:"tenant"`
	Timestamp string `json:"timestamp"`
	Format    string `json:"format"`
	Secret    string `json:"secret"`
	PreviewRequest
	Requests []PreviewRequest `json:"requests"`
}

// PreviewRequest is one way to send an event. Body is the exact bytes, as a string, because it is what is signed.
type PreviewRequest struct {
	ContentType string  `json:"content_type"`
	Headers     Headers `json:"headers"`
	Body        string  `json:"body"`
}
