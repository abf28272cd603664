package scenarios

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/model/workload"
	"orrery/scenarios/strict"
	"orrery/sim"
)

// behaviors reads what manifests cannot say.
func (l *loader) behaviors(list strict.Value) {
	items := list.List()
	if len(items) > maxRules {
		list.Errorf("%d behaviors are more than %d", len(items), maxRules)
		return
	}
	for _, v := range items {
		l.scenario.Config.Behaviors = append(l.scenario.Config.Behaviors, l.behavior(v))
	}
}

func (l *loader) behavior(v strict.Value) runtime.Behavior {
	m := v.Map("a behavior", behaviorOptions.names()...)
	b := runtime.Behavior{
		Namespace:  m.Optional("namespace").DNSLabel(),
		Container:  m.Optional("container").DNSLabel(),
		Startup:    atOnce(m.Optional("startup")),
		Run:        m.Optional("run").Dist(),
		ExitCode:   int32(m.Optional("exitCode").Int(0, 255)),
		Exits:      int32(m.Optional("exits").Int(1, 1_000_000)),
		Stop:       atOnce(m.Optional("stop")),
		PreStop:    atOnce(m.Optional("preStop")),
		PostStart:  atOnce(m.Optional("postStart")),
		ImageBytes: imageBytes(m.Optional("image")),
	}
	if code := m.Optional("stopExitCode"); code.Given() {
		n := int32(code.Int(0, 255))
		b.StopCode = &n
	}
	b.PreStopFails, b.PostStartFails = behaviorOptions.read(m, "preStopFails").Percent(), behaviorOptions.read(m, "postStartFails").Percent()
	if labels := m.Optional("match").LabelMap(); labels != nil {
		b.Match = model.SelectorOf(model.MakeLabels(labels))
	}
	b.Latency = m.Optional("latency").DurationIn(0, workload.MostWait)
	b.Threads = behaviorOptions.read(m, "threads").Int(1, 1_000)
	b.Workers = m.Optional("workers").Int(1, 1_000_000)
	if q := m.Optional("queue"); q.Given() {
		if b.Queue = q.Int(0, 1_000_000); b.Workers == 0 {
			q.KeyErrorf("without workers nobody waits for one: CPU has a queue of its own")
		}
	}
	b.RequestBytes, b.AnswerBytes = sizes(m.Optional("bytes"))
	b.Probes = l.probes(m.Optional("probes"), m.Default("namespace", "default"))
	l.checkProbes(m.Optional("probes"), &b)
	l.checkHooks(m, &b)
	b.Calls = strict.Each(m.Optional("calls"), func(v strict.Value) runtime.Call { return l.call(v, m.Default("namespace", "default")) })
	b.NeedsAPI = m.Optional("needsAPI").Bool()
	b.StartupCPUMilli = positive(m.Optional("startupCPU"), strict.Value.CPU)
	b.CPUMilli, b.CPUMicroPerRPS = cpuUse(m.Optional("cpu"))
	b.MemoryBytes, b.MemoryPerRPS, b.MemoryGrowth = memoryUse(m.Optional("memory"))
	b.DiskBytes, b.DiskGrowth = diskUse(m.Optional("disk"))
	b.LogGrowth = logRate(m.Optional("logs"))
	b.PIDs, b.PIDsMilliPerRPS, b.PIDsGrowth = countUse(m.Optional("pids"), "processes such as 20 + 1/rps + 0.5/s", true)
	b.Inodes, _, b.InodesGrowth = countUse(m.Optional("inodes"), "files such as 1000 + 2.5/s", false)
	b.Volumes = l.volumes(m.Optional("volumes"), &b)
	b.Bursts = bursts(m.Optional("bursts"))
	run := m.Optional("run")
	if run.IsScalar() && b.Run.IsZero() && isZero(run) {
		run.Errorf("0s is too short: leave run out for a process that does not end by itself, or write 1ms")
	}
	for _, name := range []string{"exitCode", "exits"} {
		if f := m.Optional(name); f.Given() && !run.Given() {
			f.KeyErrorf("without run nothing says when: write it, too, such as run: 10s")
		}
	}
	if m.Given() && !l.selectsPod(b.Namespace, b.Match, b.Container) {
		v.Errorf("no pod matches: %s", l.noPod(b.Namespace, b.Match, b.Container))
	}
	l.noteShort(v, &b)
	return b
}

