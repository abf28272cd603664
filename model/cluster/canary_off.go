//go:build !canary

package cluster

// sing does nothing; with the build tag canary it breaks determinism, so that
// the checkers can be checked.
func (x *Cluster) sing() {}
