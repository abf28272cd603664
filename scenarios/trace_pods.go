package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/model/runtime"
	"orrery/model/scheduler"
	"orrery/model/workload"
	"orrery/scenarios/strict"
	"orrery/sim"
)

// tracePod is a row of the table of pods.
type tracePod struct {
	workload.Arrival
	arrival, deletion int64 // nanoseconds of the trace
	run               int64 // 0: until it is deleted
	stays             bool  // nobody deletes it
}

// tracePods reads one pod a row.
func (l *loader) tracePods(v strict.Value, clock traceClock) {
	if !v.Given() {
		return
	}
	t := l.traceTable(v, "pods")
	if t == nil {
		return
	}
	defer l.finish(t)
	r := newPodReader(t)
	var pods []tracePod
	for t.clean && t.next() {
		if p, ok := r.read(); ok {
			pods = append(pods, p)
		}
	}
	if !t.clean || t.Err() != nil {
		return
	}
	if len(pods) == 0 {
		v.Errorf("%s has no row that counts", strict.Quote(t.file))
		return
	}
	l.arrive(v, pods, clock)
}

// arrive puts the pods of a trace into the time of the run.
func (l *loader) arrive(v strict.Value, pods []tracePod, clock traceClock) {
	c := &l.scenario.Config
	origin := clock.origin
	if clock.first {
		origin = slices.MinFunc(pods, func(a, b tracePod) int { return cmp.Compare(a.arrival, b.arrival) }).arrival
	}
	runs := map[string]time.Duration{}
	over, late := 0, 0
	for i := range pods {
		p := &pods[i]
		if p.arrival < origin && (!p.stays && p.deletion <= origin || p.run > 0 && p.run <= origin-p.arrival) {
			over++
			continue
		}
		began := max(p.arrival, origin)
		p.At = sim.Time(slower(slower(began-origin, clock.faster), clock.denser))
		p.GoneAt = sim.Never
		if !p.stays {
			p.GoneAt = p.At.Add(time.Duration(slower(p.deletion-began, clock.faster)))
		}
		if p.At > sim.Time(c.Duration) {
			late++
		}
		if p.run > 0 {
			left := slower(p.run-(began-p.arrival), clock.faster)
			pod := p.Pod()
			runs[pod.Path()] = time.Duration(max(left, 1))
		}
		c.Arrivals = append(c.Arrivals, p.Arrival)
	}
	slices.SortStableFunc(c.Arrivals, func(a, b workload.Arrival) int { return cmp.Compare(a.At, b.At) })
	l.traceRuns = runs
	for i := range c.Arrivals {
		l.learn(v, []model.Object{c.Arrivals[i].Pod()})
	}
	l.traceNote(v, over, len(pods), "gone before the origin, and left out")
	l.traceNote(v, late, len(pods), "arriving after the end of the run")
}

// traceNote tells what becomes of some of the pods.
func (l *loader) traceNote(v strict.Value, n, of int, what string) {
	if n > 0 {
		at := v.Pos()
		l.scenario.Notes = append(l.scenario.Notes, fmt.Sprintf("%s:%d: %s: %s: %d of %d", at.File, at.Line, v.Path(), what, n, of))
	}
}

// addTraceRuns has the pods of a trace that run for a time of their own do so,
// whatever else the scenario says about how they behave.
func (l *loader) addTraceRuns() {
	if len(l.traceRuns) == 0 {
		return
	}
	all := append(l.scenario.Config.Behaviors, runtime.Behavior{})
	for i := range all {
		all[i].Runs = l.traceRuns
	}
	l.scenario.Config.Behaviors = all
}

// podReader makes pods of the rows of a table.
type podReader struct {
	table    *traceTable
	labels   model.Labels
	names    map[string]*traceNames // by namespace
	specs    map[podShape]*model.PodSpec
	name     column
	space    column
	cpu      column
	memory   column
	gpus     column
	share    column // of each GPU
	models   column
	priority column
	arrival  column
	deletion column
	duration column
	from, to column // or how long it ran as the time between two moments
}

// podShape is what the spec of a pod is made from: pods of one shape share it.
type podShape struct {
	cpuMilli, memoryBytes int64
	devices, milliEach    int64
	models                string // joined by "|"
	priority              int64
	classed, finishes     bool
}

func newPodReader(t *traceTable) *podReader {
	r := &podReader{
		table: t, names: map[string]*traceNames{}, specs: map[podShape]*model.PodSpec{},
		name: t.word("name"), space: t.word("namespace"), models: t.word("gpuModels"),
		cpu: t.number("cpu", &ofCPU), memory: t.number("memory", &ofBytes),
		gpus: t.number("gpus", &ofGPUs), share: t.number("gpuMilli", &ofGPUMilli),
		priority: t.number("priority", &ofPriority),
		arrival:  t.number("arrival", &ofMoments), deletion: t.number("deletion", &ofMoments),
	}
	if t.labels != nil {
		r.labels = model.MakeLabels(t.labels)
	}
	if d := t.fields.Optional("duration"); d.Peek("from").Given() || d.Peek("to").Given() {
		r.from, r.to = t.span(d)
	} else {
		r.duration = t.number("duration", &ofLengths)
	}
	return r
}

