package controller

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"orrery/model"
	"orrery/sim"
)

// settling is how long after a pod's use of something changed metrics say nothing
// else any more: the reading of that window, one reading later, and the first
// window without the change.
const settling = 45 * time.Second

// Usage is what metrics say of a pod, or of one of its containers if that is named;
// false if they say nothing.
type Usage func(pod *model.Pod, container string) (model.Sample, bool)

// scaling is one look at one autoscaler.
type scaling struct {
	*autoscalers
	now     sim.Time
	row     *autoscalerRow
	seen    *model.HorizontalPodAutoscaler // as it was seen, which Events are about
	hpa     *model.HorizontalPodAutoscaler // as it will be
	current int32                          // replicas the target asks for
	until   sim.Time                       // if nothing happens, all looks before come to the same
}

// again says that a look then may come to something else.
func (s *scaling) again(at sim.Time) {
	if at > s.now {
		s.until = min(s.until, at)
	}
}

// unsettled says that until then every look may come to something else.
func (s *scaling) unsettled(until sim.Time) {
	if until > s.now {
		s.until = s.now
	}
}

// decide is how many replicas there should be and why, or why nobody knows.
func (s *scaling) decide() (desired int32, reason, failed string) {
	h := s.hpa
	switch {
	case s.current == 0:
		s.condition(s.now, &h.ScalingActive, model.False, "ScalingDisabled")
		h.CurrentMetrics = nil
		return 0, "", ""
	case s.current > h.Max:
		h.CurrentMetrics = nil
		return h.Max, "Current number of replicas above Spec.MaxReplicas", ""
	case s.current < h.Min:
		h.CurrentMetrics = nil
		return h.Min, "Current number of replicas below Spec.MinReplicas", ""
	}
	if failed = s.ambiguous(); failed != "" {
		s.say(s.now, s.seen, true, "AmbiguousSelector", failed)
		s.condition(s.now, &h.ScalingActive, model.False, "AmbiguousSelector")
		h.CurrentMetrics = nil
		return 0, "", failed
	}
	proposal, by, failed := s.propose()
	if failed != "" {
		return 0, "", failed
	}
	s.unsettled(s.row.usedAt.Add(settling))
	if proposal > s.current {
		reason = described(by) + " above target"
	} else if proposal < s.current {
		reason = "All metrics below target"
	}
	return s.normalize(proposal), reason, ""
}

// ambiguous says who has pods of this autoscaler besides it, if anybody has: then it is not
// known who says how many there should be (validateAndParseSelector, which names them in no
// order).
func (s *scaling) ambiguous() string {
	s.introduce(s.now, s.hpa.ID)
	all := s.beside(s.hpa.ID)
	if len(all) == 0 {
		return ""
	}
	insert(&all, s.hpa.ID)
	var keys []string
	for _, id := range all {
		keys = append(keys, s.hpa.Namespace+"/"+(*s.view.autoscalers.Row(id)).Name)
	}
	return "pods by selector " + s.row.selector.String() + " are controlled by multiple HPAs: [" + strings.Join(keys, " ") + "]"
}

// propose is the largest number of replicas that any metric asks for, and which one
// (computeReplicasForMetrics). If some metrics fail, the others may only add pods.
func (s *scaling) propose() (replicas int32, by *model.MetricSpec, failed string) {
	h, invalid := s.hpa, 0
	s.values = append(s.values[:0], make([]model.MetricValue, len(h.Metrics))...)
	why := ""
	for i := range h.Metrics {
		m := &h.Metrics[i]
		n, message := s.measure(m, &s.values[i])
		if message != "" {
			reason := failedGet(m)
			s.say(s.now, s.seen, true, reason, message)
			if invalid++; invalid == 1 {
				why, failed = reason, "failed to get "+sourceName(m)+" metric value: "+message
			}
			continue
		}
		if n > replicas {
			replicas, by = n, m
		}
	}
	if !slices.Equal(h.CurrentMetrics, s.values) {
		h.CurrentMetrics = slices.Clone(s.values)
	}
	if invalid == len(h.Metrics) || invalid > 0 && replicas < s.current {
		s.condition(s.now, &h.ScalingActive, model.False, why)
		return 0, nil, "invalid metrics (" + strconv.Itoa(invalid) + " invalid out of " + strconv.Itoa(len(h.Metrics)) + "), first error is: " + failed
	}
	s.condition(s.now, &h.ScalingActive, model.True, "ValidMetricFound")
	if invalid > 0 {
		s.unsettled(sim.Never) // it is said at every look
	}
	return replicas, by, ""
}

// described is a metric as a rescale is explained.
func described(m *model.MetricSpec) string {
	switch {
	case m.Utilization == 0:
		return m.Name + " resource"
	case m.Source == model.ContainerResourceMetric:
		return m.Name + " container resource utilization (percentage of request)"
	}
	return m.Name + " resource utilization (percentage of request)"
}

