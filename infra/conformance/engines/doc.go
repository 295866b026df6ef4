// Package engines starts the programs that stand in for AWS on one machine: ElasticMQ for SQS, DynamoDB Local for
// DynamoDB. `make conformance-tools` fetches them into a folder that git ignores; neither is part of this repository.
//
// They are bound to the loopback interface, take any credentials, and end with the process that started them, also when
// that is killed.
package engines
