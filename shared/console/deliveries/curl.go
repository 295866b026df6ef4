package deliveries

import (
	"maps"
	"slices"
	"strings"
)

// curl returns a command for a POSIX shell that sends a request once more. The values of masked headers are unknown, so they
// stay masked. data is the body or, with inFile, "@" and the name of a file with the body.
func curl(url string, headers map[string]string, data string, inFile bool) string {
	var b strings.Builder
	// Without --globoff curl reads brackets in a URL as a range, and without --path-as-is it takes /../ out of the path.
	b.WriteString("curl --globoff --path-as-is --request POST " + quoted(url))
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		header := name + ": " + headers[name]
		if headers[name] == "" {
			header = name + ";" // curl wants a header without a value so
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

// quoted quotes a text as one word of a POSIX shell.
// https://pubs.opengroup.org/onlinepubs/9699919799/utilities/V3_chap02.html#tag_18_02_02
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
