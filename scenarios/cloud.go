package scenarios

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/autoscaler"
	"orrery/model/cloud"
	"orrery/model/fault"
	"orrery/scenarios/strict"
)

// cloud reads where machines come from in the run: groups of equal machines, and
// what the provider does by itself.
func (l *loader) cloud(groups, v strict.Value) {
	if !groups.Given() && !v.Given() {
		return
	}
	c := &cloud.Config{}
	l.scenario.Config.Cloud = c
	m := v.Map("cloud", cloudOptions.names()...)
	c.Quota = int(cloudOptions.read(m, "quota").Int(0, maxNodes))
	c.LaunchesPerMinute = cloudOptions.read(m, "launchesPerMinute").Int(0, maxNodes)
	c.TerminationHandler = cloudOptions.read(m, "terminationHandler").Bool()
	for _, g := range groups.List() {
		l.machineGroup(g, c)
	}
	if c.Quota > 0 && len(l.scenario.Config.Nodes) > c.Quota {
		m.Optional("quota").Errorf("there are more machines than that at the start: %d", len(l.scenario.Config.Nodes))
	}
}

// machineGroup reads a group of machines that the cloud makes, named NAME-0, NAME-1
// and so on.
func (l *loader) machineGroup(v strict.Value, c *cloud.Config) {
	m := v.Map("a node group", append(machineOptions.names(), groupOptions.names()...)...)
	g := cloud.Group{Name: m.Required("name").DNSLabel()}
	g.Max = int(m.Required("max").Int(1, maxNodes))
	g.Min = int(groupOptions.read(m, "min").Int(0, maxNodes))
	if start := m.Optional("start"); start.Given() {
		g.Start = int(start.Int(0, maxNodes))
	} else {
		g.Start = g.Min
	}
	if g.Max > 0 && (g.Min > g.Max || g.Start < g.Min || g.Start > g.Max) {
		v.Errorf("it starts with %d machines and may have %d to %d of them", g.Start, g.Min, g.Max)
		return
	}
	g.Size, g.GPU = machineSize(v, m)
	l.limitPods(&g.Size)
	g.Kept, g.KeptPIDs = l.kept(m, g.Size, 0)
	g.SwapBytes = l.swap(m.Optional("swap"))
	l.setTopology(g.Name, topology(m, g.Size, g.Kept))
	g.Zones = strict.Each(m.Optional("zones"), strict.Value.DNSLabel)
	g.Labels = m.Optional("labels").LabelMap()
	g.Taints = strict.Each(m.Optional("taints"), taint)
	g.Provision = groupOptions.read(m, "provision").Dist()
	g.Price = groupOptions.read(m, "price").Milli(0, 1_000_000_000) * 1000
	g.Priority = int(groupOptions.read(m, "priority").Int(0, 1_000_000))
	for i := range c.Groups {
		if c.Groups[i].Name == g.Name {
			v.Errorf("two node groups are called %s", strict.Quote(g.Name))
			return
		}
	}
	if g.Name == "" || !l.room(v, int64(g.Start)) {
		return
	}
	if s := gracefulShutdown(m); s != nil {
		into(&l.scenario.Config.Shutdown.Groups, g.Name, s)
	}
	c.Groups = append(c.Groups, g)
	l.known.addGroup(&g)
	for i := range g.Start {
		l.addNode(v, g.Node(i, g.StartZone(i)))
	}
}

// defaultProvision is a modelling value for a typical cloud: EKS and GKE users
// report 30 s to some minutes from the request to a running kubelet.
const defaultProvision = "lognormal(90s, p99 4m)"

// addGroup makes known what machines of a group will be like.
func (k *known) addGroup(g *cloud.Group) {
	k.groups = append(k.groups, g.Name)
	for i := range max(1, len(g.Zones)) {
		zone := g.StartZone(i)
		k.nodeLabels = append(k.nodeLabels, model.NodeLabels("", zone, g.Labels))
		if zone != "" && k.isNew("/"+zone) {
			k.zones = append(k.zones, zone)
		}
	}
}

// willBe tells whether a node may come to be in the run: one of a node group.
func (k *known) willBe(node string) bool {
	at := strings.LastIndexByte(node, '-')
	if at < 0 {
		return false
	}
	number, err := strconv.ParseUint(node[at+1:], 10, 32)
	if err != nil || strconv.FormatUint(number, 10) != node[at+1:] {
		return false
	}
	for _, g := range k.groups {
		if g == node[:at] {
			return true
		}
	}
	return false
}

// nodeGroup reads the name of a node group of the cloud; "" if nothing is said.
func (l *loader) nodeGroup(v strict.Value) string {
	if !v.Given() {
		return ""
	}
	name := v.Text()
	if name != "" && !slices.Contains(l.known.groups, name) {
		v.Errorf("there is no node group %s%s", strict.Quote(name), l.suggest(name, l.known.groups))
	}
	return name
}

// autoscaler reads how the cluster autoscaler runs; without the key there is none.
func (l *loader) autoscaler(v strict.Value) {
	if !v.Given() {
		return
	}
	m := v.Map("autoscaler", autoscalerOptions.names()...)
	c := &autoscaler.Config{Expander: autoscalerOptions.read(m, "expander").Enum("expander", autoscaler.Expanders()...)}
	l.scenario.Config.Autoscaler = c
	long := func(name string) time.Duration {
		return autoscalerOptions.read(m, name).DurationIn(time.Second, maxDuration)
	}
	c.ScanInterval = autoscalerOptions.read(m, "scanInterval").DurationIn(autoscaler.LeastScanInterval, maxDuration)
	c.NoScaleDown = !autoscalerOptions.read(m, "scaleDown").Bool()
	c.UnneededTime = long("scaleDownUnneededTime")
	c.DelayAfterAdd = long("scaleDownDelayAfterAdd")
	c.UtilizationThreshold = autoscalerOptions.read(m, "scaleDownUtilizationThreshold").Percent()
	c.MaxNodeProvisionTime = long("maxNodeProvisionTime")
	if len(l.known.groups) == 0 {
		v.KeyErrorf("it has nothing to scale: the cluster needs nodeGroups")
	}
}

// cloudFault reads a parameter of a fault of the cloud.
func (l *loader) cloudFault(m *strict.Map, param string, f *fault.Spec) {
	switch param {
	case fault.ParamGroup:
		f.Group = l.nodeGroup(m.Optional(param))
	case fault.ParamZone:
		f.Zone = l.zone(m.Optional(param))
	case fault.ParamBoot:
		f.Boot = m.Required(param).Dist()
	case fault.ParamNotice:
		f.Notice = timelineOptions.read(m, param).DurationIn(0, maxDuration)
	case fault.ParamErrors:
		f.Errors = positive(timelineOptions.read(m, param), strict.Value.Percent)
	}
}
