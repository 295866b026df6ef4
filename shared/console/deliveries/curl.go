package deliveries

import (
	"maps"
	"slices"
	"strings"
)

// curl returns a command for a POSIX shell that sends a request again as it was sent. Masked headers stay masked: the
// page does not know more. data is the body or, inFile, "@" and the name of a file that holds it.
func curl(url string, headers map[string]string, data string, inFile bool) string {
	var b strings.Builder
	// Without --globoff curl reads brackets in a URL as a range, and without --path-as-is it takes /../ out of the path.
	b.WriteString("curl --globoff --path-as-is --request POST " + quoted(url))
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		header := name + ": " + headers[name]
		if headers[name] == "" {
			header = name + ";" // how curl is told of a header without a value
		}
		b.WriteString(" \\\n  --header " + quoted(header))
	}
	// --data would read a file where the body begins with @, and leave out a file's line ends.
	// https://curl.se/docs/manpage.html#--data-raw, #--data-binary
	option := "--data-raw "
	if inFile {
		option = "--data-binary "
	}
	return b.String() + " \\\n  " + option + quoted(data) + "\n"
}

// quoted makes one word of a text for a POSIX shell.
// https://pubs.opengroup.org/onlinepubs/9699919799/utilities/V3_chap02.html#tag_18_02_02
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
