package manifest_test

import (
	"strings"
	"testing"

	"orrery/model"
	"orrery/scenarios/manifest"
)

// refusals is what is said of a pod of one container, to whose spec and whose container
// something is added.
func refusals(spec, container string) error {
	if spec != "" {
		spec += ", "
	}
	if container != "" {
		container = ", " + container
	}
	d := manifest.NewDecoder()
	d.Manifests().AddFile(manifest.File{Name: "pod.yaml", Data: []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {" + spec + `containers: [{name: c, image: "c:1"` + container + "}]}\n")})
	return d.Err()
}

// Source: v1.35 pkg/apis/core/validation/validation.go ValidatePodSpec, of fields that the
// model acts on: each of these is refused with its place and what would be right.
func TestWhatTheAPIServerRefusesOfAPodsFieldsIsRefused(t *testing.T) {
	for _, c := range []struct{ spec, container, want string }{
		{"", `ports: [{name: Bad_Name, containerPort: 80}]`, `ports[0].name: "Bad_Name": must contain only`},
		{"", `ports: [{name: a, containerPort: 80}, {name: a, containerPort: 81}]`, "ports[1].name: two ports of the container"},
		{"hostNetwork: true", `ports: [{containerPort: 80, hostPort: 81}]`, "ports[0].hostPort: must match containerPort, 80"},
		{"", `livenessProbe: {exec: {command: []}}`, "livenessProbe.exec.command: is missing"},
		{"", `readinessProbe: {httpGet: {path: /, port: 0}}`, "readinessProbe.httpGet.port: \"0\": must be between 1 and 65535"},
		{"", `startupProbe: {httpGet: {path: /, port: no such}}`, "startupProbe.httpGet.port: \"no such\": must contain only"},
		{"", `livenessProbe: {httpGet: {port: 80, scheme: FTP}}`, `httpGet.scheme: unknown value "FTP"`},
		{"", `livenessProbe: {tcpSocket: {port: 70000}}`, "tcpSocket.port: \"70000\": must be between"},
		{"", `livenessProbe: {grpc: {port: 0}}`, "grpc.port: \"0\": must be between"},
		{"", `lifecycle: {preStop: {exec: {}}}`, "lifecycle.preStop.exec: command: is missing"},
		{"", `resizePolicy: [{resourceName: cpu, restartPolicy: NotRequired}, {resourceName: cpu, restartPolicy: NotRequired}]`, "resizePolicy[1].resourceName: there are two policies for cpu"},
		{"restartPolicy: Never, initContainers: [{name: i, image: i, restartPolicy: Always, resizePolicy: [{resourceName: cpu, restartPolicy: RestartContainer}]}]", "", "initContainers[0].resizePolicy: must be NotRequired"},
		{"initContainers: [{name: i, image: i, restartPolicy: Always, restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [1]}}]}]", "", "restartPolicyRules: an init container with restartPolicy Always may have none"},
		{"", "restartPolicy: Never, restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [" + strings.Repeat("1, ", 255) + "1]}}]", "exitCodes.values: 256 values are more than 255"},
		{"volumes: [{name: V_1, emptyDir: {}}]", "", `volumes[0].name: "V_1": a lowercase RFC 1123 label`},
		{"volumes: [{name: v, emptyDir: {}, configMap: {name: x}}]", "", "volumes[0]: a volume is of one kind, and this one of 2"},
		{"volumes: [{name: v, persistentVolumeClaim: {}}]", "", "persistentVolumeClaim: claimName: is missing"},
		{"volumes: [{name: v, emptyDir: {}}]", "volumeMounts: [{name: v, mountPath: /a}, {name: v, mountPath: /a}]", `mountPath: two volumes are mounted at "/a"`},
		{"volumes: [{name: v, emptyDir: {}}]", "volumeMounts: [{name: v}]", "volumeMounts[0]: mountPath: is missing"},
		{`affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a b, operator: Exists}]}]}}}`, "", `key: "a b": name part must consist of`},
		{`affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: {matchExpressions: [{key: a b, operator: Exists}]}}]}}`, "", `key: "a b": name part must consist of`},
		{"topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule}, {maxSkew: 2, topologyKey: a, whenUnsatisfiable: DoNotSchedule}]", "", "topologySpreadConstraints[1]: another constraint has topologyKey a and whenUnsatisfiable DoNotSchedule, too"},
		{"schedulingGates: [{name: a/b}, {name: a/b}]", "", `schedulingGates[1].name: two gates are named "a/b"`},
		{"schedulingGates: [{name: a b}]", "", `schedulingGates[0].name: "a b": name part must consist of`},
		{"tolerations: [{key: a b, operator: Exists}]", "", `tolerations[0].key: "a b": name part must consist of`},
		{"tolerations: [{key: a, value: a b}]", "", `tolerations[0].value: "a b": a valid label must be`},
		{"", `resources: {limits: {example.com/x: 500m}}`, "500m: must be an integer"},
		{"", `resources: {limits: {hugepages-2Mi: 4Mi}}`, "who asks for hugepages-2Mi has to ask for cpu or memory, too"},
		{"", `resources: {requests: {cpu: "1"}, limits: {hugepages-2Mi: 3Mi}}`, "3Mi is no whole number of pages of 2Mi"},
		{"", `resources: {requests: {cpu: "1"}, limits: {hugepages-big: 3Mi}}`, `"big" is no size of a page`},
		{"resources: {requests: {ephemeral-storage: 1Gi}}", "", "ephemeral-storage: a pod as a whole asks for cpu, memory and huge pages only"},
		{"dnsPolicy: Host", "", `dnsPolicy: unknown value "Host"; known: ClusterFirst, ClusterFirstWithHostNet, Default, None`},
		{"dnsConfig: {options: [{name: ndots}, {value: x}]}", "", "dnsConfig.options[1]: name: is missing"},
		{"dnsPolicy: None", "", "dnsPolicy: None needs at least one of dnsConfig.nameservers"},
		{"workloadRef: {name: A B, podGroup: x}", "", `workloadRef.name: "A B": a lowercase RFC 1123 subdomain`},
		{"workloadRef: {name: a, podGroup: x.y}", "", `workloadRef.podGroup: "x.y": must not contain dots`},
	} {
		if err := refusals(c.spec, c.container); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "pod.yaml:4:") {
			t.Errorf("%s %s: want %q, got\n%v", c.spec, c.container, c.want, err)
		}
	}
	for _, c := range []struct{ spec, container string }{
		{"initContainers: [{name: i, image: i, resizePolicy: [{resourceName: cpu, restartPolicy: RestartContainer}]}]", "ports: [{name: http, containerPort: 80}, {name: dns, containerPort: 53, protocol: UDP}]"},
		{"hostNetwork: true", "ports: [{containerPort: 80, hostPort: 80}], livenessProbe: {httpGet: {port: http}}"},
		{"", "restartPolicy: Never, restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: []}}]"},
		{"volumes: [{name: v}], tolerations: [{operator: Exists}]", "volumeMounts: [{name: v, mountPath: /a}, {name: v, mountPath: /b}], resources: {requests: {memory: 1Gi}, limits: {hugepages-1Gi: 2Gi, example.com/x: 2}}"},
	} {
		if err := refusals(c.spec, c.container); err != nil {
			t.Errorf("%s %s: %v", c.spec, c.container, err)
		}
	}
}

