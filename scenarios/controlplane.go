package scenarios

import (
	"fmt"
	"strconv"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/scenarios/strict"
)

// controlPlane reads its machines. They are nodes of the cluster, too, unless they
// are managed by somebody else; or listed is true: what says which nodes there are
// is a snapshot or a trace, and those have been read from a cluster as they are.
func (l *loader) controlPlane(v strict.Value, listed bool) {
	m := v.Map("controlPlane", controlPlaneOptions.names()...)
	c := &l.scenario.Config.ControlPlane
	l.etcd(m.Optional("etcd"))
	numbers := []string{"1", "3", "5"}
	if c.ExternalEtcd > 0 {
		numbers = []string{"1", "2", "3", "4", "5"}
	}
	c.Replicas, _ = strconv.Atoi(controlPlaneOptions.read(m, "replicas").Enum("number of replicas", numbers...))
	c.CPUMilli = positive(controlPlaneOptions.read(m, "cpu"), strict.Value.CPU)
	c.MemoryBytes = positive(controlPlaneOptions.read(m, "memory"), strict.Value.Bytes)
	if c.MemoryBytes > maxBytes {
		m.Optional("memory").Errorf("a machine has at most %dPi", maxBytes>>50)
	}
	c.Zones = strict.Each(m.Optional("zones"), strict.Value.DNSLabel)
	c.Nodes = !m.Default("managed", strconv.FormatBool(listed)).Bool()
	l.apiServer(m.Optional("apiServer"))
	need := c.StaticRequest()
	hard := l.scenario.Config.Kubelet.Eviction.Kept(model.Resources{MemoryBytes: c.MemoryBytes}).MemoryBytes
	need.MemoryBytes += hard
	if cpu := m.Optional("cpu"); c.Nodes && c.CPUMilli > 0 && c.CPUMilli < need.CPUMilli {
		cpu.Errorf("the control plane's own pods ask for %dm of every machine", need.CPUMilli)
	}
	if memory := m.Optional("memory"); c.Nodes && c.MemoryBytes > 0 && c.MemoryBytes < need.MemoryBytes {
		memory.Errorf("the control plane's own pods ask for %dMi of every machine, and %dMi are the kubelet's hard eviction threshold",
			(need.MemoryBytes-hard)>>20, hard>>20)
	}
}

// etcd reads how the members of etcd are set up.
func (l *loader) etcd(v strict.Value) {
	if !v.Given() {
		return
	}
	m := v.Map("etcd", etcdOptions.names()...)
	l.externalEtcd(m.Optional("external"))
	c := &l.scenario.Config.ControlPlane.Etcd
	c.NoPreVote = !etcdOptions.read(m, "preVote").Bool()
	c.NoCheckQuorum = !etcdOptions.read(m, "checkQuorum").Bool()
	if fsync := m.Optional("fsync"); fsync.Given() {
		c.Fsync = syncTime(fsync)
	}
	if quota := m.Optional("quota"); quota.Given() {
		c.QuotaBytes = positive(quota, strict.Value.Bytes)
	}
}

// externalEtcd reads how many members are on machines of their own, and where.
func (l *loader) externalEtcd(v strict.Value) {
	if !v.Given() {
		return
	}
	c := &l.scenario.Config.ControlPlane
	if !v.IsMap() {
		v.Errorf("write how many members, and in which zones they are, as in {members: 3, zones: [a, b, c]}")
		c.ExternalEtcd = 3
		return
	}
	m := v.Map("external etcd", externalEtcdOptions.names()...)
	number, _ := strconv.Atoi(m.Required("members").Enum("number of members", "1", "3", "5", "7"))
	c.ExternalEtcd = max(number, 1)
	c.EtcdZones = strict.Each(m.Optional("zones"), strict.Value.DNSLabel)
	if zones := m.Optional("zones"); number > 0 && len(c.EtcdZones) > number {
		zones.Errorf("%d members cannot be in %d zones", number, len(c.EtcdZones))
	}
}

