package cluster_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/fault"
	"orrery/model/kubelet"
	"orrery/model/runtime"
	"orrery/model/workload"
	"orrery/sim"
)

// dice draws what a random scenario is made of.
type dice struct {
	luck    sim.Stream
	crowded bool // much happens in few moments
}

func (d *dice) below(n int) int                            { return int(d.luck.Below(uint64(n))) }
func (d *dice) one(in int) bool                            { return d.below(in) == 0 }
func (d *dice) between(lo, hi time.Duration) time.Duration { return d.luck.Duration(lo, hi) }
func (d *dice) seconds(lo, hi int) time.Duration {
	return time.Duration(lo+d.below(hi-lo)) * time.Second
}
func (d *dice) dist(lo, hi time.Duration) sim.Dist { return sim.Uniform(lo, hi+1) }
func (d *dice) share() int64                       { return int64(1+d.below(20)) * 50_000 }
func (d *dice) of(names ...string) string          { return names[d.below(len(names))] }
func (d *dice) whenInTrouble() sim.Time            { return sim.Time(d.between(time.Minute, nodeTrouble)) }
func (d *dice) until(at sim.Time, most time.Duration) time.Duration {
	return min(d.between(time.Second, most), max(time.Second, time.Duration(sim.Time(nodeTrouble)-at)))
}

// The two phases of these scenarios.
const (
	nodeTrouble = 9 * time.Minute
	nodeHealing = 16 * time.Minute
)

// wholeNode is a random scenario of what happens on nodes: pods with everything that a
// container may have, behaviors with everything that a program may do, Services with
// every policy, and faults of nodes, pods, their network and their registry, many at a
// time, all of which end.
func wholeNode(seed uint64) cluster.Config {
	d := &dice{luck: sim.New(sim.Config{Seed: seed}).Luck().Stream("test/node")}
	c := cluster.Config{
		Name: "node", Seed: seed, Duration: nodeTrouble + nodeHealing, Nodes: d.machines(2 + d.below(4)),
		ControlPlane: cluster.ControlPlane{Replicas: 1 + 2*(d.below(5)/4), Zones: []string{"a", "b"}, Nodes: d.one(3)},
	}
	d.kubelets(&c)
	apps := 2 + d.below(3)
	for i := range apps {
		d.app(&c, fmt.Sprint("app-", i), apps)
	}
	for i := range d.below(4) {
		d.barePod(&c, fmt.Sprint("pod-", i))
	}
	if d.one(2) {
		d.dns(&c)
	}
	faults := 1 + d.below(8)
	if d.crowded = d.one(3); d.crowded {
		faults += 4 + d.below(16)
		c.Nodes = c.Nodes[:2]
	}
	for i := range faults {
		c.Faults = append(c.Faults, d.fault(&c, i))
	}
	slices.SortStableFunc(c.Faults, func(a, b fault.Spec) int { return int(a.At - b.At) })
	for range d.below(6) {
		c.Actions = append(c.Actions, d.action(apps))
	}
	slices.SortStableFunc(c.Actions, func(a, b workload.Action) int { return int(a.At - b.At) })
	return c
}

// machines is small nodes, some of which reserve something.
func (d *dice) machines(n int) []*model.Node {
	out := nodes(n)
	for _, x := range out {
		x.Capacity = model.Resources{
			CPUMilli: int64(1+d.below(6)) * 1000, MemoryBytes: int64(2+d.below(8)) << 30, EphemeralBytes: int64(8+d.below(60)) << 30, Pods: int64(8 + d.below(102)),
		}
		reserved := model.Resources{}
		if d.one(3) {
			reserved = model.Resources{CPUMilli: 200, MemoryBytes: 256 << 20}
		}
		kept := (&kubelet.Eviction{}).Kept(x.Capacity)
		x.Allocatable = x.Capacity.Allocatable(reserved.Add(kept))
		if d.one(3) {
			x.Stock = &model.Stock{PIDs: int64(500 + d.below(4000)), Inodes: int64(10_000 + d.below(100_000))}
		}
	}
	return out
}

