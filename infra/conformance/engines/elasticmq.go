package engines

import (
	"path/filepath"
	"regexp"
)

// The region and account in the ARNs of ElasticMQ's queues.
const (
	Region  = "us-east-1"
	Account = "000000000000"
)

// ElasticMQ starts an ElasticMQ on a free port. It keeps its queues and messages in dir, in memory if that is "".
func ElasticMQ(dir string) (*Process, error) {
	jars, err := folder("elasticmq", ".cache", "elasticmq")
	if err != nil {
		return nil, err
	}
	// The settings are those of reference.conf in elasticmq-rest-sqs.
	args := []string{
		"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx1g",
		"-Drest-sqs.bind-hostname=127.0.0.1", "-Drest-sqs.bind-port=0", "-Dgenerate-node-address=true",
		"-Drest-sqs.sqs-limits=strict", "-Drest-stats.enabled=false",
		"-Daws.region=" + Region, "-Daws.accountId=" + Account,
	}
	if dir != "" {
		args = append(
			args,
			"-Dqueues-storage.enabled=true", "-Dqueues-storage.path="+filepath.Join(dir, "elasticmq.conf"),
			"-Dmessages-storage.enabled=true", "-Dmessages-storage.uri=jdbc:h2:"+filepath.Join(dir, "elasticmq")+";WRITE_DELAY=0",
		)
	}
	args = append(args, "-cp", filepath.Join(jars, "*"), "org.elasticmq.server.Main")
	listening := regexp.MustCompile(`Started SQS rest server, bind address (127\.0\.0\.1:\d+),`)
	return java("elasticmq", args, func(said []byte) (string, bool) {
		m := listening.FindSubmatch(said)
		if m == nil {
			return "", false
		}
		return "http://" + string(m[1]), true
	})
}
