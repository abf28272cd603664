package runtime

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// downloads is how many pulls of the machine have something come.
func (r *rig) downloads() (n int) {
	for i := range r.machine.pulls {
		if p := &r.machine.pulls[i]; r.flows(p) {
			n++
		}
	}
	return n
}

// flows tells whether something of a pull comes now.
func (r *rig) flows(p *pull) bool {
	return p.going && p.outcome == PulledNow && p.awaits == 0 && p.from <= r.Now() && r.Now() < p.loadedAt && p.each > 0
}

// others adds machines that pull from the same registry.
func (r *rig) others(n, parallel int) {
	for range n {
		id := uint32(len(r.registry.machines)) + 1
		node := &model.Node{Meta: model.Meta{Kind: model.KindNode, ID: id, Name: fmt.Sprint("n-", id)}}
		NewMachine(r.Kernel, node, Config{Behaviors: r.machine.behaviors, Registry: r.registry, Kubelet: r, ParallelPulls: parallel})
	}
}

// TestDownloadsOfAMachineShareItsConnection: two side by side have half of it each, and who is
// left has all of it when the other is through.
func TestDownloadsOfAMachineShareItsConnection(t *testing.T) {
	r := newRig(Behavior{ImageBytes: 8_000_000_000})
	r.machine.parallel = 2
	for id, image := range []string{"one", "two"} {
		c := model.Container{Name: "main", Image: image}
		r.machine.Pull(pod(uint32(id+1), c), &c)
	}
	r.run(t, 10*time.Second)
	r.stream(streamRate)
	for i := range r.machine.pulls {
		if rate := r.rate(&r.machine.pulls[i]); rate < linkRate/2-3 || rate > linkRate/2 {
			t.Errorf("pull %d goes at %d bytes a second", i, rate)
		}
	}
	a, b := &r.machine.pulls[0], &r.machine.pulls[1]
	if b.loadedAt < a.loadedAt {
		a, b = b, a
	}
	r.run(t, a.loadedAt.Sub(r.Now()))
	if rate := r.rate(b); r.flows(a) || b.loadedAt <= r.Now() || rate < linkRate-3 || rate > linkRate {
		t.Errorf("the other goes on at %d bytes a second when one is through", rate)
	}
}

// TestADownloadGoesAsFastAsTheNarrowestOnItsWay: of three streams with 40 MB/s of their own, the
// machine's connection, of which each of its downloads has its part, or what registries send.
func TestADownloadGoesAsFastAsTheNarrowestOnItsWay(t *testing.T) {
	const mb = 1_000_000
	for _, c := range []struct {
		downloads             int
		link, pace, bandwidth int64
		want                  int64
	}{
		{1, full, full, 0, 80 * mb},
		{4, full, full, 0, 20 * mb},
		{1, full, full / 5, 0, 24 * mb},
		{4, full, full / 10, 0, 12 * mb}, // a registry this slow does not fill the connection
		{4, full, full / 2, 0, 20 * mb},
		{1, full / 10, full / 5, 0, 8 * mb},
		{2, full / 10, full, 0, 4 * mb},
		{1, full / 10, full, 40 * mb, 8 * mb},
		{1, full, full, 8 * mb, 8 * mb},
		{2, full, full, 40 * mb, 20 * mb},
		{2, full, full / 20, 40 * mb, 6 * mb},
	} {
		r := newRig(Behavior{ImageBytes: 8_000_000_000})
		r.machine.parallel, r.registry.Bandwidth = 4, c.bandwidth
		r.machine.SetLink(c.link)
		r.registry.SetPace(AllRegistries, c.pace)
		for i := range c.downloads {
			x := model.Container{Name: "main", Image: fmt.Sprint("image-", i)}
			r.machine.Pull(pod(uint32(i+1), x), &x)
		}
		r.stream(streamRate)
		r.run(t, 15*time.Second)
		for i := range r.machine.pulls {
			if rate := r.rate(&r.machine.pulls[i]); rate < c.want-3 || rate > c.want {
				t.Errorf("%+v: pull %d goes at %d bytes a second", c, i, rate)
			}
		}
	}
}