// kubelets is how kubelets are configured, and the static pods they have.
func (d *dice) kubelets(c *cluster.Config) {
	if d.one(3) {
		c.Shutdown.Nodes = map[string]kubelet.Shutdown{}
		for _, n := range c.Nodes {
			if total := d.seconds(2, 60); !d.one(3) {
				c.Shutdown.Nodes[n.Name] = kubelet.NewShutdown(total, total*time.Duration(d.below(10))/10)
			}
		}
	}
	if d.one(3) {
		e := &c.Kubelet.Eviction
		e.MostPodGrace, e.Stays = d.seconds(0, 40), d.seconds(0, 400)
		for signal := range kubelet.Signals {
			if d.one(3) {
				e.Soft[signal], e.SoftGrace[signal] = kubelet.Threshold{Part: int64(1 + d.below(1<<30))}, d.seconds(0, 90)
			}
		}
		// By what was drawn already: another draw would change all that is drawn after it.
		e.Reclaim[int(e.MostPodGrace/time.Second)%int(kubelet.Signals)] = kubelet.Threshold{Part: int64(e.Stays/time.Second) << 20}
		if d.one(3) {
			hard := kubelet.DefaultHard
			hard[d.below(int(kubelet.Signals))] = kubelet.Threshold{Part: int64(1 + d.below(1<<30))}
			e.Hard = &hard
		}
	}
	if d.one(4) {
		c.Kubelet.PodPIDsLimit = int64(100 + d.below(2000))
	}
	if d.one(4) {
		c.Conntrack = &workload.Conntrack{MaxPerCore: int64(100 + d.below(5000)), Min: int64(1000 + d.below(5000))}
	}
	if d.one(4) {
		c.NodeBandwidth = int64(1+d.below(1000)) << 16
	}
	if d.one(4) {
		c.Kubelet.QPS, c.Kubelet.Burst = int64(1+d.below(5)), int64(1+d.below(5))
	}
	if d.one(3) {
		c.Kubelet.ParallelPulls = 2 + d.below(4)
	}
	if d.one(8) {
		c.Kubelet.PanicAfter = d.seconds(10, 200)
	}
	if d.one(3) {
		c.RegistryBandwidth = int64(20+d.below(200)) << 20
	}
	for i := range 4 {
		if d.one(3) {
			image := runtime.Image{Name: fmt.Sprint("registry/img-", i, ":1")}
			for j := range 1 + d.below(4) {
				image.Layers = append(image.Layers, runtime.Layer{Name: fmt.Sprint("layer-", d.below(3), "-", j), Bytes: int64(1+j) << 24})
			}
			c.Images = append(c.Images, image)
		}
	}
	if d.one(3) {
		c.Static = map[string][]*model.Pod{}
		for _, n := range c.Nodes {
			for i := range d.below(3) {
				labels := model.MakeLabels(map[string]string{"app": fmt.Sprint("static-", i)})
				p := &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: fmt.Sprint("static-", i), Labels: labels}, Spec: d.spec(true)}
				c.Static[n.Name] = append(c.Static[n.Name], p)
			}
		}
	}
}

// spec is what pods may say of themselves.
func (d *dice) spec(always bool) *model.PodSpec {
	s := &model.PodSpec{GraceSeconds: int32(1 + d.below(45)), SchedulerName: "default-scheduler", HostNetwork: d.one(12)}
	if d.one(12) {
		s.GraceSeconds = 0
	}
	if !always {
		s.RestartPolicy = model.RestartPolicy(d.below(3))
	}
	if d.one(10) {
		s.ActiveDeadline = d.seconds(5, 600)
	}
	switch d.below(12) {
	case 0:
		s.Priority = 2_000_000_000
	case 1:
		s.Priority = int32(d.below(1000))
	}
	for _, key := range []string{model.TaintNotReady, model.TaintUnreachable} {
		s.Tolerations = append(s.Tolerations, model.Toleration{Key: key, Exists: true, Effect: model.NoExecute, For: d.seconds(1, 300)})
	}
	for i := range d.below(3) {
		x := d.container(fmt.Sprint("init-", i), s)
		if x.Sidecar = d.one(2); !x.Sidecar {
			x.Readiness, x.Liveness, x.Startup, x.PostStart, x.PreStop = nil, nil, nil, nil, nil
		}
		s.InitContainers = append(s.InitContainers, x)
	}
	for i := range 1 + d.below(5)/3 {
		s.Containers = append(s.Containers, d.container(fmt.Sprint("c-", i), s))
	}
	s.SumRequests()
	return s
}