// noteShort tells that an init container, which somebody says something of that takes time, ends at
// once: nobody says how long it runs.
func (l *loader) noteShort(v strict.Value, b *runtime.Behavior) {
	takes := b.MemoryGrowth > 0 || b.DiskGrowth > 0 || b.LogGrowth > 0 || b.PIDsGrowth > 0 || b.InodesGrowth > 0 || len(b.Bursts) > 0
	if !takes || b.Container == "" || !b.Run.IsZero() {
		return
	}
	ends := func(c model.Container) bool { return c.Name == b.Container && !c.Sidecar }
	of := func(g podGroup) bool {
		return l.compared() && g.in(b.Namespace, b.Match) && slices.ContainsFunc(g.spec.InitContainers, ends)
	}
	if slices.ContainsFunc(l.known.pods, of) {
		at := v.Pos()
		l.scenario.Notes = append(l.scenario.Notes, fmt.Sprintf("%s:%d: %s: init container %s exits after 1s to 3s, whatever grows in it: write run if it takes longer",
			at.File, at.Line, v.Path(), b.Container))
	}
}

// maxBursts is how many kinds of bursts one behavior may have: each of its containers
// adds them up whenever one begins or ends.
const maxBursts = 100

func bursts(v strict.Value) []runtime.Burst {
	if n := len(v.List()); n > maxBursts {
		v.Errorf("%d bursts are more than %d", n, maxBursts)
		return nil
	}
	return strict.Each(v, burst)
}

// burst reads what a container uses besides for a while.
func burst(v strict.Value) runtime.Burst {
	m := v.Map("a burst", burstOptions.names()...)
	b := runtime.Burst{
		After:       burstOptions.read(m, "after").DurationIn(0, maxDuration),
		For:         m.Optional("for").DurationIn(time.Millisecond, maxDuration),
		Every:       m.Optional("every").DurationIn(time.Second, maxDuration),
		CPUMilli:    positive(m.Optional("cpu"), strict.Value.CPU),
		MemoryBytes: positive(m.Optional("memory"), strict.Value.Bytes),
	}
	switch {
	case m.Given() && !m.Optional("cpu").Given() && !m.Optional("memory").Given():
		v.Errorf("a burst of what? write cpu, memory or both, such as cpu: 500m")
	case m.Optional("every").Given() && !m.Optional("for").Given():
		m.Optional("every").KeyErrorf("without for the first one lasts for ever")
	case b.Every > 0 && b.For >= b.Every:
		m.Optional("for").Errorf("%s is no shorter than every, %s: each would last until the next", strict.FormatDuration(b.For), strict.FormatDuration(b.Every))
	}
	return b
}

// probes reads how a container answers them.
func (l *loader) probes(v, namespace strict.Value) (out [model.ProbeKinds]runtime.ProbeBehavior) {
	if !v.Given() {
		return out
	}
	m := v.Map("probes", probeOptions.names()...)
	for kind, name := range probeOptions.names() {
		of := m.Optional(name)
		if !of.Given() {
			continue
		}
		p := &out[kind]
		if of.IsScalar() {
			p.Path = probePaths[of.Enum("path", "own", "queue", "request")]
			continue
		}
		x := of.Map("a probe", probeMapOptions.names()...)
		if path := x.Optional("path"); path.Given() {
			p.Path = probePaths[path.Enum("path", "own", "queue", "request")]
		}
		p.Needs = x.Required("needs").DNSLabel()
		if r := (reference{model.KindService, namespace.DNSLabel(), p.Needs}); p.Needs != "" && r.namespace != "" {
			l.checkObject(x.Required("needs"), r.path())
		}
	}
	return out
}

// checkProbes finds a probe that no container has.
func (l *loader) checkProbes(v strict.Value, b *runtime.Behavior) {
	if !v.IsMap() {
		return
	}
	m := v.Map("probes", probeOptions.names()...)
	for kind, name := range probeOptions.names() {
		has := func(c *model.Container) bool { return c.Probe(model.ProbeKind(kind)) != nil }
		if said := m.Optional(name); said.Given() && !l.isAbout(b, has) {
			said.KeyErrorf("no container that it is about has a %sProbe", name)
		}
	}
}

