package manifest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/scenarios/strict"
)

// maxContainers is how many containers one pod may have here. Kubernetes has no
// such limit; its etcd refuses objects of more than 1.5 MB.
const maxContainers = 200

// podSpec makes a pod's spec ours, with the defaults of the API server
// (pkg/apis/core/v1/defaults.go) and of admission.
func (o *object) podSpec(p *place, s *corev1.PodSpec, meta *metav1.ObjectMeta) *model.PodSpec {
	spec := &model.PodSpec{
		GraceSeconds:   30,
		NodeSelector:   o.labels(p.field("nodeSelector"), s.NodeSelector),
		SchedulerName:  "default-scheduler",
		Overhead:       amounts(p.field("overhead"), s.Overhead),
		HostNetwork:    s.HostNetwork,
		Sysctls:        sysctls(s.SecurityContext),
		InitContainers: o.containers(p.field("initContainers"), s.InitContainers),
		Containers:     o.containers(p.field("containers"), s.Containers),
		Tolerations:    tolerations(p.field("tolerations"), s.Tolerations),
		Priority:       o.priority(p, s),
		NeverPreempts:  o.neverPreempts(p, s),
		Classed:        s.Priority != nil || s.PriorityClassName != "" || o.set.state,
		Placement:      o.placement(p, s),
		Ports:          namedPorts(s),
		Workload:       workloadRef(p.field("workloadRef"), s.WorkloadRef),
		Account:        cmp.Or(s.ServiceAccountName, s.DeprecatedServiceAccount),
	}
	s = o.runsOn(p, s, spec)
	if s.SchedulerName != "" {
		spec.SchedulerName = s.SchedulerName
	}
	if g := s.TerminationGracePeriodSeconds; g != nil {
		spec.GraceSeconds = int32(seconds(p.field("terminationGracePeriodSeconds"), *g) / time.Second)
	}
	if d := s.ActiveDeadlineSeconds; d != nil {
		spec.ActiveDeadline = seconds(p.field("activeDeadlineSeconds"), *d)
		if *d == 0 {
			p.field("activeDeadlineSeconds").errorf("0 is no deadline: at least 1")
		}
	}
	spec.RestartPolicy = restartPolicy(p.field("restartPolicy"), s.RestartPolicy)
	if s.Affinity != nil && s.Affinity.NodeAffinity != nil {
		o.nodeAffinity(p.fields("affinity", "nodeAffinity"), s.Affinity.NodeAffinity, spec)
	}
	for i := range spec.InitContainers {
		policy := s.InitContainers[i].RestartPolicy
		if policy != nil && *policy == corev1.ContainerRestartPolicyAlways {
			if len(s.InitContainers[i].RestartPolicyRules) > 0 { // validateInitContainerRestartPolicy
				p.field("initContainers").item(i).field("restartPolicyRules").errorf("an init container with restartPolicy Always may have none")
			}
			spec.InitContainers[i].Sidecar, spec.InitContainers[i].Restart = true, nil
		}
	}
	denyRoot(s, s.InitContainers, spec.InitContainers)
	denyRoot(s, s.Containers, spec.Containers)
	refuseRestarts(p.field("initContainers"), spec.InitContainers, spec)
	refuseRestarts(p.field("containers"), spec.Containers, spec)
	spec.PodLevel = podLevel(p.field("resources"), s, spec)
	o.hooks(p.field("initContainers"), s.InitContainers, spec.InitContainers, spec.GraceSeconds, meta.Labels)
	o.hooks(p.field("containers"), s.Containers, spec.Containers, spec.GraceSeconds, meta.Labels)
	o.uniqueNames(p, s)
	o.refuse(p, s, spec)
	if len(s.Containers) == 0 {
		p.field("containers").errorf("a pod needs at least one container")
	}
	spec = apiserver.WithDefaultTolerations(spec)
	spec.SumRequests()
	if o.kind.kind != model.KindPod || !o.set.snapshot && !o.set.state { // what is there already is let in
		spec.Security = security(s, meta.Annotations)
	}
	spec.EmptyDirs = emptyDirs(p.field("volumes"), s.Volumes)
	o.configs(p, s, spec)
	spec.ReadinessGates = readinessGates(p.field("readinessGates"), s.ReadinessGates)
	spec.NoToken, spec.TokenSaid = o.token(s)
	o.resolver(p, s, spec)
	spec.GPU = gpus(p.up.fields("metadata", "annotations"), meta.Annotations, spec)
	return spec
}