func (d *dice) container(name string, s *model.PodSpec) model.Container {
	x := model.Container{Name: name, Image: fmt.Sprint("registry/img-", d.below(6), ":1"), PullPolicy: model.PullPolicy(d.below(10) / 6)}
	if d.one(60) {
		x.PullPolicy = model.PullNever
	}
	if !d.one(5) {
		x.Requests = model.Resources{CPUMilli: int64(d.below(40)) * 10, MemoryBytes: int64(d.below(200)) << 20}
	}
	if d.one(3) {
		x.Limits.CPUMilli = x.Requests.CPUMilli + int64(1+d.below(50))*10
	}
	if d.one(3) {
		x.Limits.MemoryBytes = x.Requests.MemoryBytes + int64(30+d.below(300))<<20
	}
	if d.one(8) {
		x.Requests = x.Limits
	}
	if d.one(10) {
		x.Limits.EphemeralBytes = int64(1+d.below(100)) << 20
	}
	for _, p := range []**model.Probe{&x.Readiness, &x.Liveness, &x.Startup} {
		if d.one(2) {
			*p = d.probe()
		}
	}
	for _, h := range []**model.Hook{&x.PostStart, &x.PreStop} {
		if d.one(4) {
			*h = &model.Hook{Sleep: d.seconds(0, 12), Runs: d.one(2)}
		}
	}
	if d.one(6) {
		x.Restart = &model.ContainerRestart{Policy: model.RestartPolicy(d.below(3))}
		for range d.below(3) {
			x.Restart.Rules = append(x.Restart.Rules, model.RestartRule{NotIn: d.one(2), Codes: []int32{int32(d.below(3)), 137}})
		}
	}
	x.RestartForCPU, x.RestartForMemory = d.one(4), d.one(4)
	return x
}

func (d *dice) probe() *model.Probe {
	p := &model.Probe{
		InitialDelay: d.seconds(0, 8), Period: d.seconds(1, 12), SuccessThreshold: 1, FailureThreshold: 1 + d.below(8),
		Timeout: d.seconds(0, 4), Handler: model.ProbeHandler(d.below(4)),
	}
	if d.one(4) {
		p.Grace = d.seconds(1, 10)
	}
	return p
}

// app is a Deployment with a Service, and how its pods behave.
func (d *dice) app(c *cluster.Config, name string, apps int) {
	x := deployments(1 + d.below(5))[0].(*model.Deployment)
	rename(x, name, &d.luck)
	spec := d.spec(true)
	for i := range spec.Containers { // pods of a Deployment may not end for good
		spec.Containers[i].Restart = nil
	}
	x.Template = &model.Template{Labels: x.Labels, Spec: spec}
	x.Template.Hash = x.Template.ComputeHash()
	s := &model.Service{
		Meta:     model.Meta{Kind: model.KindService, Namespace: "default", Name: name},
		Selector: x.Selector, Ports: 1, UDP: d.one(6), LocalInternal: d.one(6), LoadBalancer: true, LocalExternal: d.one(3),
		PublishNotReady: d.one(8), TopologyAuto: d.one(6),
	}
	if d.one(5) {
		s.Affinity = d.seconds(5, 300)
	}
	if s.PreferSameZone = d.one(3); s.PreferSameZone {
		s.PreferSameNode = d.one(2)
	}
	c.Objects = append(c.Objects, x, s)
	c.Behaviors = append(c.Behaviors, d.behaviors(x.Selector, spec, apps)...)
	for range 1 + d.below(2) {
		t := workload.Traffic{Namespace: "default", Service: name, Rate: d.rate(), From: d.of("ingress", "internet", "node/n-1", "deployment/app-0")}
		if d.one(4) {
			t.Timeout, t.Retries = d.between(time.Millisecond, 5*time.Second), d.below(4)
		}
		if d.one(3) {
			t.Connections = &workload.Connections{Each: int64(d.below(2) * (1 + d.below(8))), Silence: d.seconds(1, 1000)}
			if t.Connections.Each == 0 && d.one(2) {
				t.Connections.Lifetime = d.seconds(1, 600)
			}
		}
		c.Traffic = append(c.Traffic, t)
	}
}

