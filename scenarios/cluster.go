package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/cloud"
	"orrery/model/kubelet"
	"orrery/model/runtime"
	"orrery/scenarios/strict"
	"orrery/sim"
)

// cluster reads the machines: groups of equal nodes, and a snapshot of a real
// cluster's; unless a trace has nodes, there must be some.
func (l *loader) cluster(v strict.Value, traced bool) {
	m := v.Map("cluster", clusterOptions.names()...)
	l.kubelets(m.Optional("kubelet")) // whose thresholds are kept of every machine
	l.controlPlane(m.Optional("controlPlane"), traced || m.Optional("snapshot").Given())
	l.imagePulls(m.Optional("imagePulls"))
	l.nodeRepair(m.Optional("nodeRepair"))
	if v := m.Optional("panicAfter"); v.Given() {
		l.scenario.Config.Kubelet.PanicAfter = v.DurationIn(time.Second, maxDuration)
	}
	l.balancers(m.Optional("loadBalancers"))
	l.kubeProxies(m.Optional("kubeProxy"))
	l.scenario.Config.NodeBandwidth = positive(m.Optional("nodeBandwidth"), strict.Value.Bytes)
	groups := m.Optional("nodes")
	for _, g := range groups.List() {
		l.nodes(g)
	}
	l.snapshot(m.Optional("snapshot"))
	l.cloud(m.Optional("nodeGroups"), m.Optional("cloud"))
	l.autoscaler(m.Optional("autoscaler"))
	l.machines(m)
	if !traced && !groups.Given() && !m.Optional("snapshot").Given() && !m.Optional("nodeGroups").Given() {
		m.Value().Errorf("a cluster needs nodes: list them under nodes or nodeGroups, or name a file under snapshot")
	}
	if groups.IsList() && len(groups.List()) == 0 {
		groups.Errorf("the list is empty: a cluster needs at least one node")
	}
}

// apiServer reads how the API servers are set up: how much memory each may have,
// and what they do as older ones did.
func (l *loader) apiServer(v strict.Value) {
	if !v.Given() {
		return
	}
	m := v.Map("apiServer", apiServerOptions.names()...)
	c := &l.scenario.Config.ControlPlane.APIServer
	if memory := m.Optional("memory"); memory.Given() {
		if c.MemoryBytes = positive(memory, strict.Value.Bytes); c.MemoryBytes > 0 && c.MemoryBytes < leastServer {
			memory.Errorf("an API server needs %dMi to begin with", leastServer>>20)
		}
	}
	c.ListsFromEtcd = !apiServerOptions.read(m, "consistentListFromCache").Bool()
	c.Unfair = !apiServerOptions.read(m, "priorityAndFairness").Bool()
	c.EncodesWhole = !apiServerOptions.read(m, "streamingEncoding").Bool()
}

const leastServer = 512 << 20

// nodeRepair reads whether the provider gives nodes that are not ready another
// machine.
func (l *loader) nodeRepair(v strict.Value) {
	if !v.Given() {
		return
	}
	m := v.Map("nodeRepair", repairOptions.names()...)
	l.scenario.Config.NodeRepair = cloud.RepairConfig{
		After: repairOptions.read(m, "after").DurationIn(time.Second, maxDuration),
		Takes: syncTime(repairOptions.read(m, "takes")),
	}
}

// imagePulls reads how images come to the nodes.
func (l *loader) imagePulls(v strict.Value) {
	if !v.Given() {
		return
	}
	m := v.Map("imagePulls", pullOptions.names()...)
	l.scenario.Config.Kubelet.ParallelPulls = int(pullOptions.read(m, "parallel").Int(1, 1_000))
	l.scenario.Config.RegistryBandwidth = positive(m.Optional("registryBandwidth"), strict.Value.Bytes)
}

// syncTime reads how long a disk takes to sync, which is never no time at all.
func syncTime(v strict.Value) sim.Dist {
	d := v.Dist()
	if d.IsZero() && isZero(v) {
		v.Errorf("%s is too little: it must be more than 0", v.Raw())
	}
	return d
}