// checkHooks finds how often a hook fails that nobody has. A sleep that is no command does not.
func (l *loader) checkHooks(m *strict.Map, b *runtime.Behavior) {
	for _, x := range []struct {
		name string
		of   func(*model.Container) *model.Hook
	}{
		{"preStop", func(c *model.Container) *model.Hook { return c.PreStop }},
		{"postStart", func(c *model.Container) *model.Hook { return c.PostStart }},
	} {
		runs := func(c *model.Container) bool { h := x.of(c); return h != nil && h.Runs }
		if fails := m.Optional(x.name + "Fails"); fails.Given() && !m.Optional(x.name).Given() && !l.isAbout(b, runs) {
			fails.KeyErrorf("no container that it is about has a %s hook that runs anything: give it one, or write %s: 1s, which is how long one takes", x.name, x.name)
		}
	}
}

// isAbout tells whether a behavior is, or may be, about a container that has something.
func (l *loader) isAbout(b *runtime.Behavior, has func(*model.Container) bool) bool {
	return l.selectsContainer(b.Namespace, b.Match, func(c *model.Container) bool {
		return (b.Container == "" || b.Container == c.Name) && has(c)
	})
}

// probePaths is how far a probe goes the way of a request.
var probePaths = map[string]runtime.ProbePath{"own": runtime.OwnPath, "queue": runtime.QueuePath, "request": runtime.RequestPath}

// call reads what a request asks of another Service.
func (l *loader) call(v, namespace strict.Value) runtime.Call {
	m := v.Map("a call", callOptions.names()...)
	if of := m.Optional("namespace"); of.Given() {
		namespace = of
	}
	c := runtime.Call{
		Namespace:       namespace.DNSLabel(),
		Service:         l.addressee(m.Required("service"), namespace.DNSLabel()),
		PerRequestMilli: callOptions.read(m, "per_request").Milli(1, 1_000_000),
		Timeout:         callOptions.read(m, "timeout").DurationIn(time.Millisecond, workload.MostWait),
		Retries:         int(callOptions.read(m, "retries").Int(0, 100)),
	}
	return c
}

// noPod says why no pod matches.
func (l *loader) noPod(namespace string, s *model.Selector, container string) string {
	switch {
	case len(l.known.pods) == 0:
		return "the scenario has none"
	case s != nil && !l.selectsPod("", s, ""):
		return "none has these labels"
	case container != "" && !l.selectsPod("", s, container):
		return "none has a container " + strict.Quote(container)
	}
	return "none in namespace " + strict.Quote(namespace) + l.suggest(namespace, l.known.namespaces)
}

// atOnce reads a distribution of which zero does not mean the default.
func atOnce(v strict.Value) sim.Dist {
	d := v.Dist()
	if v.IsScalar() && d.IsZero() && isZero(v) {
		return sim.Constant(1)
	}
	return d
}

// cpuUse reads "50m", "50m + 2m/rps" or "0.5m/rps": what a container uses at
// rest, and for each request per second in millionths of a core.
func cpuUse(v strict.Value) (milli, microPerRPS int64) {
	terms(v, "CPU such as 50m + 2m/rps", term{read: func(text string) (err error) {
		milli, err = strict.ParseCPU(text)
		return err
	}}, term{"/rps", func(text string) error {
		unit := int64(1000)
		number, thousandths := strings.CutSuffix(text, "m")
		if thousandths {
			unit = 1
		}
		n, err := strict.ParseMilli(number, 0, 1_000_000_000)
		microPerRPS = n * unit
		return err
	}})
	return milli, microPerRPS
}

// memoryUse reads "120Mi" or "50Mi + 20Ki/rps + 1Mi/s": what a container uses from the
// start, for each request per second that arrives, and by how much it grows, in bytes
// per second.
func memoryUse(v strict.Value) (base, perRPS, perSecond int64) {
	terms(v, "an amount such as 50Mi + 20Ki/rps + 1Mi/s", bytesTerm("", &base), bytesTerm("/rps", &perRPS), bytesTerm("/s", &perSecond))
	return base, perRPS, perSecond
}