func (d *dice) rate() workload.Rate {
	r := workload.Rate{}
	for i := range 1 + d.below(4) {
		r.Steps = append(r.Steps, workload.Step{At: time.Duration(i) * d.between(time.Second, 90*time.Second), MilliRPS: int64(d.below(200_000))})
	}
	slices.SortFunc(r.Steps, func(a, b workload.Step) int { return int(a.At - b.At) })
	r.Steps = slices.CompactFunc(r.Steps, func(a, b workload.Step) bool { return a.At == b.At })
	if d.one(2) {
		r.Every = r.Steps[len(r.Steps)-1].At + d.between(time.Second, time.Minute)
	}
	return r
}

// behaviors is what programs do: the first containers of some pods something else than
// the others.
func (d *dice) behaviors(match *model.Selector, spec *model.PodSpec, apps int) (out []runtime.Behavior) {
	for _, list := range [][]model.Container{spec.InitContainers, spec.Containers} {
		for i := range list {
			if !d.one(3) {
				out = append(out, d.behavior(match, list[i].Name, apps))
			}
		}
	}
	return out
}

func (d *dice) behavior(match *model.Selector, name string, apps int) runtime.Behavior {
	b := runtime.Behavior{Match: match, Container: name}
	if d.one(2) {
		b.Startup = d.dist(0, d.between(0, 20*time.Second))
	}
	if d.one(4) {
		b.Run, b.Exits, b.ExitCode = d.dist(0, d.between(0, 3*time.Minute)), int32(d.below(8)), int32(d.below(3))
	}
	if d.one(3) {
		b.Stop = d.dist(0, d.between(0, 40*time.Second))
	}
	if d.one(4) {
		b.PostStart, b.PostStartFails = d.dist(0, d.between(0, 30*time.Second)), d.share()*int64(d.below(2))
	}
	if d.one(4) {
		b.PreStop, b.PreStopFails = d.dist(0, d.between(0, 60*time.Second)), d.share()*int64(d.below(2))
	}
	b.NeedsAPI = d.one(10)
	if d.one(3) {
		b.StartupCPUMilli = int64(d.below(2000))
	}
	if d.one(2) {
		b.CPUMilli, b.CPUMicroPerRPS, b.Threads = int64(d.below(300)), int64(d.below(20_000)), int64(d.below(5))
	}
	if d.one(2) {
		b.Latency = d.between(0, 300*time.Millisecond)
	}
	if d.one(3) {
		b.Workers, b.Queue = int64(1+d.below(30)), int64(d.below(100))
	}
	if d.one(2) {
		b.Calls = append(b.Calls, runtime.Call{
			Service: fmt.Sprint("app-", d.below(apps)), PerRequestMilli: int64(d.below(1500)), Timeout: d.between(time.Millisecond, 5*time.Second), Retries: d.below(3),
		})
	}
	for kind := range b.Probes {
		if d.one(2) {
			b.Probes[kind].Path = runtime.ProbePath(d.below(4))
		}
		if d.one(8) {
			b.Probes[kind].Needs = fmt.Sprint("app-", d.below(apps))
		}
	}
	if d.one(2) {
		b.MemoryBytes, b.MemoryPerRPS = int64(d.below(300))<<20, int64(d.below(2<<20))
	}
	if d.one(5) {
		b.MemoryGrowth = int64(d.below(2 << 20))
	}
	if d.one(5) {
		b.DiskBytes, b.DiskGrowth = int64(d.below(2000))<<20, int64(d.below(20<<20))
	}
	if d.one(4) {
		b.PIDs, b.PIDsMilliPerRPS, b.PIDsGrowth = int64(d.below(300)), int64(d.below(3000)), int64(d.below(5000))
	}
	if d.one(4) {
		b.Inodes, b.InodesGrowth = int64(d.below(5000)), int64(d.below(100))
	}
	if d.one(4) {
		b.RequestBytes, b.AnswerBytes = int64(d.below(10_000)), int64(d.below(100_000))
	}
	for range d.below(5) / 3 {
		x := runtime.Burst{After: d.between(0, time.Minute), For: d.between(time.Second, 20*time.Second), CPUMilli: int64(d.below(1500)), MemoryBytes: int64(d.below(200)) << 20}
		if d.one(2) {
			x.Every = x.For + d.between(time.Second, 2*time.Minute)
		}
		b.Bursts = append(b.Bursts, x)
	}
	if d.one(3) {
		b.ImageBytes = int64(1+d.below(500)) << 20
	}
	return b
}

