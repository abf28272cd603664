package fault_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/apiserver"
	etcdgroup "orrery/model/etcd"
	"orrery/model/fault"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// world is machines that only remember what was done to them.
type world struct {
	*sim.Kernel
	net      *network.Network
	store    *store.Store
	control  []network.Site
	sites    []network.Site // by node ID
	checks   []network.Site // of load balancers
	machines []*machine     // by node ID
	log      []string
	down     bool // the registry
	full     bool // the machines: nothing is left for a fault to take
	floods   []store.Flood
	places   map[uint32]network.Site // of pods
}

type machine struct {
	w       *world
	name    string
	on      bool
	kubelet bool
	closing bool
	running map[model.Ref]bool
}

func newWorld(nodes ...*model.Node) *world {
	k := sim.New(sim.Config{Seed: 1})
	net := network.New(k, network.DefaultProfile())
	w := &world{Kernel: k, net: net, store: store.New(k, net), sites: make([]network.Site, 1), machines: make([]*machine, 1), places: map[uint32]network.Site{}}
	w.control = []network.Site{net.AddSite("cp-0", "")}
	for _, n := range nodes {
		w.store.Create(0, n)
		w.sites = append(w.sites, net.AddSite(n.Name, n.Labels.Value(model.LabelZone)))
		w.machines = append(w.machines, &machine{w: w, name: n.Name, on: true, kubelet: true, running: map[model.Ref]bool{}})
	}
	return w
}

func node(name, zone string) *model.Node {
	return &model.Node{Meta: model.Meta{Kind: model.KindNode, Name: name, Labels: model.MakeLabels(map[string]string{model.LabelZone: zone})}}
}

func nodes(n int, zone string) []*model.Node {
	var all []*model.Node
	for i := range n {
		all = append(all, node(fmt.Sprintf("%s-%d", zone, i), zone))
	}
	return all
}

func (w *world) Truth() *store.Store            { return w.store }
func (w *world) Network() *network.Network      { return w.net }
func (w *world) ControlPlane() []network.Site   { return w.control }
func (w *world) EtcdSites() []network.Site      { return w.control }
func (w *world) NodeSite(n uint32) network.Site { return w.sites[n] }
func (w *world) Outside() network.Site          { return w.sites[0] }
func (w *world) Checks() []network.Site         { return w.checks }
func (w *world) Machine(n uint32) fault.Machine { return w.machines[n] }
func (w *world) Registry() fault.Registry       { return w }
func (w *world) LoseDisk(volume string)         { w.says("the disk of %s is lost", volume) }
func (w *world) SlowStarts(of func(*model.Pod) bool, ppm int64) func() {
	w.says("start-ups at %d", ppm)
	return func() { w.says("no more start-ups at %d", ppm) }
}
func (w *world) DelayStarts(by func(*model.Pod) time.Duration) func() {
	if p := w.store.Lookup(model.KindPod, "default", "p"); p != nil {
		w.says("start-ups of pod/p later by %v", by(p.(*model.Pod)))
	}
	return func() { w.says("no more late start-ups") }
}
func (w *world) Etcd() fault.Etcd                { return etcd{w} }
func (w *world) APIServer(i int) fault.APIServer { return process{w, fmt.Sprint("API server ", i)} }
func (w *world) Webhooks() fault.Webhooks        { return w }
func (w *world) Cloud() fault.Cloud              { return nil }
func (w *world) Gateway() fault.Gateway          { return w }
func (w *world) DNS() fault.DNS                  { return dns{w} }
func (w *world) Proxy(n string) fault.Process    { return process{w, "kube-proxy of " + n} }
func (w *world) FlushProxy(n string)             { w.says("rules of %s flushed", n) }
func (w *world) Balancers() []fault.Balancer     { return []fault.Balancer{w} }
func (w *world) Spoil(n uint32, fails bool)      { w.says("probes of node %d fail=%v", n, fails) }

func (w *world) Requests() fault.Requests { return requests{w} }

type requests struct{ *world }

func (w requests) Slow(pod uint32, by time.Duration) { w.says("requests to %d slower by %v", pod, by) }
func (w requests) Fail(pod uint32, ppm int64)        { w.says("%d ppm of the requests to %d fail", ppm, pod) }
func (w requests) Place(pod model.Ref, name, _ string) (network.Site, bool) {
	if w.places[pod.ID] == 0 {
		w.places[pod.ID] = w.net.AddPlace(name, w.sites[1])
	}
	return w.places[pod.ID], true
}
func (w requests) Hang(pod uint32, hangs bool) { w.says("requests to %d hang=%v", pod, hangs) }
func (w requests) FillConntrack(s network.Site, ppm int64) {
	w.says("table of %s filled by %d", w.net.Name(s), ppm)
}
func (w requests) Narrow(s network.Site, ppm int64) {
	w.says("requests of %s have %d", w.net.Name(s), ppm)
}
func (w requests) Choke(s network.Site, pod *model.Meta, bytes int64) {
	w.says("%s at %s has %d bytes a second", pod.Path(), w.net.Name(s), bytes)
}

func (m *machine) HarmProbes(pod model.Ref, name string, harm model.ProbeHarm) {
	m.w.says("%s harms the probes of %d/%s: %v", m.name, pod.ID, name, harm)
}

func (m *machine) HealProbes(pod model.Ref, name string, harm model.ProbeHarm) {
	m.w.says("%s heals the probes of %d/%s: %v", m.name, pod.ID, name, harm)
}

func (m *machine) Hang(pod model.Ref)    { m.w.says("%s hang %d", m.name, pod.ID) }
func (m *machine) Stick(pod model.Ref)   { m.w.says("%s stick %d", m.name, pod.ID) }
func (m *machine) Unstick(pod model.Ref) { m.w.says("%s unstick %d", m.name, pod.ID) }
func (m *machine) Unhang(pod model.Ref)  { m.w.says("%s unhang %d", m.name, pod.ID) }

type dns struct{ *world }

func (w dns) Harm(all []fault.DNSHarm) {
	var said []string
	for _, h := range all {
		said = append(said, fmt.Sprintf("%v down=%v errors=%d denied=%d wrong=%d slow=%v", h.Names, h.Down, h.Errors, h.Denied, h.Wrong, h.Slow))
	}
	w.says("DNS %s", strings.Join(said, "; "))
}

// Flood implements fault.Gateway.
func (w *world) Flood(f store.Flood) (end func()) {
	w.floods = append(w.floods, f)
	return func() { w.floods = slices.DeleteFunc(w.floods, func(o store.Flood) bool { return o.Kind == f.Kind }) }
}

