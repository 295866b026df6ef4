// Package deployment takes in what deployment tools report: it knows the products whose webhooks it understands
// (providers), keeps the addresses that they are sent to (sources), and registers the deployments.
//
// What it guarantees: nothing is read of a report, let alone registered, before its credential was found right over the
// bytes as they came. A deployment is registered once: its id is made of its source and the product's own id of it (of
// its five values where the report has none, as a custom one), so the same deployment again has the same id, however often
// and through however many processes it comes. What is registered is an event of the tenant (webhook.DeploymentType)
// under the same id.
//
// It does not judge deployments (an environment is whatever the product calls it), does not ask the products anything,
// and knows nothing of HTTP but headers and bodies. A provider is one file here and one line in Providers.
package deployment
