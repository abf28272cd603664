package workload

import "orrery/model"

// Command is something a person can do.
type Command struct {
	Name   string
	Help   string       // one line
	Params []string     // what a timeline entry may say about it, besides at and do
	Kinds  []model.Kind // what its target may be; nil for a command without a target
	// run does it to the object of that name, as read just now; nil without a
	// target.
	run func(u *Kubectl, a *task, target model.Object)
}

// The parameters of commands, as Command.Params names them and as scenarios
// spell them. ParamTarget stands for Kind, Namespace and Name.
const (
	ParamManifests = "manifests"
	ParamTarget    = "target"
	ParamReplicas  = "replicas"
	ParamContainer = "container"
	ParamImage     = "image"
	ParamForce     = "force"
	ParamTimeout   = "timeout"
	ParamRevision  = "toRevision"
	ParamPatch     = "patch"
	ParamTaint     = "taint"
	ParamMember    = "member" // a machine of the control plane; etcd-defrag may do without
	ParamCondition = "condition"
	ParamStatus    = "status"
)

// Commands is everything a person can do, in alphabetical order. To add a
// command, add a file with its run, and a line here.
var Commands = []Command{
	{"apply", "create the objects of manifests, or change them to what the manifests say",
		[]string{ParamManifests}, nil, runApply},
	{"cordon", "let no new pods onto a node",
		[]string{ParamTarget}, []model.Kind{model.KindNode}, runCordon},
	{"delete", "delete an object; what it owns is collected after it; with force a pod's object goes at once, whatever runs of it",
		[]string{ParamTarget, ParamForce}, []model.Kind{model.KindDeployment, model.KindPod, model.KindReplicaSet, model.KindService, model.KindNode,
			model.KindPodDisruptionBudget, model.KindStatefulSet, model.KindDaemonSet, model.KindJob, model.KindCronJob, model.KindLimitRange, model.KindResourceQuota, model.KindHorizontalPodAutoscaler,
			model.KindNamespace, model.KindPersistentVolumeClaim, model.KindPersistentVolume, model.KindValidatingWebhookConfiguration, model.KindMutatingWebhookConfiguration,
			model.KindFlowSchema, model.KindPriorityLevelConfiguration, model.KindConfigMap, model.KindSecret, model.KindServiceAccount}, runDelete},
	{"drain", "cordon a node and evict its pods, as far as their disruption budgets let them go; with force also pods without a controller; for at most timeout",
		[]string{ParamTarget, ParamForce, ParamTimeout}, []model.Kind{model.KindNode}, runDrain},
	{"etcd-defrag", "defragment etcd's members, or one: each is locked for a second per 100 MiB; all, one after another, is also the way out of a full database",
		[]string{ParamMember}, nil, runDefragment},
	{"etcd-move-leader", "have another member of etcd lead",
		[]string{ParamMember}, nil, runMoveLeader},
	{"etcd-replace-member", "remove a member of etcd and let a new one with an empty disk take its place, as a learner until it has caught up",
		[]string{ParamMember}, nil, runReplaceMember},
	{"patch", "change some fields of a workload, as a strategic merge patch says, or of a pod its labels, its finalizers (null takes them off), its deletion cost, or its containers' CPU and memory in place",
		[]string{ParamTarget, ParamPatch}, append(rolled[:len(rolled):len(rolled)], model.KindPod), runPatch},
	{"rollout-restart", "replace all pods of a workload by new ones, as in a rolling update",
		[]string{ParamTarget}, rolled, runRolloutRestart},
	{"rollout-undo", "go back to the revision before, or to the one that toRevision names",
		[]string{ParamTarget, ParamRevision}, rolled, runRolloutUndo},
	{"scale", "change how many replicas there should be",
		[]string{ParamTarget, ParamReplicas}, []model.Kind{model.KindDeployment, model.KindReplicaSet, model.KindStatefulSet}, runScale},
	{"set-condition", "set a condition in the status of a pod, or of all pods that a workload has then: what readiness gates ask for",
		[]string{ParamTarget, ParamCondition, ParamStatus}, append(rolled[:len(rolled):len(rolled)], model.KindReplicaSet, model.KindPod), runSetCondition},
	{"set-image", "change a container's image, which rolls out a new revision",
		[]string{ParamTarget, ParamContainer, ParamImage}, rolled, runSetImage},
	{"taint", "put a taint on a node, as KEY=VALUE:EFFECT or KEY:EFFECT, or take it off, as KEY:EFFECT-",
		[]string{ParamTarget, ParamTaint}, []model.Kind{model.KindNode}, runTaint},
	{"uncordon", "let new pods onto a node again",
		[]string{ParamTarget}, []model.Kind{model.KindNode}, runUncordon},
}

// rolled is what has a template that rolls out.
var rolled = []model.Kind{model.KindDeployment, model.KindStatefulSet, model.KindDaemonSet}

// Lookup is the command of that name, nil if there is none.
func Lookup(name string) *Command {
	for i := range Commands {
		if Commands[i].Name == name {
			return &Commands[i]
		}
	}
	return nil
}
