package fault

import (
	"fmt"
	"slices"

	"orrery/model"
)

// swizzleClog cuts machines off from everybody one after another, in an order of
// chance, and has them come back in another one, as FoundationDB's simulation does
// (apple.github.io/foundationdb/testing.html): who hears whom changes all the time.
type swizzleClog struct{ oneByOne }

func (f *swizzleClog) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	from, end, n := d.kernel.Now(), d.kernel.Now().Add(s.For), len(nodes)
	returns := d.shuffled(s.ID+"/back", nodes)
	for i, node := range d.shuffled(s.ID+"/cut", nodes) {
		site := d.world.NodeSite(node.Head().ID)
		f.plan(site, node.Head().ID, d.everybodyBut(site), from.Add(step(s.Stagger, i, n)), end.Add(-step(s.Stagger, n-1-slices.Index(returns, node), n)))
	}
	f.start(d, "swizzle-clog/"+s.ID)
	return fmt.Sprintf("cut off from everybody one after another within %v", s.Stagger), true
}
