package fault

import "orrery/model"

// Kind is a sort of fault.
type Kind struct {
	Name       string
	Help       string     // one line
	Params     []string   // what a timeline entry may say about it, besides at, fault and id
	Targets    model.Kind // what Spec.Target selects: nodes, pods, or KindNone for nothing
	Components []string   // what Spec.Component may be; nil is the service accounts of the control plane
	Cloud      bool       // there must be one
	DNS        bool       // there must be one
	Balancers  bool       // there must be some
	OwnEtcd    bool       // etcd must have machines of its own
	Disks      bool       // some of the pods must have volumes
	Hosts      bool       // it is about what runs on machines, and nothing runs on hollow nodes
	Moment     bool       // without For it is over as soon as it happened
	Ends       bool       // it must have a For
	effect     func() effect
}

// The parameters of faults, as Kind.Params names them and as scenarios spell
// them. ParamTarget stands for everything in Target, ParamPeer for everything
// in Peer.
const (
	ParamFor       = "for"
	ParamTarget    = "target"
	ParamPeer      = "peer"
	ParamDirection = "direction"
	ParamContainer = "container"
	ParamExitCode  = "exitCode"
	ParamComponent = "component"
	ParamMember    = "member"
	ParamFrom      = "from"
	ParamGraceful  = "graceful"
	ParamAhead     = "ahead"
	ParamBackup    = "backup"
	ParamBump      = "bumpRevision"
	ParamFsync     = "fsync"
	ParamReplica   = "replica"
	ParamBy        = "by"
	ParamBack      = "back"
	ParamKinds     = "kinds"
	ParamFlood     = "flood" // stands for everything in Flood
	ParamGroup     = "group"
	ParamZone      = "zone"
	ParamBoot      = "boot"
	ParamNotice    = "notice"
	ParamErrors    = "errors"
	ParamLoss      = "loss"
	ParamCorr      = "correlation"
	ParamNames     = "names"
	ParamAnswer    = "answer"
	ParamServer    = "server"
	ParamWebhook   = "webhook"
	ParamLatency   = "latency"
	ParamFill      = "fill"
	ParamInodes    = "inodes"
	ParamProbe     = "probe"
	ParamPush      = "push"   // stands for everything in Push
	ParamCreep     = "creep"  // stands for everything in Creep
	ParamIO        = "io"     // stands for latency, errno and errors
	ParamStarts    = "starts" // stands for everything in Target but how many: pods to come, too
	ParamMode      = "mode"
	ParamRegistry  = "registry"
	ParamImage     = "image"
	ParamCPU       = "cpu"
	ParamForce     = "force"
	ParamRate      = "rate"
	ParamPeriod    = "period"
	ParamDown      = "down"
	ParamCause     = "cause"
	ParamAfter     = "after"
	ParamTimes     = "times"
	ParamSignal    = "signal"
	ParamGrace     = "grace"
	ParamLoad      = "load"
	ParamWorkers   = "workers"
	ParamStagger   = "stagger"
	ParamMemory    = "memory"
	ParamGrowth    = "growth"
	ParamDisk      = "disk"
	ParamErrno     = "errno"
	ParamOver      = "over"
	ParamOOMAdj    = "oomScoreAdj"
	ParamObject    = "object"
	ParamBandwidth = "bandwidth"
)