// positive refuses nothing at all.
func positive(v strict.Value, read func(strict.Value) int64) int64 {
	n := read(v)
	if n == 0 && isZero(v) {
		v.Errorf("%s is too little: it must be more than 0", v.Raw())
	}
	return n
}

// isZero tells whether a value was written as some sort of zero, rather than
// being read as 0 because it was wrong.
func isZero(v strict.Value) bool {
	text := v.Raw()
	number := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ%")
	return number != "" && strings.Trim(number, "0.") == ""
}

// nodes reads a number of equal machines, named NAME-0, NAME-1 and so on, or
// a single one called NAME.
func (l *loader) nodes(v strict.Value) {
	m := v.Map("a group of nodes", append(machineOptions.names(), nodeOptions.names()...)...)
	name := m.Required("name").Name()
	number := nodeOptions.read(m, "count").Int(1, maxNodes)
	size, gpu := machineSize(v, m)
	hollow := nodeOptions.read(m, "hollow").Bool()
	if !hollow {
		l.limitPods(&size)
	}
	pids := m.Optional("pids").Int(1, maxCount)
	kept, keptPIDs := l.kept(m, size, pids)
	allocatable := size.Allocatable(kept)
	var stock *model.Stock
	if inodes, swap := m.Optional("inodes"), l.swap(m.Optional("swap")); pids > 0 || inodes.Given() || swap > 0 || keptPIDs > 0 {
		stock = &model.Stock{PIDs: pids, Inodes: inodes.Int(1, maxCount), SwapBytes: swap, KeptPIDs: keptPIDs}
	}
	made := topology(m, size, kept)
	zones := strict.Each(m.Optional("zones"), strict.Value.DNSLabel)
	labels := m.Optional("labels").LabelMap()
	taints := strict.Each(m.Optional("taints"), taint)
	static := l.staticPods(m.Optional("staticPods"), number)
	if size.CPUMilli > 0 && size.MemoryBytes > 0 {
		fitStatics(m.Optional("staticPods"), static, allocatable)
	}
	if hollow {
		allocatable = size // as KWOK's nodes state it
		refuseHollow(m, len(static) > 0)
	}
	shutdown := gracefulShutdown(m)
	if hollow && shutdown != nil {
		refuseShutdown(m)
	}
	if name == "" || !l.room(v, number) {
		return
	}
	l.known.expect(int(number))
	l.scenario.Config.Nodes = slices.Grow(l.scenario.Config.Nodes, int(number))
	for i := range number {
		own := name
		if m.Optional("count").Given() {
			own += "-" + strconv.FormatInt(i, 10)
		}
		zone := ""
		if len(zones) > 0 {
			zone = zones[int(i)%len(zones)]
		}
		l.addNode(v, &model.Node{
			Meta:     model.Meta{Kind: model.KindNode, Name: own, Labels: model.NodeLabels(own, zone, labels)},
			Capacity: size, Allocatable: allocatable, Taints: taints, GPU: gpu,
			Stock: stock,
		})
		if hollow {
			l.hollow(own)
		}
		l.static(own, static)
		l.setTopology(own, made)
		if shutdown != nil {
			into(&l.scenario.Config.Shutdown.Nodes, own, shutdown)
		}
	}
}

func into(all *map[string]kubelet.Shutdown, name string, s kubelet.Shutdown) {
	if *all == nil {
		*all = map[string]kubelet.Shutdown{}
	}
	(*all)[name] = s
}

