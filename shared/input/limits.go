package input

// Limits of fields, beside those of package webhook.
const (
	MaxName           = 200 // characters of the name of a tenant or a source of deployments
	MaxKeyName        = 100 // characters
	MaxFrameAncestors = 20
	MaxOriginBytes    = 255
	MaxMetadata       = 50  // pairs
	MaxMetadataKey    = 64  // characters
	MaxMetadataValue  = 500 // characters
	MaxHeaders        = 20
	MaxHeaderName     = 100  // bytes
	MaxHeaderValue    = 4096 // bytes
	MaxRate           = 1000 // deliveries a second
	MaxOverlapSeconds = 604800
	MaxImport         = 100  // webhooks of one import
	MaxSourceSecret   = 1024 // bytes; sealed, it stands in one record with the rest
)
