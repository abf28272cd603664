package scheduler

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// Code is how a plugin's answer ends for a pod
// (k8s.io/kube-scheduler/framework/interface.go).
type Code uint8

// The codes. Success is the nil *Status.
const (
	// Unschedulable: not here now; preempting other pods might help.
	Unschedulable Code = iota
	// UnschedulableAndUnresolvable: not here, whoever leaves.
	UnschedulableAndUnresolvable
	// Skip: the plugin has nothing to say about the pod; a PreFilter's Skip
	// saves its Filter, a PreScore's its Score.
	Skip
	// Wait: a Permit plugin holds up the pod's binding.
	Wait
	// Error: something that has nothing to do with the pod's wishes went wrong.
	Error
)

// Status is an answer other than success. A plugin makes its statuses through
// its Handle, once each, so that two equal answers are the same pointer.
type Status struct {
	Code    Code
	Reasons []string // as kube-scheduler words them

	id       int32
	rejector pluginSet
}

// pluginSet is plugins of one framework, a bit each, in the profile's order.
type pluginSet uint32

// MaxNodeScore is the best score of a plugin for a node, before its weight; 0
// is the worst.
const MaxNodeScore = 100

// Plugin is a part of the scheduler that answers at one or more of the
// extension points below; it is found there by what it implements.
type Plugin interface{ Name() string }

// PreEnqueuePlugin may keep a pod out of the active queue.
type PreEnqueuePlugin interface {
	Plugin
	PreEnqueue(pod *model.Pod) *Status
}

// QueueSortPlugin orders the active queue. Pods that it leaves equal are taken
// in the order in which they were first seen.
type QueueSortPlugin interface {
	Plugin
	Less(a, b *QueuedPodInfo) bool
}

// TenantSortPlugin is a QueueSortPlugin that weighs tenants against each other: its
// order of pods of two tenants may change while they wait, that of pods of one
// tenant and priority does not.
type TenantSortPlugin interface {
	QueueSortPlugin
	Tenant(pod *model.Pod) uint32 // numbered from 0 on
}

// SignPlugin appends to key everything of a pod that the plugin's answers
// depend on. Pods with equal keys over all plugins form a class and get equal
// answers from a node that did not change
// (k8s.io/kube-scheduler/framework/interface.go SignPlugin).
type SignPlugin interface {
	SignPod(key []byte, pod *model.Pod) []byte
}

// PreFilterResult restricts the search to the nodes of these names if Pinned.
type PreFilterResult struct {
	Pinned    bool
	NodeNames []string // sorted, each once
}

// PreFilterPlugin looks at a pod before any node.
type PreFilterPlugin interface {
	Plugin
	SignPlugin
	PreFilter(pod *model.Pod) (PreFilterResult, *Status)
}

// FilterPlugin says whether a node can take a pod.
type FilterPlugin interface {
	Plugin
	SignPlugin
	Filter(pod *model.Pod, node *NodeInfo) *Status
}

// PostFilterPlugin is asked when no node can take a pod. Its message is added
// to what the pod is told.
type PostFilterPlugin interface {
	Plugin
	PostFilter(a *Attempt) (message string)
}

// PreScorePlugin may Skip its Score for a pod.
type PreScorePlugin interface {
	Plugin
	PreScore(pod *model.Pod) *Status
}

// ScorePlugin rates a node that can take the pod.
type ScorePlugin interface {
	Plugin
	SignPlugin
	Score(pod *model.Pod, node *NodeInfo) int64
}

// ScoreExtensions makes raw scores of all feasible nodes into scores from 0 to
// MaxNodeScore. Raw scores that are all 0 must become all equal.
type ScoreExtensions interface {
	NormalizeScore(scores []int64)
}

// WidePlugin answers from more than the node it is asked about: from pods and
// nodes all over the cluster. What it says of a node can change when another
// node does, so its answers are not remembered; it keeps a view instead.
type WidePlugin interface {
	Plugin
	SignPlugin
	View(pod *model.Pod) View
}

