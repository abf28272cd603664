package manifest

import (
	"cmp"
	"math"
	"reflect"
	"slices"
	"strings"

	flowv1 "k8s.io/api/flowcontrol/v1"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/scenarios/strict"
)

// maxQueues is how many queues a level may have here, and allQueues all of them
// together, where Kubernetes allows ten million in each: every one is there, in every
// API server.
const (
	maxQueues = 10_000
	allQueues = 50_000
)

// readFlowSchema follows pkg/apis/flowcontrol/v1/defaults.go and
// validation/validation.go ValidateFlowSchema.
func readFlowSchema(o *object) {
	before := o.set.decoder.wrong
	var in flowv1.FlowSchema
	if !decode(o, &in) || o.set.state {
		return
	}
	spec := o.root().field("spec")
	s := &model.FlowSchema{Meta: o.meta, Level: in.Spec.PriorityLevelConfiguration.Name, Precedence: in.Spec.MatchingPrecedence}
	s.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	switch at := spec.field("matchingPrecedence"); {
	case s.Precedence == 0:
		s.Precedence = 1000
	case s.Precedence < 0 || s.Precedence > flowv1.FlowSchemaMaxMatchingPrecedence:
		at.errorf("%d is out of range: 1 to %d", s.Precedence, flowv1.FlowSchemaMaxMatchingPrecedence)
	case s.Precedence == 1 && o.meta.Name != "exempt":
		at.errorf("only the schema exempt may have 1")
	}
	if m := in.Spec.DistinguisherMethod; m != nil {
		s.Distinguisher = oneOf(spec.fields("distinguisherMethod", "type"), string(m.Type), "ByUser", "ByNamespace")
	}
	if s.Level == "" {
		spec.fields("priorityLevelConfiguration", "name").errorf("is missing: to which level do these requests belong?")
	}
	for i := range in.Spec.Rules {
		s.Rules = append(s.Rules, flowRule(spec.field("rules").item(i), &in.Spec.Rules[i]))
	}
	if d := apiserver.DefaultSchema(s.Name); d != nil {
		own := *d
		own.Meta = s.Meta
		o.mayChange(spec, in.Annotations, reflect.DeepEqual(&own, s))
	}
	o.keep(before, s)
}

// mayChange refuses what API servers would set back: the mandatory objects always,
// those suggested within a minute, unless they are told to leave them alone
// (pkg/registry/flowcontrol/ensurer/strategy.go).
func (o *object) mayChange(spec *place, annotations map[string]string, same bool) {
	const leave = flowv1.AutoUpdateAnnotationKey
	switch {
	case same || o.set.snapshot:
	case apiserver.Mandatory(o.meta.Name):
		spec.errorf("must be as every cluster has it: %s is mandatory", strict.Quote(o.meta.Name))
	case annotations[leave] != "false":
		spec.errorf(`API servers set %s back to what they suggest; to keep this, annotate it with %s: "false"`, strict.Quote(o.meta.Name), leave)
	}
}

func flowRule(p *place, in *flowv1.PolicyRulesWithSubjects) model.FlowRule {
	var r model.FlowRule
	if len(in.Subjects) == 0 {
		p.field("subjects").errorf("is missing: whose requests?")
	}
	for i := range in.Subjects {
		r.Subjects = append(r.Subjects, flowSubject(p.field("subjects").item(i), &in.Subjects[i]))
	}
	if len(in.ResourceRules)+len(in.NonResourceRules) == 0 {
		p.errorf("needs resourceRules or nonResourceRules")
	}
	for i := range in.ResourceRules {
		r.Resources = append(r.Resources, flowResources(p.field("resourceRules").item(i), &in.ResourceRules[i]))
	}
	for i, n := range in.NonResourceRules {
		at := p.field("nonResourceRules").item(i)
		flowVerbs(at, n.Verbs)
		wildcard(at.field("nonResourceURLs"), n.NonResourceURLs)
		for j, path := range n.NonResourceURLs {
			if path != "*" && !isFlowPath(path) {
				at.field("nonResourceURLs").item(j).errorf("%s is no path such as /metrics or /healthz/*", strict.Quote(path))
			}
		}
	}
	return r
}

