package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"orrery/model"
	"orrery/model/fault"
	"orrery/scenarios/strict"
)

// What an action or a fault is about: machines of the control plane, nodes and pods.

// member reads the machine of an action about etcd.
func (l *loader) member(m *strict.Map, param, command string) string {
	v := m.Optional(param)
	if command != "etcd-defrag" {
		v = m.Required(param)
	}
	if v.IsList() {
		v.Errorf("one machine, not a list")
		return ""
	}
	for _, name := range l.etcdMembers(v) {
		return name
	}
	return ""
}

// members reads machines of the control plane: one, or a list.
func (l *loader) members(v strict.Value) []string {
	return namesOf(v, "machine of the control plane", l.machineNames())
}

// etcdMembers reads members of etcd by the names of their machines: one, or a list.
func (l *loader) etcdMembers(v strict.Value) []string {
	return namesOf(v, "machine of etcd", l.scenario.Config.ControlPlane.EtcdMachines())
}

// etcdOthers reads what members of etcd are cut off from.
func (l *loader) etcdOthers(v strict.Value) []string {
	names := l.scenario.Config.ControlPlane.EtcdMachines()
	if l.scenario.Config.ControlPlane.ExternalEtcd > 0 {
		names = append(names, l.machineNames()...)
	}
	return namesOf(v, "machine of etcd or the control plane", names)
}

func namesOf(v strict.Value, what string, names []string) (out []string) {
	for _, item := range oneOrMore(v) {
		out = append(out, item.Enum(what, names...))
	}
	return out
}

// replicasOn reads on which machines of the control plane: that of the leader if it
// is empty, all, or those with a name.
func (l *loader) replicasOn(v strict.Value) []string {
	names := l.machineNames()
	switch {
	case !v.Given() || v.IsScalar() && v.Text() == "leader":
		return nil
	case v.IsScalar() && v.Text() == "all":
		return names
	case v.IsScalar():
		return []string{v.Enum("replica", append([]string{"leader", "all"}, names...)...)}
	}
	return l.members(v)
}

// machineNames is the names of the machines of the control plane.
func (l *loader) machineNames() (names []string) {
	for i := range max(1, l.scenario.Config.ControlPlane.Replicas) {
		names = append(names, fmt.Sprint("cp-", i))
	}
	return names
}

// directions is what of its messages a target loses: those it sends (out), those
// it should receive (in).
var directions = map[string]fault.Direction{"both": fault.Both, "out": fault.To, "in": fault.From}

// peer reads the other side of a fault of the network. Of nodes it is the control plane, if
// nothing is said, other nodes or whoever is outside; of pods it is everybody, if nothing is
// said, the control plane or whoever is outside, other pods, or nodes with all that is on them.
func (l *loader) peer(v strict.Value, kind model.Kind, f *fault.Spec) {
	switch {
	case !v.Given():
	case v.IsScalar() && v.Text() == "control-plane":
		f.Peer.Control = kind == model.KindPod
	case v.IsScalar() && v.Text() == "internet":
		f.Peer.Outside = true
	case v.IsMap():
		f.Peer = l.target(v.Map("peer", selecting...), kind)
	case v.IsScalar() && !strings.Contains(v.Text(), "/"):
		v.Errorf("%s is not control-plane, internet or %s/NAME%s; all %[2]ss are {count: all}", strict.Quote(v.Text()), kind.Short(), l.written(model.KindNode, v.Text()))
	default:
		if f.PeerNodes = kind == model.KindPod && l.someNode(v); f.PeerNodes {
			kind = model.KindNode
		}
		f.Peer.Names = l.named(v, kind, &f.Peer)
	}
}

// someNode tells whether one of a list is a node, and finds it strange if another is not.
func (l *loader) someNode(v strict.Value) (is bool) {
	var others []strict.Value
	for _, item := range oneOrMore(v) {
		if r, ok := parseRef(item.Text()); ok && r.kind == model.KindNode {
			is = true
		} else {
			others = append(others, item)
		}
	}
	if is && len(others) > 0 {
		others[0].Errorf("it is no node, and another of the list is: write one fault for each kind")
	}
	return is && len(others) == 0
}

// target reads whom a fault hits.
func (l *loader) target(m *strict.Map, kind model.Kind) fault.Target {
	var t fault.Target
	said := false
	for _, name := range selecting {
		said = said || m.Optional(name).Given()
	}
	if m.Given() && !said {
		m.Value().Errorf("which %ss? write target, match, zone or count (count: all for every one)", kind.Short())
	}
	if kind == model.KindPod {
		t.Namespace = m.Optional("namespace").DNSLabel()
	} else if v := m.Optional("namespace"); v.Given() {
		v.KeyErrorf("nodes have no namespace")
	}
	t.Names = l.named(m.Optional("target"), kind, &t)
	if labels := m.Optional("match").LabelMap(); len(labels) > 0 {
		if t.Match != nil {
			m.Optional("match").KeyErrorf("the target has a selector of its own: leave one of them out")
		}
		t.Match = model.SelectorOf(model.MakeLabels(labels))
		l.checkMatch(m.Optional("match"), kind, &t)
	}
	l.expressions(m.Optional("matchExpressions"), kind, &t)
	l.onNodes(m, kind, &t)
	t.Zone = l.zone(m.Optional("zone"))
	l.amount(m.Optional("count"), &t)
	return t
}

