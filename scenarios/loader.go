package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/report"
	"orrery/scenarios/manifest"
	"orrery/scenarios/strict"
	"orrery/sim"
)

// The most a scenario may ask for. Each is far beyond what a question needs,
// and keeps a slip of the finger from filling the memory.
const (
	maxNodes    = 100_000
	maxDuration = 366 * 24 * time.Hour
	maxFaults   = 10_000
	maxActions  = 10_000
	maxRules    = 1_000 // of each: behaviors, traffic, expectations
)

// loader reads one scenario.
type loader struct {
	breaks     string         // the fault that is read
	choked     []strict.Value // bandwidths of pods
	registries []strict.Value // that faults are about
	missing    []strict.Value // images that faults are about
	decoder    *manifest.Decoder
	includes   *includes
	scenario   *Scenario
	known      known
	errs       []error

	unread      bool // there are files of objects that could not be read
	nodesUnread bool // there are nodes that nobody knows, see incomplete
	swapAllowed bool // kubelets start on machines with swap
	misplaced   map[model.Object]strict.Value

	traceRuns   map[string]time.Duration // how long pods of a trace run, by their path
	replicas    int64                    // pods asked for so far, all together
	suggestions int                      // still to be made; each looks at many words
	comparisons int                      // still to be made to find that something selects nothing
}

// top reads the scenario. What names objects is read after all objects are known.
func (l *loader) top(root strict.Value) {
	top := root.Map("the scenario", scenarioOptions.names()...)
	c := &l.scenario.Config
	top.Required("apiVersion").Enum("version", Version)
	c.Name = top.Required("name").Name()
	l.scenario.About = top.Optional("about").Prose()
	c.Duration = top.Required("duration").DurationIn(time.Second, maxDuration)
	c.Seed = uint64(scenarioOptions.read(top, "seed").Int(0, 1<<63-1))
	l.policies(top.Optional("policies"), top.Optional("scheduler"))
	if top.Optional("trace").Peek("nodes").Given() {
		l.cluster(top.Optional("cluster"), true)
	} else {
		l.cluster(top.Required("cluster"), false)
	}
	l.trace(top.Optional("trace"))
	l.nodesUnread = l.incomplete()
	w := top.Optional("workload").Map("workload", workloadOptions.names()...)
	objects := l.manifests(w.Optional("manifests"))
	c.Objects = append(c.Objects, objects...)
	l.checkPlaces(w.Optional("manifests"), objects)
	t := l.timeline(top.Optional("timeline"))
	l.traffic(w.Optional("traffic"))
	l.configMaps(w.Optional("missing"))
	l.dns(w.Optional("dns"))
	l.agents(w.Optional("agents"))
	l.webhooks(w.Optional("webhooks"))
	l.targets(t)
	l.images(w.Optional("images"))
	l.behaviors(w.Optional("behavior")) // also of pods that patches make
	l.imageSizes(w.Optional("behavior"))
	l.checkRegistries()
	l.checkCircles(w.Optional("behavior"))
	l.checkBandwidth(top.Optional("cluster"))
	l.addTraceRuns()
	l.dangling()
	l.expectations(top.Optional("expect"))
}

// count adds pods to those asked for.
func (l *loader) count(v strict.Value, pods int64) {
	if l.replicas <= manifest.MaxPods && l.replicas+pods > manifest.MaxPods {
		v.Errorf("all together the scenario asks for more than %d pods", manifest.MaxPods)
	}
	l.replicas += pods
}

// learn makes objects known, and counts the pods they ask for.
func (l *loader) learn(v strict.Value, objects []model.Object) {
	for _, o := range objects {
		l.known.add(o)
		switch o := o.(type) {
		case *model.Deployment:
			l.count(v, int64(o.Replicas))
		case *model.ReplicaSet:
			l.count(v, int64(o.Replicas))
		case *model.Pod:
			l.count(v, 1)
		}
	}
}

// manifests reads a list of files, folders, patterns, and objects written in
// place.
func (l *loader) manifests(list strict.Value) []model.Object {
	set := l.decoder.Manifests()
	for _, item := range list.List() {
		if item.IsMap() {
			set.Add(item)
			continue
		}
		l.include(set, item)
	}
	for i, o := range set.Objects {
		if _, ok := o.(*model.Node); ok {
			set.Places[i].Errorf("a node cannot be applied: list it under cluster.nodes, or give the file as cluster.snapshot")
		}
	}
	l.store(set)
	l.misplace(set)
	l.learn(list, set.Objects)
	return set.Objects
}

func (l *loader) include(set *manifest.Set, v strict.Value) {
	given := v.Text()
	if given == "" {
		return
	}
	files, err := l.includes.read(given, set.Limits())
	if err != nil {
		l.unread = true
		v.Errorf("%v", err)
		return
	}
	for _, f := range files {
		set.AddFile(f)
	}
}