// refuseRestarts finds containers that would be started anew to be resized, in a pod whose
// containers are not (validateResizePolicy).
func refuseRestarts(p *place, list []model.Container, spec *model.PodSpec) {
	for i := range list {
		if c := &list[i]; (c.RestartForCPU || c.RestartForMemory) && spec.RestartPolicy == model.RestartNever {
			p.item(i).field("resizePolicy").errorf("must be NotRequired for all resources in a pod with restartPolicy Never")
		}
	}
}

// denyRoot finds containers that are to run as root and must not, by what they say themselves or
// else their pod (pkg/securitycontext/util.go DetermineEffectiveSecurityContext). Deviation: as
// which user an image runs is not known, and is taken to be allowed.
func denyRoot(s *corev1.PodSpec, list []corev1.Container, out []model.Container) {
	for i := range out {
		pod, own := cmp.Or(s.SecurityContext, &corev1.PodSecurityContext{}), cmp.Or(list[i].SecurityContext, &corev1.SecurityContext{})
		nonRoot, user := cmp.Or(own.RunAsNonRoot, pod.RunAsNonRoot), cmp.Or(own.RunAsUser, pod.RunAsUser)
		out[i].RootDenied = nonRoot != nil && *nonRoot && user != nil && *user == 0
	}
}

// resolver is about whom a pod asks for names, and how. Deviation: everybody asks the cluster's
// servers, and of the options only ndots counts.
func (o *object) resolver(p *place, s *corev1.PodSpec, spec *model.PodSpec) {
	if at := p.field("dnsPolicy"); s.DNSPolicy == corev1.DNSDefault || s.DNSPolicy == corev1.DNSNone {
		o.note(at, at.path()+" "+string(s.DNSPolicy)+": not modeled, its processes ask the cluster's DNS servers as all do")
	}
	if s.DNSConfig == nil {
		return
	}
	for i, x := range s.DNSConfig.Options {
		at := p.fields("dnsConfig", "options").item(i)
		switch {
		case x.Name == "": // refused
		case x.Name != "ndots":
			o.note(at, at.path()+" "+x.Name+": not modeled")
		case x.Value == nil || *x.Value == "": // as if it were not in resolv.conf
			spec.Ndots = new(int8(1))
		default:
			n := Ndots(*x.Value)
			if spec.Ndots = &n; strconv.Itoa(int(n)) != *x.Value {
				o.note(at.field("value"), fmt.Sprintf("%s ndots %s: resolvers take it for %d", at.path(), strict.Quote(*x.Value), n))
			}
		}
	}
}

// Ndots is what glibc makes of an option's value: of a whole number its last four bits, of more
// than 15 15, and 0 of anything else (resolv/res_init.c res_setoptions, resolv.conf(5)). Of two
// options the later counts, and without any the resolver's own 1 (v1.35
// pkg/kubelet/network/dns/dns.go mergeDNSOptions).
func Ndots(value string) int8 {
	digits := strings.TrimLeft(value, " \t")
	end := 0
	for end < len(digits) && (digits[end] >= '0' && digits[end] <= '9' || end == 0 && (digits[end] == '-' || digits[end] == '+')) {
		end++
	}
	n, _ := strconv.ParseInt(digits[:end], 10, 32) // 0 if there are none, and of too many the most there is
	return int8(min(n, 15) & 15)
}

// readinessGates reads the types of conditions (pkg/apis/core/validation/validation.go
// validateReadinessGates).
func readinessGates(p *place, gates []corev1.PodReadinessGate) (out []string) {
	for i := range gates {
		kind := string(gates[i].ConditionType)
		if !strict.Qualified(kind) {
			p.item(i).field("conditionType").errorf("%s is no type of a condition such as example.com/ready", strict.Quote(kind))
		}
		out = append(out, kind)
	}
	return out
}

