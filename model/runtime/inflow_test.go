package runtime

import (
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// load has so many requests arrive at a pod, all of which are worked at.
func load(m *Machine, pod uint32, milliRPS int64) { surge(m, pod, 0, milliRPS) }

// surge has more arrive for a moment.
func surge(m *Machine, pod uint32, peak, milliRPS int64) {
	s := m.Sandbox(pod)
	if s.inflow == nil {
		s.follow(&model.Inflow{ID: pod})
	}
	s.inflow.Set(m.kernel.Now(), milliRPS, milliRPS)
	s.inflow.Peak = peak
	m.Load(pod, s.inflow)
	s.inflow.Peak = 0
}

// crew is machines whose pods follow the same inflows.
type crew struct {
	*sim.Kernel
	machines  []*Machine
	pods      []uint32
	inflows   []*model.Inflow
	follows   []int // by pod: which of the inflows
	capacity  map[uint32]int
	throttled []string // what was told of it
}

func (*crew) ServingChanged(model.Ref, bool)       {}
func (*crew) Broke(model.Ref, time.Duration, bool) {}
func (c *crew) CapacityChanged(ref model.Ref)      { c.capacity[ref.ID]++ }

func (c *crew) note(_ sim.ActorID, n model.Note) {
	c.throttled = append(c.throttled, c.Now().String()+" "+n.Path()+" "+n.Text())
}

func newCrew(seed uint64, keen bool) *crew {
	luck := sim.NewLuck(seed).Stream("crew")
	c := &crew{Kernel: sim.New(sim.Config{Seed: seed}), capacity: map[uint32]int{}}
	behaviors := Behaviors{
		{Match: model.SelectorOf(model.MakeLabels(map[string]string{"kind": "0"})), Startup: sim.Constant(time.Second), CPUMilli: 20, CPUMicroPerRPS: 1000},
		{Match: model.SelectorOf(model.MakeLabels(map[string]string{"kind": "1"})), Startup: sim.Constant(time.Second), CPUMicroPerRPS: 3000, MemoryPerRPS: 1 << 10},
		{Match: model.SelectorOf(model.MakeLabels(map[string]string{"kind": "2"})), Startup: sim.Constant(3 * time.Second), StartupCPUMilli: 700, CPUMicroPerRPS: 500},
		{Match: model.SelectorOf(model.MakeLabels(map[string]string{"kind": "3"})), CPUMicroPerRPS: 200, Bursts: []Burst{{After: 20 * time.Second, For: 5 * time.Second, Every: time.Minute, CPUMilli: 600}}},
	}
	registry := NewRegistry(c.Kernel)
	for i := range 3 {
		node := &model.Node{Meta: model.Meta{Kind: model.KindNode, ID: uint32(i + 1), Name: string(rune('a' + i))}, Capacity: model.Resources{CPUMilli: 2000 << i}}
		c.machines = append(c.machines, NewMachine(c.Kernel, node, Config{Behaviors: behaviors, Registry: registry, Serving: c, Kubelet: deaf{}, Keen: keen, Note: c.note}))
	}
	for i := range 2 {
		c.inflows = append(c.inflows, &model.Inflow{ID: uint32(i + 1)})
	}
	for i := range 12 {
		id := uint32(i + 1)
		p := pod(id, busy(int64(100+luck.Below(500)), int64(luck.Below(2)*800)))
		p.Labels = model.MakeLabels(map[string]string{"kind": string(rune('0' + int(luck.Below(4))))})
		p.Spec.SumRequests()
		m := c.machines[i%3]
		s := m.Add(p, uint64(id))
		s.Ready = true
		m.Start(s, 0)
		c.pods, c.follows = append(c.pods, id), append(c.follows, int(luck.Below(2)))
	}
	return c
}

// say has an inflow be another one, as whoever says it has to.
func (c *crew) say(k int, milliRPS int64) {
	in := c.inflows[k]
	in.Set(c.Now(), milliRPS, milliRPS)
	if in.NeedsTelling() {
		in.Most = 1 << 62
		c.tell(k)
	}
}

func (c *crew) tell(k int) {
	for i, id := range c.pods {
		if c.follows[i] == k {
			c.machines[i%3].Load(id, c.inflows[k])
		}
	}
}

// What machines find out when they are asked is what they know who are told of every
// change: what pods use, what they have CPU for, and whether they are crowded.
func TestWhoIsTrustedUsesWhatHeIsToldThatHearsOfEverything(t *testing.T) {
	crowded, trusted, throttled := 0, 0, 0
	for seed := range uint64(60) {
		plain, lazy := newCrew(seed, true), newCrew(seed, false)
		luck := sim.NewLuck(seed).Stream("loads")
		for _, c := range []*crew{plain, lazy} {
			c.tell(0)
			c.tell(1)
		}
		for range 150 {
			wait := time.Duration(luck.Below(20_000)) * time.Millisecond
			what, k, rps, who := luck.Below(10), int(luck.Below(2)), int64(luck.Below(900_000)), int(luck.Below(12))
			for _, c := range []*crew{plain, lazy} {
				c.Run(c.Now().Add(wait))
				s := c.machines[who%3].Sandbox(c.pods[who])
				switch {
				case what < 6:
					c.say(k, rps)
				case what == 6 && s.Processes[0].Running:
					c.machines[who%3].Crash(s, 0, 1)
				case what == 6:
					c.machines[who%3].Start(s, 0)
				case what == 7:
					c.follows[who] = k
					c.machines[who%3].Load(c.pods[who], c.inflows[k])
				case what == 8:
					c.machines[k].Burn(rps / 1000)
				default:
					c.machines[k].Cool(rps / 500)
				}
			}
			for i, id := range plain.pods {
				a, okA := plain.machines[i%3].Measured(plain.Now(), id, "")
				b, okB := lazy.machines[i%3].Measured(lazy.Now(), id, "")
				b.Inflow, b.Costs = nil, model.Costs{}
				rateA, limitedA := capacity(plain.machines[i%3], id)
				rateB, limitedB := capacity(lazy.machines[i%3], id)
				roomA, coresA := plain.machines[i%3].Room(id)
				roomB, coresB := lazy.machines[i%3].Room(id)
				if a != b || okA != okB || rateA != rateB || limitedA != limitedB || roomA != roomB || coresA != coresB {
					t.Fatalf("seed %d at %v, pod %d: %+v %v, capacity %d, room %v; who hears of everything says %+v %v, %d, %v", seed, lazy.Now(), id, b, okB, rateB, roomB, a, okA, rateA, roomA)
				}
			}
			for i := range plain.machines {
				if plain.machines[i].crowded != lazy.machines[i].crowded {
					t.Fatalf("seed %d at %v, machine %d: crowded %v, want %v", seed, lazy.Now(), i, lazy.machines[i].crowded, plain.machines[i].crowded)
				}
				if lazy.machines[i].crowded {
					crowded++
				}
				trusted += lazy.machines[i].trusted
			}
		}
		slices.Sort(plain.throttled)
		slices.Sort(lazy.throttled)
		if throttled += len(plain.throttled); !slices.Equal(plain.throttled, lazy.throttled) {
			t.Errorf("seed %d: throttled\n%q\nwant\n%q", seed, lazy.throttled, plain.throttled)
		}
		for _, id := range plain.pods {
			if (plain.capacity[id] > 0) != (lazy.capacity[id] > 0) {
				t.Errorf("seed %d, pod %d: told of capacity %d times, want %d", seed, id, lazy.capacity[id], plain.capacity[id])
			}
		}
	}
	if crowded < 1000 || trusted < 1000 || throttled < 1000 {
		t.Errorf("%d machines were crowded, %d pods trusted, and throttling was told of %d times: this shows little", crowded, trusted, throttled)
	}
}