// diskUse reads "120Mi" or "50Mi + 1Mi/s": what a container writes when it starts, and
// in bytes per second.
func diskUse(v strict.Value) (base, perSecond int64) {
	terms(v, "an amount such as 50Mi + 1Mi/s", bytesTerm("", &base), bytesTerm("/s", &perSecond))
	return base, perSecond
}

// logRate reads how much a container logs.
func logRate(v strict.Value) (perSecond int64) {
	const example = "a rate such as 100Ki/s"
	each := bytesTerm("/s", &perSecond)
	terms(v, example, term{"", func(text string) error { return fmt.Errorf("want %s, found %s", example, strict.Quote(text)) }},
		term{each.rate, func(text string) error {
			err := each.read(text)
			if err == nil && perSecond == 0 {
				err = errors.New("that is nothing: leave logs out")
			}
			return err
		}})
	return perSecond
}

func bytesTerm(rate string, into *int64) term {
	return term{rate, func(text string) (err error) {
		*into, err = strict.ParseBytes(text)
		if err == nil && *into > maxBytes {
			err = fmt.Errorf("more than any machine has: at most %dPi", maxBytes>>50)
		}
		return err
	}}
}

// term is an amount in a sum: what its rate is written like, "" for a plain one.
type term struct {
	rate string
	read func(string) error
}

// terms reads a sum of a plain amount, the first of the terms, and some with a rate,
// any of which may be missing.
func terms(v strict.Value, what string, all ...term) {
	text := v.Text()
	if text == "" {
		return
	}
	var rates []string
	for _, t := range all[1:] {
		rates = append(rates, t.rate)
	}
	offset, seen := 0, map[int]bool{}
	for part := range strings.SplitSeq(text, "+") {
		trimmed := strings.TrimSpace(part)
		i := 0
		for j := range rates {
			if strings.HasSuffix(trimmed, rates[j]) {
				i = j + 1
			}
		}
		number := strings.TrimSuffix(trimmed, all[i].rate)
		var err error
		switch {
		case trimmed == "":
			err = fmt.Errorf("want %s, found %s", what, strict.Quote(text))
		case i == 0 && strings.Contains(trimmed, "/"):
			err = fmt.Errorf("%s: the rate is written %s", strict.Quote(trimmed), strings.Join(rates, " or "))
		case seen[i]:
			err = errors.New("given twice: add the amounts up")
		default:
			err = all[i].read(strings.TrimSpace(number))
		}
		if err != nil {
			v.ErrorfAt(offset, "%v", err)
		}
		seen[i] = true
		offset += len(part) + 1
	}
}

// addressee reads the name that requests are sent to: a Service's, or that of a single pod
// of a StatefulSet behind its headless Service ("db-0.db").
func (l *loader) addressee(v strict.Value, namespace string) string {
	host, service, single := strings.Cut(v.Name(), ".")
	if !single {
		service = host
	}
	if service == "" || namespace == "" {
		return service
	}
	if strings.Contains(service, ".") {
		v.Errorf("%s has more than a Service's name and one of a pod before it: its namespace is said as namespace", strict.Quote(v.Text()))
		return ""
	}
	r := reference{model.KindService, namespace, service}
	l.checkObject(v, r.path())
	if !single || l.incomplete() || !slices.Contains(l.known.names(r.kind), r.path()) {
		return service
	}
	if l.known.headless[r.path()] && l.ordinal(host, &r) {
		name := host + "." + service
		l.known.addPath(r.kind, reference{r.kind, namespace, name}.path())
		return name
	}
	switch example := l.hostname(&r); {
	case !l.known.headless[r.path()]:
		v.Errorf("%s is not headless (clusterIP: None), so its pods have no names: write %s", r.path(), service)
	case example == "":
		v.Errorf("no pod behind %s has a name: that takes a StatefulSet with serviceName: %s", r.path(), service)
	default:
		v.Errorf("no pod behind %s is called %s; such as %s are", r.path(), strict.Quote(host), example)
	}
	return ""
}

// ordinal tells whether a StatefulSet has pods with such a name behind a Service.
func (l *loader) ordinal(host string, r *reference) bool {
	dash := strings.LastIndexByte(host, '-')
	if dash < 0 || !ordinals.MatchString(host[dash+1:]) {
		return false
	}
	set := reference{model.KindStatefulSet, r.namespace, host[:dash]}
	m, ok := l.known.managers[set.path()]
	return ok && m.template.Spec.Subdomain == r.name
}