// seconds is a length of time that cannot be negative, nor longer than anybody
// waits.
func seconds(p *place, n int64) time.Duration {
	const most = 1 << 31
	if n < 0 || n >= most {
		p.errorf("%d is out of range: 0 to %d seconds", n, most-1)
		return 0
	}
	return time.Duration(n) * time.Second
}

func restartPolicy(p *place, policy corev1.RestartPolicy) model.RestartPolicy {
	switch policy {
	case "", corev1.RestartPolicyAlways:
		return model.RestartAlways
	case corev1.RestartPolicyOnFailure:
		return model.RestartOnFailure
	case corev1.RestartPolicyNever:
		return model.RestartNever
	}
	p.unknownWord(string(policy), "Always", "OnFailure", "Never")
	return model.RestartAlways
}

// unknownWord reports a word that is none of the known ones.
func (p *place) unknownWord(word string, known ...string) {
	p.errorf("unknown value %s%s; known: %s", strict.Quote(word), strict.DidYouMean(word, known), strings.Join(known, ", "))
}

// priority is what the pod's class says, or what a cluster that knows the class
// wrote (plugin/pkg/admission/priority).
func (o *object) priority(p *place, s *corev1.PodSpec) int32 {
	d := o.set.decoder
	if s.Priority != nil {
		return *s.Priority
	}
	if s.PriorityClassName == "" {
		return d.fallback
	}
	value, ok := d.priorities[s.PriorityClassName]
	if !ok {
		p.field("priorityClassName").errorf("no PriorityClass is named %s here", strict.Quote(s.PriorityClassName))
	}
	return value
}

// neverPreempts is what the pod says itself, or else its class
// (plugin/pkg/admission/priority).
func (o *object) neverPreempts(p *place, s *corev1.PodSpec) bool {
	if s.PreemptionPolicy != nil {
		return preemptsNobody(p.field("preemptionPolicy"), s.PreemptionPolicy)
	}
	d := o.set.decoder
	if s.PriorityClassName == "" {
		return s.Priority == nil && d.polite[d.general]
	}
	return d.polite[s.PriorityClassName]
}

func preemptsNobody(p *place, policy *corev1.PreemptionPolicy) bool {
	if policy == nil || *policy == corev1.PreemptLowerPriority {
		return false
	}
	if *policy != corev1.PreemptNever {
		p.unknownWord(string(*policy), string(corev1.PreemptLowerPriority), string(corev1.PreemptNever))
	}
	return true
}

func (o *object) uniqueNames(p *place, s *corev1.PodSpec) {
	seen := map[string]bool{}
	for _, part := range []struct {
		name string
		list []corev1.Container
	}{{"initContainers", s.InitContainers}, {"containers", s.Containers}} {
		for i := range min(len(part.list), maxContainers) {
			name := part.list[i].Name
			if seen[name] {
				p.field(part.name).item(i).field("name").errorf("two containers of the pod are named %s", strict.Quote(name))
			}
			seen[name] = true
		}
	}
}

func (o *object) containers(p *place, list []corev1.Container) []model.Container {
	if len(list) > maxContainers {
		p.errorf("%d containers are more than a pod may have here: %d", len(list), maxContainers)
		return nil
	}
	var out []model.Container
	for i := range list {
		out = append(out, o.container(p.item(i), &list[i]))
	}
	return out
}

