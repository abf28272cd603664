package scenarios

import (
	"strconv"

	"orrery/model"
	"orrery/model/workload"
	"orrery/scenarios/strict"
)

// What a scenario may say of what runs in a cluster.

const (
	ofWorkload    = "workload"
	ofImages      = "workload.images[]"
	ofBehavior    = "workload.behavior[]"
	ofCalls       = "workload.behavior[].calls[]"
	ofProbes      = "workload.behavior[].probes"
	ofProbe       = "workload.behavior[].probes.readiness"
	ofBursts      = "workload.behavior[].bursts[]"
	ofTraffic     = "workload.traffic[]"
	ofRate        = "workload.traffic[].rps"
	ofStep        = "workload.traffic[].rps.steps[]"
	ofRamp        = "workload.traffic[].rps.ramp"
	ofDiurnal     = "workload.traffic[].rps.diurnal"
	ofConnections = "workload.traffic[].connections"
	ofDNS         = "workload.dns"
	ofWebhooks    = "workload.webhooks[]"
	ofMutate      = "workload.webhooks[].mutate"
	ofAgents      = "workload.agents[]"
)

var workloadOptions = options{
	{ofWorkload, "manifests", "", "a list", "[web.yaml]", "files, folders, patterns and objects that are applied at the start"},
	{ofWorkload, "missing", "", "a list", "[configmap/app, secret/db]", "ConfigMaps, Secrets and ServiceAccounts that are not there; others that pods need and no manifest has are taken to be"},
	{ofWorkload, "images", "", "a list", "[{name: web, layers: [{name: base, size: 80Mi}]}]", "what images are made of; those that share a layer pull it once"},
	{ofWorkload, "behavior", "", "a list", "[{match: {app: web}, cpu: 50m + 2m/rps}]", "what containers do; the first that matches one decides"},
	{ofWorkload, "traffic", "", "a list", "[{service: web, rps: 800}]", "who sends how many requests to which Service"},
	{ofWorkload, "dns", "", "a map", "{cache: node}", "who answers lookups of names; without it everybody knows all addresses"},
	{ofWorkload, "webhooks", "", "a list", "[{name: policy.example.com, latency: 20ms}]", "what the programs behind admission webhooks do"},
	{ofWorkload, "agents", "", "a list", "[{name: shipper, kind: pod}]", "programs on every node that list again when their connection was lost"},
}

var imageOptions = options{
	{ofImages, "name", "", "an image", "web", "required"},
	{ofImages, "layers", "", "a list", "[{name: base, size: 80Mi}, {name: app, size: 20Mi}]", "required: 1 to 127, compressed; those of one name are the same"},
}

var behaviorOptions = options{
	{ofBehavior, "match", "", "labels", "{app: web}", "of the pods that it is about; all unless said"},
	{ofBehavior, "namespace", "", "a namespace", "default", "of these pods; any unless said"},
	{ofBehavior, "container", "", "a name", "main", "of the containers; all of the pod unless said"},
	{ofBehavior, "startup", "1s..3s", "a duration or a distribution", "20s", "from the start of a process until it serves"},
	{ofBehavior, "startupCPU", "", "cores", "2", "that it needs meanwhile; with less that takes longer in proportion"},
	{ofBehavior, "needsAPI", "false", "true or false", "true", "it lists what it works with from an API server before it serves, as CoreDNS does"},
	{ofBehavior, "run", "", "a duration or a distribution", "1h", "after which it exits by itself; unless said, it does not, but an init container that is no sidecar does after 1s..3s"},
	{ofBehavior, "exitCode", "0", "0 to 255", "1", "of that exit"},
	{ofBehavior, "exits", "", "a number", "3", "instances that exit, until one stays; all unless said"},
	{ofBehavior, "stop", "50ms..300ms", "a duration or a distribution", "5s", "from SIGTERM to its exit"},
	{ofBehavior, "stopExitCode", "143", "0 to 255", "0", "of that exit"},
	{ofBehavior, "preStop", "", "a duration or a distribution", "5s", "that this hook takes, whether or not the manifest has one"},
	{ofBehavior, "preStopFails", "0%", "a share", "5%", "how often it fails, after that time"},
	{ofBehavior, "postStart", "", "a duration or a distribution", "1s", "that this hook takes"},
	{ofBehavior, "postStartFails", "0%", "a share", "5%", "how often it fails, after that time"},
	{ofBehavior, "cpu", "", "cores", "50m + 2m/rps", "that it uses at rest, a rate of which nothing is made up later, and for each request a second; requests cost nothing unless said"},
	{ofBehavior, "memory", "", "bytes", "50Mi + 20Ki/rps + 1Mi/s", "from the start, for each request a second, and more every second"},
	{ofBehavior, "disk", "", "bytes", "1Gi + 10Ki/s", "that it writes into its own layer, at the start and every second"},
	{ofBehavior, "logs", "", "bytes a second", "100Ki/s", "that it logs, into files that its kubelet rotates"},
	{ofBehavior, "inodes", "", "files", "1000 + 2.5/s", "that it makes, at the start and every second"},
	{ofBehavior, "pids", "", "processes", "20 + 1/rps + 0.5/s", "that it has, threads included"},
	{ofBehavior, "volumes", "", "bytes", "{cache: 1Gi + 1Mi/s}", "that it writes into emptyDirs of its pod, by their names"},
	{ofBehavior, "image", "", "bytes", "250Mi", "of its image, compressed; unless said, what a node says that has it, or 100Mi"},
	{ofBehavior, "latency", "", "a duration", "5ms", "of a request, besides its CPU and calls"},
	{ofBehavior, "threads", "1", "CPUs", "4", "that work on one request at a time"},
	{ofBehavior, "workers", "", "requests", "64", "that a pod handles at a time; no limit unless said"},
	{ofBehavior, "queue", "0", "requests", "100", "that wait for a worker at most"},
	{ofBehavior, "bytes", "", "bytes", "{request: 2Ki, answer: 100Ki}", "on the network; one number is of the answer; unless said, too little to count"},
	{ofBehavior, "calls", "", "a list", "[{service: db, per_request: 2}]", "what each request asks of others, one after another, all of them whatever becomes of the first"},
	{ofBehavior, "probes", "", "a map", "{readiness: own}", "what answers each kind of probe"},
	{ofBehavior, "bursts", "", "a list", "[{after: 1m, for: 20s, every: 10m, cpu: 600m}]", "of CPU and memory, besides all that"},
}