// TestMachinesShareTheRegistrysBandwidth alike, and what one cannot use of it the others have.
func TestMachinesShareTheRegistrysBandwidth(t *testing.T) {
	r := newRig(Behavior{ImageBytes: 8_000_000_000})
	r.registry.Bandwidth = 2 * linkRate
	r.others(7, 1)
	c := model.Container{Name: "main", Image: "big"}
	for _, m := range r.registry.machines {
		m.Pull(pod(1, c), &c)
	}
	r.stream(streamRate)
	r.run(t, 15*time.Second)
	for i, m := range r.registry.machines {
		if rate := r.rate(&m.pulls[0]); rate < linkRate/4-3 || rate > linkRate/4 {
			t.Errorf("machine %d has %d bytes a second, want a quarter of what it could have: 2 parts for 8", i, rate)
		}
	}
	r.machine.SetLink(full / 10)
	for i, m := range r.registry.machines {
		want := int64(linkRate / 10)
		if i > 0 {
			want = (2*linkRate - want) / 7
		}
		if rate := r.rate(&m.pulls[0]); rate < want-6 || rate > want+6 {
			t.Errorf("then machine %d has %d bytes a second, want %d", i, rate, want)
		}
	}
}

// TestAnImageIsNotPulledFasterThanTheRegistrysBandwidth: in spec 3.2 a stream has the least of its
// own speed, its machine's connection and its share of the registry, so 4000 MiB of 8 MiB a second
// take 500 s, of one layer, of two, or if nobody describes it; nothing else binds, so no longer.
func TestAnImageIsNotPulledFasterThanTheRegistrysBandwidth(t *testing.T) {
	const mib = 1 << 20
	for n, layers := range [][]Layer{{{"all", 4000 * mib}}, {{"a", 2000 * mib}, {"b", 2000 * mib}}, nil} {
		r := newRig(Behavior{ImageBytes: 4000 * mib})
		r.registry.Bandwidth, r.machine.parallel = 8*mib, 2
		if layers != nil {
			r.registry.Describe([]Image{{Name: "big", Layers: layers}})
		}
		for id := range uint32(30) {
			c := model.Container{Name: "main", Image: "big"}
			r.machine.Pull(pod(id, c), &c)
			p := &r.machine.pulls[0]
			slow := p.own*p.streams(p.from) < 8*mib
			asks := p.asksAt
			r.run(t, asks.Sub(r.Now())+time.Nanosecond)
			if took := p.loadedAt.Sub(asks); took < 500*time.Second || !slow && took > 500*time.Second+time.Millisecond {
				t.Errorf("image %d, pull %d: it comes in %v", n, id, took)
			}
			r.run(t, time.Hour)
			r.machine.CollectImages(r.Now(), 1<<60)
		}
	}
}

// TestStreamsThatNeitherLimitBindsDoNotSlowEachOther: in spec 3.2 one of two layers that come side
// by side, of two images or of one, has min(40, 80/2) MB/s, as it has alone; and so it is with half
// of the connection and half of the registry's speed.
func TestStreamsThatNeitherLimitBindsDoNotSlowEachOther(t *testing.T) {
	const bytes = 4_000_000_000
	images := []Image{{Name: "one", Layers: []Layer{{"1", bytes}}}, {Name: "two", Layers: []Layer{{"2", bytes}}}, {Name: "both", Layers: []Layer{{"3", bytes}, {"4", bytes}}}}
	for _, pulled := range [][]int{{0}, {0, 1}, {2}} {
		for _, slower := range []int64{1, 2} {
			r := newRig()
			r.registry.Describe(images)
			r.machine.parallel = 2
			r.machine.SetLink(full / slower)
			r.registry.SetPace(AllRegistries, full/slower)
			for _, i := range pulled {
				c := model.Container{Name: "main", Image: images[i].Name}
				r.machine.Pull(pod(uint32(i), c), &c)
			}
			r.stream(streamRate)
			r.run(t, 20*time.Second)
			for i := range r.machine.pulls {
				p := &r.machine.pulls[i]
				if took, want := p.loadedAt.Sub(p.asksAt), time.Duration(100*slower)*time.Second; !near(took, want) {
					t.Errorf("images %d, %d times as slow: one comes in %v, want %v", pulled, slower, took, want)
				}
			}
		}
	}
}