// failedGet is the reason for not knowing a metric.
func failedGet(m *model.MetricSpec) (reason string) {
	switch m.Source {
	case model.ContainerResourceMetric:
		return "FailedGetContainerResourceMetric"
	case model.PodsMetric:
		return "FailedGetPodsMetric"
	case model.ObjectMetric:
		return "FailedGetObjectMetric"
	case model.ExternalMetric:
		return "FailedGetExternalMetric"
	}
	return "FailedGetResourceMetric"
}

func sourceName(m *model.MetricSpec) string {
	return [...]string{m.Name + " resource", m.Container + " container", "pods", "object", m.Name + " external"}[m.Source]
}

// measure is how many replicas one metric asks for, and what it comes to, or why it
// cannot tell (computeReplicasForMetric).
func (s *scaling) measure(m *model.MetricSpec, value *model.MetricValue) (replicas int32, failed string) {
	switch m.Source {
	case model.PodsMetric, model.ObjectMetric:
		return 0, "unable to get metric " + m.Name + ": unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
	case model.ExternalMetric:
		return 0, "unable to get external metric " + m.Name + ": unable to fetch metrics from external metrics API: no external metrics API (external.metrics.k8s.io) registered"
	}
	g, failed := s.group(m)
	if failed == "" {
		replicas, failed = s.replicas(m, &g, value)
	}
	switch {
	case failed == "":
		return replicas, ""
	case m.Utilization > 0:
		return 0, "failed to get " + m.Name + " utilization: " + failed
	}
	return 0, "failed to get " + m.Name + " usage: " + failed
}

// pods is how many pods there are of a sort, what they use and what they request.
type pods struct{ n, used, requested int64 }

// add counts so many pods of which each does the same.
func (p *pods) add(n, used, requested int64) {
	p.n += n
	p.used += n * used
	p.requested += n * requested
}

// grouped is the pods of a target by how much is known of them.
type grouped struct {
	ready   pods
	unready pods  // pending, or not to be believed yet
	missing pods  // without metrics
	samples int64 // pods with metrics, of whatever sort
}

// sort sorts so many pods that are alike, and tells whether they say what they request.
func (s *scaling) sort(g *grouped, m *model.MetricSpec, p *model.Pod, n int64, sample *model.Sample, ok bool) (known bool) {
	if ok {
		g.samples += n
		s.row.follow(sample.Inflow)
	}
	if ok && sample.Growing && m.Name == "memory" {
		s.unsettled(sim.Never)
	}
	request, known := requested(p.Spec, m)
	switch {
	case p.Deleting() || p.Phase == model.PodFailed:
	case p.Phase == model.PodPending:
		g.unready.add(n, 0, request)
	case !ok:
		g.missing.add(n, 0, request)
	case m.Name == "cpu" && s.unready(p, sample):
		g.unready.add(n, 0, request)
	case m.Name == "cpu":
		g.ready.add(n, sample.CPUMilli, request)
	default:
		g.ready.add(n, sample.MemoryBytes, request)
	}
	return known
}

// group sorts the pods of the target (groupPods, calculatePodRequests).
func (s *scaling) group(m *model.MetricSpec) (g grouped, failed string) {
	for i := range s.row.crews {
		if c := &s.row.crews[i]; len(c.pods) > 0 {
			p := s.view.pod(c.pods[0])
			sample, ok := s.usage(p, m.Container)
			s.sort(&g, m, p, int64(len(c.pods)), &sample, ok)
		}
	}
	single := s.row.single[:0]
	for _, id := range s.row.single {
		p := s.view.pod(id)
		sample, ok := s.usage(p, m.Container)
		if known := s.sort(&g, m, p, 1, &sample, ok); !known && failed == "" {
			failed = unasked(p, m)
		}
		if !ok || !s.join(p, &sample) {
			single = append(single, id)
		}
	}
	s.row.single = single
	switch {
	case g.samples == 0 && !s.measured():
		return g, "unable to get metrics for resource " + m.Name + ": no metrics returned from resource metrics API"
	case g.ready.n == 0:
		return g, "did not receive metrics for targeted pods (pods might be unready)"
	case failed != "" && m.Utilization > 0:
		return g, failed
	}
	return g, ""
}

// measured tells whether there are metrics of any pod, whatever its containers.
func (s *scaling) measured() bool {
	return slices.ContainsFunc(s.row.single, func(id uint32) bool { _, ok := s.usage(s.view.pod(id), ""); return ok })
}

// unready tells whether a pod's CPU is not to be believed: what it does in its first
// minutes, unless it is ready and was measured since, and what a pod does that never
// got ready.
func (s *scaling) unready(p *model.Pod, sample *model.Sample) bool {
	start, since := model.WholeSecond(p.StartedAt), model.WholeSecond(p.Ready.SinceAt)
	if p.StartedAt == 0 {
		return true
	}
	s.again(start.Add(cpuInitialized))
	if start.Add(cpuInitialized) > s.now {
		s.unsettled(since.Add(settling + sample.Window))
		return p.Ready.Status == model.False || sample.At < since.Add(sample.Window)
	}
	return p.Ready.Status == model.False && start.Add(initialReadying) > since
}