var callOptions = options{
	{ofCalls, "service", "", "a name", "db", "required: a Service, or one pod of a StatefulSet behind it (db-0.db)"},
	{ofCalls, "namespace", "", "a namespace", "default", "of the Service; the behavior's unless said"},
	{ofCalls, "per_request", "1", "calls", "0.5", "for each request"},
	{ofCalls, "timeout", "30s", "a duration", "1s", "of each attempt"},
	{ofCalls, "retries", "0", "attempts", "2", "after one that failed"},
}

// probeOptions is the kinds of probes; they stand in the order of model.ProbeKind.
var probeOptions = options{
	model.Readiness: {ofProbes, "readiness", "", "a path", "own",
		"own (a thread of its own: while the process runs), queue (as a request waits for a worker), " +
			"or request (all that a request does); queue for HTTP and gRPC, else own, unless said"},
	model.Liveness: {ofProbes, "liveness", "", "a path", "queue", "the same, for these"},
	model.Startup:  {ofProbes, "startup", "", "a path", "{path: request, needs: db}", "the same, for these; each may be a map"},
}

// probeMapOptions is what a map about a probe of any kind says.
var probeMapOptions = options{
	{ofProbe, "path", "", "a path", "own", "what answers it: own, queue or request"},
	{ofProbe, "needs", "", "a Service", "db", "required: that it asks before it answers"},
}

var burstOptions = options{
	{ofBursts, "after", "0s", "a duration", "1m", "from the container's start to the first"},
	{ofBursts, "for", "", "a duration", "20s", "that each lasts; for ever unless said"},
	{ofBursts, "every", "", "a duration", "10m", "from one to the next; one only unless said"},
	{ofBursts, "cpu", "", "cores", "600m", "besides"},
	{ofBursts, "memory", "", "bytes", "150Mi", "besides"},
}

var trafficOptions = options{
	{ofTraffic, "service", "", "a name", "web", "required: a Service, or one pod of a StatefulSet behind it (db-0.db)"},
	{ofTraffic, "namespace", "default", "a namespace", "shop", "of the Service"},
	{ofTraffic, "rps", "", "requests a second", "800", "required: a number, or a map that says how it changes"},
	{ofTraffic, "from", "ingress", "a source", "node/n", "ingress, internet, node/NAME, deployment/NAME or NAMESPACE/deployment/NAME"},
	{ofTraffic, "timeout", "", "a duration", "2s", "of each attempt; none unless said"},
	{ofTraffic, "retries", "0", "attempts", "2", "after one that failed"},
	{ofTraffic, "connections", "", "a map", "{each: 10}", "that requests share; unless said each has one of its own"},
}

var rateOptions = options{
	{ofRate, "steps", "", "a list", "[{at: 0s, rps: 100}, {at: 5m, rps: 900}]", "each rate from its time on"},
	{ofRate, "ramp", "", "a map", "{from: 100, to: 900, start: 5m, end: 8m}", "from one rate to another"},
	{ofRate, "diurnal", "", "a map", "{low: 100, high: 900}", "up and down, as a sine"},
	{ofRate, "every", "", "a duration", "1h", "after which steps or rows begin anew"},
}

