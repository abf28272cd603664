package manifest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/scenarios/manifest"
)

// decodeService is what becomes of the manifest of a Service with these annotations and this
// spec, and the notes about it. If it is refused there is none.
func decodeService(annotations, spec string) (svc *model.Service, notes []manifest.Note, err error) {
	d := manifest.NewDecoder()
	s := d.Manifests()
	s.AddFile(manifest.File{Name: "s.yaml", Data: []byte("apiVersion: v1\nkind: Service\nmetadata: {name: s, annotations: {" + annotations + "}}\nspec: {" + spec + "}\n")})
	if err := d.Err(); err != nil {
		return nil, d.Notes(), err
	}
	return s.Objects[0].(*model.Service), d.Notes(), nil
}

// Source: k8s.io/endpointslice/utils.go hintsEnabled: "Auto" or "auto", and the old name
// of the annotation goes before the new one; core/v1 ServiceTrafficDistribution.
func TestWhatAServiceSaysOfWhereItsTrafficIsToGo(t *testing.T) {
	for _, c := range []struct {
		annotations, spec    string
		zone, node, automode bool
		notes                int
	}{
		{"", "", false, false, false, 0},
		{"", "trafficDistribution: PreferClose", true, false, false, 0},
		{"", "trafficDistribution: PreferSameZone", true, false, false, 0},
		{"", "trafficDistribution: PreferSameNode", true, true, false, 0},
		{"service.kubernetes.io/topology-mode: Auto", "", false, false, true, 0},
		{"service.kubernetes.io/topology-mode: auto", "trafficDistribution: PreferClose", true, false, true, 0},
		{"service.kubernetes.io/topology-mode: AUTO", "", false, false, false, 0},
		{"service.kubernetes.io/topology-mode: Auto, service.kubernetes.io/topology-aware-hints: Disabled", "", false, false, false, 0},
		{"service.kubernetes.io/topology-mode: Auto, example.com/owner: me", "", false, false, true, 1},
	} {
		svc, notes, err := decodeService(c.annotations, "ports: [{port: 80}], "+c.spec)
		if err != nil {
			t.Fatal(err)
		}
		if svc.PreferSameZone != c.zone || svc.PreferSameNode != c.node || svc.TopologyAuto != c.automode || len(notes) != c.notes {
			t.Errorf("%s %s: %+v, %v", c.annotations, c.spec, svc, notes)
		}
	}
}

// Source: pkg/apis/core/validation/validation.go validateServiceExternalTrafficPolicy,
// pkg/api/service/util.go ExternallyAccessible.
func TestOnlyAServiceThatIsReachedFromOutsideHasAnExternalTrafficPolicy(t *testing.T) {
	for _, c := range []struct {
		spec    string
		refused bool
	}{
		{"externalTrafficPolicy: Local", true},
		{"externalTrafficPolicy: Cluster", true},
		{"type: ClusterIP, externalTrafficPolicy: Local", true},
		{"type: ClusterIP, externalTrafficPolicy: Local, externalIPs: [192.0.2.1]", false},
		{"type: NodePort, externalTrafficPolicy: Local", false},
		{"type: LoadBalancer, externalTrafficPolicy: Local", false},
		{"type: ClusterIP", false},
	} {
		if _, _, err := decodeService("", "ports: [{port: 80}], "+c.spec); (err != nil) != c.refused {
			t.Errorf("%s: %v", c.spec, err)
		}
	}
}

// Source: pkg/apis/core/v1/defaults.go SetDefaults_Service, which runs before validation: what
// is configured for ClientIP is dropped without it.
func TestWhatIsConfiguredForClientIPIsDroppedWithoutIt(t *testing.T) {
	for _, c := range []struct {
		spec     string
		affinity time.Duration
		notes    int
	}{
		{"sessionAffinityConfig: {clientIP: {timeoutSeconds: 5}}", 0, 1},
		{"sessionAffinity: None, sessionAffinityConfig: {clientIP: {timeoutSeconds: 5}}", 0, 1},
		{"sessionAffinity: None", 0, 0},
		{"sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 5}}", 5 * time.Second, 0},
		{"sessionAffinity: ClientIP, sessionAffinityConfig: {}", 3 * time.Hour, 0},
		{"sessionAffinity: ClientIP", 3 * time.Hour, 0},
	} {
		svc, notes, err := decodeService("", "ports: [{port: 80}], "+c.spec)
		if err != nil {
			t.Fatal(err)
		}
		if svc.Affinity != c.affinity || len(notes) != c.notes {
			t.Errorf("%s: %v, %v", c.spec, svc.Affinity, notes)
		}
	}
}

// Source: kubeadm's phases/addons/dns/manifests.go; core/v1 ServicePort: protocol is TCP if
// it is not said.
func TestAServiceHasPortsOfOneProtocolOrOfBoth(t *testing.T) {
	for _, c := range []struct {
		ports    string
		tcp, udp bool
	}{
		{"{port: 80}", true, false},
		{"{name: a, port: 53, protocol: UDP}", false, true},
		{"{name: a, port: 53, protocol: UDP}, {name: b, port: 53, protocol: TCP}, {name: c, port: 9153}", true, true},
	} {
		svc, _, err := decodeService("", "ports: ["+c.ports+"]")
		if err != nil {
			t.Fatal(err)
		}
		if svc.TCP != c.tcp || svc.UDP != c.udp {
			t.Errorf("%s: %+v", c.ports, svc)
		}
	}
}

