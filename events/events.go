// Package events embeds the example events of this folder: one folder for each dialect, one file for each event type,
// holding the event's data. The dialects' catalogues and tests read them; they are data, nothing here interprets them.
//
// The folder lambda is no dialect: below it, one folder for each function, are whole Lambda events as AWS hands them
// over, for tests and `sam local invoke`. They are not embedded.
package events

import (
	"embed"
	"io/fs"
)

//go:embed */*.json
var files embed.FS

// FS returns the folder's JSON files, as <dialect>/<event type>.json.
func FS() fs.FS { return files }
