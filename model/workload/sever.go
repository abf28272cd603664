package workload

import (
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/sim"
)

// What is under way when the way back is cut is lost if its answer is due while the way
// stays cut: nothing of it is sent again, as nothing is of new requests. A cut that is
// shorter than requests take loses those only whose time is up meanwhile.

// cut is a flow when ways were cut.
type cut struct {
	milli   int64 // that goes where the way back is cut now, in thousandths per second
	offered int64 // that was sent before,
	good    int64 // so many of a million of what arrived were served,
	takes   time.Duration
}

// severed is requests that were under way on ways that were cut.
type severed struct {
	flow  int32
	milli int64 // that were served, in thousandths per second
	takes time.Duration
	at    sim.Time
	by    network.Handle // the first of the impairments
}

// seeCut remembers how flows fare if ways may be cut from now on, and loses what was due
// on those that are open again.
func (t *Flows) seeCut(now sim.Time) {
	if rules := t.net.Rules(); rules > t.ruled {
		if t.cutAt == 0 {
			t.cutAt, t.cutSince = now, t.ruled
			for i := range t.flows {
				t.flows[i].beforeCut()
			}
		}
		t.ruled = rules
	}
	t.miss(now)
}

// beforeCut is a flow as it is when ways are cut.
func (f *flow) beforeCut() {
	arriving := int64(0)
	for k := range f.shares {
		arriving += f.shares[k].milli
	}
	f.cut = cut{offered: f.now.OfferedMilliRPS, takes: time.Duration(f.single.ok.mean()) * time.Microsecond}
	if arriving > 0 {
		f.cut.good = product(f.now.ServedMilliRPS, million, arriving)
	}
	if f.Timeout > 0 {
		f.cut.takes = min(f.cut.takes, f.Timeout)
	}
}

// sever has what was under way on ways that were cut in this instant be missed when it is
// due.
func (t *Flows) sever() {
	if t.cutAt == 0 {
		return
	}
	for i := range t.flows {
		f := &t.flows[i]
		if f.cut.milli == 0 || f.cut.takes == 0 {
			continue
		}
		milli := product(product(f.cut.milli, f.cut.offered, f.lost.OfferedMilliRPS), f.cut.good, million)
		t.severed = append(t.severed, severed{int32(i), milli, f.cut.takes, t.cutAt, t.cutSince})
		t.kernel.Post(t.cutAt.Add(f.cut.takes), t.self, whySevered, uint64(i))
		f.cut.milli = 0
	}
	t.cutAt = 0
}

// miss loses what was due on ways that were cut: all of it, or of those that are open again
// what was due until now.
func (t *Flows) miss(now sim.Time) {
	kept := t.severed[:0]
	for _, x := range t.severed {
		if passed := now.Sub(x.at); passed < x.takes && !t.net.Lifted(x.by) {
			kept = append(kept, x)
		} else {
			t.lose(x.flow, model.Lost{SilentMilli: product(x.milli, int64(min(passed, x.takes)), int64(time.Second))}, 0)
		}
	}
	t.severed = kept
}