// checkPlaces checks that pods, and templates, which name a node name one there is.
func (l *loader) checkPlaces(v strict.Value, objects []model.Object) {
	for _, o := range objects {
		name, _ := placeOf(o)
		if name == "" || l.nodesUnread || l.known.node[name] {
			continue
		}
		at := v
		if place, there := l.misplaced[o]; there {
			at = place
		}
		says := o.Head().Path() + " says it is"
		if _, single := o.(*model.Pod); !single {
			says = "the pods of " + o.Head().Path() + " are to be"
		}
		at.Errorf("%s on node %s, and there is none%s", says, strict.Quote(name), l.suggest(name, l.known.nodes))
	}
}

// misplace remembers where objects say that pods are on a node that nobody knows.
func (l *loader) misplace(set *manifest.Set) {
	for i, o := range set.Objects {
		name, path := placeOf(o)
		if name == "" || l.known.node[name] {
			continue
		}
		if l.misplaced == nil {
			l.misplaced = map[model.Object]strict.Value{}
		}
		at := set.Places[i]
		for field := range strings.SplitSeq(path, ".") {
			at = at.Peek(field)
		}
		l.misplaced[o] = at
	}
}

// placeOf is the node that a pod names, or the template of others, "" if none, and where.
func placeOf(o model.Object) (name, path string) {
	switch o := o.(type) {
	case *model.Pod:
		return o.NodeName, "spec.nodeName"
	case *model.ReplicaSet:
		return o.Template.Spec.NodeName, "spec.template.spec.nodeName"
	case *model.Job:
		return o.Template.Spec.NodeName, "spec.template.spec.nodeName"
	case *model.CronJob:
		return o.Job.Template.Spec.NodeName, "spec.jobTemplate.spec.template.spec.nodeName"
	}
	if t := model.TemplateOf(o); t != nil {
		return (*t).Spec.NodeName, "spec.template.spec.nodeName"
	}
	return "", ""
}

// mostSuggested is how many names are compared with one that there is not.
const mostSuggested = 5000

// suggest is strict.DidYouMean within reason.
func (l *loader) suggest(word string, among []string) string {
	if l.suggestions == 0 || len(among) > mostSuggested {
		return ""
	}
	l.suggestions--
	return strict.DidYouMean(word, among)
}

// expectations reads what is expected of the run.
func (l *loader) expectations(list strict.Value) {
	items := list.List()
	if len(items) > maxRules {
		list.Errorf("%d expectations are more than %d", len(items), maxRules)
		return
	}
	ids, planned := map[string]bool{}, l.planned()
	for _, item := range items {
		e, v := l.expectation(item, planned)
		if e.ID != "" && ids[e.ID] {
			v.Errorf("two expectations have the id %s", strict.Quote(e.ID))
		}
		ids[e.ID] = true
		l.scenario.Expect = append(l.scenario.Expect, e)
		l.scenario.Config.TellUsage = append(l.scenario.Config.TellUsage, e.TellUsage()...)
	}
}

// expectation reads one: a line, or a map of a line, its id and why it matters.
func (l *loader) expectation(item strict.Value, planned []report.Planned) (report.Expect, strict.Value) {
	v, id, why := item, "", ""
	if item.IsMap() && !isWindow(item) {
		m := item.Map("an expectation", expectOptions.names()...)
		v, id, why = m.Required("expr"), m.Optional("id").Name(), m.Optional("why").Prose()
	}
	line, expr := exprLine{rest: v}, ""
	if isWindow(v) { // "at 5m: ready(node/a) >= 1" is a map to YAML
		entry := v.Entries()[0]
		v = entry.Value
		line = exprLine{window: entry.Key, prefix: entry.Key.Text() + ": ", rest: v}
	}
	if text := v.Text(); text != "" {
		expr = line.prefix + text
	}
	if expr == "" {
		return report.Expect{}, v
	}
	e, err := report.ParseExpect(expr)
	if err != nil {
		l.wrongExpr(line, expr, err)
		return report.Expect{}, v
	}
	p := item.Pos()
	e.ID, e.Why, e.File, e.Line, e.Col = id, why, p.File, p.Line, p.Column
	l.checkExpect(v, &e)
	if d := l.scenario.Config.Duration; d > 0 {
		if err := e.CheckWindow(sim.Time(d), planned); err != nil {
			l.wrongExpr(line, expr, err)
		}
	}
	return e, v
}

// planned is when the faults of the timeline begin and end.
func (l *loader) planned() []report.Planned {
	var all []report.Planned
	for _, f := range l.scenario.Config.Faults {
		p := report.Planned{ID: f.ID, Start: f.At, End: sim.Never}
		if f.For > 0 {
			p.End = f.At.Add(f.For)
		}
		all = append(all, p)
	}
	return all
}