// Source: core/v1 ServicePort.targetPort; pkg/apis/core/v1/defaults.go SetDefaults_Service;
// k8s.io/endpointslice/utils.go FindPort: ports of containers and sidecars.
func TestATargetPortIsANumberOrTheNameOfAContainersPort(t *testing.T) {
	tcp := func(name string) model.PortName { return model.PortName{Name: name, Protocol: "TCP"} }
	for _, c := range []struct {
		ports string
		want  []model.PortName
	}{
		{"{port: 80}", nil},
		{"{port: 80, targetPort: 8080}", nil},
		{"{port: 80, targetPort: http}", []model.PortName{tcp("http")}},
		{"{name: a, port: 80, targetPort: http}, {name: b, port: 53, protocol: UDP, targetPort: dns}", []model.PortName{tcp("http"), {Name: "dns", Protocol: "UDP"}}},
		{"{name: a, port: 80, targetPort: http}, {name: b, port: 81}", nil},
	} {
		d := manifest.NewDecoder()
		s := d.Manifests()
		s.AddFile(manifest.File{Name: "s.yaml", Data: []byte("apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [" + c.ports + "]}\n---\n" + `
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  initContainers:
  - {name: first, image: a, ports: [{name: never, containerPort: 1}]}
  - {name: side, image: b, restartPolicy: Always, ports: [{name: metrics, containerPort: 2}]}
  containers:
  - {name: main, image: c, ports: [{name: http, containerPort: 3}, {containerPort: 4}]}
`)})
		if err := d.Err(); err != nil {
			t.Fatal(err)
		}
		for _, o := range s.Objects {
			switch o := o.(type) {
			case *model.Service:
				if !slices.Equal(o.Targets, c.want) {
					t.Errorf("%s: %+v", c.ports, o.Targets)
				}
			case *model.Pod:
				if want := []model.PortName{tcp("http"), tcp("metrics")}; !slices.Equal(o.Spec.Ports, want) {
					t.Errorf("%+v", o.Spec.Ports)
				}
			}
		}
	}
}

// Source: pkg/controller/endpointslice/endpointslice_controller.go syncService: Services of
// type ExternalName receive no endpoints from this controller (kubernetes/kubernetes#105986).
func TestNobodyIsBehindAServiceOfTypeExternalName(t *testing.T) {
	for kind, behind := range map[string]bool{"ClusterIP": true, "LoadBalancer": true, "ExternalName": false} {
		svc, _, err := decodeService("", "type: "+kind+", externalName: db.example.com, selector: {app: db}, ports: [{port: 80}]")
		if err != nil {
			t.Fatal(err)
		}
		if (svc.Selector != nil) != behind {
			t.Errorf("a Service of type %s has the selector %v", kind, svc.Selector)
		}
	}
}

// Source: pkg/apis/core/validation/validation.go ValidateService, validateServicePort.
func TestAServiceThatTheAPIServerWouldRefuseIsRefused(t *testing.T) {
	for spec, want := range map[string]string{
		"ports: [{port: 80}]":                                                                               "",
		"ports: [{port: 80, name: a}, {port: 81}]":                                                          "of several ports each needs a name",
		"ports: [{port: 80, name: a}, {port: 81, name: a}]":                                                 `there is another port "a"`,
		"ports: [{port: 80, name: a}, {port: 80, name: b}]":                                                 "port 80 is there twice",
		"ports: [{port: 53, name: a}, {port: 53, name: b, protocol: UDP}]":                                  "",
		"ports: [{port: 70000}]":                                                                            "70000 is out of range: 1 to 65535",
		"ports: [{port: 80, nodePort: 30080}]":                                                              "only a Service of type NodePort or LoadBalancer may have one",
		"type: NodePort, ports: [{port: 80, nodePort: 30080}]":                                              "",
		"healthCheckNodePort: 30100, ports: [{port: 80}]":                                                   "healthCheckNodePort: only a Service of type LoadBalancer with externalTrafficPolicy Local may have one",
		"type: LoadBalancer, healthCheckNodePort: 30100, ports: [{port: 80}]":                               "only a Service of type LoadBalancer with externalTrafficPolicy Local may have one",
		"type: NodePort, externalTrafficPolicy: Local, healthCheckNodePort: 30100, ports: [{port: 80}]":     "only a Service of type LoadBalancer with externalTrafficPolicy Local may have one",
		"type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: 30100, ports: [{port: 80}]": "",
		"type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: 70000, ports: [{port: 80}]": "70000 is out of range: 1 to 65535",
		"clusterIP: None, ports: [{port: 80}]":                                                              "",
		"clusterIP: None, type: NodePort, ports: [{port: 80}]":                                              "may not be None for a Service of type NodePort",
		"clusterIP: None, type: LoadBalancer, ports: [{port: 80}]":                                          "may not be None for a Service of type LoadBalancer",
	} {
		_, _, err := decodeService("", spec)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", spec, err, want)
		}
	}
}