func (w *world) Harm(name string, down bool, slow sim.Dist) {
	w.says("webhook %s down=%v slow=%v", name, down, slow)
}
func (w *world) SetClock(machine int, by time.Duration) { w.says("clock of %d ahead=%v", machine, by) }
func (w *world) Replica(component string, i int) fault.Replica {
	if strings.HasPrefix(component, "c") {
		return nil
	}
	return process{w, fmt.Sprint(map[string]string{"kube-scheduler": "scheduler", "kube-controller-manager": "controller manager"}[component], " ", i)}
}
func registryNamed(host string) string { return strings.TrimSuffix("registry "+host, " ") }
func (w *world) SetDown(host string, down bool) {
	w.down = down
	w.says("%s down=%v", registryNamed(host), down)
}
func (w *world) SetSilent(host string, silent bool) {
	w.says("%s silent=%v", registryNamed(host), silent)
}
func (w *world) SetPace(host string, ppm int64) { w.says("%s pace=%d", registryNamed(host), ppm) }
func (w *world) Limit(host string, ppm int64)   { w.says("%s limit=%d", registryNamed(host), ppm) }
func (w *world) Unpublish(image string)         { w.says("no %s", image) }
func (w *world) Publish(image string)           { w.says("again %s", image) }
func (w *world) says(format string, args ...any) {
	w.log = append(w.log, w.Now().String()+" "+fmt.Sprintf(format, args...))
}
func (m *machine) must(ok bool, what string) {
	m.w.says("%s %s", m.name, what)
	if !ok {
		m.w.says("%s: %s makes no sense", m.name, what)
	}
}
func (m *machine) PowerOff() { m.must(m.on || m.closing, "off"); m.on, m.closing = false, false }
func (m *machine) PowerOn()  { m.must(!m.on, "on"); m.on = true }
func (m *machine) Stop()     { m.must(m.kubelet, "stop"); m.kubelet = false }
func (m *machine) Resume()   { m.must(!m.kubelet, "resume"); m.kubelet = true }
func (m *machine) ShutDown(again bool) {
	m.must(m.on, fmt.Sprintf("shut down, again=%v", again))
	m.on, m.closing = again, !again
}
func (m *machine) Stress(pod model.Ref, name string, s model.Stress) {
	m.w.says("%s stress %d/%s with %v", m.name, pod.ID, name, s)
}
func (m *machine) Unstress(pod model.Ref, name string, s model.Stress) {
	m.w.says("%s no more stress %d/%s with %v", m.name, pod.ID, name, s)
}
func (m *machine) HasDisks(pod model.Ref) bool { return m.running[pod] }
func (m *machine) BreakDisk(errno string)      { m.w.says("%s disk fails with %s", m.name, errno) }
func (m *machine) MendDisk(errno string)       { m.w.says("%s disk fails no more with %s", m.name, errno) }
func (m *machine) StopCNI()                    { m.w.says("%s CNI stop", m.name) }
func (m *machine) StartCNI()                   { m.w.says("%s CNI start", m.name) }
func (m *machine) StopRuntime()                { m.w.says("%s runtime stop", m.name) }
func (m *machine) StartRuntime()               { m.w.says("%s runtime start", m.name) }
func (m *machine) Doom(pod model.Ref, name string, d model.Doom) {
	m.w.says("%s doom %d/%s with %d after %v, %d times", m.name, pod.ID, name, d.ExitCode, d.After, d.Times)
}
func (m *machine) Spare(pod model.Ref, name string) { m.w.says("%s spare %d/%s", m.name, pod.ID, name) }

// left returns what a fault can take of a machine that has n.
func (m *machine) left(n int64) int64 {
	if m.w.full {
		return 0
	}
	return n
}

func (m *machine) FillDisk(ppm int64) int64 {
	m.w.says("%s fill to %d ppm", m.name, ppm)
	return m.left(7)
}

func (m *machine) SetLink(ppm int64)     { m.w.says("%s link %d", m.name, ppm) }
func (m *machine) SetOffline(is bool)    { m.w.says("%s offline=%v", m.name, is) }
func (m *machine) Burn(milli int64)      { m.w.says("%s burn %d", m.name, milli) }
func (m *machine) Cool(milli int64)      { m.w.says("%s cool %d", m.name, milli) }
func (m *machine) SlowDisk(ppm int64)    { m.w.says("%s disk at %d", m.name, ppm) }
func (m *machine) QuickenDisk(ppm int64) { m.w.says("%s disk no more at %d", m.name, ppm) }
func (m *machine) Creep(milli, each, bytes int64) {
	m.w.says("%s creep %d %d %d", m.name, milli, each, bytes)
}
func (m *machine) TakeMemory(ppm int64, over time.Duration, adjust int64) int64 {
	m.w.says("%s memory %d within %v, %d", m.name, ppm, over, adjust)
	return m.left(7)
}
func (m *machine) ReturnMemory(number int64) { m.w.says("%s return %d", m.name, number) }
func (m *machine) FillInodes(ppm int64) int64 {
	if ppm > 0 {
		m.w.says("%s inodes to %d ppm", m.name, ppm)
	}
	return m.left(ppm / 100_000)
}
func (m *machine) FreeInodes(n int64) {
	if n > 0 {
		m.w.says("%s free %d inodes", m.name, n)
	}
}
func (m *machine) TakePIDs(ppm int64) int64 {
	m.w.says("%s processes to %d ppm", m.name, ppm)
	return m.left(7)
}
func (m *machine) ReturnPIDs(n int64)   { m.w.says("%s end %d processes", m.name, n) }
func (m *machine) FreeDisk(bytes int64) { m.w.says("%s free %d", m.name, bytes) }

func (m *machine) CrashContainer(pod model.Ref, name string, code int32) bool {
	m.w.says("%s crash %d/%s with %d", m.name, pod.ID, name, code)
	return m.on && m.running[pod]
}

// process is a program that only remembers what was done to it.
type process struct {
	w    *world
	name string
}

func (p process) Running() bool         { return true }
func (p process) Leads() bool           { return strings.HasSuffix(p.name, "0") }
func (p process) Crash()                { p.w.says("%s crash", p.name) }
func (p process) Quit()                 { p.w.says("%s quit", p.name) }
func (p process) Stop()                 { p.w.says("%s stop", p.name) }
func (p process) Start()                { p.w.says("%s start", p.name) }
func (p process) SetLatency(d sim.Dist) { p.w.says("%s takes %v longer", p.name, d) }

// etcd is members that only remember what was done to them.
type etcd struct{ w *world }

func (e etcd) SetDown(member int, down bool)   { e.w.says("member %d down=%v", member, down) }
func (e etcd) SetFsync(member int, d sim.Dist) { e.w.says("member %d fsync %v", member, d) }
func (e etcd) SetPower(member int, on bool)    { e.w.says("machine of member %d on=%v", member, on) }
func (e etcd) Fill()                           { e.w.says("etcd full") }
func (e etcd) Restore(sim.Time, bool)          { e.w.says("etcd restored") }
func (e etcd) Stop(int)                        { e.w.says("etcd stopped") }
func (e etcd) Defragment()                     { e.w.says("etcd defragmented") }

// play runs specs to their end and returns what was done to machines.
func (w *world) play(t *testing.T, specs ...fault.Spec) string {
	t.Helper()
	fault.New(w.Kernel, w, specs).Start()
	if err := w.Run(sim.Time(time.Hour)); err != nil {
		t.Fatal(err)
	}
	return strings.Join(w.log, "\n")
}

// notes is what the history says about faults: "10s FaultStarted fault/x: ...".
func (w *world) notes() []string {
	var out []string
	for i := range w.store.History().Len() {
		if r := w.store.History().At(i); r.Note != nil {
			out = append(out, fmt.Sprintf("%v %s %s: %s", r.At, r.Note.Path(), r.Note.Reason, r.Note.Message))
		}
	}
	return out
}

