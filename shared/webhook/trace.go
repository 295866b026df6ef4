package webhook

import (
	"encoding/hex"
	"strings"
)

// How long a traceparent of version 00 is, and where its parts are: 00-{32}-{16}-{2}.
const traceLength = 55

// TraceParent reads the headers traceparent of a request (W3C Trace Context, section 3.2) and returns what is carried of them, in
// version 00. It is "" where there is none, and where the specification has it ignored.
func TraceParent(headers []string) string {
	if len(headers) != 1 || len(headers[0]) < traceLength {
		return ""
	}
	h, more := headers[0][:traceLength], headers[0][traceLength:]
	parts := strings.Split(h, "-")
	if len(parts) != 4 || len(parts[0]) != 2 || len(parts[1]) != 32 || len(parts[2]) != 16 || strings.ToLower(h) != h {
		return ""
	}
	var flags byte
	for i, p := range parts {
		b, err := hex.DecodeString(p)
		if err != nil || (i == 1 || i == 2) && strings.Trim(p, "0") == "" {
			return ""
		}
		flags = b[0]
	}
	switch {
	case parts[0] == "00" && more == "":
		return h
	case parts[0] == "00" || parts[0] == "ff" || more != "" && more[0] != '-':
		return ""
	}
	// Of a later version's flags this one knows the first.
	return "00" + h[2:traceLength-2] + hex.EncodeToString([]byte{flags & 1})
}
