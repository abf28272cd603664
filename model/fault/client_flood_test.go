package fault_test

import (
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/fault"
	"orrery/model/store"
)

// A flood has as many clients as a share of the nodes says, and lists as many
// objects as there are; it ends with its fault.
func TestAFloodIsAsLargeAsTheCluster(t *testing.T) {
	w := newWorld(nodes(7, "a")...)
	s := spec("agents", "client-flood", 5, 8, fault.Target{})
	s.Flood = store.Flood{As: store.User("alice"), Right: store.RightList, Kind: model.KindNode, Every: time.Minute, ObjectBytes: 100}
	s.FloodPPM = 500_000
	fault.New(w.Kernel, w, []fault.Spec{s}).Start()
	for second := 1; second <= 9; second++ {
		if err := w.Run(at(second)); err != nil {
			t.Fatal(err)
		}
		if on := second >= 5 && second < 8; (len(w.floods) == 1) != on {
			t.Fatalf("at %ds: %+v", second, w.floods)
		} else if on && (w.floods[0].Clients != 4 || w.floods[0].Objects != 7) {
			t.Errorf("%+v", w.floods[0])
		}
	}
	if said := strings.Join(w.notes(), "\n"); !strings.Contains(said, "client-flood: 4 clients as alice list nodes every 1m0s, 7 objects of 100 bytes, for 3s") {
		t.Error(said)
	}
}