// barePod is a pod that nobody makes anew.
func (d *dice) barePod(c *cluster.Config, name string) {
	p := &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: name, Labels: model.MakeLabels(map[string]string{"app": name})}, Spec: d.spec(false)}
	if d.one(3) {
		p.NodeName = c.Nodes[0].Name
	}
	p.NodeName = ""
	c.Objects = append(c.Objects, p)
	if match := model.SelectorOf(p.Labels); d.one(2) {
		c.Behaviors = append(c.Behaviors, d.behaviors(match, p.Spec, 2)...)
	}
}

// dns is servers of names.
func (d *dice) dns(c *cluster.Config) {
	x := deployments(1 + d.below(2))[0].(*model.Deployment)
	rename(x, "dns", &d.luck)
	c.Objects = append(c.Objects, x, &model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: "dns"}, Selector: x.Selector, Ports: 1, UDP: true})
	c.Behaviors = append(c.Behaviors, runtime.Behavior{
		Match: x.Selector, NeedsAPI: true,
		CPUMicroPerRPS: int64(d.below(500)), MemoryBytes: 20 << 20, MemoryPerRPS: int64(d.below(1 << 18)),
	})
	c.DNS = &workload.DNS{
		Namespace: "default", Service: "dns", LookupsMilli: 1, ExternalMilli: int64(d.below(2)), Ndots: 5, TTL: d.seconds(1, 60),
		Cache: workload.DNSCache(d.below(3)), ServeStale: d.seconds(0, 60),
	}
}

var nodeFaults = []string{
	"agent-creep", "conntrack-full", "container-crash", "cpu-stress", "disk-fill", "disk-slow", "image-missing", "interface-down", "kubelet-restart", "kubelet-stop", "lb-health-fail", "memory-stress",
	"network-bandwidth", "network-delay", "network-loss", "node-down", "node-flapping", "node-reboot", "partition", "pid-exhaustion", "pod-failure", "pod-kill", "pod-slow",
	"probe-failure", "proxy-stop", "registry-down", "registry-rate-limited", "registry-slow", "runtime-down", "stuck-terminating", "swizzle-clog", "dns-down", "dns-error", "dns-slow",
}

// fault is one of those that nodes, pods, their network and their registry meet. All end.
func (d *dice) fault(c *cluster.Config, i int) fault.Spec {
	f := fault.Spec{ID: fmt.Sprint("fault-", i), Fault: nodeFaults[d.below(len(nodeFaults))], At: d.whenInTrouble()}
	if fault.Lookup(f.Fault).DNS && c.DNS == nil {
		f.Fault = "runtime-down"
	}
	f.For = d.until(f.At, 6*time.Minute)
	kind := fault.Lookup(f.Fault)
	if d.crowded {
		f.At, f.For = sim.Time(d.seconds(1, 30))*10, d.seconds(1, 12)*time.Duration(1+9*d.below(2))
	}
	if d.one(3) { // on the second, with others
		f.At = f.At / sim.Time(time.Second) * sim.Time(time.Second)
		f.For = f.For.Truncate(time.Second) + time.Second
	}
	if kind.Moment && (!slices.Contains(kind.Params, fault.ParamFor) || d.one(2)) {
		f.For = 0
	}
	switch kind.Targets {
	case model.KindNode:
		if f.Target.Count = 1 + d.below(2); d.one(3) {
			f.Target = fault.Target{Names: []string{c.Nodes[d.below(len(c.Nodes))].Name}}
		}
	case model.KindPod:
		if f.Target.Count = 1 + d.below(3); d.one(3) {
			f.Target = fault.Target{Namespace: "default", Match: model.SelectorOf(model.MakeLabels(map[string]string{"app": d.of("app-0", "app-1", "static-0", "dns")}))}
		}
	}
	d.parameters(c, &f)
	return f
}