// refuseHollow refuses what a hollow node cannot have.
func refuseHollow(m *strict.Map, static bool) {
	if static {
		m.Optional("staticPods").KeyErrorf("nothing runs on a hollow node, so it has no static pods")
	}
	if v := m.Optional("swap"); v.Given() {
		v.KeyErrorf("nothing runs on a hollow node, so nothing swaps")
	}
	for _, key := range topologyKeys {
		if v := m.Optional(key); v.Given() {
			v.KeyErrorf("nothing runs on a hollow node, so nobody has CPUs for themselves, or memory")
		}
	}
	for _, key := range [...]string{"kubeReserved", "systemReserved"} {
		if v := m.Optional(key); v.Given() {
			v.KeyErrorf("a hollow node has no kubelet that reserves anything: all of its size is allocatable")
		}
	}
}

// kept reads what the kubelet of a machine keeps from pods, for itself and for the
// system, which is nothing unless it is said, and what its hard eviction thresholds are; and
// how many processes of those that there can be on it, the most if that is not said.
func (l *loader) kept(m *strict.Map, size model.Resources, most int64) (sum model.Resources, pids int64) {
	most = cmp.Or(most, runtime.MostPIDs(size.MemoryBytes))
	hard := l.scenario.Config.Kubelet.Eviction.Kept(size)
	sum = hard
	if nothingLeft(size, sum) != "" { // validateNodeAllocatable: a kubelet does not start
		m.Required("memory").Errorf("the hard eviction thresholds of %dMi of memory and %dMi of the disk leave nothing for pods", hard.MemoryBytes>>20, hard.EphemeralBytes>>20)
		return hard, 0
	}
	for _, key := range [...]string{"kubeReserved", "systemReserved"} {
		v := m.Optional(key)
		if !v.Given() {
			continue
		}
		r := v.Map(key, "cpu", "memory", "ephemeral-storage", "pid")
		pids += r.Default("pid", "0").Int(0, maxCount)
		sum = sum.Add(model.Resources{
			CPUMilli:       r.Default("cpu", "0").CPU(),
			MemoryBytes:    r.Default("memory", "0Mi").Bytes(),
			EphemeralBytes: r.Default("ephemeral-storage", "0Mi").Bytes(),
		})
		if what := nothingLeft(size, sum); what != "" {
			v.Errorf("that leaves nothing for pods: %s", what)
			return hard, 0
		}
		if pids >= most {
			v.Errorf("that leaves no process for pods: of those that there can be, %d, %d are kept", most, pids)
			return hard, 0
		}
	}
	return sum, pids
}

// nothingLeft tells of what a machine has pods have nothing, when so much is kept, "" if of each
// something.
func nothingLeft(size, kept model.Resources) string {
	left := size.Allocatable(kept)
	switch {
	case size.CPUMilli > 0 && left.CPUMilli == 0:
		return fmt.Sprintf("of %dm of CPU %dm are kept", size.CPUMilli, kept.CPUMilli)
	case size.MemoryBytes > 0 && left.MemoryBytes == 0:
		return fmt.Sprintf("of %dMi of memory %dMi are kept, hard eviction threshold included", size.MemoryBytes>>20, kept.MemoryBytes>>20)
	case size.EphemeralBytes > 0 && left.EphemeralBytes == 0:
		return fmt.Sprintf("of %dMi of the disk %dMi are kept, hard eviction threshold included", size.EphemeralBytes>>20, kept.EphemeralBytes>>20)
	}
	return ""
}

// machineSize reads what a machine has: its capacity.
func machineSize(v strict.Value, m *strict.Map) (size model.Resources, gpu model.GPUs) {
	size = model.Resources{
		CPUMilli:       positive(m.Required("cpu"), strict.Value.CPU),
		MemoryBytes:    positive(m.Required("memory"), strict.Value.Bytes),
		EphemeralBytes: positive(machineOptions.read(m, "disk"), strict.Value.Bytes),
		Pods:           machineOptions.read(m, "pods").Int(1, 10_000),
	}
	if size.MemoryBytes > maxBytes || size.EphemeralBytes > maxBytes {
		v.Errorf("a machine has at most %dPi", maxBytes>>50)
	}
	gpu = model.GPUs{Devices: machineOptions.read(m, "gpus").Int(0, model.MaxGPUs), Model: m.Optional("gpuModel").Text()}
	if gpu.Devices > 0 {
		size.Extended = []model.Extended{{Name: model.ResourceGPU, Count: gpu.Devices}}
	} else if gpu.Model != "" {
		m.Optional("gpuModel").Errorf("needs gpus: how many of them a node has")
	}
	return size, gpu
}

