package console

import (
	"bytes"
	"encoding/json"
)

// pretty lays JSON out for people; what is no JSON stays.
func pretty(raw []byte) string {
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return string(raw)
	}
	return b.String()
}
