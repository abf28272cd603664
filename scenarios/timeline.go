package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"orrery/model"
	"orrery/model/autoscaler"
	"orrery/model/cloud"
	"orrery/model/controller"
	"orrery/model/fault"
	"orrery/model/workload"
	"orrery/scenarios/manifest"
	"orrery/scenarios/strict"
	"orrery/sim"
)

type faultSpec = fault.Spec

// entry is one line of the timeline whose name is known. What it says of objects
// is read when all of them are.
type entry struct {
	v       strict.Value
	command *workload.Command // or
	kind    *fault.Kind
	objects []model.Object // of an apply
}

// timeline reads when which things happen, and the manifests that are applied.
func (l *loader) timeline(list strict.Value) []entry {
	var entries []entry
	faults, actions := 0, 0
	for _, v := range list.List() {
		e, ok := l.entry(v)
		if !ok {
			continue
		}
		if e.kind != nil {
			faults++
		} else {
			actions++
		}
		entries = append(entries, e)
	}
	if faults > maxFaults {
		list.Errorf("%d faults are more than %d", faults, maxFaults)
		return nil
	}
	if actions > maxActions {
		list.Errorf("%d actions are more than %d", actions, maxActions)
		return nil
	}
	return entries
}

// entry finds out what happens. It looks before it reads: what happens decides
// which fields there may be.
func (l *loader) entry(v strict.Value) (entry, bool) {
	if !v.IsMap() {
		v.Map("an entry of the timeline")
		return entry{}, false
	}
	do, breaks := v.Peek("do"), v.Peek("fault")
	e := entry{v: v}
	switch {
	case do.Given() && breaks.Given():
		breaks.KeyErrorf("an entry has do or fault, not both: write two entries")
		return e, false
	case do.Given():
		e.command = workload.Lookup(do.Enum("action", commandNames()...))
	case breaks.Given():
		e.kind = fault.Lookup(breaks.Enum("fault", faultNames...))
	default:
		m := v.Map("an entry of the timeline", entryFields()...)
		m.OneOf("do", "fault")
	}
	if e.command != nil && slices.Contains(e.command.Params, workload.ParamManifests) {
		e.objects = l.manifests(v.Peek("manifests"))
	}
	return e, e.command != nil || e.kind != nil
}

func commandNames() []string {
	var out []string
	for i := range workload.Commands {
		out = append(out, workload.Commands[i].Name)
	}
	return out
}

var faultNames = func() (out []string) {
	for i := range fault.Kinds {
		out = append(out, fault.Kinds[i].Name)
	}
	return out
}()