// Source: v1.35 pkg/apis/core/validation/validation.go validateResourceRequirements ("must be
// equal to", "Limit must be set for non overcommitable resources"), of containers and of pods
// as a whole, pkg/apis/core/v1/defaults.go: a limit alone is the request, too.
func TestHugePagesAreRequestedAsManyAsTheirLimit(t *testing.T) {
	for resources, want := range map[string]string{
		"{requests: {hugepages-2Mi: 100Mi}, limits: {hugepages-2Mi: 200Mi, memory: 1Gi}}": `requests.hugepages-2Mi: 100Mi must be equal to the limit 200Mi: hugepages-2Mi cannot be shared`,
		"{requests: {hugepages-2Mi: 300Mi}, limits: {hugepages-2Mi: 200Mi, memory: 1Gi}}": `requests.hugepages-2Mi: 300Mi must be equal to the limit 200Mi: hugepages-2Mi cannot be shared`,
		"{requests: {hugepages-2Mi: 100Mi}, limits: {memory: 1Gi}}":                       `requests.hugepages-2Mi: hugepages-2Mi needs a limit, equal to the request: it cannot be shared`,
		"{requests: {hugepages-2Mi: 100Mi}, limits: {hugepages-2Mi: 100Mi, memory: 1Gi}}": "",
		"{limits: {hugepages-2Mi: 100Mi, memory: 1Gi}}":                                   "",
	} {
		for _, err := range []error{refusals("resources: "+resources, ""), refusals("", "resources: "+resources)} {
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s: want %q, got %v", resources, want, err)
			}
		}
	}
}

