package apiserver

import (
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/etcd"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// plainClient is one client of a flood, request by request.
type plainClient struct {
	next    time.Duration // it sends then, if it is idle
	sent    time.Duration // its request, for the first time
	retries int
	state   int           // 0 idle, 1 waits, 2 executes
	left    time.Duration // of processor time
}

// plainFlood is the slow twin of a flood: every request of every client, on
// processors shared evenly, in steps of a millisecond. It counts what is offered,
// served and rejected between from and to.
func plainFlood(clients, cores, seats, queue int, cpu, every, from, to time.Duration) (offered, served, rejected int) {
	const tick = time.Millisecond
	all := make([]plainClient, clients)
	for i := range all {
		all[i].next = every * time.Duration(i) / time.Duration(clients)
	}
	var waits, runs []int
	for now := time.Duration(0); now < to; now += tick {
		counts := now >= from
		for i := range all {
			c := &all[i]
			if c.state != 0 || c.next > now {
				continue
			}
			if counts {
				offered++
			}
			if c.retries == 0 {
				c.sent = now
			}
			switch {
			case len(runs) < seats:
				c.state, c.left, runs = 2, cpu, append(runs, i)
			case len(waits) < queue:
				c.state, waits = 1, append(waits, i)
			default:
				if counts {
					rejected++
				}
				c.retries++
				c.next = now + time.Second
				if c.retries > flood429s {
					c.retries, c.next = 0, max(now, c.sent+every)
				}
			}
		}
		part := tick
		if n := len(runs); n > cores {
			part = tick * time.Duration(cores) / time.Duration(n)
		}
		runs = slices.DeleteFunc(runs, func(i int) bool {
			c := &all[i]
			if c.left -= part; c.left > 0 {
				return false
			}
			c.state, c.retries, c.next = 0, 0, max(now, c.sent+every)
			if counts {
				served++
			}
			return true
		})
		for len(waits) > 0 && len(runs) < seats {
			i := waits[0]
			waits = waits[1:]
			all[i].state, all[i].left, runs = 2, cpu, append(runs, i)
		}
	}
	return offered, served, rejected
}

// What a flood offers, gets and is refused, as a rate, is what its requests would
// one by one, within an eighth: with time to spare, with too few processors, with
// so many clients that most are rejected, and where nobody counts. (One that
// is rejected for the last time begins anew a step later.)
func TestAFloodAsARateIsItsRequestsOneByOne(t *testing.T) {
	for _, tc := range []struct {
		name    string
		clients int
		every   time.Duration
		objects int64
		groups  []string
	}{
		{"light", 40, 10 * time.Second, 1000, nil},
		{"half", 200, 10 * time.Second, 2000, nil},
		{"too much, and all may wait", 300, 10 * time.Second, 5000, nil},
		{"most are rejected", 1500, 10 * time.Second, 5000, nil},
		{"exempt", 200, 10 * time.Second, 8000, []string{model.GroupMasters}},
	} {
		k := sim.New(sim.Config{Seed: 1})
		net := network.New(k, network.DefaultProfile())
		s := store.New(k, net)
		site := net.AddSite("cp-0", "")
		b := NewBackend(k, s, net, etcd.Config{Sites: []network.Site{site}})
		a := New(k, s, b, net, site, 4)
		s.Create(0, &model.ServiceAccount{Meta: model.Meta{Kind: model.KindServiceAccount, Namespace: "a", Name: "b"}})
		s.Create(0, &model.Role{Meta: model.Meta{Kind: model.KindClusterRole, Name: "r"}, Rules: []model.PolicyRule{rule("list", "", "pods")}})
		s.Create(0, &model.RoleBinding{Meta: model.Meta{Kind: model.KindClusterRoleBinding, Name: "r"}, Role: "r", RoleKind: model.KindClusterRole,
			Subjects: []model.Subject{{Kind: "ServiceAccount", Namespace: "a", Name: "b"}}})
		as := store.User(model.AccountUser("a", "b"))
		as.Groups = tc.groups
		end := b.Flood(store.Flood{As: as, Right: store.RightList, Kind: model.KindPod, Clients: int64(tc.clients), Every: tc.every, Objects: tc.objects, ObjectBytes: 2048})
		var offered, served, rejected int64
		for second := 0; second < 240; second++ {
			if err := k.Run(sim.Time(second) * sim.Time(time.Second)); err != nil {
				t.Fatal(err)
			}
			if f := a.floods[0]; second >= 120 {
				offered, served, rejected = offered+f.offered, served+f.served, rejected+f.rejected
			}
		}
		f := a.floods[0]
		seats, queue := tc.clients, 0
		if tc.groups == nil {
			seats, queue = int(a.fair.levels[f.level].limit/f.seats), 300
		}
		o, d, r := plainFlood(tc.clients, 4, seats, queue, f.cpu, tc.every, 2*time.Minute, 4*time.Minute)
		for _, x := range []struct {
			what      string
			got, want int64
		}{{"offered", offered / 1000, int64(o)}, {"served", served / 1000, int64(d)}, {"rejected", rejected / 1000, int64(r)}} {
			if apart := max(x.got-x.want, x.want-x.got); apart > 5+x.want/8 {
				t.Errorf("%s: %d %s in two minutes, one by one %d", tc.name, x.got, x.what, x.want)
			}
		}
		end()
		if err := k.Run(k.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		for _, l := range a.fair.levels {
			if l.flooded != 0 || l.floodWants != 0 || a.stall(time.Second) != 0 {
				t.Errorf("%s: of %s %d seats are still taken, and it stalls for %v", tc.name, l.name, l.flooded, a.stall(time.Second))
			}
		}
	}
}
