//go:build privatetargets

package settings

// PrivateTargets admits what production refuses: this is a build for tests.
const PrivateTargets = true
