package etcd_test

import (
	"strings"
	"testing"
	"time"

	"orrery/model/etcd"
	"orrery/sim"
)

// Source: k8s.io/apiserver/pkg/storage/storagebackend/config.go
// DefaultReadinessTimeout (2 s), factory/etcd3.go newETCD3Check: the check reads a
// key, linearizably, so what counts is the answer and not who is believed to lead.
func TestAMemberServesSlowlyAfterAReadOf2SecondsAndNobodyAfter7(t *testing.T) {
	const from, to = 10 * time.Second, 40 * time.Second
	disk := func(d time.Duration) func(*rig) func() {
		return func(r *rig) func() {
			r.group.SetFsync(2, sim.Constant(d))
			return func() { r.group.SetFsync(2, sim.Dist{}) }
		}
	}
	alone := func(member int) func(*rig) func() {
		return func(r *rig) func() {
			var lift []func()
			for o := range r.sites {
				if o != member {
					a, b := r.cut(member, o), r.cut(o, member)
					lift = append(lift, func() { r.net.Lift(a); r.net.Lift(b) })
				}
			}
			return func() {
				for _, f := range lift {
					f()
				}
			}
		}
	}
	for _, c := range []struct {
		name   string
		config etcd.Config
		wrong  func(*rig) func()
		member int
		want   string
	}{
		{"a leader that is cut off and does not step down", etcd.Config{NoCheckQuorum: true}, alone(0), 0, "slowly nobody well"},
		{"a leader that is cut off and does", etcd.Config{}, alone(0), 0, "slowly nobody well"},
		{"a leader of members that are down, that does not step down", etcd.Config{NoCheckQuorum: true}, func(r *rig) func() {
			r.group.SetDown(1, true)
			r.group.SetDown(2, true)
			return func() { r.group.SetDown(1, false); r.group.SetDown(2, false) }
		}, 0, "slowly nobody too late well"}, // what it asked last is answered then
		{"its disk takes a second", etcd.Config{}, disk(time.Second), 2, ""},
		{"its disk takes 3 s", etcd.Config{}, disk(3 * time.Second), 2, "slowly well"},
		{"its disk takes 9 s", etcd.Config{}, disk(9 * time.Second), 2, "slowly too late well"},
		{"the disks of a majority take 3 s", etcd.Config{}, func(r *rig) func() {
			a := disk(3 * time.Second)(r)
			r.group.SetFsync(1, sim.Constant(3*time.Second))
			return func() { a(); r.group.SetFsync(1, sim.Dist{}) }
		}, 0, "slowly well"},
		{"another's disk takes 9 s", etcd.Config{}, disk(9 * time.Second), 1, ""},
		{"the leader's process ends", etcd.Config{}, func(r *rig) func() {
			r.group.SetDown(0, true)
			return func() { r.group.SetDown(0, false) }
		}, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, 1, 3, c.config)
			var heal func()
			r.at(sim.Time(from), func() { heal = c.wrong(r) })
			r.at(sim.Time(to), func() { heal() })
			r.run(80 * time.Second)
			var got []string
			for _, l := range r.lines {
				how, ok := strings.CutPrefix(l.text, "member "+string(rune('0'+c.member))+" serves ")
				if !ok {
					continue
				}
				got = append(got, how)
				after := map[string]time.Duration{"slowly": from + 2*time.Second, "nobody": from + 7*time.Second, "too late": from + 7*time.Second, "well": to}[how]
				late := how == "too late" && l.at > sim.Time(to)
				if d := l.at.Sub(sim.Time(after)); d < 0 || d > 10*time.Second && !late || how != "well" && d > 2*time.Second && !late {
					t.Errorf("it serves %s from %v on", how, l.at)
				}
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("it serves %q, want %q", s, c.want)
			}
			events := r.Events()
			r.run(time.Hour)
			if r.Events() != events {
				t.Error("it does not come to rest")
			}
		})
	}
}