// requested is what a pod asks for of a metric's resource: what it says as a whole, unless
// the metric is about one of its containers (calculateRequests). It is not known if nothing
// is said of the pod as a whole, or one of the containers that count says nothing.
func requested(spec *model.PodSpec, m *model.MetricSpec) (sum int64, known bool) {
	if l := spec.PodLevel; l != nil && m.Container == "" {
		if m.Name == "cpu" {
			return spec.Request.CPUMilli, l.CPUSaid
		}
		return spec.Request.MemoryBytes, l.MemorySaid
	}
	counted := false
	for c := range counting(spec, m) {
		n, said := asked(c, m)
		if !said {
			return 0, false
		}
		sum, counted = sum+n, true
	}
	return sum, counted
}

// counting is the containers and sidecars of a pod that a metric is about.
func counting(spec *model.PodSpec, m *model.MetricSpec) iter.Seq[*model.Container] {
	return func(yield func(*model.Container) bool) {
		for i := range spec.Containers {
			if c := &spec.Containers[i]; (m.Container == "" || m.Container == c.Name) && !yield(c) {
				return
			}
		}
		for i := range spec.InitContainers {
			if c := &spec.InitContainers[i]; c.Sidecar && (m.Container == "" || m.Container == c.Name) && !yield(c) {
				return
			}
		}
	}
}

// asked is what a container asks for of a metric's resource; false if it does not say.
func asked(c *model.Container, m *model.MetricSpec) (n int64, said bool) {
	if m.Name == "cpu" {
		return c.Requests.CPUMilli, c.Requests.CPUMilli > 0 || c.AsksForNoCPU
	}
	return c.Requests.MemoryBytes, c.Requests.MemoryBytes > 0 || c.AsksForNoMemory
}

// unasked is why it is not known what a pod asks for.
func unasked(p *model.Pod, m *model.MetricSpec) string {
	if p.Spec.PodLevel != nil && m.Container == "" {
		return "missing pod-level request for " + m.Name + " in Pod " + p.Name
	}
	for c := range counting(p.Spec, m) {
		if _, said := asked(c, m); !said {
			return "missing request for " + m.Name + " in container " + c.Name + " of Pod " + p.Name
		}
	}
	return "container " + m.Container + " not found in Pod " + p.Name
}

// replicas is how many replicas a metric of resources asks for
// (GetResourceReplicas, calcPlainMetricReplicas).
func (s *scaling) replicas(m *model.MetricSpec, g *grouped, value *model.MetricValue) (int32, string) {
	all := g.ready
	if m.Utilization > 0 && all.requested == 0 {
		return 0, "no metrics returned matched known pods"
	}
	*value = model.MetricValue{Name: m.Name, Container: m.Container, Utilized: m.Utilization > 0, Average: all.used / all.n}
	usage := s.against(m, all, value)
	rebalance := g.unready.n > 0 && usage > 1
	if !rebalance && g.missing.n == 0 {
		if s.near(usage) {
			return s.current, ""
		}
		return usage.times(all.n), ""
	}
	if g.missing.n > 0 && (usage < 1 || usage > 1) {
		fill := g.missing
		if usage < 1 {
			fill.used = fill.n * m.Average
			if m.Utilization > 0 {
				fill.used = fill.requested * int64(max(100, m.Utilization)) / 100
			}
		}
		all = pods{all.n + fill.n, all.used + fill.used, all.requested + fill.requested}
	}
	if rebalance {
		all = pods{all.n + g.unready.n, all.used, all.requested + g.unready.requested}
	}
	next := s.against(m, all, nil)
	if s.near(next) || usage < 1 && next > 1 || usage > 1 && next < 1 {
		return s.current, ""
	}
	n := next.times(all.n)
	if next < 1 && n > s.current || next > 1 && n < s.current {
		return s.current, ""
	}
	return n, ""
}

// against is what pods use against what they should: of a utilization, whole
// percents by percents.
func (s *scaling) against(m *model.MetricSpec, p pods, value *model.MetricValue) ratio {
	if m.Utilization == 0 {
		return ratio(p.used/p.n) / ratio(m.Average)
	}
	percent := p.used * 100 / p.requested
	if value != nil {
		value.Utilization = int32(percent)
	}
	return ratio(percent) / ratio(m.Utilization)
}

// near tells whether metrics are as good as they should be.
func (s *scaling) near(r ratio) bool {
	down, up := int64(tolerancePPM), int64(tolerancePPM)
	if b := s.hpa.Behavior; b != nil {
		if b.Down.TolerancePPM >= 0 {
			down = b.Down.TolerancePPM
		}
		if b.Up.TolerancePPM >= 0 {
			up = b.Up.TolerancePPM
		}
	}
	return 1-ratio(down)/1_000_000 <= r && r <= 1+ratio(up)/1_000_000
}

// ratio is a quotient as Kubernetes computes with it: each division and product is
// rounded once, as IEEE 754 says, on every processor.
type ratio float64 //tidy:float single divisions and products, of which none is fused

// times is the product with n, rounded up.
func (r ratio) times(n int64) int32 {
	product := r * ratio(n)
	whole := int64(product)
	if ratio(whole) < product {
		whole++
	}
	return int32(min(whole, 1<<30))
}