func at(s int) sim.Time { return sim.Time(time.Duration(s) * time.Second) }

func spec(id, name string, from, to int, t fault.Target) fault.Spec {
	return fault.Spec{ID: id, Fault: name, At: at(from), For: time.Duration(to-from) * time.Second, Target: t}
}

func silently(s fault.Spec) fault.Spec { s.Silent = true; return s }

func gracefully(s fault.Spec) fault.Spec { s.Graceful = true; return s }

func only(names ...string) fault.Target { return fault.Target{Names: names} }

func TestWhatFaultsDoToPodsEndsWithThem(t *testing.T) {
	w := newWorld(nodes(1, "z")...)
	n := w.store.Lookup(model.KindNode, "", "z-0").Head().ID
	w.store.Create(0, &model.Pod{
		Meta:   model.Meta{Kind: model.KindPod, Namespace: "default", Name: "p"},
		Spec:   &model.PodSpec{Containers: []model.Container{{Name: "main"}}},
		NodeID: n, NodeName: "z-0",
	})
	got := w.play(t,
		spec("a", "pod-failure", 10, 20, only("p")),
		fault.Spec{ID: "b", Fault: "pod-slow", At: at(30), For: 10 * time.Second, Target: only("p"), Latency: sim.Constant(time.Second)},
		fault.Spec{ID: "c", Fault: "probe-failure", At: at(50), For: 10 * time.Second, Target: only("p"), Errors: 500_000, Probes: [model.ProbeKinds]bool{true, false, false}},
		spec("d", "stuck-terminating", 70, 80, only("p")),
		fault.Spec{ID: "e", Fault: "pod-error", At: at(90), For: 10 * time.Second, Target: only("p"), Errors: 10_000},
		fault.Spec{ID: "g", Fault: "container-stress", At: at(110), For: 10 * time.Second, Target: only("p"), CPUMilli: 500, MemoryBytes: 7, Growth: 3},
		fault.Spec{ID: "h", Fault: "pod-io", At: at(130), For: 10 * time.Second, Target: only("p"), Latency: sim.Constant(time.Second), Errors: 10_000, Errno: "EIO"},
	)
	want := "10s requests to 1 hang=true\n10s z-0 hang 1\n20s z-0 unhang 1\n20s requests to 1 hang=false\n" +
		"30s requests to 1 slower by 1s\n40s requests to 1 slower by -1s\n" +
		"50s z-0 harms the probes of 1/: {[true false false] 500000 0s}\n1m0s z-0 heals the probes of 1/: {[true false false] 500000 0s}\n" +
		"1m10s z-0 stick 1\n1m20s z-0 unstick 1\n" +
		"1m30s 10000 ppm of the requests to 1 fail\n1m40s -10000 ppm of the requests to 1 fail\n" +
		"1m50s z-0 stress 1/main with {500 7 3 0 0}\n2m0s z-0 no more stress 1/main with {500 7 3 0 0}\n" +
		"2m10s requests to 1 slower by 1s\n2m10s start-ups of pod/p later by 1s\n2m10s 10000 ppm of the requests to 1 fail\n" +
		"2m20s requests to 1 slower by -1s\n2m20s -10000 ppm of the requests to 1 fail\n2m20s no more late start-ups"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestFaultsThatOverlapOnOneMachineNest(t *testing.T) {
	down, stop := "node-down", "kubelet-stop"
	once := func(id, what string, second int) fault.Spec {
		return fault.Spec{ID: id, Fault: what, At: at(second), Target: only("z-0")}
	}
	flapping := fault.Spec{
		ID: "a", Fault: "node-flapping", At: at(10), For: 25 * time.Second, Target: only("z-0"),
		Period: 10 * time.Second, Down: 4 * time.Second, OfRuntime: true,
	}
	shorter := flapping
	shorter.For = 12 * time.Second
	for _, c := range []struct {
		name  string
		specs []fault.Spec
		want  string
	}{
		{"power returns when the last ends", []fault.Spec{spec("a", down, 10, 30, only("z-0")), spec("b", down, 20, 50, only("z-0"))},
			"10s z-0 off\n50s z-0 on"},
		{"one within the other", []fault.Spec{spec("a", down, 10, 50, only("z-0")), spec("b", down, 20, 30, only("z-0"))},
			"10s z-0 off\n50s z-0 on"},
		{"one right after the other", []fault.Spec{spec("a", down, 10, 30, only("z-0")), spec("b", down, 30, 50, only("z-0"))},
			"10s z-0 off\n50s z-0 on"},
		{"a stopped kubelet does not start with the machine", []fault.Spec{spec("a", stop, 10, 50, only("z-0")), spec("b", down, 20, 30, only("z-0"))},
			"10s z-0 stop\n20s z-0 off\n30s z-0 on\n50s z-0 resume"},
		{"a kubelet that was stopped starts with the machine once nothing stops it", []fault.Spec{spec("a", stop, 10, 25, only("z-0")), spec("b", down, 20, 30, only("z-0"))},
			"10s z-0 stop\n20s z-0 off\n25s z-0 resume\n30s z-0 on"},
		{"a kubelet is held without power", []fault.Spec{spec("a", down, 10, 50, only("z-0")), spec("b", stop, 20, 30, only("z-0"))},
			"10s z-0 off\n20s z-0 stop\n30s z-0 resume\n50s z-0 on"},
		{"so do those of a runtime", []fault.Spec{
			spec("a", "runtime-down", 10, 30, only("z-0")), spec("b", "runtime-down", 30, 50, only("z-0")), spec("c", "runtime-down", 40, 45, only("z-0"))},
			"10s z-0 runtime stop\n50s z-0 runtime start"},
		{"so do those of a network plugin", []fault.Spec{spec("a", "cni-down", 10, 30, only("z-0")), spec("b", "cni-down", 20, 50, only("z-0"))},
			"10s z-0 CNI stop\n50s z-0 CNI start"},
		{"power that is cut ends a shutdown", []fault.Spec{gracefully(spec("a", down, 10, 50, only("z-0"))), spec("b", down, 20, 30, only("z-0"))},
			"10s z-0 shut down, again=false\n20s z-0 off\n50s z-0 on"},
		{"a machine without power is not shut down", []fault.Spec{spec("a", down, 10, 50, only("z-0")), gracefully(spec("b", down, 20, 60, only("z-0")))},
			"10s z-0 off\n1m0s z-0 on"},
		{"a machine that is down is not rebooted", []fault.Spec{spec("a", down, 10, 50, only("z-0")), once("b", "node-reboot", 20), once("c", "node-reboot", 60)},
			"10s z-0 off\n50s z-0 on\n1m0s z-0 off\n1m0s z-0 on"},
		{"a kubelet that is stopped does not restart", []fault.Spec{spec("a", stop, 10, 50, only("z-0")), once("b", "kubelet-restart", 20), once("c", "kubelet-restart", 60)},
			"10s z-0 stop\n50s z-0 resume\n1m0s z-0 stop\n1m0s z-0 resume"},
		{"a runtime flaps for a part of every period", []fault.Spec{flapping},
			"10s z-0 runtime stop\n14s z-0 runtime start\n20s z-0 runtime stop\n24s z-0 runtime start\n30s z-0 runtime stop\n34s z-0 runtime start"},
		{"and not longer than it lasts", []fault.Spec{shorter},
			"10s z-0 runtime stop\n14s z-0 runtime start\n20s z-0 runtime stop\n22s z-0 runtime start"},
		{"both at once", []fault.Spec{spec("a", stop, 10, 30, only("z-0")), spec("b", down, 10, 30, only("z-0"))},
			"10s z-0 off\n10s z-0 stop\n30s z-0 on\n30s z-0 resume"},
		{"one that refuses is not silent", []fault.Spec{silently(spec("a", "registry-down", 10, 40, fault.Target{})), spec("b", "registry-down", 20, 30, fault.Target{})},
			"10s registry silent=true\n10s registry down=true\n20s registry silent=false\n30s registry silent=true\n40s registry silent=false\n40s registry down=false"},
		{"an image that is missing for two reasons", []fault.Spec{
			{ID: "a", Fault: "image-missing", Image: "web:2", At: at(10), For: 30 * time.Second}, {ID: "b", Fault: "image-missing", Image: "web:2", At: at(20), For: 10 * time.Second}},
			"10s no web:2\n20s no web:2\n30s again web:2\n40s again web:2"},
		{"a registry and all of them", []fault.Spec{
			{ID: "a", Fault: "registry-slow", At: at(10), For: 30 * time.Second, RatePPM: 100_000}, {ID: "b", Fault: "registry-down", Registry: "x.io", At: at(20), For: 10 * time.Second},
			{ID: "c", Fault: "registry-slow", Registry: "x.io", At: at(50), For: 10 * time.Second, RatePPM: 50_000}},
			"10s registry pace=100000\n20s registry x.io down=true\n20s registry x.io pace=100000\n30s registry x.io down=false\n" +
				"40s registry pace=1000000\n40s registry x.io pace=1000000\n50s registry x.io pace=50000\n1m0s registry x.io pace=1000000"},
		{"the slowest counts, and the strictest", []fault.Spec{
			{ID: "a", Fault: "registry-slow", At: at(10), For: 30 * time.Second, RatePPM: 100_000}, {ID: "b", Fault: "registry-slow", At: at(20), For: 10 * time.Second, RatePPM: 500_000},
			{ID: "c", Fault: "registry-rate-limited", At: at(50), For: time.Second, Errors: 1_000_000}},
			"10s registry pace=100000\n40s registry pace=1000000\n50s registry limit=1000000\n51s registry limit=0"},
		{"stress too", []fault.Spec{
			{ID: "a", Fault: "cpu-stress", At: at(10), For: 10 * time.Second, Target: only("z-0"), CPUMilli: 4000},
			{ID: "b", Fault: "memory-stress", At: at(30), For: 10 * time.Second, Target: only("z-0"), FillPPM: 900_000, Over: time.Minute, OOMScoreAdj: 500}},
			"10s z-0 burn 4000\n20s z-0 cool 4000\n30s z-0 memory 900000 within 1m0s, 500\n40s z-0 return 7"},
		{"processes too", []fault.Spec{{ID: "a", Fault: "pid-exhaustion", At: at(10), For: 10 * time.Second, Target: only("z-0"), FillPPM: 990_000}},
			"10s z-0 processes to 990000 ppm\n20s z-0 end 7 processes"},
		{"inodes too", []fault.Spec{{ID: "a", Fault: "disk-fill", At: at(10), For: 10 * time.Second, Target: only("z-0"), InodesPPM: 900_000}},
			"10s z-0 inodes to 900000 ppm\n20s z-0 free 9 inodes"},
		{"disks too", []fault.Spec{{ID: "a", Fault: "disk-slow", At: at(10), For: 10 * time.Second, Target: only("z-0"), RatePPM: 100_000}},
			"10s z-0 disk at 100000\n20s z-0 disk no more at 100000"},
		{"agents creep in steps", []fault.Spec{{
			ID: "a", Fault: "agent-creep", At: at(10), For: 40 * time.Second, Target: only("z-0"),
			Creep: fault.Creep{CPUMilli: 40, EachMilli: 10, MemoryBytes: 100, Over: 20 * time.Second}}, {
			ID: "b", Fault: "agent-creep", At: at(70), For: time.Second, Target: only("z-0"), Creep: fault.Creep{CPUMilli: 40}}},
			"10s z-0 creep 0 0 0\n11s z-0 creep 2 0 5\n12s z-0 creep 2 1 5\n13s z-0 creep 2 0 5\n14s z-0 creep 2 1 5\n15s z-0 creep 2 0 5\n" +
				"16s z-0 creep 2 1 5\n17s z-0 creep 2 0 5\n18s z-0 creep 2 1 5\n19s z-0 creep 2 0 5\n20s z-0 creep 2 1 5\n" +
				"21s z-0 creep 2 0 5\n22s z-0 creep 2 1 5\n23s z-0 creep 2 0 5\n24s z-0 creep 2 1 5\n25s z-0 creep 2 0 5\n" +
				"26s z-0 creep 2 1 5\n27s z-0 creep 2 0 5\n28s z-0 creep 2 1 5\n29s z-0 creep 2 0 5\n30s z-0 creep 2 1 5\n50s z-0 creep -40 -10 -100\n" +
				"1m10s z-0 creep 40 0 0\n1m11s z-0 creep -40 0 0"},
		{"registries too", []fault.Spec{spec("a", "registry-down", 10, 30, fault.Target{}), spec("b", "registry-down", 30, 50, fault.Target{})},
			"10s registry down=true\n50s registry down=false"},
	} {
		if got := newWorld(nodes(1, "z")...).play(t, c.specs...); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

// The slow twin: what a machine's state must be at an instant follows from the
// list of intervals alone.
func TestAMachineIsDownExactlyWhileSomeFaultHoldsItDown(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var specs []fault.Spec
		for i := range 1 + r.IntN(8) {
			from := r.IntN(20)
			name := []string{"node-down", "kubelet-stop"}[r.IntN(2)]
			specs = append(specs, spec(fmt.Sprint(i), name, from, from+1+r.IntN(10), only(fmt.Sprintf("z-%d", r.IntN(2)))))
		}
		w := newWorld(nodes(2, "z")...)
		fault.New(w.Kernel, w, specs).Start()
		for s := range 40 {
			if err := w.Run(at(s)); err != nil {
				t.Fatal(err)
			}
			for _, m := range w.machines[1:] {
				inForce := func(name string) bool {
					return slices.ContainsFunc(specs, func(x fault.Spec) bool {
						return x.Fault == name && x.Target.Names[0] == m.name && x.At <= at(s) && at(s) < x.At.Add(x.For)
					})
				}
				on := !inForce("node-down")
				if kubelet := !inForce("kubelet-stop"); m.on != on || m.kubelet != kubelet {
					t.Fatalf("seed %d, %s at %d s: on %v kubelet %v, want %v %v\n%s", seed, m.name, s, m.on, m.kubelet, on, kubelet, strings.Join(w.log, "\n"))
				}
			}
		}
		if log := strings.Join(w.log, "\n"); strings.Contains(log, "no sense") {
			t.Fatalf("seed %d:\n%s", seed, log)
		}
	}
}

func chosen(t *testing.T, w *world, target fault.Target, others ...fault.Spec) []string {
	t.Helper()
	w.play(t, append(others, fault.Spec{ID: "f", Fault: "node-down", At: at(5), Target: target})...)
	var names []string
	for _, m := range w.machines[1:] {
		if !m.on {
			names = append(names, m.name)
		}
	}
	return names
}

func TestWhoIsChosenDoesNotDependOnOtherFaultsOrNodes(t *testing.T) {
	share := fault.Target{Zone: "a", PercentPPM: 300_000}
	before := fault.Spec{ID: "x", Fault: "node-down", At: at(1), For: time.Second, Target: fault.Target{Count: 5}}
	want := chosen(t, newWorld(nodes(10, "a")...), share)
	if len(want) != 3 {
		t.Fatalf("30%% of 10 nodes are %v", want)
	}
	for name, got := range map[string][]string{
		"with nodes of another zone before": chosen(t, newWorld(append(nodes(7, "b"), nodes(10, "a")...)...), share),
		"with another fault before":         chosen(t, newWorld(nodes(10, "a")...), share, before),
	} {
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	more := chosen(t, newWorld(nodes(10, "a")...), fault.Target{Zone: "a", Count: 5})
	for _, n := range want {
		if !slices.Contains(more, n) {
			t.Errorf("%s is among 3 but not among 5: %v", n, more)
		}
	}
}

func TestTargets(t *testing.T) {
	labeled := node("a-9", "a")
	labeled.Labels = labeled.Labels.With("pool", "web")
	all := append(append(nodes(3, "a"), nodes(3, "b")...), labeled)
	for _, c := range []struct {
		name   string
		target fault.Target
		want   string
	}{
		{"names", only("a-1", "b-2", "nobody"), "a-1 b-2"},
		{"zone", fault.Target{Zone: "b"}, "b-0 b-1 b-2"},
		{"labels", fault.Target{Match: model.SelectorOf(model.MakeLabels(map[string]string{"pool": "web"}))}, "a-9"},
		{"everything that is said", fault.Target{Names: []string{"a-1", "b-2"}, Zone: "b"}, "b-2"},
		{"more than there are", fault.Target{Zone: "b", Count: 99}, "b-0 b-1 b-2"},
	} {
		if got := strings.Join(chosen(t, newWorld(slices.Clone(all)...), c.target), " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	for ppm, want := range map[int64]int{1: 1, 142_857: 1, 142_858: 2, 500_000: 4, 999_999: 7, 1_000_000: 7} {
		if got := chosen(t, newWorld(slices.Clone(all)...), fault.Target{PercentPPM: ppm}); len(got) != want {
			t.Errorf("%d ppm of 7 nodes: %v, want %d", ppm, got, want)
		}
	}
}

func TestPartitionDirections(t *testing.T) {
	for _, c := range []struct {
		direction fault.Direction
		peer      fault.Target
		out, in   bool // from and to the target; between it and the other side
		said      string
	}{
		{fault.Both, fault.Target{}, false, false, "cut off from the control plane"},
		{fault.To, fault.Target{}, false, true, "cannot send to the control plane"},
		{fault.From, fault.Target{}, true, false, "cannot hear from the control plane"},
		{fault.Both, fault.Target{Zone: "b"}, false, false, "cut off from node/b-0, node/b-1"},
		{fault.To, fault.Target{Count: 99}, false, true, "cannot send to node/b-0, node/b-1"},
	} {
		w := newWorld(append(nodes(1, "a"), nodes(2, "b")...)...)
		s := spec("p", "partition", 10, 20, fault.Target{Zone: "a"})
		s.Direction, s.Peer = c.direction, c.peer
		fault.New(w.Kernel, w, []fault.Spec{s}).Start()
		other, third := w.control[0], w.sites[2]
		if !c.peer.IsZero() {
			other, third = w.sites[2], w.control[0]
		}
		for _, x := range []struct {
			s       int
			out, in bool
		}{{9, true, true}, {10, c.out, c.in}, {20, true, true}} {
			if err := w.Run(at(x.s)); err != nil {
				t.Fatal(err)
			}
			if out, in := w.net.Reaches(w.sites[1], other), w.net.Reaches(other, w.sites[1]); out != x.out || in != x.in {
				t.Errorf("%s at %d s: out %v in %v, want %v %v", c.said, x.s, out, in, x.out, x.in)
			}
			if !w.net.Connected(w.sites[1], third) {
				t.Errorf("%s: cut off from others too", c.said)
			}
		}
		want := []string{"10s fault/p FaultStarted: partition of node/a-0: " + c.said + ", for 10s", "20s fault/p FaultEnded: partition of node/a-0"}
		if got := w.notes(); !slices.Equal(got, want) {
			t.Errorf("%q\nwant %q", got, want)
		}
	}
}

func TestAPartitionOfNodesFromEachOtherCutsEveryPair(t *testing.T) {
	w := newWorld(nodes(3, "a")...)
	s := spec("p", "partition", 10, 20, fault.Target{Count: 3})
	s.Peer = fault.Target{PercentPPM: 1_000_000}
	fault.New(w.Kernel, w, []fault.Spec{s}).Start()
	if err := w.Run(at(15)); err != nil {
		t.Fatal(err)
	}
	for i, a := range w.sites[1:] {
		for j, b := range w.sites[1:] {
			if w.net.Reaches(a, b) != (i == j) {
				t.Errorf("node %d reaches %d: %v", i, j, i != j)
			}
		}
		if !w.net.Connected(a, w.control[0]) {
			t.Errorf("node %d is cut off from the control plane", i)
		}
	}
	if got := w.notes()[0]; !strings.HasSuffix(got, ": cut off from each other, for 10s") {
		t.Error(got)
	}
}

// links counts the changes of whether two sites are connected.
type links struct {
	w       *world
	changes []string
	up      bool
}

func (l *links) LinksChanged(now sim.Time) {
	if up := l.w.net.Connected(l.w.sites[1], l.w.control[0]); up != l.up {
		l.up = up
		l.changes = append(l.changes, fmt.Sprintf("%v %v", now, up))
	}
}

func TestPartitionsThatOverlapOrFollowMakeNoGap(t *testing.T) {
	for _, ends := range [][2]int{{20, 20}, {20, 15}, {30, 12}} {
		w := newWorld(nodes(1, "a")...)
		l := &links{w: w, up: true}
		w.net.Listen(l)
		w.play(t, spec("p", "partition", 10, ends[0], fault.Target{}), spec("q", "partition", ends[1], 30, fault.Target{}))
		if want := []string{"10s false", "30s true"}; !slices.Equal(l.changes, want) {
			t.Errorf("%v: %v, want %v", ends, l.changes, want)
		}
	}
}

// Faults of DNS overlap, and afterwards nothing is wrong.
func TestFaultsOfDNSBeginAndHeal(t *testing.T) {
	w := newWorld(nodes(1, "a")...)
	slow := spec("slow", "dns-slow", 20, 50, fault.Target{})
	slow.Latency = sim.Constant(time.Second)
	few, denied, wrong := spec("few", "dns-error", 10, 40, fault.Target{}), spec("denied", "dns-error", 20, 30, fault.Target{}), spec("wrong", "dns-error", 20, 30, fault.Target{})
	few.Errors, denied.Errors, wrong.Errors = 100_000, 500_000, 200_000
	denied.Answer, denied.Names, wrong.Answer = fault.NXDomain, []string{"pay*"}, fault.Wrong
	w.play(t, few, denied, wrong, slow, spec("down", "dns-down", 30, 60, fault.Target{}))
	const (
		one   = "[] down=false errors=100000 denied=0 wrong=0 slow=0s"
		two   = "[pay*] down=false errors=0 denied=500000 wrong=0 slow=0s"
		three = "[] down=false errors=0 denied=0 wrong=200000 slow=0s"
		four  = "[] down=false errors=0 denied=0 wrong=0 slow=1s"
		five  = "[] down=true errors=0 denied=0 wrong=0 slow=0s"
	)
	want := []string{
		"10s DNS " + one, "20s DNS " + one + "; " + two + "; " + three + "; " + four, "30s DNS " + one + "; " + four + "; " + five,
		"40s DNS " + four + "; " + five, "50s DNS " + five, "1m0s DNS ",
	}
	if !slices.Equal(w.log, want) {
		t.Errorf("%q\nwant %q", w.log, want)
	}
}

func TestDelayAndLossBetweenMachinesAndThatTheyHeal(t *testing.T) {
	for _, c := range []struct {
		name, said string
		set        func(*fault.Spec)
		back       bool // the other way is worse, too
	}{
		{"network-delay", "a message takes 100ms more to and from the control plane", func(s *fault.Spec) { s.Latency = sim.Constant(100 * time.Millisecond) }, true},
		{"network-delay", "a message takes 100ms more to node/a-1", func(s *fault.Spec) {
			s.Latency, s.Direction, s.Peer = sim.Constant(100*time.Millisecond), fault.To, only("a-1")
		}, false},
		{"network-delay", "a message takes 100ms more to and from each other", func(s *fault.Spec) {
			s.Latency, s.Target, s.Peer = sim.Constant(100*time.Millisecond), only("a-0", "a-1"), only("a-0", "a-1")
		}, true},
		{"network-loss", "loses 60% of what is sent to and from the control plane", func(s *fault.Spec) { s.Errors = 600_000 }, true},
		{"network-delay", "a message takes 100ms more to node/a-1, of which 25% fare like the one before", func(s *fault.Spec) {
			s.Latency, s.Direction, s.Peer, s.Correlation = sim.Constant(100*time.Millisecond), fault.To, only("a-1"), 250_000
		}, false},
	} {
		w := newWorld(nodes(2, "a")...)
		s := spec("f", c.name, 10, 20, only("a-0"))
		c.set(&s)
		fault.New(w.Kernel, w, []fault.Spec{s}).Start()
		other := w.control[0]
		if !s.Peer.IsZero() {
			other = w.sites[2]
		}
		slow := func(from, to network.Site) (late int) {
			for i := range uint64(100) {
				if took, ok := w.net.Delay(from, to, 7, i); !ok || took >= 100*time.Millisecond {
					if late++; took > 101*time.Millisecond && !s.Latency.IsZero() {
						t.Errorf("%s: a message takes %v", c.said, took)
					}
				}
			}
			return late
		}
		for _, x := range []struct {
			s   int
			bad bool
		}{{9, false}, {15, true}, {20, false}} {
			if err := w.Run(at(x.s)); err != nil {
				t.Fatal(err)
			}
			out, in := slow(w.sites[1], other), slow(other, w.sites[1])
			if (out >= 45) != x.bad || (in >= 45) != (x.bad && c.back) || !x.bad && out+in > 0 || !w.net.Connected(w.sites[1], other) {
				t.Errorf("%s at %d s: of 100 messages %d and %d are late", c.said, x.s, out, in)
			}
		}
		if got := w.notes()[0]; got != "10s fault/f FaultStarted: "+c.name+" of node/"+strings.Join(s.Target.Names, ", node/")+": "+c.said+", for 10s" {
			t.Error(got)
		}
	}
}

func TestNotes(t *testing.T) {
	w := newWorld(nodes(50, "a")...)
	var all []string
	for i := range 50 {
		all = append(all, fmt.Sprintf("node/a-%d", i))
	}
	w.play(t, spec("all", "node-down", 10, 20, fault.Target{}), fault.Spec{ID: "none", Fault: "kubelet-stop", At: at(30), Target: only("x")},
		fault.Spec{ID: "reg", Fault: "registry-down", At: at(40)})
	got := w.notes()
	want := []string{
		"10s fault/all FaultStarted: node-down of " + strings.Join(all, ", ") + ", for 10s",
		strings.Replace(strings.Replace(got[0], "10s", "20s", 1), "Started", "Ended", 1),
		"30s fault/none FaultWithoutTarget: kubelet-stop selects no node now",
		"40s fault/reg FaultStarted: registry-down",
	}
	want[1] = strings.TrimSuffix(want[1], ", for 10s")
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A fault that fills what is as full already has done nothing, so a drill does not count it.
func TestAFaultThatFindsAllTakenSaysSo(t *testing.T) {
	for _, full := range []bool{false, true} {
		w := newWorld(nodes(1, "a")...)
		w.full = full
		var all []fault.Spec
		for i, name := range []string{"disk-fill", "disk-fill", "memory-stress", "pid-exhaustion"} {
			s := spec(fmt.Sprint("f", i), name, 10, 20, only("a-0"))
			s.FillPPM = 900_000
			if i == 1 {
				s.FillPPM, s.InodesPPM = 0, 900_000
			}
			all = append(all, s)
		}
		w.play(t, all...)
		for i, s := range all {
			note := fmt.Sprintf("10s fault/f%d FaultStarted: %s of node/a-0: ", i, s.Fault)
			if full {
				note = fmt.Sprintf("10s fault/f%d FaultWithoutTarget: %s of node/a-0: so much is in use already, or there is no power", i, s.Fault)
			}
			if got := w.notes()[i]; full && got != note || !strings.HasPrefix(got, note) {
				t.Errorf("%q, want %q", got, note)
			}
		}
	}
}

func TestContainerCrash(t *testing.T) {
	w := newWorld(nodes(2, "a")...)
	for i, phase := range []model.Phase{model.PodRunning, model.PodRunning, model.PodSucceeded, model.PodRunning} {
		p := &model.Pod{
			Meta: model.Meta{Kind: model.KindPod, Namespace: "shop", Name: fmt.Sprintf("web-%d", i)},
			Spec: &model.PodSpec{Containers: []model.Container{{Name: "app"}, {Name: "proxy"}}}, NodeID: uint32(1 + i%2), Phase: phase,
		}
		if i == 3 {
			p.NodeID = 0
		}
		w.store.Create(0, p)
		w.machines[1+i%2].running[p.Ref()] = i == 0
	}
	got := w.play(t,
		fault.Spec{ID: "all", Fault: "container-crash", At: at(1), Target: fault.Target{Namespace: "shop"}, ExitCode: 1},
		fault.Spec{ID: "one", Fault: "container-crash", At: at(2), Target: only("web-1"), Containers: []string{"app"}, ExitCode: 137},
		fault.Spec{ID: "loop", Fault: "container-crash", At: at(3), For: time.Minute, Target: only("web-0"), Containers: []string{"app"},
			After: sim.Constant(time.Second), Times: 3, ExitCode: 1})
	want := "1s a-0 crash 1/app with 1\n1s a-0 crash 1/proxy with 1\n1s a-1 crash 2/app with 1\n1s a-1 crash 2/proxy with 1\n2s a-1 crash 2/app with 137\n" +
		"3s a-0 crash 1/app with 1\n3s a-0 doom 1/app with 1 after 1s, 2 times\n1m3s a-0 spare 1/app"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	notes := strings.Join(w.notes(), "\n")
	want = "1s fault/all FaultStarted: container-crash of shop/pod/web-0, shop/pod/web-1: 2 containers exited with code 1\n" +
		"1s fault/all FaultEnded: container-crash of shop/pod/web-0, shop/pod/web-1\n" +
		"2s fault/one FaultWithoutTarget: container-crash of shop/pod/web-1: no such container was running\n" +
		"3s fault/loop FaultStarted: container-crash of shop/pod/web-0: 1 container exited with code 1, and every start ends with code 1 after 1s, 3 times in all, for 1m0s\n" +
		"1m3s fault/loop FaultEnded: container-crash of shop/pod/web-0"
	if notes != want {
		t.Errorf("got\n%s\nwant\n%s", notes, want)
	}
}

func TestFaultsOfEtcdNest(t *testing.T) {
	w := newWorld(nodes(1, "a")...)
	w.control = append(w.control, w.net.AddSite("cp-1", ""), w.net.AddSite("cp-2", ""))
	of := func(s fault.Spec, fsync time.Duration, names ...string) fault.Spec {
		s.Members, s.Fsync = names, sim.Constant(fsync)
		return s
	}
	none := fault.Target{}
	got := w.play(t,
		of(spec("a", "etcd-member-down", 10, 30, none), 0, "cp-0", "cp-1"), of(spec("b", "etcd-member-down", 20, 40, none), 0, "cp-1"),
		of(spec("c", "etcd-slow-disk", 11, 25, none), time.Second, "cp-2"), of(spec("d", "etcd-slow-disk", 15, 35, none), 2*time.Second, "cp-2"),
		spec("e", "etcd-no-space", 50, 60, none), spec("f", "etcd-no-space", 55, 70, none))
	want := "10s member 0 down=true\n10s member 1 down=true\n11s member 2 fsync 1s\n15s member 2 fsync 2s\n30s member 0 down=false\n" +
		"35s member 2 fsync 0s\n40s member 1 down=false\n50s etcd full\n1m10s etcd defragmented"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, want := w.notes()[2], "15s fault/d FaultStarted: etcd-slow-disk of cp-2: a sync takes 2s, for 20s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Source: kubernetes.io/docs/tasks/administer-cluster/configure-upgrade-etcd,
// "Restoring an etcd cluster": stop all API server instances, restore state in all etcd
// instances, restart all API server instances.
func TestARestoreOfEtcdStopsAllAPIServersForItsTime(t *testing.T) {
	w := newWorld(nodes(1, "a")...)
	w.control = append(w.control, w.net.AddSite("cp-1", ""))
	crash := spec("crash", "apiserver-crash", 15, 40, fault.Target{})
	crash.Members = []string{"cp-1"}
	got := w.play(t, spec("restore", "etcd-restore", 10, 30, fault.Target{}), crash)
	want := "10s member 0 down=true\n10s member 1 down=true\n10s API server 0 stop\n10s API server 1 stop\n30s etcd restored\n" +
		"30s member 0 down=false\n30s member 1 down=false\n30s API server 0 start\n40s API server 1 start"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAPartitionOfTheControlPlaneCutsOnlyTheWaysItNames(t *testing.T) {
	w := newWorld(nodes(1, "a")...)
	w.control = append(w.control, w.net.AddSite("cp-1", ""), w.net.AddSite("cp-2", ""))
	s := spec("p", "etcd-partition", 10, 20, fault.Target{})
	s.Members, s.FromMembers, s.Direction = []string{"cp-0"}, []string{"cp-2"}, fault.From
	fault.New(w.Kernel, w, []fault.Spec{s}).Start()
	if err := w.Run(at(15)); err != nil {
		t.Fatal(err)
	}
	for i, a := range w.control {
		for j, b := range w.control {
			if w.net.Reaches(a, b) != (i != 2 || j != 0) {
				t.Errorf("cp-%d reaches cp-%d: %v", i, j, w.net.Reaches(a, b))
			}
		}
	}
	if got, want := w.notes()[0], "10s fault/p FaultStarted: etcd-partition of cp-0: cannot hear from cp-2, for 10s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Credentials expire once for each fault and are good when all of them are over;
// a component that has none makes no fault.
func TestCredentialsExpireWhileAFaultSaysSo(t *testing.T) {
	w := newWorld(nodes(2, "a")...)
	w.store.AddServer(w.control[0], 0, nil)
	client := func(as store.Identity) *store.Client {
		return w.store.NewClient(store.ClientConfig{Name: as.User, As: as, Site: w.control[0]})
	}
	clients := []*store.Client{
		client(store.Node("a-0")), client(store.Node("a-1")), client(store.Account("kube-system", "job-controller", "kube-controller-manager")),
		client(store.User("alice")), client(store.Admin("kubectl")),
	}
	of := func(id, name, component string, from, to int, target fault.Target) fault.Spec {
		s := spec(id, name, from, to, target)
		s.Component = component
		return s
	}
	fault.New(w.Kernel, w, []fault.Spec{
		of("a", "certificate-expiry", "kubelet", 1, 5, only("a-1")), of("b", "certificate-expiry", "kubelet", 3, 7, only("a-0", "a-1")),
		of("c", "token-expiry", "job-controller", 2, 4, fault.Target{}), of("d", "certificate-expiry", "kube-controller-manager", 6, 8, fault.Target{}),
		of("e", "certificate-expiry", "kubectl", 2, 4, fault.Target{}), of("f", "token-expiry", "ghost", 2, 4, fault.Target{}),
	}).Start()
	good := ""
	for s := 1; s <= 8; s++ {
		if err := w.Run(at(s) + 1); err != nil {
			t.Fatal(err)
		}
		for _, c := range clients {
			good += map[bool]string{true: "+", false: "-"}[c.Authentic()]
		}
		good += " "
	}
	if want := "+-+++ +--+- ---+- --+++ --+++ ---++ ++-++ +++++ "; good != want {
		t.Errorf("by second: %s, want %s", good, want)
	}
	if said := strings.Join(w.notes(), "\n"); !strings.Contains(said, "2s fault/f FaultWithoutTarget: token-expiry: there is no ghost") ||
		!strings.Contains(said, "1s fault/a FaultStarted: certificate-expiry of node/a-1: the API server answers kubelet with 401 Unauthorized, for 4s") {
		t.Error(said)
	}
}

func TestRegistryIsSorted(t *testing.T) {
	if !slices.IsSortedFunc(fault.Kinds, func(a, b fault.Kind) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("Kinds is not in alphabetical order")
	}
	for _, k := range fault.Kinds {
		if fault.Lookup(k.Name) == nil || k.Help == "" {
			t.Errorf("%s cannot be looked up or explains nothing", k.Name)
		}
	}
}

// A disk-fill takes back what it wrote itself, no more.
func TestDiskFillTakesBackWhatItWrote(t *testing.T) {
	w := newWorld(nodes(1, "n")...)
	got := w.play(t, fault.Spec{ID: "full", Fault: "disk-fill", At: sim.Time(time.Minute), For: time.Minute, FillPPM: 950_000, Target: fault.Target{Names: []string{"n-0"}}})
	if want := "1m0s n-0 fill to 950000 ppm\n2m0s n-0 free 7"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestAKilledPodIsDeletedWithItsGraceOrGoneAtOnce: what a DELETE of the API leaves.
func TestAKilledPodIsDeletedWithItsGraceOrGoneAtOnce(t *testing.T) {
	w := newWorld(nodes(1, "a")...)
	apiserver.New(w.Kernel, w.store, apiserver.NewBackend(w.Kernel, w.store, w.net, etcdgroup.Config{Sites: w.control}), w.net, w.control[0], 4)
	var pods []*model.Pod
	for _, name := range []string{"soft", "hard", "other"} {
		p := &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: name}, Spec: &model.PodSpec{GraceSeconds: 20}, NodeID: 1, NodeName: "a-0"}
		w.store.Create(0, p)
		pods = append(pods, p)
	}
	w.play(t, fault.Spec{ID: "s", Fault: "pod-kill", At: at(10), Target: only("soft")},
		fault.Spec{ID: "h", Fault: "pod-kill", At: at(10), Target: only("hard"), Force: true},
		fault.Spec{ID: "again", Fault: "pod-kill", At: at(15), Target: only("soft")})
	soft, _ := w.store.Get(pods[0].Ref()).(*model.Pod)
	if soft == nil || soft.DeletionAt < at(30) || soft.DeletionAt > at(31) || soft.GraceSeconds != 20 {
		t.Errorf("soft: %+v", soft)
	}
	if w.store.Get(pods[1].Ref()) != nil {
		t.Error("hard is still there")
	}
	if other := w.store.Get(pods[2].Ref()).(*model.Pod); other.Deleting() {
		t.Error("other is deleted")
	}
	if got := w.notes(); got[len(got)-1] != "15s fault/again FaultWithoutTarget: pod-kill of pod/soft: all of them are being deleted already" {
		t.Errorf("notes %q", got)
	}
}

// Pods are cut off from whoever is outside, or from the control plane, and from nobody else,
// in a direction.
func TestPodsAreCutOffFromWhoeverIsOutsideOrFromTheControlPlane(t *testing.T) {
	for _, c := range []struct {
		direction fault.Direction
		peer      fault.Target
		said      string
	}{
		{fault.Both, fault.Target{Outside: true}, "cut off from whoever is outside"},
		{fault.To, fault.Target{Outside: true}, "cannot send to whoever is outside"},
		{fault.From, fault.Target{Outside: true}, "cannot hear from whoever is outside"},
		{fault.Both, fault.Target{Control: true}, "cut off from the control plane"},
		{fault.To, fault.Target{Control: true}, "cannot send to the control plane"},
		{fault.From, fault.Target{Control: true}, "cannot hear from the control plane"},
	} {
		w := newWorld(nodes(2, "a")...)
		w.sites[0] = w.net.AddSite("outside", "")
		p := &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: "a"}, Spec: &model.PodSpec{}, NodeName: "a-0", NodeID: 1}
		w.store.Create(0, p)
		s := spec("p", "pod-partition", 10, 20, only("a"))
		s.Direction, s.Peer = c.direction, c.peer
		fault.New(w.Kernel, w, []fault.Spec{s}).Start()
		for _, second := range []int{10, 20} {
			if err := w.Run(at(second)); err != nil {
				t.Fatal(err)
			}
			pod, _ := requests{w}.Place(p.Ref(), "", "")
			for site, concerned := range map[network.Site]bool{w.sites[0]: c.peer.Outside, w.control[0]: c.peer.Control, w.sites[2]: false} {
				cut := concerned && second < 20
				if out, in := w.net.Reaches(pod, site), w.net.Reaches(site, pod); out == (cut && c.direction != fault.From) || in == (cut && c.direction != fault.To) {
					t.Errorf("%s at %d s: out %v in %v at %s", c.said, second, out, in, w.net.Name(site))
				}
				if !w.net.Connected(w.sites[1], site) {
					t.Errorf("%s at %d s: its machine is, too, from %s", c.said, second, w.net.Name(site))
				}
			}
		}
		want := []string{"10s fault/p FaultStarted: pod-partition of pod/a: " + c.said + ", for 10s", "20s fault/p FaultEnded: pod-partition of pod/a"}
		if got := w.notes(); !slices.Equal(got, want) {
			t.Errorf("%q\nwant %q", got, want)
		}
	}
}

// Pods are cut off from pods, in a direction, and nothing else is: not their machines, not
// what others send, and not the way back when it is over.
func TestPodsAreCutOffFromPods(t *testing.T) {
	for _, c := range []struct {
		direction fault.Direction
		peer      fault.Target
		out, in   bool
		said      string
	}{
		{fault.Both, only("b"), false, false, "cut off from pod/b"},
		{fault.To, only("b"), false, true, "cannot send to pod/b"},
		{fault.From, only("b"), true, false, "cannot hear from pod/b"},
		{fault.Both, fault.Target{}, false, false, "cut off from everybody"},
	} {
		w := newWorld(nodes(2, "a")...)
		var pods []model.Ref
		for _, name := range []string{"a", "b", "c"} {
			p := &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: name}, Spec: &model.PodSpec{}, NodeName: "a-0", NodeID: 1}
			w.store.Create(0, p)
			pods = append(pods, p.Ref())
		}
		s := spec("p", "pod-partition", 10, 20, only("a"))
		s.Direction, s.Peer = c.direction, c.peer
		fault.New(w.Kernel, w, []fault.Spec{s}).Start()
		for _, x := range []struct {
			s       int
			out, in bool
		}{{10, c.out, c.in}, {20, true, true}} {
			if err := w.Run(at(x.s)); err != nil {
				t.Fatal(err)
			}
			place := func(i int) network.Site {
				s, _ := requests{w}.Place(pods[i], "", "")
				return s
			}
			if out, in := w.net.Reaches(place(0), place(1)), w.net.Reaches(place(1), place(0)); out != x.out || in != x.in {
				t.Errorf("%s at %d s: out %v in %v, want %v %v", c.said, x.s, out, in, x.out, x.in)
			}
			if !w.net.Connected(w.sites[1], w.sites[2]) || !w.net.Connected(w.control[0], w.sites[1]) || !w.net.Connected(place(1), place(2)) {
				t.Errorf("%s at %d s: others are cut off, too", c.said, x.s)
			}
			if whole := c.peer.IsZero() && x.s < 20; w.net.Connected(place(0), w.control[0]) == whole {
				t.Errorf("%s at %d s: and the rest", c.said, x.s)
			}
		}
		want := []string{"10s fault/p FaultStarted: pod-partition of pod/a: " + c.said + ", for 10s", "20s fault/p FaultEnded: pod-partition of pod/a"}
		if got := w.notes(); !slices.Equal(got, want) {
			t.Errorf("%q\nwant %q", got, want)
		}
	}
}