// parameters is what faults take besides their time and their target.
func (d *dice) parameters(c *cluster.Config, f *fault.Spec) {
	f.Errors, f.RatePPM, f.FillPPM = d.share(), int64(20_000+d.below(900_000)), int64(700_000+d.below(300_000))
	f.Latency = d.dist(0, d.between(0, 4*time.Second))
	f.Direction = fault.Direction(d.below(3))
	f.Graceful, f.Force, f.Silent, f.OfRuntime = d.one(2), d.one(3), d.one(2), d.one(2)
	if f.CPUMilli = int64(1+d.below(80)) * 100; d.one(3) {
		f.CPUMilli, f.LoadPPM = 0, d.share()
	}
	if f.ExitCode = int32(1 + d.below(3)); d.one(3) {
		f.Containers = []string{"c-0"}
	}
	if d.one(2) {
		f.After, f.Times = d.dist(0, d.between(0, time.Minute)), int32(d.below(4))
	}
	if strings.HasPrefix(f.Fault, "registry-") && d.one(2) {
		f.Registry = d.of("docker.io", "quay.io")
	}
	f.Image = fmt.Sprint("registry/img-", d.below(6), ":", 1+d.below(2))
	if f.Fault == "disk-fill" && d.one(2) {
		f.InodesPPM = int64(700_000 + d.below(300_000))
	}
	f.Grace, f.Stagger = int32(d.below(3)*10), min(d.seconds(1, 60), f.For/2)
	for kind := range f.Probes {
		f.Probes[kind] = !d.one(3)
	}
	if f.Fault != "probe-failure" && f.Fault != "container-crash" {
		f.Containers = nil
	}
	if f.Fault != "container-crash" {
		f.After, f.Times = sim.Dist{}, 0
	}
	f.Period = d.between(3*time.Second, 100*time.Second)
	f.Down = d.between(time.Second, f.Period)
	f.Creep = fault.Creep{CPUMilli: int64(d.below(3000)), EachMilli: int64(d.below(100)), MemoryBytes: int64(d.below(3000)) << 20, Over: d.seconds(0, 200)}
	if (f.Fault == "partition" || f.Fault == "network-delay" || f.Fault == "network-loss") && d.one(2) {
		f.Peer = fault.Target{Names: []string{c.Nodes[d.below(len(c.Nodes))].Name}}
	}
}

// action is something that a person does to the pods.
func (d *dice) action(apps int) workload.Action {
	a := workload.Action{At: d.whenInTrouble(), Kind: model.KindDeployment, Namespace: "default", Name: fmt.Sprint("app-", d.below(apps))}
	switch d.below(8) {
	case 0:
		a.Do, a.Replicas = "scale", int32(d.below(7))
	case 1:
		a.Do, a.Container, a.Image = "set-image", "c-0", fmt.Sprint("registry/img-", d.below(8), ":2")
	case 2:
		a.Do = "rollout-restart"
	case 3, 4, 5:
		cpu, memory := int64(1+d.below(150))*10, int64(10+d.below(400))<<20
		change := model.ContainerPatch{Name: "c-0"}
		if d.one(2) {
			change.Requests.CPUMilli = &cpu
		} else {
			change.Requests.MemoryBytes = &memory
		}
		if d.one(3) {
			change.Limits.CPUMilli = &cpu
		}
		if d.one(3) {
			change.Limits.MemoryBytes = &memory
		}
		a.Do, a.Kind, a.Name, a.PodPatch = "patch", model.KindPod, fmt.Sprint("pod-", d.below(4)), &model.PodPatch{Containers: []model.ContainerPatch{change}}
	case 6:
		a.Do, a.Kind, a.Namespace, a.Name, a.Timeout, a.Force = "drain", model.KindNode, "", "n-0", time.Minute, true
	default:
		a.Do, a.Kind, a.Name, a.Force = "delete", model.KindPod, fmt.Sprint("pod-", d.below(4)), d.one(2)
	}
	return a
}