// View is what a wide plugin has found out about a class of pods, and keeps up
// to date with every placement: what the cycle state of PreFilter and PreScore
// is to a single pod. Filter and Scorer are nil if the plugin has nothing to
// say there (Skip).
type View struct {
	Watcher Watcher
	Filter  WideFilter
	Scorer  WideScorer
	Refused *Status // no node will do
}

// Watcher says when a view is of no use any more and has to be made again.
type Watcher interface{ Stale() bool }

// WideFilter says whether a node can take the pod.
type WideFilter interface{ Filter(node uint32) *Status }

// WideScorer fills in the scores of all feasible nodes, from 0 to MaxNodeScore.
// It returns false if they are all 0, and then need not.
type WideScorer interface {
	Score(feasible []uint32, scores []int64) bool
}

// ReservePlugin keeps books about pods that are assumed on a node. Reserve may
// refuse; Unreserve undoes it when the pod will not be bound there after all,
// also for pods that were never reserved.
type ReservePlugin interface {
	Plugin
	Reserve(pod *model.Pod, node uint32) *Status
	Unreserve(pod *model.Pod, node uint32)
}

// PermitPlugin refuses a pod that has a node, or with a status of code Wait
// holds up its binding until it allows it, for at most so long: then the pod is
// rejected.
type PermitPlugin interface {
	Plugin
	Permit(pod *model.Pod, node uint32) (*Status, time.Duration)
}

// permitMost is how long a pod waits at most, whatever a plugin says
// (pkg/scheduler/framework/runtime/framework.go maxTimeout).
const permitMost = 15 * time.Minute

// BindPlugin asks for the binding; the answer to tag arrives at the scheduler.
type BindPlugin interface {
	Plugin
	Bind(pod, node model.Ref, tag uint64)
}

// EnqueueExtensions names the events that can help a pod which the plugin
// rejected.
type EnqueueExtensions interface {
	Plugin
	EventsToRegister() []ClusterEventWithHint
}

// ClusterEventWithHint is an event, or several, and the function that says
// whether this very one is worth another attempt of pod; nil says it always is.
// Like every answer it depends on the pod's class only.
type ClusterEventWithHint struct {
	Event          ClusterEvent
	QueueingHintFn func(pod *model.Pod, e *Event) bool
}

// ClusterEvent is a kind of event, or as a set of bits several of them
// (pkg/scheduler/framework/events.go).
type ClusterEvent uint32

// The events that plugins can register.
const (
	NodeAdd ClusterEvent = 1 << iota
	NodeUpdateAllocatable
	NodeUpdateLabel
	NodeUpdateTaint                    // also an uncordon
	AssignedPodDelete                  // gone, finished, or its binding failed
	PodUpdateSchedulingGatesEliminated // of the waiting pod itself
	NodeDelete
	AssignedPodAdd // also one that was only assumed
	AssignedPodUpdateLabel
	UnscheduledPodAdd
	WorkloadAdd
	PersistentVolumeClaimAdd
	PersistentVolumeClaimUpdate
	PersistentVolumeChange // added or updated
	VolumeAttachmentDelete
	AssignedPodScaleDown // it counts for less than before
	PodUpdateScaleDown   // of the waiting pod itself

	// wildCard is what the periodic flush does: it concerns every plugin.
	wildCard = ^ClusterEvent(0)
)

// Event is something that happened and may help a pod.
type Event struct {
	ClusterEvent
	OldNode, NewNode *model.Node // of node events; OldNode is nil if it was added, NewNode if it is gone
	Pod              *model.Pod  // of pods' events
	OldPod           *model.Pod  // of AssignedPodUpdateLabel and AssignedPodScaleDown: the version before
	Workload         *model.Workload
	Claim            *model.Claim // of claims' events
}

// Handle is what a plugin can do besides answering.
type Handle struct {
	framework *Framework
	profile   *Profile
	cache     *cache
	client    *store.Client
}

