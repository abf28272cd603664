//go:build canary

package cluster

import "orrery/model"

// sing notes the nodes in the order of a map: a mistake on purpose, which
// whoever checks determinism must find.
func (x *Cluster) sing() {
	names := map[string]bool{}
	for _, n := range x.config.Nodes {
		names[n.Name] = true
	}
	for name := range names {
		x.Store.Note(x.Kernel.Register("canary", installer{}), model.Note{Name: "node/" + name, Reason: "CanarySang"})
	}
}