// entryFields is every field that any entry may have.
func entryFields() []string {
	out := []string{"at", "do", "as", "fault", "id", "repeat"}
	for i := range workload.Commands {
		out = append(out, workload.Commands[i].Params...)
	}
	for i := range fault.Kinds {
		out = append(out, faultFields(&fault.Kinds[i])...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// selecting is the fields that say whom a fault hits.
var selecting = []string{"target", "match", "matchExpressions", "namespace", "zone", "node", "nodeMatch", "count"}

// faultFields is the fields an entry of that kind may have besides at, fault, id and
// repeat.
func faultFields(k *fault.Kind) []string { return fieldsOf(k, selecting) }

// FaultKeys is the same, with target for everything that selects whom the fault hits.
func FaultKeys(k *fault.Kind) []string { return fieldsOf(k, selecting[:1]) }

func fieldsOf(k *fault.Kind, target []string) []string {
	var out []string
	for _, p := range k.Params {
		switch p {
		case fault.ParamTarget, fault.ParamStarts:
			out = append(out, target...)
		case fault.ParamFlood:
			out = append(out, flooding...)
		case fault.ParamPush:
			out = append(out, pushing...)
		case fault.ParamCreep:
			out = append(out, creeping...)
		case fault.ParamIO:
			out = append(out, fault.ParamLatency, fault.ParamErrno, fault.ParamErrors)
		default:
			out = append(out, p)
		}
	}
	return out
}

// targets reads the rest of every entry.
func (l *loader) targets(entries []entry) {
	c := &l.scenario.Config
	ids, numbers := map[string]strict.Position{}, map[string]int{}
	for i := range entries {
		e := &entries[i]
		if e.kind == nil {
			c.Actions = append(c.Actions, l.action(e))
			continue
		}
		f := l.fault(e)
		if numbers[f.Fault]++; f.ID == "" {
			f.ID = fmt.Sprintf("%s-%d", f.Fault, numbers[f.Fault])
		}
		if first, twice := ids[f.ID]; twice {
			e.v.Errorf("two faults have the id %s: the first on line %d", strict.Quote(f.ID), first.Line)
		}
		ids[f.ID] = e.v.Pos()
		c.Faults = append(c.Faults, l.repeated(e.v.Peek("repeat"), f)...)
	}
	if len(c.Faults) > maxFaults && len(entries) > 0 {
		entries[0].v.Errorf("with what repeats, %d faults are more than %d", len(c.Faults), maxFaults)
	}
	sortByTime(c.Faults, func(f *fault.Spec) sim.Time { return f.At })
	sortByTime(c.Actions, func(a *workload.Action) sim.Time { return a.At })
}

// at reads when an entry happens, within the run.
func (l *loader) at(m *strict.Map) sim.Time {
	v := m.Required("at")
	at := v.Duration()
	if end := l.scenario.Config.Duration; end > 0 && at > end {
		v.Errorf("%s is after the end of the run, %s", strict.FormatDuration(at), strict.FormatDuration(end))
	}
	return sim.Time(at)
}

// inTarget is what people look for beside the target of an action.
var inTarget = map[string]string{"namespace": "write it before the kind, as in target: shop/deployment/web"}

func (l *loader) action(e *entry) workload.Action {
	instead := inTarget
	if !slices.ContainsFunc(e.command.Kinds, model.Kind.Namespaced) {
		instead = nil
	}
	m := e.v.MapBut("action "+e.command.Name, instead, append([]string{"at", "do", "as"}, e.command.Params...)...)
	a := workload.Action{At: l.at(m), As: m.Optional("as").Text(), Do: e.command.Name, Objects: e.objects}
	for _, p := range e.command.Params {
		switch p {
		case workload.ParamManifests:
			l.checkPlaces(m.Required(p), e.objects)
		case workload.ParamTarget:
			r := l.reference(m.Required(p), e.command.Kinds...)
			a.Kind, a.Namespace, a.Name = r.kind, r.namespace, r.name
		case workload.ParamReplicas:
			a.Replicas = int32(m.Required(p).Int(0, manifest.MaxPods))
		case workload.ParamContainer:
			a.Container = m.Optional(p).DNSLabel()
		case workload.ParamImage:
			a.Image = m.Required(p).Text()
		case workload.ParamPatch:
			if a.Kind == model.KindPod {
				a.PodPatch = podPatch(m.Required(p))
				l.checkResize(m.Required(p), a.PodPatch)
			} else {
				a.Patch = l.patch(m.Required(p), reference{a.Kind, a.Namespace, a.Name})
			}
		case workload.ParamRevision:
			if v := m.Optional(p); v.Given() {
				a.Revision = v.Int(1, 1_000_000_000)
			}
		case workload.ParamForce:
			a.Force = m.Optional(p).Bool()
		case workload.ParamMember:
			a.Member = l.member(m, p, e.command.Name)
		case workload.ParamCondition:
			a.Condition = conditionType(m.Required(p))
		case workload.ParamStatus:
			a.Status = conditionStatuses[m.Required(p).Enum("status", "True", "False", "Unknown")]
		case workload.ParamTaint:
			a.Taint, a.Remove = taintChange(m.Required(p))
		case workload.ParamTimeout:
			a.Timeout = m.Optional(p).DurationIn(1, maxDuration)
		default:
			panic("scenarios: the action " + e.command.Name + " takes " + p + ", which nobody reads")
		}
	}
	l.checkContainer(m, e.command, &a)
	return a
}

var conditionStatuses = map[string]model.ConditionStatus{"True": model.True, "False": model.False, "Unknown": model.Unknown}

// conditionType reads the type of a condition that somebody else than Kubernetes sets.
func conditionType(v strict.Value) string {
	kind := v.Text()
	switch {
	case model.IsOwnCondition(kind):
		v.Errorf("%s is set by Kubernetes itself, which would set it back: name the condition of a readiness gate", kind)
	case v.Given() && !strict.Qualified(kind):
		v.Errorf("%s is no type of a condition: write a word, or a domain in front, such as example.com/ready", strict.Quote(kind))
	}
	return kind
}

// checkContainer finds a set-image that cannot work, and makes the pods known that it makes.
func (l *loader) checkContainer(m *strict.Map, c *workload.Command, a *workload.Action) {
	if !slices.Contains(c.Params, workload.ParamContainer) {
		return
	}
	d, there := l.known.managers[(reference{a.Kind, a.Namespace, a.Name}).path()]
	if !there {
		return
	}
	var names []string
	for _, x := range d.template.Spec.Containers {
		names = append(names, x.Name)
	}
	switch v := m.Optional(workload.ParamContainer); {
	case a.Container == "" && !v.Given() && len(names) > 1:
		m.Value().Errorf("%s has %d containers: say which one, with container", d.path, len(names))
	case a.Container != "" && !slices.Contains(names, a.Container):
		v.Errorf("%s has no container %s%s", d.path, strict.Quote(a.Container), l.suggest(a.Container, names))
	case a.Image != "":
		c := model.ContainerPatch{Name: cmp.Or(a.Container, names[0]), Image: a.Image}
		l.known.patched(d, &model.MergePatch{Containers: []model.ContainerPatch{c}})
	}
}

func (l *loader) fault(e *entry) fault.Spec {
	l.breaks = e.kind.Name
	m := e.v.Map("fault "+e.kind.Name, append([]string{"at", "fault", "id", "repeat"}, faultFields(e.kind)...)...)
	f := fault.Spec{ID: m.Optional("id").DNSLabel(), Fault: e.kind.Name, At: l.at(m)}
	if e.kind.Cloud && l.scenario.Config.Cloud == nil {
		m.Optional("fault").Errorf("there is no cloud: machines come and go only with cluster.nodeGroups, or cluster.cloud")
	}
	if e.kind.DNS && l.scenario.Config.DNS == nil {
		m.Optional("fault").Errorf("nobody looks up anything: say so in workload.dns")
	}
	if e.kind.Balancers && !slices.ContainsFunc(l.scenario.Config.Traffic, func(t workload.Traffic) bool { return t.From == workload.Internet }) {
		m.Optional("fault").Errorf("no requests come through a load balancer: workload.traffic says which do, with from: internet")
	}
	if e.kind.OwnEtcd && l.scenario.Config.ControlPlane.ExternalEtcd == 0 {
		m.Optional("fault").Errorf("etcd has no machines of its own: its members are on those of the control plane, " +
			"so write node-down, or say controlPlane: {etcd: {external: {members: 3}}}")
		return f
	}
	for _, p := range e.kind.Params {
		switch p {
		case fault.ParamFor:
			v := m.Optional(p)
			if e.kind.Ends {
				v = m.Required(p)
			}
			f.For = v.DurationIn(1, maxDuration)
		case fault.ParamComponent:
			if f.Component = m.Required(p).Enum("component", components(e.kind)...); f.Component == "" {
				return f
			}
			l.checkComponent(m.Optional(p), f.Component)
		case fault.ParamTarget:
			if kind := f.TargetKind(e.kind); kind != model.KindNone {
				f.Target = l.target(m, kind)
			} else {
				noTarget(m, f.Component)
			}
		default:
			read, ok := faultParams[p]
			if !ok {
				panic("scenarios: the fault " + e.kind.Name + " takes " + p + ", which nobody reads")
			}
			read(l, m, p, &f)
		}
	}
	l.checkHosts(m.Optional("fault"), e.kind, &f)
	l.checkApart(m, e.kind, &f)
	l.checkDisks(m.Optional("fault"), e.kind, &f)
	return f
}

// faultParams reads what faults take besides their time and their target.
var faultParams = map[string]func(l *loader, m *strict.Map, p string, f *fault.Spec){
	fault.ParamPeer: func(l *loader, m *strict.Map, p string, f *fault.Spec) {
		l.peer(m.Optional(p), fault.Lookup(f.Fault).Targets, f)
	},
	fault.ParamDirection: func(_ *loader, m *strict.Map, p string, f *fault.Spec) {
		f.Direction = directions[timelineOptions.read(m, p).Enum("direction", "both", "in", "out")]
	},
	fault.ParamContainer: func(l *loader, m *strict.Map, p string, f *fault.Spec) {
		for _, v := range oneOrMore(m.Optional(p)) {
			name := v.DNSLabel()
			if name != "" && !l.selectsPod(f.Target.Namespace, f.Target.Match, name) {
				v.Errorf("no pod that is selected has a container %s", strict.Quote(name))
			}
			f.Containers = append(f.Containers, name)
		}
	},
	fault.ParamBandwidth: func(l *loader, m *strict.Map, p string, f *fault.Spec) {
		v := m.Required(p)
		f.BytesPerSecond, l.choked = positive(v, strict.Value.Bytes), append(l.choked, v)
	},
	fault.ParamMember: func(l *loader, m *strict.Map, p string, f *fault.Spec) { f.Members = l.etcdMembers(m.Required(p)) },
	fault.ParamServer: func(l *loader, m *strict.Map, p string, f *fault.Spec) { f.Members = l.members(m.Optional(p)) },
	fault.ParamBackup: func(_ *loader, m *strict.Map, p string, f *fault.Spec) {
		v := m.Required(p)
		if f.Backup = sim.Time(v.Duration()); f.Backup >= f.At {
			v.Errorf("the backup is to be of a time before %s", strict.FormatDuration(f.At.Sub(0)))
		}
	},
	fault.ParamBump: func(_ *loader, m *strict.Map, p string, f *fault.Spec) { f.BumpRevision = m.Optional(p).Bool() },
	fault.ParamBack: func(_ *loader, m *strict.Map, p string, f *fault.Spec) {
		if v := m.Optional(p); v.Given() {
			f.By = v.DurationIn(1, maxDuration)
		}
	},
	fault.ParamAhead: func(_ *loader, m *strict.Map, p string, f *fault.Spec) {
		switch v := m.Optional(p); {
		case v.Given() && f.By > 0:
			v.KeyErrorf("a clock jumps back or ahead, not both")
		case v.Given():
			f.By, f.Ahead = v.DurationIn(1, maxDuration), true
		case f.By == 0:
			m.Required(fault.ParamBack)
		}
	},
	fault.ParamGraceful: func(_ *loader, m *strict.Map, p string, f *fault.Spec) { f.Graceful = m.Optional(p).Bool() },
	fault.ParamLoss: func(_ *loader, m *strict.Map, p string, f *fault.Spec) {
		f.Errors = positive(m.Required(p), strict.Value.Percent)
	},
	fault.ParamNames: func(l *loader, m *strict.Map, p string, f *fault.Spec) { f.Names = l.lookedUp(m.Optional(p)) },
	fault.ParamAnswer: func(_ *loader, m *strict.Map, p string, f *fault.Spec) {
		f.Answer = answers[timelineOptions.read(m, p).Enum("answer", "servfail", "nxdomain", "wrong")]
	},
	fault.ParamCorr: func(_ *loader, m *strict.Map, p string, f *fault.Spec) {
		v := timelineOptions.read(m, p)
		if f.Correlation = v.Percent(); f.Correlation >= 1_000_000 {
			v.Errorf("100%% is one luck for all messages for ever: say less")
		}
	},
	fault.ParamFrom:    func(l *loader, m *strict.Map, p string, f *fault.Spec) { f.FromMembers = l.etcdOthers(m.Optional(p)) },
	fault.ParamFsync:   func(_ *loader, m *strict.Map, p string, f *fault.Spec) { f.Fsync = syncTime(m.Required(p)) },
	fault.ParamBy:      readBy,
	fault.ParamKinds:   func(_ *loader, m *strict.Map, p string, f *fault.Spec) { f.Kinds = kinds(m.Optional(p)) },
	fault.ParamReplica: func(l *loader, m *strict.Map, p string, f *fault.Spec) { f.Members = l.replicasOn(m.Optional(p)) },
	fault.ParamFlood:   func(l *loader, m *strict.Map, _ string, f *fault.Spec) { l.flood(m, f) },
	fault.ParamPush:    func(l *loader, m *strict.Map, _ string, f *fault.Spec) { l.push(m, f) },
	fault.ParamStarts:  func(l *loader, m *strict.Map, _ string, f *fault.Spec) { f.Target = l.toCome(m) },
	fault.ParamCreep:   func(_ *loader, m *strict.Map, _ string, f *fault.Spec) { f.Creep = creep(m) },
	fault.ParamGroup:   (*loader).cloudFault,
	fault.ParamZone:    (*loader).cloudFault,
	fault.ParamBoot:    (*loader).cloudFault,
	fault.ParamNotice:  (*loader).cloudFault,
	fault.ParamErrors:  (*loader).cloudFault,
	fault.ParamWebhook: func(l *loader, m *strict.Map, p string, f *fault.Spec) { f.Webhooks = l.webhookNames(m.Required(p)) },
	fault.ParamLatency: func(_ *loader, m *strict.Map, p string, f *fault.Spec) {
		v := m.Required(p)
		f.Latency = syncTime(v)
		if most := f.Latency.Max(); f.Fault == "pod-slow" && most > workload.MostWait {
			v.Errorf("%s is out of range: a request takes at most %s more", strict.Quote(v.Raw()), strict.FormatDuration(workload.MostWait))
		}
	},
	fault.ParamInodes: func(_ *loader, m *strict.Map, p string, f *fault.Spec) {
		if v := m.Optional(p); v.Given() {
			f.InodesPPM = positive(v, strict.Value.Percent)
		}
	},
	fault.ParamFill: func(l *loader, m *strict.Map, p string, f *fault.Spec) {
		if f.Fault == "container-stress" {
			l.dump(m, f)
			return
		}
		if f.InodesPPM == 0 || m.Optional(p).Given() {
			f.FillPPM = positive(timelineOptions.read(m, p), strict.Value.Percent)
		}
	},
	fault.ParamProbe: func(l *loader, m *strict.Map, p string, f *fault.Spec) {
		f.Probes = whichProbes(timelineOptions.read(m, p))
		l.checkProbed(m, f)
	},
	fault.ParamPeriod: func(_ *loader, m *strict.Map, p string, f *fault.Spec) {
		f.Period = m.Required(p).DurationIn(2*time.Second, maxDuration)
	},
	fault.ParamDown: func(_ *loader, m *strict.Map, p string, f *fault.Spec) {
		v := m.Required(p)
		if f.Down = v.DurationIn(time.Second, maxDuration); f.Period > 0 && f.Down >= f.Period {
			v.Errorf("it is to be less than the period, %s", strict.FormatDuration(f.Period))
		}
	},
	fault.ParamCause: func(_ *loader, m *strict.Map, p string, f *fault.Spec) {
		f.OfRuntime = timelineOptions.read(m, p).Enum("cause", "network", "runtime") == "runtime"
	},
	fault.ParamForce: func(_ *loader, m *strict.Map, p string, f *fault.Spec) { f.Force = m.Optional(p).Bool() },
	fault.ParamMode: func(_ *loader, m *strict.Map, p string, f *fault.Spec) {
		f.Silent = timelineOptions.read(m, p).Enum("mode", "fast", "slow") == "slow"
	},
	fault.ParamImage: func(l *loader, m *strict.Map, p string, f *fault.Spec) {
		v := m.Required(p)
		f.Image, l.missing = image(v), append(l.missing, v)
	},
	fault.ParamRegistry: func(l *loader, m *strict.Map, p string, f *fault.Spec) { f.Registry = l.registryHost(m.Optional(p)) },
	fault.ParamRate: func(_ *loader, m *strict.Map, p string, f *fault.Spec) {
		v := m.Required(p)
		if f.RatePPM = v.Percent(); isZero(v) {
			v.Errorf("%s", noSpeed[f.Fault])
		}
	},
	fault.ParamExitCode: (*loader).crash,
	fault.ParamSignal:   (*loader).crash,
	fault.ParamAfter:    (*loader).crash,
	fault.ParamTimes:    (*loader).crash,
	fault.ParamMemory: func(_ *loader, m *strict.Map, p string, f *fault.Spec) {
		f.MemoryBytes = positive(m.Optional(p), strict.Value.Bytes)
	},
	fault.ParamGrowth: func(_ *loader, m *strict.Map, p string, f *fault.Spec) {
		f.Growth = growth(m.Optional(p))
		uses := func(p string) bool { return m.Optional(p).Given() }
		if m.Given() && !slices.ContainsFunc([]string{fault.ParamCPU, fault.ParamLoad, fault.ParamWorkers, fault.ParamMemory, p, fault.ParamDisk, fault.ParamFill}, uses) {
			m.Value().Errorf("what do they use? write cpu, workers, memory, growth, disk or fill")
		}
	},
	fault.ParamDisk: func(_ *loader, m *strict.Map, p string, f *fault.Spec) {
		f.DiskBytes = positive(m.Optional(p), strict.Value.Bytes)
	},
	fault.ParamOver: func(_ *loader, m *strict.Map, p string, f *fault.Spec) {
		f.Over = m.Optional(p).DurationIn(0, maxDuration)
	},
	fault.ParamOOMAdj: func(_ *loader, m *strict.Map, p string, f *fault.Spec) {
		f.OOMScoreAdj = timelineOptions.read(m, p).Int(-1000, 1000)
	},
	fault.ParamErrno: func(_ *loader, m *strict.Map, p string, f *fault.Spec) {
		f.Errno = timelineOptions.read(m, p).Enum("error", errnos...)
	},
	fault.ParamIO:      podIO,
	fault.ParamObject:  func(_ *loader, m *strict.Map, p string, f *fault.Spec) { f.Object = m.Optional(p).Bool() },
	fault.ParamCPU:     (*loader).stress,
	fault.ParamLoad:    (*loader).stress,
	fault.ParamWorkers: (*loader).stress,
	fault.ParamGrace: func(_ *loader, m *strict.Map, p string, f *fault.Spec) {
		v := m.Optional(p)
		if !v.Given() {
			return
		}
		f.Grace = int32(v.DurationIn(time.Second, time.Hour) / time.Second)
		if f.Force {
			v.KeyErrorf("by force is without any grace: leave one of them out")
		}
	},
	fault.ParamStagger: func(_ *loader, m *strict.Map, p string, f *fault.Spec) {
		if f.Fault != "swizzle-clog" {
			f.Stagger = m.Optional(p).DurationIn(0, maxDuration)
			return
		}
		v := m.Default(p, "10s")
		if f.Stagger = v.DurationIn(0, maxDuration); f.For > 0 && 2*f.Stagger > f.For {
			v.Errorf("it takes %s until all are cut off and as long until all are back, and the fault lasts %s", strict.FormatDuration(f.Stagger), strict.FormatDuration(f.For))
		}
	},
}

// whichProbes reads the kind of probe that fails, or all.
func whichProbes(v strict.Value) (out [model.ProbeKinds]bool) {
	said := v.Enum("probe", append([]string{"all"}, probeOptions.names()...)...)
	for kind, name := range probeOptions.names() {
		out[kind] = said == name || said == "all"
	}
	return out
}

// checkProbed finds a fault of probes that no container that is selected has.
func (l *loader) checkProbed(m *strict.Map, f *fault.Spec) {
	probed := func(c *model.Container) bool {
		for kind, hit := range f.Probes {
			if hit && c.Probe(model.ProbeKind(kind)) != nil && (len(f.Containers) == 0 || slices.Contains(f.Containers, c.Name)) {
				return true
			}
		}
		return false
	}
	if !m.Given() || l.selectsContainer(f.Target.Namespace, f.Target.Match, probed) {
		return
	}
	if v := m.Optional(fault.ParamProbe); v.Given() {
		v.Errorf("no container that is selected has such a probe: give it one, or name a kind that it has")
		return
	}
	m.Optional("fault").Errorf("no container that is selected has a probe: give it one")
}

// noSpeed is what is wrong about no speed at all, by the fault.
var noSpeed = map[string]string{
	"network-bandwidth": "0% is a machine that is cut off: write partition",
	"registry-slow":     "0% is a registry that is down: write registry-down",
	"slow-start":        "0% is a start that never ends: write pod-failure, which hangs what starts, too",
	"disk-slow":         "0% is a disk on which nothing ever ends: write more",
}

func readBy(_ *loader, m *strict.Map, p string, f *fault.Spec) {
	f.By = m.Required(p).DurationIn(1, maxDuration)
}

// checkComponent finds a component that the cluster has not.
func (l *loader) checkComponent(v strict.Value, component string) {
	c := &l.scenario.Config
	if component == cloud.CloudControllerManager && c.Cloud == nil || component == autoscaler.Name && c.Autoscaler == nil {
		v.Errorf("there is no %s here: write cluster.nodeGroups, and cluster.autoscaler for an autoscaler", component)
	}
}

// components is whose credential a fault can let expire.
func components(k *fault.Kind) []string {
	if k.Components != nil {
		return k.Components
	}
	return append(controller.Accounts(), "kube-proxy")
}

// noTarget finds a target of what there is only one of.
func noTarget(m *strict.Map, component string) {
	for _, name := range selecting {
		if v := m.Optional(name); v.Given() {
			v.KeyErrorf("there is one %s, so it has no target", component)
		}
	}
}

// kinds reads a list of kinds.
func kinds(v strict.Value) (out []model.Kind) {
	if !v.Given() {
		return nil
	}
	var names []string
	for k := model.KindNode; k < model.Kinds; k++ {
		names = append(names, k.Short())
	}
	for _, item := range v.List() {
		out = append(out, model.ParseKind(item.Enum("kind", names...)))
	}
	return out
}