func (o *object) container(p *place, c *corev1.Container) model.Container {
	m := model.Container{Name: c.Name, Image: c.Image}
	m.Requests, m.Limits = requirements(p.field("resources"), &c.Resources)
	o.noteFractions(p.fields("resources", "requests"), c.Resources.Requests)
	o.noteFractions(p.fields("resources", "limits"), c.Resources.Limits)
	m.AsksForNoCPU = m.Requests.CPUMilli == 0 && says(&c.Resources, corev1.ResourceCPU)
	m.AsksForNoMemory = m.Requests.MemoryBytes == 0 && says(&c.Resources, corev1.ResourceMemory)
	m.PullPolicy = pullPolicy(p.field("imagePullPolicy"), c)
	m.Restart = containerRestart(p, c)
	resizePolicies(p.field("resizePolicy"), c.ResizePolicy, &m)
	m.Readiness = o.probe(p.field("readinessProbe"), c.ReadinessProbe, c.Ports)
	m.Liveness = o.probe(p.field("livenessProbe"), c.LivenessProbe, c.Ports)
	m.Startup = o.probe(p.field("startupProbe"), c.StartupProbe, c.Ports)
	if v, missing := p.field("name").find(); missing == "" {
		if v.DNSLabel() == "" {
			o.set.decoder.wrong++
		}
	} else {
		p.field("name").errorf("is missing")
	}
	switch {
	case c.Image == "":
		p.field("image").errorf("is missing")
	case strings.ContainsAny(c.Image, " \t\n\r"):
		p.field("image").errorf("%s has a space in it", strict.Quote(c.Image))
	}
	return m
}

// containerRestart reads what a container says itself about restarts
// (pkg/apis/core/validation/validation.go validateContainerRestartPolicy).
func containerRestart(p *place, c *corev1.Container) *model.ContainerRestart {
	rules := p.field("restartPolicyRules")
	if c.RestartPolicy == nil {
		if len(c.RestartPolicyRules) > 0 {
			rules.errorf("needs a restartPolicy of the container, for all other exits")
		}
		return nil
	}
	r := &model.ContainerRestart{Policy: restartPolicy(p.field("restartPolicy"), corev1.RestartPolicy(*c.RestartPolicy))}
	if n := len(c.RestartPolicyRules); n > maxRestartRules {
		rules.errorf("%d rules are more than %d", n, maxRestartRules)
		return r
	}
	for i := range c.RestartPolicyRules {
		rule, at := &c.RestartPolicyRules[i], rules.item(i)
		if rule.Action != corev1.ContainerRestartRuleActionRestart {
			at.field("action").unknownWord(string(rule.Action), string(corev1.ContainerRestartRuleActionRestart))
		}
		on := rule.ExitCodes
		if on == nil {
			at.field("exitCodes").errorf("needs an operator and values")
			continue
		}
		if n := len(on.Values); n > maxExitCodes {
			at.fields("exitCodes", "values").errorf("%d values are more than %d", n, maxExitCodes)
			continue
		}
		switch on.Operator {
		case corev1.ContainerRestartRuleOnExitCodesOpIn, corev1.ContainerRestartRuleOnExitCodesOpNotIn:
		default:
			at.field("exitCodes").field("operator").unknownWord(string(on.Operator), "In", "NotIn")
		}
		r.Rules = append(r.Rules, model.RestartRule{NotIn: on.Operator == corev1.ContainerRestartRuleOnExitCodesOpNotIn, Codes: on.Values})
	}
	return r
}

// resizePolicies reads for which resources a container is started anew when they change.
func resizePolicies(p *place, list []corev1.ContainerResizePolicy, m *model.Container) {
	for i := range list {
		at, restart := p.item(i), false
		switch list[i].RestartPolicy {
		case corev1.RestartContainer:
			restart = true
		case corev1.NotRequired:
		default:
			at.field("restartPolicy").unknownWord(string(list[i].RestartPolicy), string(corev1.NotRequired), string(corev1.RestartContainer))
		}
		switch list[i].ResourceName {
		case corev1.ResourceCPU:
			m.RestartForCPU = restart
		case corev1.ResourceMemory:
			m.RestartForMemory = restart
		default:
			at.field("resourceName").unknownWord(string(list[i].ResourceName), "cpu", "memory")
		}
	}
}

// maxRestartRules is how many a container may have (validateContainerRestartPolicy).
const maxRestartRules = 20

// maxExitCodes is how many codes one of them may name.
const maxExitCodes = 255

