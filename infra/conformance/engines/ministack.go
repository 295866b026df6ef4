package engines

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// MiniStackKey is the access key, and the secret, of MiniStack's root user.
const MiniStackKey = "test"

// MiniStack starts a MiniStack on a free port of the loopback interface. It stands in for all of AWS that the stack uses,
// CloudFormation included, asks IAM's policies about every call, and runs functions as processes of this machine. It keeps
// everything in memory, and its files in dir.
func MiniStack(dir string) (*Process, error) {
	const name = "ministack"
	program, err := folder(name, ".cache", "python", "bin", name)
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	endpoint := "http://127.0.0.1:" + strconv.Itoa(port)
	env := append(
		os.Environ(),
		"BIND_HOST=127.0.0.1", "GATEWAY_PORT="+strconv.Itoa(port), "IOT_MTLS_ENABLED=0", "AUTH=true", "MINISTACK_REGION="+Region,
		"AWS_ACCESS_KEY_ID="+MiniStackKey, "AWS_SECRET_ACCESS_KEY="+MiniStackKey, "TMPDIR="+dir, "STATE_DIR="+filepath.Join(dir, "state"),
		// It hands its own environment to the functions that it runs. Lambda tells them the format of their log.
		"AWS_LAMBDA_LOG_FORMAT=JSON",
	)
	for _, service := range []string{"DYNAMODB", "SQS", "KMS", "SESV2", "EVENTBRIDGE"} { // where they look for AWS
		env = append(env, "AWS_ENDPOINT_URL_"+service+"="+endpoint)
	}
	listening := regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+) `)
	return start(name, program, nil, env, func(said []byte) (string, bool) {
		m := listening.FindSubmatch(said)
		if m == nil {
			return "", false
		}
		return string(m[1]), true
	})
}

// freePort returns a port that nothing listens on. Another program may take it before it is used.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}
