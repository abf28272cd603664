package scheduler

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
)

func TestPodsAreBoundAndTold(t *testing.T) {
	w := newWorld(t, Config{}, nodes(5, 4000, 16)...)
	shape := spec(500, gib)
	w.run(time.Second)
	for i := range 20 {
		w.add(pod(fmt.Sprintf("web-%d", i), shape))
	}
	w.run(10 * time.Second)
	for i := range 20 {
		p := w.store.Lookup(2, "default", fmt.Sprintf("web-%d", i))
		fmt.Println(w.notes(p), w.boundAt(p.(*model.Pod)))
	}
}