// twinRun runs a scenario to its end, with its invariants watched.
func twinRun(t *testing.T, seed uint64, make func(uint64) cluster.Config, change func(*cluster.Config)) *cluster.Cluster {
	t.Helper()
	c := make(seed)
	c.Limits = sim.Limits{Events: 20_000_000}
	if change != nil {
		change(&c)
	}
	x := built(t, c)
	v, m := cluster.Watch(x.Store), watchMachines(x)
	if err := x.Run(sim.Time(c.Duration)); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	for _, b := range append(v.Broken, m.broken...) {
		t.Errorf("seed %d: %s", seed, b)
	}
	return x
}

// quiet is how long a container must have been as it is to be shown so.
const quiet = 2 * time.Minute

// settled checks that long after everything healed nodes are ready, the API shows what
// runs on them, and nobody waits for anything that does not come.
func settled(t *testing.T, seed uint64, x *cluster.Cluster) {
	t.Helper()
	now, dead := x.Kernel.Now(), map[string]bool{}
	for i := range x.Store.History().Len() {
		if n := x.Store.History().At(i).Note; n != nil && n.Reason == "KernelPanic" {
			dead[strings.TrimPrefix(n.Path(), "node/")] = true
		}
	}
	x.Store.Snapshot().Each(model.KindNode, func(o model.Object) bool {
		n := o.(*model.Node)
		if dead[n.Name] {
			return true
		}
		if n.Ready.Status != model.True {
			t.Errorf("seed %d: %s is %v", seed, n.Path(), n.Ready.Status)
		}
		for _, s := range x.Sandboxes(n.ID) {
			if s != nil && s.Pod.ID < model.FirstStaticID && s.Alive() && x.Store.Get(s.Pod.Ref()) == nil {
				t.Errorf("seed %d: %s runs on %s, and is no object", seed, s.Pod.Path(), n.Name)
			}
		}
		return true
	})
	x.Store.Snapshot().Each(model.KindPod, func(o model.Object) bool {
		p := o.(*model.Pod)
		if p.NodeID == 0 || dead[p.NodeName] || x.Store.Get(model.Ref{Kind: model.KindNode, ID: p.NodeID}) == nil {
			return true
		}
		if p.Deleting() && now.Sub(p.DeletionAt) > quiet {
			t.Errorf("seed %d: %s was to be gone at %v", seed, p.Path(), p.DeletionAt)
		}
		if now.Sub(p.Scheduled.SinceAt) > quiet && p.StartedAt == 0 {
			t.Errorf("seed %d: %s is not known to its kubelet", seed, p.Path())
		}
		for _, s := range x.Sandboxes(p.NodeID) {
			if s != nil && s.Pod.Name == p.Name && (s.Pod.ID == p.ID || p.Mirror()) {
				shown(t, seed, now, p, s)
			}
		}
		return true
	})
}

// shown checks that the status of a pod is what has long been the case.
func shown(t *testing.T, seed uint64, now sim.Time, p *model.Pod, s *runtime.Sandbox) {
	t.Helper()
	if p.Phase.Terminal() && s.Alive() && !p.Mirror() {
		t.Errorf("seed %d: %s is %v, and runs", seed, p.Path(), p.Phase)
	}
	for i := range p.Containers { // of one that was rejected there are none
		x := &s.Processes[i]
		if x.Instances == 0 || now.Sub(max(x.StartedAt, x.FinishedAt)) < quiet {
			continue
		}
		c := p.Containers[i]
		if (c.State == model.ContainerRunning) != x.Running || c.Restarts != x.Instances-1 && !p.Mirror() {
			t.Errorf("seed %d: container %d of %s is shown %+v, and is %+v", seed, i, p.Path(), c, *x)
		}
	}
}

// checkTwins runs a random scenario and reports what must hold in all of them.
func checkTwins(t *testing.T, seed uint64, make func(uint64) cluster.Config) {
	t.Helper()
	for _, ties := range []uint64{0, seed} {
		run := func(literal bool) *cluster.Cluster {
			return twinRun(t, seed, make, func(c *cluster.Config) { c.ShuffleTies, c.Literal = ties, literal })
		}
		fast := run(false)
		settled(t, seed, fast)
		same(t, seed, fmt.Sprint("every tick an event, ties permuted by ", ties), fast, run(true))
	}
}

func TestRandomNodesAreTheSameWithEveryTickAnEvent(t *testing.T) {
	for seed := range uint64(12) {
		if checkTwins(t, seed+1, wholeNode); t.Failed() {
			return
		}
	}
}