// Kinds is every fault there is, in alphabetical order. To add one, add a file
// with its effect, and a line here.
var Kinds = []Kind{
	{
		Name: "agent-creep", Targets: model.KindNode, Hosts: true,
		Help:   "the kubelet and the container runtime of some nodes need more and more CPU, and agents beside them memory",
		Params: []string{ParamFor, ParamTarget, ParamCreep},
		effect: func() effect { return &agentCreep{} },
	},
	{
		Name: "apiserver-crash", Targets: model.KindNone, Moment: true,
		Help:   "the API server's process on some machines of the control plane, or on all, ends; it starts again when it is over",
		Params: []string{ParamFor, ParamServer},
		effect: func() effect { return &apiserverCrash{} },
	},
	{
		Name: "apiserver-slow", Targets: model.KindNone,
		Help:   "the API server on some machines of the control plane, or on all, takes longer for every request and for what a watch begins with",
		Params: []string{ParamFor, ParamServer, ParamLatency},
		effect: func() effect { return &apiserverSlow{} },
	},
	{
		Name: "certificate-expiry", Targets: model.KindNode, Components: []string{kubelet, "kube-scheduler", controllerManager, "kubectl"},
		Help:   "the client certificate of a component expires: of kubectl, kube-scheduler, kube-controller-manager, or of the kubelet of some nodes",
		Params: []string{ParamFor, ParamComponent, ParamTarget},
		effect: func() effect { return &certificateExpiry{} },
	},
	{
		Name: "client-flood", Targets: model.KindNone,
		Help:   "many clients ask the API servers for the same over and over: they list, watch, get, create or update objects of one kind",
		Params: []string{ParamFor, ParamFlood},
		effect: func() effect { return &clientFlood{} },
	},
	{
		Name: "clock-jump", Targets: model.KindNode, Moment: true,
		Help:   "the clocks of some nodes are set back: their renewals look old, and they may be taken for lost once; or ahead; on the control plane CronJobs follow",
		Params: []string{ParamTarget, ParamBack, ParamAhead},
		effect: func() effect { return clockJump{} },
	},
	{
		Name: "cloud-api-throttled", Targets: model.KindNone, Cloud: true,
		Help:   "the cloud provider refuses a share of the calls of autoscalers and controllers, all of them if nothing is said",
		Params: []string{ParamFor, ParamErrors},
		effect: func() effect { return &cloudAPIThrottled{} },
	},
	{
		Name: "cluster-down", Targets: model.KindNone,
		Help: "all machines are without power, those of the control plane and of etcd among them if they are not somebody else's; " +
			"a graceful one ends pods first where kubelets have a shutdownGracePeriod",
		Params: []string{ParamFor, ParamGraceful},
		effect: func() effect { return &clusterDown{} },
	},
	{
		Name: "cni-down", Targets: model.KindNode, Hosts: true,
		Help:   "the network plugin of some nodes fails: pods with a network keep it, but none can begin or be cleaned up there, and the nodes are Ready",
		Params: []string{ParamFor, ParamTarget},
		effect: func() effect { return &cniDown{} },
	},
	{
		Name: "cni-routes-lost", Targets: model.KindNode,
		Help: "some nodes lose what their network plugin has set up, at once or one after another: " +
			"their pods reach no other machine and nobody reaches them, but probes and the kubelet's own connections are well",
		Params: []string{ParamFor, ParamTarget, ParamStagger},
		effect: func() effect { return &cniRoutesLost{} },
	},
	{
		Name: "component-partition", Targets: model.KindNone, Components: leading,
		Help:   "a component that elects a leader, where it leads or on some machines of the control plane, is cut off from the API servers",
		Params: []string{ParamFor, ParamComponent, ParamReplica},
		effect: func() effect { return &componentPartition{} },
	},
	{
		Name: "config-push", Targets: model.KindNone,
		Help:   "a change, such as an image that crashes, is rolled out to many workloads at a rate; when it ends that stops, and may be given back",
		Params: []string{ParamFor, ParamPush},
		effect: func() effect { return &configPush{} },
	},
	{
		Name: "conntrack-full", Targets: model.KindNode,
		Help:   "established connections of something else take a share of the conntrack table of some nodes, 95% unless said: a full table drops new ones, those of probes among them",
		Params: []string{ParamFor, ParamTarget, ParamFill},
		effect: func() effect { return &share{of: conntrack} },
	},
	{
		Name: "container-crash", Targets: model.KindPod, Hosts: true, Moment: true,
		Help: "processes exit: the containers of some pods, sidecars only by name, end with an exit code or by a signal, once, " +
			"or for as long as it lasts and at most so many times, soon or some time after each start",
		Params: []string{ParamFor, ParamTarget, ParamContainer, ParamExitCode, ParamSignal, ParamAfter, ParamTimes},
		effect: func() effect { return &containerCrash{} },
	},
	{
		Name: "container-stress", Targets: model.KindPod, Hosts: true,
		Help: "processes in the containers of some pods, in sidecars only by name, use CPU (an amount, or workers that use a core or a share of it each) " +
			"and memory, at once or more and more, within the containers' limits, " +
			"or write to the disk, so much (disk) or until a share of the limit of ephemeral storage is written (fill)",
		Params: []string{ParamFor, ParamTarget, ParamContainer, ParamCPU, ParamLoad, ParamWorkers, ParamDisk, ParamFill, ParamMemory, ParamGrowth},
		effect: func() effect { return &containerStress{} },
	},
	{
		Name: "controller-manager-crash", Targets: model.KindNone, Moment: true,
		Help:   "kube-controller-manager exits: where it leads, or on some machines of the control plane; it starts again at once, or when the fault is over",
		Params: []string{ParamFor, ParamReplica},
		effect: newControllerManagerCrash,
	},
	{
		Name: "cpu-stress", Targets: model.KindNode, Hosts: true,
		Help:   "processes of the system, outside of all pods, want CPU on some nodes: an amount, a share of what the node has, or so many workers that share of a core each",
		Params: []string{ParamFor, ParamTarget, ParamCPU, ParamLoad, ParamWorkers},
		effect: func() effect { return &cpuStress{} },
	},
	{
		Name: "disk-error", Targets: model.KindNode, Hosts: true,
		Help:   "writing to the disks of some nodes fails (EIO, ENOSPC or EROFS): their containers go on, but none can be made there, and the nodes are Ready",
		Params: []string{ParamFor, ParamTarget, ParamErrno},
		effect: func() effect { return &diskError{} },
	},
	{
		Name: "disk-fill", Targets: model.KindNode, Hosts: true,
		Help:   "something that is no container fills the disk of some nodes, its inodes, or both, up to a share; when it ends that is deleted",
		Params: []string{ParamFor, ParamTarget, ParamInodes, ParamFill},
		effect: func() effect { return &diskFill{} },
	},
	{
		Name: "disk-slow", Targets: model.KindNode, Hosts: true,
		Help:   "the disks of some nodes work at a share of their speed: images are unpacked and containers made later",
		Params: []string{ParamFor, ParamTarget, ParamRate},
		effect: func() effect { return &diskSlow{} },
	},
	{
		Name: "dns-down", Targets: model.KindNone, DNS: true,
		Help:   "DNS servers answer nothing, although their pods are Ready",
		Params: []string{ParamFor, ParamNames},
		effect: func() effect { return &dnsDown{} },
	},
	{
		Name: "dns-error", Targets: model.KindNone, DNS: true,
		Help:   "DNS servers answer some queries with an error, say that there is no such name, or give a wrong address, which caches keep as a right one",
		Params: []string{ParamFor, ParamErrors, ParamAnswer, ParamNames},
		effect: func() effect { return &dnsError{} },
	},
	{
		Name: "dns-slow", Targets: model.KindNone, DNS: true,
		Help:   "DNS servers take longer for every query; 5 s is as good as no answer",
		Params: []string{ParamFor, ParamLatency, ParamNames},
		effect: func() effect { return &dnsSlow{} },
	},
	{
		Name: "etcd-machine-down", Targets: model.KindNone, OwnEtcd: true,
		Help:   "some machines that etcd has for itself have no power: their members are gone, and silent",
		Params: []string{ParamFor, ParamMember},
		effect: func() effect { return &etcdMachineDown{} },
	},
	{
		Name: "etcd-member-down", Targets: model.KindNone,
		Help:   "some members of etcd do not run; without a majority nothing is written; a graceful one that leads hands over before it ends",
		Params: []string{ParamFor, ParamMember, ParamGraceful},
		effect: func() effect { return &etcdMemberDown{} },
	},
	{
		Name: "etcd-no-space", Targets: model.KindNone,
		Help:   "etcd's database reaches its quota: only deletions are taken, until somebody compacts, defragments and disarms the alarm",
		Params: []string{ParamFor},
		effect: func() effect { return etcdNoSpace{} },
	},
	{
		Name: "etcd-partition", Targets: model.KindNone,
		Help:   "some machines of etcd are cut off from others of it and of the control plane, in one direction or both",
		Params: []string{ParamFor, ParamMember, ParamFrom, ParamDirection},
		effect: func() effect { return &etcdPartition{} },
	},
	{
		Name: "etcd-restore", Targets: model.KindNone, Ends: true,
		Help:   "an operator stops the API servers and etcd and lets both begin anew with a backup of an earlier time: the revision goes back, unless it is bumped",
		Params: []string{ParamFor, ParamBackup, ParamBump},
		effect: func() effect { return &etcdRestore{} },
	},
	{
		Name: "etcd-slow-disk", Targets: model.KindNone,
		Help:   "writing to the disk of some etcd members takes longer",
		Params: []string{ParamFor, ParamMember, ParamFsync},
		effect: func() effect { return &etcdSlowDisk{} },
	},
	{
		Name: "finalizer-stuck", Targets: model.KindPod,
		Help:   "some pods have a finalizer that nobody takes off: if they are deleted they end and stay Terminating, until it is over or somebody patches them",
		Params: []string{ParamFor, ParamTarget},
		effect: func() effect { return &finalizerStuck{} },
	},
	{
		Name: "image-missing", Targets: model.KindNone, Hosts: true,
		Help:   "an image is not in its registry, as nobody has pushed it, its tag is misspelt, or somebody has deleted it: who does not have it, or always asks, cannot pull it",
		Params: []string{ParamFor, ParamImage},
		effect: func() effect { return &imageMissing{} },
	},
	{
		Name: "interface-down", Targets: model.KindNode,
		Help:   "the network interface of some nodes is down: they are cut off from everybody, the control plane, other nodes and whoever sends from outside",
		Params: []string{ParamFor, ParamTarget},
		effect: func() effect { return &interfaceDown{} },
	},
	{
		Name: "kubelet-restart", Targets: model.KindNode, Moment: true,
		Help:   "the kubelet of some nodes ends and starts again at once; their containers go on",
		Params: []string{ParamTarget},
		effect: func() effect { return kubeletRestart{} },
	},
	{
		Name: "kubelet-stop", Targets: model.KindNode,
		Help:   "the kubelet of some nodes does not run; their containers do",
		Params: []string{ParamFor, ParamTarget},
		effect: func() effect { return &kubeletStop{} },
	},
	{
		Name: "lb-health-fail", Targets: model.KindNode,
		Help:   "load balancers' health checks of some nodes fail, although these are well",
		Params: []string{ParamFor, ParamTarget}, Balancers: true,
		effect: func() effect { return &lbHealthFail{} },
	},
	{
		Name: "leader-loss", Targets: model.KindNone, Components: leading,
		Help:   "the replica of a component that leads is killed, or asked to end, and stays away: another takes over",
		Params: []string{ParamFor, ParamComponent, ParamGraceful},
		effect: func() effect { return &leaderLoss{} },
	},
	{
		Name: "memory-stress", Targets: model.KindNode, Hosts: true,
		Help: "a process of the system, outside of all pods, uses the memory of some nodes up to a share, " +
			"more and more over a time; when the kernel kills it, by its oomScoreAdj, it begins anew",
		Params: []string{ParamFor, ParamTarget, ParamFill, ParamOver, ParamOOMAdj},
		effect: func() effect { return &memoryStress{} },
	},
	{
		Name: "network-bandwidth", Targets: model.KindNode,
		Help:   "the network connection of some nodes has a share of its speed left: images take longer to download, and requests that have a size (behavior.bytes) to arrive",
		Params: []string{ParamFor, ParamTarget, ParamRate},
		effect: func() effect { return &share{of: connection} },
	},
	{
		Name: "network-delay", Targets: model.KindNode,
		Help:   "messages between some nodes and the control plane, other nodes or whoever is outside (peer: internet) take longer, in one direction or both",
		Params: []string{ParamFor, ParamTarget, ParamPeer, ParamDirection, ParamLatency, ParamCorr},
		effect: func() effect { return &networkDelay{} },
	},
	{
		Name: "network-loss", Targets: model.KindNode,
		Help:   "some of the messages between some nodes and the control plane, other nodes or whoever is outside (peer: internet) are lost and sent again, in one direction or both",
		Params: []string{ParamFor, ParamTarget, ParamPeer, ParamDirection, ParamLoss, ParamCorr},
		effect: func() effect { return &networkLoss{} },
	},
	{
		Name: "node-down", Targets: model.KindNode,
		Help:   "some nodes have no power: everything on them is gone, and they are silent; a graceful one ends its pods first if its kubelet has a shutdownGracePeriod",
		Params: []string{ParamFor, ParamTarget, ParamGraceful},
		effect: func() effect { return &nodeDown{} },
	},
	{
		Name: "node-flapping", Targets: model.KindNode,
		Help:   "some nodes are lost for a part of every period: cut off from the control plane, or without a container runtime",
		Params: []string{ParamFor, ParamTarget, ParamPeriod, ParamDown, ParamCause},
		effect: func() effect { return &nodeFlapping{} },
	},
	{
		Name: "node-reboot", Targets: model.KindNode, Moment: true,
		Help:   "some nodes boot anew; a graceful one ends its pods first if its kubelet has a shutdownGracePeriod",
		Params: []string{ParamTarget, ParamGraceful},
		effect: func() effect { return nodeReboot{} },
	},
	{
		Name: "node-terminate", Targets: model.KindNode, Cloud: true, Moment: true,
		Help:   "the machines of some nodes are gone for good, and the cloud knows it",
		Params: []string{ParamTarget},
		effect: func() effect { return nodeTerminate{} },
	},
	{
		Name: "out-of-capacity", Targets: model.KindNone, Cloud: true,
		Help:   "the cloud has no more machines for a node group, in a zone, or at all",
		Params: []string{ParamFor, ParamGroup, ParamZone},
		effect: func() effect { return &outOfCapacity{} },
	},
	{
		Name: "partition", Targets: model.KindNode,
		Help:   "some nodes are cut off from the control plane, from other nodes or from whoever is outside (peer: internet), in one direction or both",
		Params: []string{ParamFor, ParamTarget, ParamPeer, ParamDirection},
		effect: func() effect { return &partition{} },
	},
	{
		Name: "pid-exhaustion", Targets: model.KindNode, Hosts: true,
		Help:   "processes of the system, outside of all pods, take a share of the processes that there can be on some nodes; where all are there, nothing starts",
		Params: []string{ParamFor, ParamTarget, ParamFill},
		effect: func() effect { return &pidExhaustion{} },
	},
	{
		Name: "pod-error", Targets: model.KindPod,
		Help:   "some pods answer a share of their requests with an error, all of them if nothing is said, and their probes as ever",
		Params: []string{ParamFor, ParamTarget, ParamErrors},
		effect: func() effect { return &podError{} },
	},
	{
		Name: "pod-failure", Targets: model.KindPod, Hosts: true,
		Help:   "the processes of some pods hang: they answer neither requests nor probes, nor SIGTERM until it is over, and the pods stay",
		Params: []string{ParamFor, ParamTarget},
		effect: func() effect { return &podFailure{} },
	},
	{
		Name: "pod-io", Targets: model.KindPod,
		Help: "what some pods read and write takes longer (latency), or a share of it is answered with an error (errno and errors): " +
			"every request to them reads or writes once, and every start-up of their containers, which only takes longer; probes do not",
		Params: []string{ParamFor, ParamTarget, ParamIO},
		effect: func() effect { return &podIO{} },
	},
	{
		Name: "pod-kill", Targets: model.KindPod, Moment: true,
		Help:   "some pods are deleted, with their grace, another one or by force; no budget is asked",
		Params: []string{ParamTarget, ParamForce, ParamGrace},
		effect: func() effect { return podKill{} },
	},
	{
		Name: "pod-network-bandwidth", Targets: model.KindPod,
		Help: "requests and answers that have a size (behavior.bytes) come from some pods, and go to them, " +
			"at no more than so many bytes a second each way; what their machines send and download does as ever",
		Params: []string{ParamFor, ParamTarget, ParamBandwidth},
		effect: func() effect { return &podNetworkBandwidth{} },
	},
	{
		Name: "pod-network-delay", Targets: model.KindPod,
		Help: "what some pods send and are asked takes longer on its way, between them and other pods or nodes, " +
			"the control plane (peer: control-plane), whoever is outside (peer: internet) or everybody, in one direction or both; what their machines send does not",
		Params: []string{ParamFor, ParamTarget, ParamPeer, ParamDirection, ParamLatency},
		effect: func() effect { return &podNetworkDelay{} },
	},
	{
		Name: "pod-network-loss", Targets: model.KindPod,
		Help: "some of the messages between some pods and other pods or nodes, the control plane (peer: control-plane), " +
			"whoever is outside (peer: internet) or everybody, are lost and sent again, in one direction or both; none of their machines' are",
		Params: []string{ParamFor, ParamTarget, ParamPeer, ParamDirection, ParamLoss},
		effect: func() effect { return &podNetworkLoss{} },
	},
	{
		Name: "pod-partition", Targets: model.KindPod,
		Help: "some pods are cut off from other pods or nodes, the control plane (peer: control-plane), " +
			"whoever is outside (peer: internet) or everybody, in one direction or both; their kubelets see nothing of it",
		Params: []string{ParamFor, ParamTarget, ParamPeer, ParamDirection},
		effect: func() effect { return &podPartition{} },
	},
	{
		Name: "pod-slow", Targets: model.KindPod,
		Help:   "requests take longer at some pods, and so do those that call them",
		Params: []string{ParamFor, ParamTarget, ParamLatency},
		effect: func() effect { return &podSlow{} },
	},
	{
		Name: "probe-failure", Targets: model.KindPod, Hosts: true,
		Help:   "probes of some pods are not answered, of one kind or all, all of them or a share, although the processes are well",
		Params: []string{ParamFor, ParamTarget, ParamContainer, ParamProbe, ParamErrors},
		effect: func() effect { return &probeHarm{} },
	},
	{
		Name: "probe-slow", Targets: model.KindPod, Hosts: true,
		Help:   "answers to probes of some pods take longer, of one kind or all, although the processes are well; one that takes its probe's timeout is none",
		Params: []string{ParamFor, ParamTarget, ParamContainer, ParamProbe, ParamLatency},
		effect: func() effect { return &probeHarm{} },
	},
	{
		Name: "proxy-rules-lost", Targets: model.KindNode, Moment: true,
		Help:   "the rules of kube-proxy on some nodes are flushed: new connections to Services go nowhere, for up to 30 s, until it looks",
		Params: []string{ParamTarget},
		effect: func() effect { return proxyRulesLost{} },
	},
	{
		Name: "proxy-stop", Targets: model.KindNode,
		Help:   "the kube-proxy of some nodes does not run: their rules stay as they are, and their health checks fail",
		Params: []string{ParamFor, ParamTarget},
		effect: func() effect { return &proxyStop{} },
	},
	{
		Name: "registry-down", Targets: model.KindNone, Hosts: true,
		Help:   "an image registry, or all of them, fails every pull, fast, or slowly because nobody answers: what is not on a node cannot be pulled",
		Params: []string{ParamFor, ParamRegistry, ParamMode},
		effect: func() effect { return &registryDown{} },
	},
	{
		Name: "registry-rate-limited", Targets: model.KindNone, Hosts: true,
		Help:   "an image registry, or all of them, refuses a share of the pulls, every one if nothing is said: too many requests",
		Params: []string{ParamFor, ParamRegistry, ParamErrors},
		effect: func() effect { return &registryRateLimited{} },
	},
	{
		Name: "registry-slow", Targets: model.KindNone, Hosts: true,
		Help:   "an image registry, or all of them, sends images at a share of its speed",
		Params: []string{ParamFor, ParamRegistry, ParamRate},
		effect: func() effect { return &registrySlow{} },
	},
	{
		Name: "runtime-down", Targets: model.KindNode, Hosts: true,
		Help:   "the container runtime of some nodes does not run: their containers do, but none can be started, stopped or seen, and after half a minute the node is not ready",
		Params: []string{ParamFor, ParamTarget},
		effect: func() effect { return &runtimeDown{} },
	},
	{
		Name: "scheduler-crash", Targets: model.KindNone, Moment: true,
		Help:   "kube-scheduler exits: where it leads, or on some machines of the control plane; it starts again at once, or when the fault is over",
		Params: []string{ParamFor, ParamReplica},
		effect: newSchedulerCrash,
	},
	{
		Name: "slow-boot", Targets: model.KindNone, Cloud: true,
		Help:   "machines that the cloud makes take longer until their kubelet starts, or for ever",
		Params: []string{ParamFor, ParamGroup, ParamZone, ParamBoot},
		effect: func() effect { return &slowBoot{} },
	},
	{
		Name: "slow-start", Targets: model.KindNone,
		Help:   "containers of some pods that start meanwhile, and those of pods that are made meanwhile, start up at a share of their speed",
		Params: []string{ParamFor, ParamStarts, ParamRate},
		effect: func() effect { return &slowStart{} },
	},
	{
		Name: "spot-reclaim", Targets: model.KindNode, Cloud: true, Moment: true,
		Help:   "the cloud takes the machines of some nodes back, and says so two minutes before",
		Params: []string{ParamTarget, ParamNotice},
		effect: func() effect { return spotReclaim{} },
	},
	{
		Name: "stuck-terminating", Targets: model.KindPod, Hosts: true,
		Help:   "the volumes of some pods cannot be unmounted: if they are deleted they stay Terminating",
		Params: []string{ParamFor, ParamTarget},
		effect: func() effect { return &stuckTerminating{} },
	},
	{
		Name: "swizzle-clog", Targets: model.KindNode, Ends: true,
		Help:   "some nodes are cut off from everybody one after another, and come back one after another in an order of chance",
		Params: []string{ParamFor, ParamTarget, ParamStagger},
		effect: func() effect { return &swizzleClog{} },
	},
	{
		Name: "token-expiry", Targets: model.KindNone,
		Help:   "the token of a controller, such as deployment-controller, or of every kube-proxy expires",
		Params: []string{ParamFor, ParamComponent},
		effect: func() effect { return &tokenExpiry{} },
	},
	{
		Name: "volume-detach", Targets: model.KindPod, Disks: true, Hosts: true,
		Help:   "the disks that some pods have mounted are taken away from their machines and nobody is told: their containers crash, until it is over or the pods are made anew",
		Params: []string{ParamFor, ParamTarget},
		effect: func() effect { return &volumeDetach{} },
	},
	{
		Name: "volume-lost", Targets: model.KindPod, Disks: true, Hosts: true, Moment: true,
		Help: "the disks of some pods' volumes are gone for good: what uses them crashes, nobody can attach or mount them again, " +
			"and with object their PersistentVolumes are deleted, so that their claims are Lost",
		Params: []string{ParamTarget, ParamObject},
		effect: func() effect { return &volumeLost{} },
	},
	{
		Name: "watch-lag", Targets: model.KindNode, Components: append(leading[:len(leading):len(leading)], kubelet, kubeProxy),
		Help:   "what a component watches arrives late, everything or some kinds; what it writes does not: that of the control plane, the kubelet of some nodes, or every kube-proxy",
		Params: []string{ParamFor, ParamComponent, ParamTarget, ParamBy, ParamKinds},
		effect: func() effect { return &watchLag{} },
	},
	{
		Name: "webhook-down", Targets: model.KindNone,
		Help:   "the program behind some admission webhooks refuses connections, whoever runs it",
		Params: []string{ParamFor, ParamWebhook},
		effect: func() effect { return &webhookDown{} },
	},
	{
		Name: "webhook-slow", Targets: model.KindNone,
		Help:   "some admission webhooks take longer to answer; longer than their timeout is as good as no answer",
		Params: []string{ParamFor, ParamWebhook, ParamLatency},
		effect: func() effect { return &webhookSlow{} },
	},
}

// Lookup is the kind of that name, nil if there is none.
func Lookup(name string) *Kind {
	for i := range Kinds {
		if Kinds[i].Name == name {
			return &Kinds[i]
		}
	}
	return nil
}
