//go:build canary

package cluster

import (
	"fmt"

	"orrery/model"
)

// sing notes the nodes in the order of a map: a mistake on purpose, which
// whoever checks determinism must find.
func (x *Cluster) sing() {
	names := map[string]bool{}
	for _, n := range x.config.Nodes {
		for verse := range 20 { // a small map often comes in the same order
			names[fmt.Sprint(n.Name, "/", verse)] = true
		}
	}
	by := x.Kernel.Register("canary", installer{})
	for name := range names {
		x.Store.Note(by, model.Note{Named: "node/" + name, Reason: "CanarySang"})
	}
}