// isFlowPath tells whether something is a path, with a * for its last part perhaps.
func isFlowPath(s string) bool {
	return strings.HasPrefix(s, "/") && !strings.ContainsAny(s, " ") && !strings.Contains(s, "//") &&
		!strings.Contains(strings.TrimSuffix(s, "/*"), "*")
}

// flowSubject reads who is meant: the field that is called as the kind says.
func flowSubject(p *place, in *flowv1.Subject) model.Subject {
	s := model.Subject{Kind: oneOf(p.field("kind"), string(in.Kind), "User", "Group", "ServiceAccount")}
	given := map[string]bool{"User": in.User != nil, "Group": in.Group != nil, "ServiceAccount": in.ServiceAccount != nil}
	for _, kind := range []string{"User", "Group", "ServiceAccount"} {
		at := p.field(strings.ToLower(kind[:1]) + kind[1:])
		switch {
		case kind == s.Kind && !given[kind]:
			at.errorf("is missing: the subject is a %s", kind)
			return s
		case kind != s.Kind && given[kind]:
			at.errorf("is not for a subject of kind %s", strict.Quote(s.Kind))
			return s
		}
	}
	var name *place
	switch {
	case in.User != nil:
		s.Name, name = in.User.Name, p.fields("user", "name")
	case in.Group != nil:
		s.Name, name = in.Group.Name, p.fields("group", "name")
	case in.ServiceAccount != nil:
		s.Namespace, s.Name, name = in.ServiceAccount.Namespace, in.ServiceAccount.Name, p.fields("serviceAccount", "name")
		if s.Namespace == "" {
			p.fields("serviceAccount", "namespace").errorf("is missing: a ServiceAccount is in one")
		}
	}
	if name != nil && s.Name == "" {
		name.errorf("is missing; * is all of them")
	}
	return s
}

func flowResources(p *place, in *flowv1.ResourcePolicyRule) model.FlowResources {
	flowVerbs(p, in.Verbs)
	wildcard(p.field("apiGroups"), in.APIGroups)
	wildcard(p.field("resources"), in.Resources)
	if len(in.Namespaces) > 0 || !in.ClusterScope {
		wildcard(p.field("namespaces"), in.Namespaces)
	}
	return model.FlowResources{Verbs: in.Verbs, APIGroups: in.APIGroups, Resources: in.Resources, Namespaces: in.Namespaces, Cluster: in.ClusterScope}
}