// Source: kubernetes.io "DNS for Services and Pods", Pod's DNS Policy: with Default a pod asks as
// its machine does, with None whom its dnsConfig says.
func TestWhoAsksOtherDNSServersIsToldThatItIsNotModeled(t *testing.T) {
	for spec, want := range map[string]string{
		"":                          "",
		"dnsPolicy: ClusterFirst, ": "",
		"dnsPolicy: Default, ":      "spec.dnsPolicy Default: not modeled",
		"dnsPolicy: None, dnsConfig: {nameservers: [1.1.1.1]}, ": "spec.dnsPolicy None: not modeled",
	} {
		d := manifest.NewDecoder()
		d.Manifests().AddFile(manifest.File{Name: "pod.yaml", Data: []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {" + spec + `containers: [{name: c, image: "c:1"}]}` + "\n")})
		told := ""
		for _, n := range d.Notes() {
			if strings.Contains(n.What, "dnsPolicy") {
				told = n.What
			}
		}
		if err := d.Err(); err != nil || (told == "") != (want == "") || !strings.HasPrefix(told, want) {
			t.Errorf("%s: %q, %v", spec, told, err)
		}
	}
}

// Source: glibc's resolv/res_init.c res_setoptions and resolv.conf(5): ndots is capped to 15 (RES_MAXNDOTS),
// read with strtol into four bits, and 1 if nothing is said; v1.35 pkg/kubelet/network/dns/dns.go
// mergeDNSOptions: of options with one name the last counts, one without a value is written as
// its name; pkg/apis/core/validation/validation.go validatePodDNSConfig: any value is let in.
func TestNdotsOfAPodsDNSConfigIsWhatItsResolverTakesItFor(t *testing.T) {
	for config, want := range map[string]struct {
		ndots int8 // -1 is none of its own
		notes string
	}{ //tidy:commutative each by itself
		`{}`:                                                                                 {-1, ""},
		`{options: []}`:                                                                      {-1, ""},
		`{options: [{name: ndots, value: "1"}]}`:                                             {1, ""},
		`{options: [{name: ndots, value: "0"}]}`:                                             {0, ""},
		`{options: [{name: ndots, value: "15"}]}`:                                            {15, ""},
		`{options: [{name: ndots, value: "16"}]}`:                                            {15, `spec.dnsConfig.options ndots "16": resolvers take it for 15`},
		`{options: [{name: ndots, value: "-1"}]}`:                                            {15, `spec.dnsConfig.options ndots "-1": resolvers take it for 15`},
		`{options: [{name: ndots, value: "2x"}]}`:                                            {2, `spec.dnsConfig.options ndots "2x": resolvers take it for 2`},
		`{options: [{name: ndots, value: "many"}]}`:                                          {0, `spec.dnsConfig.options ndots "many": resolvers take it for 0`},
		`{options: [{name: ndots, value: "99999999999999999999"}]}`:                          {15, `spec.dnsConfig.options ndots "99999999999999999999": resolvers take it for 15`},
		`{options: [{name: ndots}]}`:                                                         {1, ""},
		`{options: [{name: ndots, value: "2"}, {name: ndots, value: "3"}]}`:                  {3, ""},
		`{options: [{name: edns0}, {name: ndots, value: "2"}, {name: timeout}]}`:             {2, "spec.dnsConfig.options edns0: not modeled; spec.dnsConfig.options timeout: not modeled"},
		`{searches: [a.example], nameservers: [1.1.1.1], options: [{name: single-request}]}`: {-1, "spec.dnsConfig.searches: not modeled; spec.dnsConfig.nameservers: not modeled; spec.dnsConfig.options single-request: not modeled"},
	} {
		d := manifest.NewDecoder()
		set := d.Manifests()
		set.AddFile(manifest.File{Name: "pod.yaml", Data: []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {dnsConfig: " + config + `, containers: [{name: c, image: "c:1"}]}` + "\n")})
		if err := d.Err(); err != nil {
			t.Errorf("%s: %v", config, err)
			continue
		}
		var notes []string
		for _, n := range d.Notes() {
			notes = append(notes, n.What)
		}
		got := int8(-1)
		if n := set.Objects[0].(*model.Pod).Spec.Ndots; n != nil {
			got = *n
		}
		if got != want.ndots || strings.Join(notes, "; ") != want.notes {
			t.Errorf("%s: %d, %q", config, got, notes)
		}
	}
}