// read is the pod of the row the table is at; false if something is wrong with
// it.
func (r *podReader) read() (tracePod, bool) {
	t := r.table.Table
	p := tracePod{arrival: r.arrival.must(t, &ofMoments), run: r.length()}
	deletion, deleted := r.deletion.number(t, &ofMoments)
	p.deletion, p.stays = deletion, !deleted
	if deleted && deletion < p.arrival {
		r.deletion.errorf(t, "the pod is deleted before it arrives")
	}
	p.Namespace = r.space.label(t)
	if p.Namespace == "" {
		p.Namespace = "default"
	}
	names := r.names[p.Namespace]
	if names == nil {
		names = &traceNames{column: r.name, what: "pod", seen: map[string]bool{}}
		r.names[p.Namespace] = names
	}
	p.Name, p.Labels = names.next(t), r.labels
	shape := podShape{cpuMilli: r.cpu.must(t, &ofCPU), memoryBytes: r.memory.must(t, &ofBytes), finishes: p.run > 0}
	r.askGPUs(&shape)
	shape.priority, shape.classed = r.priority.number(t, &ofPriority)
	p.Spec = r.spec(shape)
	return p, p.Name != ""
}

// length is how long the pod runs by itself, in nanoseconds; 0 if nothing says so.
func (r *podReader) length() int64 {
	t := r.table.Table
	if !r.to.given() {
		n, ok := r.duration.number(t, &ofLengths)
		if ok {
			return max(n, 1)
		}
		return 0
	}
	from, began := r.from.number(t, &ofMoments)
	to, ended := r.to.number(t, &ofMoments)
	switch {
	case !began || !ended:
		return 0
	case to < from:
		r.to.errorf(t, "the pod ends before it begins")
		return 0
	}
	return max(to-from, 1)
}

// askGPUs reads what the row asks of GPUs: so many whole ones, or a share of one,
// which a table may also write as a part of one.
func (r *podReader) askGPUs(s *podShape) {
	t := r.table.Table
	total, _ := r.gpus.number(t, &ofGPUs)
	each, shared := r.share.number(t, &ofGPUMilli)
	switch {
	case total == 0:
		return
	case total%model.GPUMilli == 0:
		s.devices, s.milliEach = total/model.GPUMilli, model.GPUMilli
	case total < model.GPUMilli:
		s.devices, s.milliEach = 1, total
	default:
		r.gpus.errorf(t, "more than one GPU must be whole ones")
	}
	if shared && each > 0 {
		s.milliEach = each
	}
	if s.devices > 1 && s.milliEach != model.GPUMilli {
		r.share.errorf(t, "a pod that wants several GPUs wants whole ones: %d", model.GPUMilli)
	}
	models := r.models.words(t)
	for _, m := range models {
		if !gpuModels.MatchString(m) {
			r.models.errorf(t, "%s is not a GPU model such as V100M16", strict.Quote(m))
		}
	}
	s.models = strings.Join(models, "|")
}

// spec is the spec of all pods of a shape: one container, which asks for what the
// row says, and is not limited. One that ends by itself is not restarted.
func (r *podReader) spec(s podShape) *model.PodSpec {
	if spec := r.specs[s]; spec != nil {
		return spec
	}
	c := model.Container{
		Name: "main", Image: "trace:1", AsksForNoCPU: s.cpuMilli == 0, AsksForNoMemory: s.memoryBytes == 0,
		Requests: model.Resources{CPUMilli: s.cpuMilli, MemoryBytes: s.memoryBytes},
	}
	spec := &model.PodSpec{
		GraceSeconds: 30, SchedulerName: scheduler.Name, Priority: int32(s.priority), Classed: s.classed,
	}
	if s.devices > 0 {
		spec.GPU = &model.GPURequest{Devices: s.devices, MilliEach: s.milliEach}
		if s.models != "" {
			spec.GPU.Models = strings.Split(s.models, "|")
		}
		if s.milliEach == model.GPUMilli {
			c.Requests.Extended = []model.Extended{{Name: model.ResourceGPU, Count: s.devices}}
		}
	}
	if s.finishes {
		spec.RestartPolicy = model.RestartNever
	}
	spec.Containers = []model.Container{c}
	spec = apiserver.WithDefaultTolerations(spec)
	spec.SumRequests()
	r.specs[s] = spec
	return spec
}