// exprLine is where an expression is written.
type exprLine struct {
	window strict.Value // the part before the colon, if YAML took it for a key
	prefix string       // window with the colon, or ""
	rest   strict.Value
}

// wrongExpr tells what is wrong with an expression, at the place.
func (l *loader) wrongExpr(at exprLine, expr string, err error) {
	wrong, ok := err.(*report.ExprError)
	if !ok {
		at.rest.Errorf("%v", err)
		return
	}
	offset := 0
	for i := range expr {
		if wrong.Column--; wrong.Column == 0 {
			break
		}
		offset = i + 1
	}
	if wrong.Column > 0 {
		offset = len(expr)
	}
	if n := len(at.prefix); offset < n {
		at.window.ErrorfAt(offset, "%s", wrong.Message)
	} else {
		at.rest.ErrorfAt(offset-n, "%s", wrong.Message)
	}
}

// isWindow tells whether a map is really a line with a window in front, which
// YAML took for a key.
func isWindow(v strict.Value) bool {
	if !v.IsMap() {
		return false
	}
	entries := v.Entries()
	if len(entries) != 1 || !entries[0].Value.IsScalar() {
		return false
	}
	key := string(entries[0].Key.JSON())
	return slices.ContainsFunc([]string{"at", "between", "during", "after", "before"}, func(word string) bool {
		return strings.HasPrefix(key, `"`+word+" ")
	})
}

// checkExpect finds promises about what does not exist.
func (l *loader) checkExpect(v strict.Value, e *report.Expect) {
	faults := l.scenario.Config.Faults
	for _, id := range e.Faults() {
		if !slices.ContainsFunc(faults, func(f faultSpec) bool { return f.ID == id }) {
			var ids []string
			for _, f := range faults {
				ids = append(ids, f.ID)
			}
			v.Errorf("no fault has the id %s%s", strict.Quote(id), l.suggest(id, ids))
		}
	}
	if e.NeedsFaults() && len(faults) == 0 && len(e.Faults()) == 0 {
		v.Errorf("this is about faults, and the timeline has none")
	}
	if path := e.Object(); path != "" {
		l.checkObject(v, path)
	}
	if name := e.Level(); name != "" && !l.incomplete() && !slices.Contains(l.scenario.Levels, name) {
		v.Errorf("there is no priority level %s%s", strict.Quote(name), cmp.Or(l.suggest(name, l.scenario.Levels), "; there are "+strings.Join(l.scenario.Levels, ", ")))
	}
}

// dangling learns which priority levels there are, and tells of flow schemas whose
// level nothing makes.
func (l *loader) dangling() {
	own := bare(l.known.names(model.KindPriorityLevelConfiguration))
	l.scenario.Levels = slices.Concat(model.PriorityLevels, own)
	for _, s := range l.known.schemas {
		if apiserver.DefaultLevel(s.Level) == nil && !slices.Contains(own, s.Level) {
			l.scenario.Notes = append(l.scenario.Notes, fmt.Sprintf("%s: there is no priority level %s%s; without it API servers pass the schema over",
				s.Path(), strict.Quote(s.Level), l.suggest(s.Level, own)))
		}
	}
}

// bare is names without the kind in front.
func bare(paths []string) []string {
	var out []string
	for _, p := range paths {
		_, name, _ := strings.Cut(p, "/")
		out = append(out, name)
	}
	return out
}

func (l *loader) checkObject(v strict.Value, path string) {
	r, ok := parseRef(path)
	if ok && (r.kind == model.KindPod || r.kind == model.KindReplicaSet) {
		return // made and named in the run
	}
	if ok && r.kind == model.KindNode && l.known.willBe(r.name) || ok && r.kind == model.KindPersistentVolumeClaim && l.known.willClaim(r) {
		return
	}
	if names := l.known.names(r.kind); ok && !slices.Contains(names, r.path()) && !l.mayBe(r.kind) {
		v.Errorf("there is no %s%s", strict.Quote(path), cmp.Or(l.elsewhere(r), l.suggest(r.path(), names)))
	}
}

// elsewhere tells of an object of that kind and name in another namespace, "" if there is none.
func (l *loader) elsewhere(r reference) string {
	names := l.known.names(r.kind)
	if l.suggestions == 0 || len(names) > mostSuggested || !r.kind.Namespaced() {
		return ""
	}
	for _, path := range names {
		if o, ok := parseRef(path); ok && o.name == r.name && o.namespace != r.namespace {
			return "; did you mean " + strict.Quote(o.namespace+"/"+r.kind.Short()+"/"+o.name) + "?"
		}
	}
	return ""
}

// sortByTime sorts what happens by when, keeping the order of the file.
func sortByTime[T any](list []T, at func(*T) sim.Time) {
	sort.SliceStable(list, func(i, j int) bool { return at(&list[i]) < at(&list[j]) }) // no entry is copied to the heap
}