// rateFileOptions is what a rate says that is in a table.
var rateFileOptions = options{
	{ofRate, "file", "", "a file", "load.csv", "a table of steps"},
	{ofRate, "columns", "", "a map", "{at: seconds, rps: requests}", "which of its columns hold what; each a name or a number, or a map as in trace.pods"},
	{ofRate, "origin", "", "a moment", "first", "of the table, at which the run begins: first is that of the first row, otherwise a date or a time; 0s unless said"},
}

var stepOptions = options{
	{ofStep, "at", "", "a duration", "0s", "required"},
	{ofStep, "rps", "", "requests a second", "100", "required"},
}

var rampOptions = options{
	{ofRamp, "from", "", "requests a second", "100", "required"},
	{ofRamp, "to", "", "requests a second", "900", "required"},
	{ofRamp, "start", "", "a duration", "5m", "required: when it begins to change"},
	{ofRamp, "end", "", "a duration", "8m", "required: when it no longer does"},
	{ofRamp, "step", "15s", "a duration", "30s", "that a rate stays the same"},
}

var diurnalOptions = options{
	{ofDiurnal, "low", "", "requests a second", "100", "required"},
	{ofDiurnal, "high", "", "requests a second", "900", "required"},
	{ofDiurnal, "period", "24h", "a duration", "20h", "of one up and down"},
	{ofDiurnal, "peak", "", "a duration", "10h", "after which it is highest; unless said, 7/12 of the period, as 14h are of a day"},
	{ofDiurnal, "step", "5m", "a duration", "1m", "that a rate stays the same"},
}

var connectionOptions = options{
	{ofConnections, "each", "", "connections", "10", "that a pod or machine that sends keeps for ever; unless said, so many that they are spread evenly"},
	{ofConnections, "lifetime", "", "a duration", "10m", "of one, on the average, where they are not counted; for ever unless said"},
	{ofConnections, "giveUp", strict.FormatDuration(workload.Silence), "a duration", "30s", "after which one is given up on which nothing is answered"},
}

var dnsOptions = options{
	{ofDNS, "service", "kube-dns", "a name", "coredns", "of the Service of the servers"},
	{ofDNS, "namespace", model.NamespaceSystem, "a namespace", "default", "of that Service"},
	{ofDNS, "ttl", "30s", "a duration", "5s", "that an answer is kept, if anybody keeps one"},
	{ofDNS, "ndots", "5", "0 to 15", "2", "dots below which a name is tried with the search domains first, unless a pod's dnsConfig says otherwise"},
	{ofDNS, "lookups", "1", "names", "0.1", "of Services, that a request of a pod looks up"},
	{ofDNS, "external", "0", "names", "0.5", "of others, that it looks up besides"},
	{ofDNS, "cache", "none", "a word", "node", "who keeps answers: none, pod or node"},
	{ofDNS, "serveStale", "", "a duration", "1h", "that the cache gives old answers after the ttl, while nobody answers or with SERVFAIL only"},
}

var webhookOptions = options{
	{ofWebhooks, "name", "", "a name", "policy.example.com", "required: of a webhook of the manifests"},
	{ofWebhooks, "latency", "", "a duration or a distribution", "20ms", "of an answer"},
	{ofWebhooks, "deny", "", "a map", "{match: {app: web}, message: not today}", "what it refuses, and in which words; all unless match says"},
	{ofWebhooks, "mutate", "", "a map", "{labels: {seen: yes-it-is}}", "what it changes"},
}

var mutateOptions = options{
	{ofMutate, "labels", "", "labels", "{seen: yes-it-is}", "that it adds"},
	{ofMutate, "tolerations", "", "taints", `["dedicated=gpu:NoSchedule"]`, "that pods come to tolerate"},
	{ofMutate, "requests", "", "amounts", "{cpu: 100m, memory: 64Mi}", "of containers that say none"},
}

var agentOptions = options{
	{ofAgents, "name", "", "a name", "log-shipper", "required"},
	{ofAgents, "as", "", "a user", `"system:serviceaccount:logs:shipper"`, "who asks; the administrator unless said"},
	{ofAgents, "kind", "", "a kind", "pod", "required: what they list"},
	{ofAgents, "lists", "1", "lists", "60", "that each makes, all at once"},
	{ofAgents, "objects", "", "objects", "7130", "of a list; as many as there are unless said"},
	{ofAgents, "objectBytes", strconv.Itoa(usualListBytes), "bytes", "1867", "of one"},
	{ofAgents, "resourceVersion", "", "a version", `"0"`, `"", as unless said, lists what is true now, "0" what the API server has at hand`},
	{ofAgents, "jitter", "", "a duration", "1m", "that each waits at most before it lists; nothing unless said"},
}