// pullPolicy is Always for images without a tag or with the tag latest, if the
// manifest does not say (SetDefaults_Container).
func pullPolicy(p *place, c *corev1.Container) model.PullPolicy {
	switch c.ImagePullPolicy {
	case corev1.PullAlways:
		return model.PullAlways
	case corev1.PullIfNotPresent:
		return model.PullIfNotPresent
	case corev1.PullNever:
		return model.PullNever
	case "":
		if tag(c.Image) == "latest" {
			return model.PullAlways
		}
		return model.PullIfNotPresent
	}
	p.unknownWord(string(c.ImagePullPolicy), "Always", "IfNotPresent", "Never")
	return model.PullIfNotPresent
}

// tag is the tag of an image, "latest" if it has neither a tag nor a digest
// (pkg/util/parsers ParseImageName).
func tag(image string) string {
	name, _, digested := strings.Cut(image, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		return name[i+1:]
	}
	if digested {
		return ""
	}
	return "latest"
}

// probe fills in the defaults (SetDefaults_Probe), which also stand for 0.
func (o *object) probe(p *place, b *corev1.Probe, ports []corev1.ContainerPort) *model.Probe {
	if b == nil {
		return nil
	}
	number := func(name string, n int32, otherwise int64) int64 {
		switch {
		case n < 0:
			p.field(name).errorf("%d is negative: write 0 or more", n)
		case n > 0:
			return int64(n)
		}
		return otherwise
	}
	m := &model.Probe{
		InitialDelay:     time.Duration(number("initialDelaySeconds", b.InitialDelaySeconds, 0)) * time.Second,
		Period:           time.Duration(number("periodSeconds", b.PeriodSeconds, 10)) * time.Second,
		SuccessThreshold: int(number("successThreshold", b.SuccessThreshold, 1)),
		FailureThreshold: int(number("failureThreshold", b.FailureThreshold, 3)),
	}
	if b.TimeoutSeconds != 1 { // what is default is left out
		m.Timeout = time.Duration(number("timeoutSeconds", b.TimeoutSeconds, 0)) * time.Second
	}
	if g := b.TerminationGracePeriodSeconds; g != nil {
		switch at := p.field("terminationGracePeriodSeconds"); {
		case p.name == "readinessProbe":
			at.errorf("must not be set in a readinessProbe, which kills nobody")
		case *g < 1:
			at.errorf("%d is less than 1", *g)
		}
		m.Grace = time.Duration(min(*g, math.MaxInt32)) * time.Second
	}
	handlers := 0
	for h, given := range []bool{b.HTTPGet != nil, b.GRPC != nil, b.TCPSocket != nil, b.Exec != nil} {
		if given {
			handlers++
			m.Handler = model.ProbeHandler(h)
		}
	}
	if handlers != 1 {
		p.errorf("needs one of httpGet, tcpSocket, exec and grpc, and has %d", handlers)
	}
	o.probePort(p, b, ports, m)
	if m.SuccessThreshold != 1 && p.name != "readinessProbe" {
		p.field("successThreshold").errorf("must be 1 in a %s", p.name)
	}
	return m
}

// probePort finds a probe that asks a port by a name that none of its container's has
// (v1.35 pkg/probe/util.go ResolveContainerPort), which Kubernetes takes.
func (o *object) probePort(p *place, b *corev1.Probe, ports []corev1.ContainerPort, m *model.Probe) {
	at, port := p, intstr.IntOrString{}
	switch {
	case b.HTTPGet != nil:
		at, port = p.fields("httpGet", "port"), b.HTTPGet.Port
	case b.TCPSocket != nil:
		at, port = p.fields("tcpSocket", "port"), b.TCPSocket.Port
	}
	if port.Type != intstr.String || slices.ContainsFunc(ports, func(c corev1.ContainerPort) bool { return c.Name == port.StrVal }) {
		return
	}
	m.NoPort = port.StrVal
	o.note(at, fmt.Sprintf("%s: the container has no port that is called %s, so the probe is never answered", at.path(), strict.Quote(port.StrVal)))
}