// hostname is the name of a pod behind a Service, "" if none has one.
func (l *loader) hostname(r *reference) string {
	for _, path := range l.known.names(model.KindStatefulSet) {
		if m := l.known.managers[path]; m.of != nil && m.of.Head().Namespace == r.namespace && m.template.Spec.Subdomain == r.name {
			return strict.Quote(m.of.Head().Name + "-0." + r.name)
		}
	}
	return ""
}

// ordinals is the numbers of a StatefulSet's pods.
var ordinals = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})$`)

// traffic reads who sends how many requests to which Service.
func (l *loader) traffic(list strict.Value) {
	items := list.List()
	if len(items) > maxRules {
		list.Errorf("%d flows of traffic are more than %d", len(items), maxRules)
		return
	}
	for _, v := range items {
		t := l.flow(v)
		l.alike(v, &t)
		l.scenario.Config.Traffic = append(l.scenario.Config.Traffic, t)
	}
}

func (l *loader) flow(v strict.Value) workload.Traffic {
	m := v.Map("traffic", trafficOptions.names()...)
	t := workload.Traffic{
		Namespace: trafficOptions.read(m, "namespace").DNSLabel(),
		Rate:      l.rate(m.Required("rps")),
		From:      trafficOptions.read(m, "from").Text(),
		Timeout:   m.Optional("timeout").DurationIn(time.Millisecond, workload.MostWait),
		Retries:   int(trafficOptions.read(m, "retries").Int(0, 100)),

		Connections: connections(m.Optional("connections")),
	}
	t.Service = l.addressee(m.Required("service"), t.Namespace)
	if from := m.Optional("from"); from.Given() {
		t.From = l.source(from, t.Namespace)
		l.checkBalanced(from, &t)
	}
	return t
}

// alike complains about requests from one source to one Service that are sent in
// different ways: their rates are added up.
func (l *loader) alike(v strict.Value, t *workload.Traffic) {
	for i := range l.scenario.Config.Traffic {
		x := &l.scenario.Config.Traffic[i]
		if x.Namespace != t.Namespace || x.Service != t.Service || x.From != t.From || t.Service == "" {
			continue
		}
		shared := (x.Connections == nil) == (t.Connections == nil) && (t.Connections == nil || *x.Connections == *t.Connections)
		if x.Timeout != t.Timeout || x.Retries != t.Retries || !shared {
			v.Errorf("traffic from %s to this Service is there already, with another timeout, other retries or connections: one source sends in one way", t.From)
			return
		}
	}
}

// connections reads how requests share connections, nil if each has its own.
func connections(v strict.Value) *workload.Connections {
	if !v.Given() {
		return nil
	}
	m := v.Map("connections", connectionOptions.names()...)
	c := &workload.Connections{
		Each:     m.Optional("each").Int(1, 1000),
		Lifetime: m.Optional("lifetime").DurationIn(time.Second, maxDuration),
		Silence:  connectionOptions.read(m, "giveUp").DurationIn(time.Second, maxDuration),
	}
	if c.Each > 0 && c.Lifetime > 0 {
		m.Optional("lifetime").KeyErrorf("connections that are counted (each) are kept for ever: say one or the other")
	}
	return c
}

// source reads where requests come from. A Deployment that says no namespace is in the
// Service's.
func (l *loader) source(v strict.Value, namespace string) string {
	text := v.Text()
	if text == "" || text == "ingress" || text == workload.Internet {
		return text
	}
	r, ok := parseRef(text)
	short := strings.Count(text, "/") == 1
	if !ok || r.kind != model.KindNode && r.kind != model.KindDeployment || r.kind == model.KindNode && !short {
		v.Errorf("%s is not ingress, internet, node/NAME, deployment/NAME or NAMESPACE/deployment/NAME%s", strict.Quote(text), l.suggest(text, []string{"ingress", workload.Internet}))
		return ""
	}
	if r.kind == model.KindDeployment && short {
		r.namespace = namespace
	}
	l.checkObject(v, r.path())
	if r.kind == model.KindDeployment && r.namespace != namespace {
		return r.namespace + "/deployment/" + r.name
	}
	return r.kind.Short() + "/" + r.name
}
