package scenarios

// What a scenario may say besides its cluster and its workload.

const (
	ofScheduler  = "scheduler"
	ofPolicies   = "policies[]"
	ofTrace      = "trace"
	ofTables     = "trace.pods"
	ofColumn     = "trace.pods.columns.cpu"
	ofSpan       = "trace.pods.columns.duration"
	ofWords      = "trace.pods.columns.gpuModels"
	ofTraceTime  = "trace.time"
	ofTimeline   = "timeline[]"
	ofRepeat     = "timeline[].repeat"
	ofExpression = "timeline[].matchExpressions[]"
	ofExpect     = "expect[]"
)

var scenarioOptions = options{
	{"", "apiVersion", "", "a version", Version, "required"},
	{"", "name", "", "a name", "zone-outage", "required"},
	{"", "about", "", "prose", "A zone goes dark.", "what happens, and why it is worth a test"},
	{"", "duration", "", "a duration", "45m", "required: of the run, 1s to 366d"},
	{"", "seed", "1", "a number", "7", "of all luck"},
	{"", "scheduler", "", "a map", "{policy: bin-pack}", "how it chooses nodes"},
	{"", "policies", "", "a list", "[{name: packed}]", "the scenario's own, besides those of orrery list policies"},
	{"", "cluster", "", "a map", "{nodes: [{name: n, cpu: 4, memory: 16Gi}]}", "required, unless a trace has nodes"},
	{"", "trace", "", "a map", "{nodes: {file: nodes.csv, columns: {cpu: cores, memory: bytes}}}", "nodes, pods or both from tables"},
	{"", "workload", "", "a map", "{manifests: [web.yaml]}", "what runs in the cluster, and who asks it for what"},
	{"", "timeline", "", "a list", "[{at: 5m, fault: node-reboot, target: node/n}]", "what people do (do), and what goes wrong (fault)"},
	{"", "expect", "", "a list", `["restarts() == 0"]`, "what is promised of the run, each a line or a map; see orrery list metrics"},
}

var schedulerOptions = options{
	{ofScheduler, "policy", "", "a policy", "bin-pack", "one of policies, or of orrery list policies; kube-scheduler's default unless said"},
	{ofScheduler, "ties", "heap", "a way", "random", "who is taken among equals: heap as kube-scheduler does, random as it did before v1.35, or first"},
}

var policyOptions = options{
	{ofPolicies, "name", "", "a name", "fullest", "required"},
	{ofPolicies, "about", "", "prose", "Fill the fullest node.", "for people"},
	{ofPolicies, "plugins", "", "a map", `{score: {disabled: [{name: "*"}], enabled: [{name: BestFit, weight: 2}]}}`, "as in a profile of a KubeSchedulerConfiguration"},
	{ofPolicies, "pluginConfig", "", "a list", "[{name: PodTopologySpread, args: {defaultingType: List}}]", "as there"},
	{ofPolicies, "percentageOfNodesToScore", "", "percent", "50", "as there; unless said, fewer the more nodes there are"},
}

var traceOptions = options{
	{ofTrace, "nodes", "", "a map", "{file: nodes.csv, columns: {cpu: cores, memory: bytes}}", "what of trace.pods fits, for a table of nodes"},
	{ofTrace, "pods", "", "a map", "{file: pods.csv, columns: {arrival: seconds, cpu: cores, memory: bytes}}", "a table of pods"},
	{ofTrace, "time", "", "a map", "{faster: 60}", "how the times of the table become those of the run"},
}

var tableOptions = options{
	{ofTables, "file", "", "a file", "pods.csv", "required"},
	{ofTables, "delimiter", "comma", "a word", "semicolon", "between cells: comma, semicolon, tab, space or pipe"},
	{ofTables, "header", "true", "true or false", "false", "the first row names the columns; without one they are called 1, 2 and so on"},
	{ofTables, "rows", "1000000", "rows", "5000", "that are read, of those that count"},
	{ofTables, "where", "", "a map", "{seconds: [0, 5]}", "which rows count: words that a column must have"},
	{ofTables, "labels", "", "labels", "{from: trace}", "of all that it has"},
	{ofTables, "columns", "", "a map", "{arrival: seconds, cpu: cores, memory: bytes}",
		"required: which column holds what, see orrery list columns; each a name or a number, or a map"},
}

// columnOptions is what a map about a column says, of numbers and of words.
var columnOptions = options{
	{ofColumn, "column", "", "a name or a number", "cores", "which one; two may make a name"},
	{ofColumn, "unit", "", "an amount", "10m", "that 1 in the column is worth; date for a moment; see orrery list columns"},
	{ofColumn, "default", "", "a value", "0.5", "of an empty cell"},
	{ofColumn, "value", "", "a value", "2", "of all rows, without a column"},
}

var spanOptions = options{
	{ofSpan, "from", "", "a name or a number", "seconds", "required, of the time between two moments: the column of the first"},
	{ofSpan, "to", "", "a name or a number", "ended", "required: that of the second"},
	{ofSpan, "unit", "", "an amount", "1ms", "that 1 in these is worth"},
}

var wordsOptions = options{
	{ofWords, "separator", "", "a text", "/", `between several words in a cell; "|" unless said`},
}

var traceTimeOptions = options{
	{ofTraceTime, "origin", "first", "a moment", "90s", "at which the run begins: first is that of the first arrival, otherwise a date or a time of the table"},
	{ofTraceTime, "faster", "1", "a number", "60", "by which all times are divided"},
	{ofTraceTime, "denser", "1", "a number", "2.5", "by which times between arrivals are divided: more is there at once"},
}

var repeatOptions = options{
	{ofRepeat, "every", "", "a duration", "5m", "required: from one beginning to the next, at least 1s"},
	{ofRepeat, "times", "", "a number", "3", "in all; unless said, to the end of the run"},
}

var expressionOptions = options{
	{ofExpression, "key", "", "a label", "app", "required"},
	{ofExpression, "operator", "", "an operator", "In", "required: In, NotIn, Exists or DoesNotExist"},
	{ofExpression, "values", "", "a list", "[web, db]", "for In and NotIn"},
}

var expectOptions = options{
	{ofExpect, "expr", "", "a promise", "converged() within 10m after faults", "required"},
	{ofExpect, "id", "", "a name", "back", "by which a report names it"},
	{ofExpect, "why", "", "prose", "Nobody is up at night.", "for who reads that it was broken"},
}