// limitPods leaves a machine no more pods than its kubelet takes for each of its cores.
func (l *loader) limitPods(size *model.Resources) {
	size.Pods = kubelet.PodCapacity(*size, l.scenario.Config.ControlPlane.PodsPerCore)
}

const maxBytes = 1 << 50

func (l *loader) hollow(node string) {
	c := &l.scenario.Config
	if c.Hollow == nil {
		c.Hollow = map[string]bool{}
	}
	c.Hollow[node] = true
}

// room tells whether so many more nodes may be added, before any is made.
func (l *loader) room(v strict.Value, more int64) bool {
	if have := len(l.scenario.Config.Nodes); int64(have)+more > maxNodes {
		v.Errorf("all together the cluster has more than %d nodes", maxNodes)
		return false
	}
	return true
}

func (l *loader) addNode(v strict.Value, n *model.Node) {
	if l.known.node[n.Name] {
		v.Errorf("two nodes are called %s", strict.Quote(n.Name))
		return
	}
	l.known.add(n)
	l.scenario.Config.Nodes = append(l.scenario.Config.Nodes, n)
}

// taint reads "key=value:Effect", as kubectl taint does.
func taint(v strict.Value) model.Taint {
	return readTaint(v, taintText(v))
}

// taintText finds one that is written as in a manifest.
func taintText(v strict.Value) string {
	if v.IsMap() {
		v.Errorf("write a taint as kubectl has it, such as dedicated=gpu:NoSchedule")
		return ""
	}
	return v.Text()
}

// taintChange reads a taint, or one with a hyphen behind it, which takes it off.
func taintChange(v strict.Value) (t model.Taint, remove bool) {
	text, remove := strings.CutSuffix(taintText(v), "-")
	return readTaint(v, text), remove
}

func readTaint(v strict.Value, text string) model.Taint {
	if text == "" {
		return model.Taint{}
	}
	rest, name, ok := strings.Cut(text, ":")
	var t model.Taint
	t.Key, t.Value, _ = strings.Cut(rest, "=")
	for _, e := range []model.Effect{model.NoSchedule, model.PreferNoSchedule, model.NoExecute} {
		if e.String() == name {
			t.Effect = e
		}
	}
	if !ok || t.Effect == model.AnyEffect || t.Key == "" {
		v.Errorf("%s is not a taint such as dedicated=gpu:NoSchedule; effects: NoSchedule, PreferNoSchedule, NoExecute", strict.Quote(text))
	}
	return t
}

// snapshot reads what kubectl get -o yaml (or json) printed: nodes, and perhaps
// what was on them.
func (l *loader) snapshot(v strict.Value) {
	if !v.Given() {
		return
	}
	set := l.decoder.Snapshot()
	if v.IsList() {
		if len(v.List()) == 0 {
			v.Errorf("the list is empty: name a file, or leave snapshot out")
		}
		for _, item := range v.List() {
			l.include(set, item)
		}
	} else {
		l.include(set, v)
	}
	set.ResolveOwners()
	l.store(set)
	var others []model.Object
	for i, o := range set.Objects {
		if n, ok := o.(*model.Node); ok {
			if !l.room(set.Places[i], 1) {
				return
			}
			l.addNode(set.Places[i], n)
			continue
		}
		others = append(others, o)
	}
	l.misplace(set)
	l.learn(v, others)
	l.nodesUnread = l.incomplete()
	others = l.assumeClaims(others)
	l.checkPlaces(v, others)
	l.scenario.Config.Objects = append(l.scenario.Config.Objects, others...)
}
