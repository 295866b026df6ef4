// Package deployment receives reports from deployment tools. It knows the products whose webhooks it can read (providers),
// keeps the addresses to which they send them (sources), and registers the deployments that they report.
//
// It verifies a report's credential over the bytes as they came, before it reads or registers anything. It registers a
// deployment once: a deployment's id is derived from its source and the product's own id, or from its five values if the report
// has no such id. The same deployment thus has the same id, however often and through however many processes it is reported. For
// each registered deployment it publishes an event of the tenant (webhook.DeploymentType) with the same id.
//
// It does not judge deployments (an environment is what the product calls it), sends no requests to the products, and knows
// nothing of HTTP but headers and bodies. A provider is one file in this package and one line in Providers.
package deployment