// Status makes a status of the plugin called name.
func (h *Handle) Status(name string, code Code, reasons ...string) *Status {
	f := h.framework
	st := &Status{Code: code, Reasons: reasons, id: int32(len(f.statuses)), rejector: f.bit(name)}
	f.statuses = append(f.statuses, st)
	return st
}

// Now is the time.
func (h *Handle) Now() sim.Time { return h.framework.holder.now() }

// Activate lets a pod that waits in the queue be tried at once.
func (h *Handle) Activate(pod uint32) { h.framework.holder.activate(pod) }

// Allow tells a pod that the plugin called name does not hold it up any longer;
// if no other plugin does, its binding begins.
func (h *Handle) Allow(name string, pod uint32) { h.framework.holder.allow(pod, h.framework.bit(name)) }

// holder keeps the pods that wait for plugins' permission: a scheduler, or a
// planner.
type holder interface {
	now() sim.Time
	activate(pod uint32)
	allow(pod uint32, by pluginSet)
}

// once is a status that is not made again: it says something of this very pod.
func (h *Handle) once(name string, code Code, reason string) *Status {
	return &Status{Code: code, Reasons: []string{reason}, rejector: h.framework.bit(name)}
}

// Bind sends a binding to the API server, with the GPUs that the pod, which is
// assumed there, has got.
func (h *Handle) Bind(pod, node model.Ref, tag uint64) {
	h.client.BindDevices(pod, node, uint64(h.cache.row(node.ID).GPU.of(pod.ID)), tag)
}

// weightedWide is a WidePlugin with its weight in the profile.
type weightedWide struct {
	WidePlugin
	weight int64
	points Point // where it is asked
	at     int   // its place among those that filter
}

// weightedScore is a Score plugin with its weight in the profile.
type weightedScore struct {
	ScorePlugin
	weight int64
}

type hint struct {
	ClusterEventWithHint
	plugin pluginSet
}

// Framework is the plugins of a profile by extension point, each list in the
// profile's order.
type Framework struct {
	names      []string // by bit
	filters    []string // in the order in which they are asked
	mixed      bool     // a filter that looks across nodes is asked before one that does not
	statuses   []*Status
	preEnqueue []PreEnqueuePlugin
	queueSort  QueueSortPlugin
	preFilter  []PreFilterPlugin
	filter     []FilterPlugin
	postFilter []PostFilterPlugin
	preScore   []PreScorePlugin
	score      []weightedScore
	wide       []weightedWide
	reserves   []ReservePlugin
	volumes    *volumeBinding // which holds up bindings; nil without it
	permits    []PermitPlugin
	bind       BindPlugin
	sign       []SignPlugin // of plugins that are not wide
	hints      []hint
	heeded     ClusterEvent // what any of them is about
	holder     holder
	// preempting tells whether a pod's victims are being asked to leave.
	preempting func(*model.Pod) bool
}

// newFramework builds the plugins of a profile.
func newFramework(profile *Profile, cache *cache, client *store.Client) *Framework {
	f := &Framework{}
	for _, e := range profile.Plugins {
		f.names = append(f.names, e.Name)
	}
	h := &Handle{framework: f, profile: profile, cache: cache, client: client}
	for _, e := range profile.Plugins {
		make := e.New
		if make == nil {
			make = registry[e.Name]
		}
		f.add(make(h), e)
	}
	f.arrange(profile.FilterOrder)
	return f
}

// arrange puts the filters into their order.
func (f *Framework) arrange(first []string) {
	f.filters = slices.Clone(first)
	for _, n := range f.names {
		if !slices.Contains(f.filters, n) {
			f.filters = append(f.filters, n)
		}
	}
	slices.SortStableFunc(f.filter, func(a, b FilterPlugin) int { return f.place(a) - f.place(b) })
	slices.SortStableFunc(f.wide, func(a, b weightedWide) int { return f.place(a) - f.place(b) })
	for i := range f.wide {
		w := &f.wide[i]
		w.at = f.place(w)
		f.mixed = f.mixed || len(f.filter) > 0 && w.points&AtFilter != 0 && w.at < f.place(f.filter[len(f.filter)-1])
	}
}