// TestStreamsShareWhatTheyShareFairly: whatever machines pull and whatever happens to them, no
// stream is faster than it can be by itself, no connection and no registry carries more than it
// can, and every stream that is slower than by itself could only be faster at the cost of one that
// is no faster: some limit on its way is reached, and no stream there is faster. And what has come
// when an image is there, at these speeds, is all of it.
func TestStreamsShareWhatTheyShareFairly(t *testing.T) {
	bound, pulled := [3]int{}, 0
	for seed := range uint64(40) {
		luck := sim.NewLuck(seed).Lane("test").Draw(0, 0)
		r := newRig(Behavior{ImageBytes: 3_000_000_000})
		r.machine.parallel = 1 + int(luck.Below(3))
		r.others(4, r.machine.parallel)
		var images []Image
		for i := range 8 {
			img := Image{Name: fmt.Sprint("i", i)}
			for j := range luck.Below(5) {
				img.Layers = append(img.Layers, Layer{fmt.Sprint(i, j), int64(1+luck.Below(2_000)) * 1_000_000})
			}
			if len(img.Layers) > 0 {
				images = append(images, img)
			}
		}
		r.registry.Describe(images)
		if luck.Below(3) > 0 {
			r.registry.Bandwidth = int64(20+luck.Below(300)) * 1_000_000
		}
		left := map[uint32]int64{}
		for id := range uint32(30) {
			m := r.registry.machines[luck.Below(5)]
			c := model.Container{Name: "main", Image: fmt.Sprint("i", luck.Below(8))}
			m.Pull(pod(id+1, c), &c)
			switch luck.Below(4) {
			case 0:
				m.SetLink(int64(full/20 + luck.Below(full*19/20)))
			case 1:
				r.registry.SetPace(AllRegistries, int64(full/20+luck.Below(full*19/20)))
			}
			for range luck.Below(60) {
				r.fair(t, &bound)
				pulled += r.flow(t, time.Duration(1+luck.Below(2000))*time.Millisecond, left)
			}
		}
		for range 10_000 {
			pulled += r.flow(t, time.Minute, left)
		}
		for _, m := range r.registry.machines {
			if len(m.pulls) > 0 {
				t.Errorf("seed %d: it never ends: %+v", seed, m.pulls)
			}
		}
	}
	if min(bound[0], bound[1], bound[2]) < 500 || pulled < 500 {
		t.Errorf("of streams seen, their own speed, their machine's connection and the registry bind %d; %d images have come", bound, pulled)
	}
}

// flow goes on for so long, or until some download changes, keeps what is left for each pod, and
// tells how many images are there by now, of which nothing may be left.
func (r *rig) flow(t *testing.T, step time.Duration, left map[uint32]int64) (there int) {
	t.Helper()
	now := r.Now()
	end := now.Add(step)
	sooner := func(at sim.Time) {
		if at > now {
			end = min(end, at)
		}
	}
	for _, m := range r.registry.machines {
		for i := range m.pulls {
			p := &m.pulls[i]
			sooner(p.from)
			sooner(p.doneAt)
			for j := range p.parts {
				sooner(p.parts[j].loadedAt)
			}
		}
	}
	for _, m := range r.registry.machines {
		for i := range m.pulls {
			if p := &m.pulls[i]; r.flows(p) {
				if _, ok := left[p.pod]; !ok {
					left[p.pod] = p.bytes
				}
				left[p.pod] -= scale(r.rate(p), int64(end.Sub(now)), int64(time.Second))
				if p.loadedAt <= end {
					if there++; left[p.pod] < -1000 || left[p.pod] > 1000 {
						t.Fatalf("%d bytes are left: %+v", left[p.pod], p)
					}
				}
			}
		}
	}
	r.run(t, end.Sub(now))
	return there
}

// fair checks that, and counts the streams that their own speed, their machine's connection and the
// registry bind.
func (r *rig) fair(t *testing.T, bound *[3]int) {
	t.Helper()
	var all, fastest int64
	for _, m := range r.registry.machines {
		for i := range m.pulls {
			if p := &m.pulls[i]; r.flows(p) {
				all += r.rate(p)
				fastest = max(fastest, r.rate(p)/p.streams(r.Now()))
			}
		}
	}
	const slack = 40 // bytes a second, by which rates are cut to whole ones
	if r.registry.Bandwidth > 0 && all > r.registry.Bandwidth {
		t.Fatalf("%d bytes a second of %d come", all, r.registry.Bandwidth)
	}
	for _, m := range r.registry.machines {
		var here, first int64
		link := max(scale(linkRate, m.link, full), 20)
		for i := range m.pulls {
			if p := &m.pulls[i]; r.flows(p) {
				here += r.rate(p)
				first = max(first, r.rate(p)/p.streams(r.Now()))
			}
		}
		if here > link {
			t.Fatalf("%d bytes a second come to a machine, of %d", here, link)
		}
		for i := range m.pulls {
			p := &m.pulls[i]
			if !r.flows(p) {
				continue
			}
			own, each := max(scale(p.own, r.registry.door(p.image).pace, full), 1), r.rate(p)/p.streams(r.Now())
			switch {
			case each > own:
				t.Fatalf("a stream has %d of its %d bytes a second", each, own)
			case each == own:
				bound[0]++
			case here > link-slack && each > first-slack:
				bound[1]++
			case all > r.registry.Bandwidth-slack && each > fastest-slack:
				bound[2]++
			default:
				t.Fatalf("a stream has %d of %d bytes a second, others here %d, all %d; %d of %d come to its machine, %d of %d to all", each, own, first, fastest, here, link, all, r.registry.Bandwidth)
			}
		}
	}
}
