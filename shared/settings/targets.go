//go:build !privatetargets

package settings

// PrivateTargets admits http and private or loopback targets in every dialect. It is a constant of the build so that no
// setting of a deployment can turn it on; tests alone build with -tags privatetargets, for a receiver on this machine.
const PrivateTargets = false