// toCome reads pods that may be made only later, so that nobody can say how many of them.
func (l *loader) toCome(m *strict.Map) fault.Target {
	t := l.target(m, model.KindPod)
	if t.Count > 0 || t.UpTo || t.PercentPPM > 0 && t.PercentPPM < 1e6 {
		m.Optional("count").Errorf("it is about every one that starts meanwhile: select them otherwise, or write all")
	}
	return t
}

// zone reads a zone in which there are nodes, or may be; "" if nothing is said.
func (l *loader) zone(v strict.Value) string {
	if !v.Given() {
		return ""
	}
	zone := v.DNSLabel()
	if zone != "" && !l.nodesUnread && !slices.Contains(l.known.zones, zone) {
		v.Errorf("no node is in zone %s%s", strict.Quote(zone), l.suggest(zone, l.known.zones))
	}
	return zone
}

func (l *loader) checkMatch(v strict.Value, kind model.Kind, t *fault.Target) {
	if kind == model.KindNode && !l.selectsNode(t.Match) {
		hint := ""
		if !l.incomplete() && l.selectsPod("", t.Match, "") {
			hint = ", but some pods do: " + l.ofPods()
		}
		v.Errorf("no node has these labels%s", hint)
	}
	if kind == model.KindPod && !l.selectsPod(t.Namespace, t.Match, "") {
		v.Errorf("no pod has these labels")
	}
}

// amount reads how many of those that are selected are hit: so many, or with <= in
// front any number up to that.
func (l *loader) amount(v strict.Value, t *fault.Target) {
	if !v.Given() {
		return
	}
	var n strict.Amount
	if most, upTo := strings.CutPrefix(v.Raw(), "<="); upTo && v.IsScalar() {
		var err error
		if n, err = strict.ParseAmount(strings.TrimSpace(most)); err != nil {
			v.Errorf("%s", err)
			return
		}
		t.UpTo = true
	} else {
		n = v.Amount()
	}
	if v.IsScalar() && n == (strict.Amount{}) && (t.UpTo || isZero(v)) {
		v.Errorf("it hits nobody: write a number from 1 on, a share, or all")
	}
	t.Count, t.PercentPPM = int(n.Count), n.PPM
}

// operators is how an expression compares a label, as in a LabelSelector.
var operators = map[string]model.Operator{"In": model.In, "NotIn": model.NotIn, "Exists": model.Exists, "DoesNotExist": model.DoesNotExist}

// expressions reads what labels have to be besides, as in a LabelSelector.
func (l *loader) expressions(v strict.Value, kind model.Kind, t *fault.Target) {
	if !v.Given() {
		return
	}
	s := &model.Selector{}
	if t.Match != nil {
		s.Requirements = slices.Clone(t.Match.Requirements)
	}
	for _, item := range v.List() {
		m := item.Map("an expression", expressionOptions.names()...)
		r := model.Requirement{Key: m.Required("key").Text(), Op: operators[m.Required("operator").Enum("operator", "DoesNotExist", "Exists", "In", "NotIn")]}
		values := m.Optional("values")
		r.Values = strict.Each(values, strict.Value.Text)
		switch compares := r.Op == model.In || r.Op == model.NotIn; {
		case compares && len(r.Values) == 0:
			item.Errorf("which values? write values: [a, b]")
		case !compares && values.Given():
			values.KeyErrorf("whether there is such a label does not depend on its value")
		}
		s.Requirements = append(s.Requirements, r)
	}
	t.Match = s
	l.checkMatch(v, kind, t)
}

// onNodes reads on which nodes pods have to be.
func (l *loader) onNodes(m *strict.Map, kind model.Kind, t *fault.Target) {
	for _, name := range []string{"node", "nodeMatch"} {
		if v := m.Optional(name); v.Given() && kind != model.KindPod {
			v.KeyErrorf("it is about pods: nodes are selected with target and match")
			return
		}
	}
	for _, v := range oneOrMore(m.Optional("node")) {
		if r := l.reference(v, model.KindNode); r.name != "" {
			t.OnNodes = append(t.OnNodes, r.name)
		}
	}
	if labels := m.Optional("nodeMatch").LabelMap(); len(labels) > 0 {
		if t.OnNode = model.SelectorOf(model.MakeLabels(labels)); !l.selectsNode(t.OnNode) {
			m.Optional("nodeMatch").Errorf("no node has these labels")
		}
	}
}

