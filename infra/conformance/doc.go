// Package conformance holds tests against programs that other people wrote: what receivers copy from the products'
// documents or install to check our signatures, the tools that show what our process asks of the system, the programs that
// stand in for AWS under the engines of production, and the AWS CLI, with which the commands of README.md are run. They
// prove what our own code cannot prove about itself.
//
// A test whose program is missing is skipped, saying what is missing; with HOOKLINE_CONFORMANCE=1 (`make conformance`,
// which installs everything first) or with CI set it fails instead.
//
// TestAWSStacks has a CloudFormation deploy template.yaml, that of MiniStack, where the functions then run. The file
// fitting_test.go names each thing that it lacks of AWS.
//
// TestOpenAPILint has a linter read the OpenAPI document, and TestOpenAPIClients has generators make clients of it.
//
// Tests whose names begin with TestAWS or TestOpenAPI take real time and run with HOOKLINE_CONFORMANCE=1 only. The first
// run on AWS itself where HOOKLINE_TABLE names a table for tests and HOOKLINE_QUEUE_URL a queue, beside which they make and delete theirs.
package conformance