// place is a plugin's place among those that filter.
func (f *Framework) place(p Plugin) int { return slices.Index(f.filters, p.Name()) }

func (f *Framework) add(p Plugin, e Enabled) {
	if x, ok := p.(PreEnqueuePlugin); ok && e.Not&AtPreEnqueue == 0 {
		f.preEnqueue = append(f.preEnqueue, x)
	}
	if x, ok := p.(QueueSortPlugin); ok {
		f.queueSort = x
	}
	if x, ok := p.(PreFilterPlugin); ok && e.Not&AtPreFilter == 0 {
		f.preFilter = append(f.preFilter, x)
	}
	if x, ok := p.(FilterPlugin); ok && e.Not&AtFilter == 0 {
		f.filter = append(f.filter, x)
	}
	if x, ok := p.(PostFilterPlugin); ok && e.Not&AtPostFilter == 0 {
		f.postFilter = append(f.postFilter, x)
	}
	if x, ok := p.(PreScorePlugin); ok {
		f.preScore = append(f.preScore, x)
	}
	if x, ok := p.(ScorePlugin); ok && e.Not&AtScore == 0 {
		f.score = append(f.score, weightedScore{x, e.Weight})
	}
	if x, ok := p.(ReservePlugin); ok && e.Not&AtReserve == 0 {
		f.reserves = append(f.reserves, x)
	}
	if x, ok := p.(*volumeBinding); ok {
		f.volumes = x
	}
	if x, ok := p.(PermitPlugin); ok && e.Not&AtPermit == 0 {
		f.permits = append(f.permits, x)
	}
	if x, ok := p.(BindPlugin); ok {
		f.bind = x
	}
	if x, ok := p.(WidePlugin); ok {
		f.wide = append(f.wide, weightedWide{WidePlugin: x, weight: e.Weight, points: Everywhere &^ e.Not})
	} else if x, ok := p.(SignPlugin); ok {
		f.sign = append(f.sign, x)
	}
	if x, ok := p.(EnqueueExtensions); ok {
		for _, e := range x.EventsToRegister() {
			f.hints = append(f.hints, hint{e, f.bit(p.Name())})
			f.heeded |= e.Event
		}
	}
}

func (f *Framework) bit(name string) pluginSet {
	for i, n := range f.names {
		if n == name {
			return 1 << i
		}
	}
	panic("scheduler: plugin " + name + " is not in the profile")
}

// names of the plugins in a set, sorted, as "[A B]".
func (f *Framework) list(set pluginSet) string {
	var in []string
	for i, n := range f.names {
		if set&(1<<i) != 0 {
			in = append(in, n)
		}
	}
	return bracketed(in)
}

// interested is the plugins that registered any of e's kinds.
func (f *Framework) interested(e ClusterEvent) (set pluginSet) {
	if f.heeded&e == 0 {
		return 0
	}
	for i := range f.hints {
		if f.hints[i].Event&e != 0 {
			set |= f.hints[i].plugin
		}
	}
	return set
}

// worthRequeuing asks the hints of the plugins that rejected a pod
// (pkg/scheduler/backend/queue/scheduling_queue.go isPodWorthRequeuing).
func (f *Framework) worthRequeuing(pod *model.Pod, rejectors pluginSet, e *Event) bool {
	if rejectors == 0 || e.ClusterEvent == wildCard {
		return true
	}
	for i := range f.hints {
		h := &f.hints[i]
		if h.Event&e.ClusterEvent == 0 || h.plugin&rejectors == 0 {
			continue
		}
		if h.QueueingHintFn == nil || h.QueueingHintFn(pod, e) {
			return true
		}
	}
	return false
}

// preEnqueued is the first refusal of the PreEnqueue plugins, nil if there is
// none.
func (f *Framework) preEnqueued(pod *model.Pod) *Status {
	for _, p := range f.preEnqueue {
		if st := p.PreEnqueue(pod); st != nil {
			return st
		}
	}
	return nil
}