// named reads one name or a list of names. Pods may also be given as those of a
// Deployment, StatefulSet or DaemonSet, or as those behind a Service.
func (l *loader) named(v strict.Value, kind model.Kind, into *fault.Target) []string {
	if !v.Given() {
		return nil
	}
	items := []strict.Value{v}
	if v.IsList() {
		items = v.List()
	}
	var names []string
	for _, item := range items {
		if r, ok := parseRef(item.Text()); ok && kind == model.KindNode && slices.Contains(podGroups, r.kind) {
			item.Errorf("%s is no node: %s", strict.Quote(item.Text()), l.ofPods())
			continue
		}
		if kind == model.KindNode {
			if r := l.reference(item, model.KindNode); r.name != "" {
				names = append(names, r.name)
			}
			continue
		}
		names = append(names, l.namedPods(item, into, len(items) == 1)...)
	}
	return names
}

// ofPods says which faults are about pods and like the one that is read, which is not: they
// share a word of its name; if none does, which there are at all.
func (l *loader) ofPods() string {
	var like, all []string
	for i := range fault.Kinds {
		k := &fault.Kinds[i]
		if k.Targets != model.KindPod {
			continue
		}
		all = append(all, k.Name)
		words := strings.Split(k.Name, "-")
		if slices.ContainsFunc(strings.Split(l.breaks, "-"), func(w string) bool { return slices.Contains(words, w) }) {
			like = append(like, k.Name)
		}
	}
	if len(like) == 0 {
		like = all
	}
	return l.breaks + " is about nodes; about pods: " + strings.Join(like, ", ")
}

// podGroups is what pods may be named by.
var podGroups = []model.Kind{model.KindPod, model.KindDeployment, model.KindStatefulSet, model.KindDaemonSet, model.KindService}

func (l *loader) namedPods(v strict.Value, into *fault.Target, only bool) []string {
	r := l.reference(v, podGroups...)
	if r.name == "" {
		return nil
	}
	if into.Namespace != "" && into.Namespace != r.namespace {
		v.Errorf("it is in namespace %s, not in %s: all targets of one fault must be in one namespace", strict.Quote(r.namespace), strict.Quote(into.Namespace))
	}
	into.Namespace = r.namespace
	if r.kind == model.KindPod {
		return []string{r.name}
	}
	d, there := l.known.managers[r.path()]
	if r.kind == model.KindService {
		d.selector, there = l.known.selectors[r.path()]
		if there && d.selector == nil {
			v.Errorf("%s has no selector: select its pods by themselves", r.path())
		}
	}
	switch {
	case !only:
		v.Errorf("a %s must be the only target: write one fault for each", r.kind)
	case there:
		into.Match = d.selector
	}
	return nil
}

// checkApart finds a fault of the way between somebody and itself, which stays as it is.
func (l *loader) checkApart(m *strict.Map, kind *fault.Kind, f *fault.Spec) {
	if f.Peer.IsZero() || f.PeerNodes || f.Peer.Outside || f.Peer.Control || f.Peer.Namespace != f.Target.Namespace {
		return
	}
	if name := l.only(&f.Target, kind.Targets); name != "" && name == l.only(&f.Peer, kind.Targets) {
		m.Optional(fault.ParamPeer).Errorf("this is %s/%s, whose way to itself stays as it is: select other %ss than the target", kind.Targets.Short(), name, kind.Targets.Short())
	}
}

// only is the name of the one object that a target selects, "" if there may be others.
func (l *loader) only(t *fault.Target, kind model.Kind) (name string) {
	c := &l.scenario.Config
	switch {
	case len(t.Names) == 1:
		return t.Names[0]
	case kind != model.KindNode || c.Cloud != nil || l.nodesUnread:
		return ""
	}
	for _, n := range c.Nodes {
		switch {
		case !l.compared():
			return ""
		case !t.Selects(&n.Meta) || !t.Reaches(&n.Meta):
		case name != "":
			return ""
		default:
			name = n.Name
		}
	}
	return name
}

// checkDisks finds a fault of volumes that no pod which is selected has.
func (l *loader) checkDisks(v strict.Value, kind *fault.Kind, f *fault.Spec) {
	has := func(g podGroup) bool {
		return !l.compared() || g.in(f.Target.Namespace, f.Target.Match) && g.hasVolumes()
	}
	if kind.Disks && !l.incomplete() && !slices.ContainsFunc(l.known.pods, has) {
		v.Errorf("no pod that is selected has a volume: give it a PersistentVolumeClaim, or select others")
	}
}