// machines makes the control plane's machines known as nodes, and tells when they
// are as large as those that work.
func (l *loader) machines(m *strict.Map) {
	at := m.Optional("controlPlane")
	if !at.Given() {
		at = m.Value()
	}
	c := &l.scenario.Config.ControlPlane
	for _, name := range c.EtcdMachines() {
		if c.ExternalEtcd > 0 && l.known.node[name] {
			at.Errorf("a node is called %s like a machine of etcd; give it another name", strict.Quote(name))
			return
		}
	}
	machines, pods := c.Machines(&l.scenario.Config.Kubelet.Eviction), c.Pods()
	for _, n := range machines {
		if l.known.node[n.Name] {
			at.Errorf("a node is called %s like a machine of the control plane; give it another name, or say controlPlane: {managed: true}", strict.Quote(n.Name))
			return
		}
		l.known.add(n)
	}
	if !c.Nodes {
		return
	}
	for _, p := range pods {
		l.known.add(p)
	}
	if room := machines[0].Capacity.Pods; room < int64(len(pods)) {
		m.Optional("kubelet").Errorf("podsPerCore leaves a machine of the control plane room for %d pods, and its own are %d", room, len(pods))
	}
	var most model.Resources
	for _, n := range l.scenario.Config.Nodes {
		most = most.Max(n.Capacity)
	}
	if most.CPUMilli > 0 && (c.CPUMilli >= most.CPUMilli || c.MemoryBytes >= most.MemoryBytes) {
		p := at.Pos()
		l.scenario.Notes = append(l.scenario.Notes, fmt.Sprintf("%s:%d: cluster.controlPlane: not smaller than its workers: %s and %s of memory, where the largest of them has %s and %s",
			p.File, p.Line, cores(c.CPUMilli), gibibytes(c.MemoryBytes), cores(most.CPUMilli), gibibytes(most.MemoryBytes)))
	}
}

func cores(milli int64) string {
	if milli%1000 != 0 {
		return fmt.Sprintf("%dm cores", milli)
	}
	return fmt.Sprintf("%d cores", milli/1000)
}

func gibibytes(n int64) string {
	if n%(1<<30) != 0 {
		return fmt.Sprintf("%dMi", n>>20)
	}
	return fmt.Sprintf("%dGi", n>>30)
}

// staticPods reads the pods in files on each of some machines: manifests, or pods
// written in place.
func (l *loader) staticPods(list strict.Value, machines int64) []*model.Pod {
	if !list.Given() {
		return nil
	}
	set := l.decoder.Manifests()
	var out []*model.Pod
	for _, item := range list.List() {
		from := len(set.Objects)
		if item.IsMap() {
			set.Add(item)
		} else {
			l.include(set, item)
		}
		for _, o := range set.Objects[from:] {
			p, ok := o.(*model.Pod)
			switch {
			case !ok:
				item.Errorf("a kubelet reads only pods from its files, and %s is none", o.Head().Path())
			case p.NodeName != "":
				item.Errorf("a static pod runs where its file is: leave out nodeName of %s", p.Path())
			case refers(p) != "":
				item.Errorf("a kubelet refuses static pods that need the API: static pods may not reference %s", refers(p))
			case badImage(p) != "":
				item.Errorf("static pods run from the beginning, and %s is no image: write one such as web:1", strict.Quote(badImage(p)))
			default:
				out = append(out, p)
				l.known.add(p)
				l.count(list, machines)
			}
		}
	}
	return out
}

// badImage is an image of a pod that no runtime could pull, "" if there is none.
func badImage(p *model.Pod) string {
	for _, list := range [][]model.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for i := range list {
			if !runtime.ValidImage(list[i].Image) {
				return list[i].Image
			}
		}
	}
	return ""
}

// refers is what of the API a pod needs for which a kubelet does not run it from a file, "" if
// nothing (pkg/api/pod/util.go HasAPIObjectReference).
func refers(p *model.Pod) string {
	of := [model.Kinds]bool{}
	p.Spec.EachConfig(func(u *model.ConfigUse) { of[u.Kind] = true })
	switch {
	case p.Spec.Account != "":
		return "serviceaccounts"
	case of[model.KindSecret]:
		return "secrets"
	case of[model.KindConfigMap]:
		return "configmaps"
	case len(p.Uses()) > 0:
		return "persistentvolumeclaims"
	}
	return ""
}

// fitStatics refuses static pods that ask for more together than each of their machines has for
// pods: its kubelet would run some of them only.
func fitStatics(list strict.Value, pods []*model.Pod, has model.Resources) {
	var asks model.Resources
	for _, p := range pods {
		asks = asks.Add(p.Spec.Request)
	}
	const most = "the static pods ask for %s, and a machine has %s for pods"
	switch {
	case int64(len(pods)) > has.Pods:
		list.Errorf("%d static pods are more than a machine takes: %d", len(pods), has.Pods)
	case asks.CPUMilli > has.CPUMilli:
		list.Errorf(most, cores(asks.CPUMilli), cores(has.CPUMilli))
	case asks.MemoryBytes > has.MemoryBytes:
		list.Errorf(most, gibibytes(asks.MemoryBytes)+" of memory", gibibytes(has.MemoryBytes))
	case asks.EphemeralBytes > has.EphemeralBytes:
		list.Errorf(most, gibibytes(asks.EphemeralBytes)+" of the disk", gibibytes(has.EphemeralBytes))
	}
}

func (l *loader) static(node string, pods []*model.Pod) {
	c := &l.scenario.Config
	if len(pods) == 0 {
		return
	}
	if c.Static == nil {
		c.Static = map[string][]*model.Pod{}
	}
	c.Static[node] = pods
}