func flowVerbs(p *place, verbs []string) {
	wildcard(p.field("verbs"), verbs)
	for i, verb := range verbs {
		if verb != "*" {
			oneOf(p.field("verbs").item(i), verb, "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "proxy")
		}
	}
}

// wildcard checks a list that has to say something, and "*" only by itself.
func wildcard(p *place, list []string) {
	switch {
	case len(list) == 0:
		p.errorf(`is missing; "*" is all of them`)
	case len(list) > 1 && slices.Contains(list, "*"):
		p.errorf(`"*" is all of them: write nothing else beside it`)
	}
}

// readPriorityLevel follows pkg/apis/flowcontrol/v1/defaults.go and
// validation/validation.go ValidatePriorityLevelConfiguration.
func readPriorityLevel(o *object) {
	before := o.set.decoder.wrong
	var in flowv1.PriorityLevelConfiguration
	if !decode(o, &in) || o.set.state {
		return
	}
	spec := o.root().field("spec")
	l := &model.PriorityLevel{Meta: o.meta, Borrows: -1}
	l.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	kind := oneOf(spec.field("type"), string(in.Spec.Type), "Limited", "Exempt")
	switch {
	case (kind == "Exempt") != (o.meta.Name == "exempt"):
		spec.field("type").errorf("the level exempt is Exempt, and no other; a FlowSchema may send requests to it")
	case kind == "Exempt" && in.Spec.Limited != nil:
		spec.field("limited").errorf("is not for a level that is Exempt")
	case kind == "Limited" && in.Spec.Exempt != nil:
		spec.field("exempt").errorf("is not for a level that is Limited")
	case kind == "Limited" && in.Spec.Limited == nil:
		spec.field("limited").errorf("is missing")
	case kind == "Exempt":
		l.Exempt = true
		if e := in.Spec.Exempt; e != nil {
			l.Shares = atLeast0(spec.fields("exempt", "nominalConcurrencyShares"), e.NominalConcurrencyShares, 0)
			l.Lends = percent(spec.fields("exempt", "lendablePercent"), e.LendablePercent)
		}
	default:
		limited(spec.field("limited"), in.Spec.Limited, l)
	}
	if d := apiserver.DefaultLevel(l.Name); d != nil {
		own := *d
		own.Meta = l.Meta
		o.mayChange(spec, in.Annotations, l.Exempt || reflect.DeepEqual(&own, l))
	}
	o.keep(before, l)
}

func limited(p *place, in *flowv1.LimitedPriorityLevelConfiguration, l *model.PriorityLevel) {
	l.Shares = atLeast0(p.field("nominalConcurrencyShares"), in.NominalConcurrencyShares, 30)
	l.Lends = percent(p.field("lendablePercent"), in.LendablePercent)
	l.Borrows = atLeast0(p.field("borrowingLimitPercent"), in.BorrowingLimitPercent, -1)
	response := p.field("limitResponse")
	q := in.LimitResponse.Queuing
	switch kind := oneOf(response.field("type"), string(in.LimitResponse.Type), "Queue", "Reject"); {
	case kind == "Reject" && q != nil:
		response.field("queuing").errorf("is not for a level that rejects")
	case kind == "Queue" && q == nil:
		response.field("queuing").errorf("is missing; {} is 64 queues of 50 requests, of which a flow may use 8")
	case kind == "Queue":
		queuing(response.field("queuing"), q, l)
	}
}

func queuing(p *place, q *flowv1.QueuingConfiguration, l *model.PriorityLevel) {
	l.Queues, l.HandSize, l.QueueLength = cmp.Or(q.Queues, 64), cmp.Or(q.HandSize, 8), cmp.Or(q.QueueLengthLimit, 50)
	if l.QueueLength < 0 {
		p.field("queueLengthLimit").errorf("%d is negative: write 0 or more", l.QueueLength)
	}
	hand := p.field("handSize")
	switch bits := math.Ceil(math.Log2(float64(l.Queues)) * float64(l.HandSize)); {
	case l.Queues < 0 || l.Queues > maxQueues:
		p.field("queues").errorf("%d is out of range: 1 to %d here", l.Queues, maxQueues)
	case p.object.set.decoder.queued(l.Queues) > allQueues:
		p.field("queues").errorf("all levels together have more than %d", allQueues)
	case l.HandSize < 0 || l.HandSize > l.Queues:
		hand.errorf("%d is out of range: a flow may use 1 to all %d queues", l.HandSize, l.Queues)
	case bits > 60: // k8s.io/apiserver/pkg/util/shufflesharding/shufflesharding.go MaxHashBits
		hand.errorf("%d of %d queues are too many to deal: that takes %.0f bits of a hash, and 60 are good", l.HandSize, l.Queues, bits)
	}
}

// queued counts the queues of one more level.
func (d *Decoder) queued(n int32) int64 {
	d.queues += int64(n)
	return d.queues
}

// atLeast0 is a number that may be left out.
func atLeast0(p *place, n *int32, without int32) int32 {
	if n == nil {
		return without
	}
	if *n < 0 {
		p.errorf("%d is negative: write 0 or more", *n)
	}
	return *n
}

// percent is a share that may be left out.
func percent(p *place, n *int32) int32 {
	v := atLeast0(p, n, 0)
	if v > 100 {
		p.errorf("%d is more than all: 0 to 100", v)
	}
	return v
}
