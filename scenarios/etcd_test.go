package scenarios_test

import (
	"strings"
	"testing"

	"orrery/scenarios"
)

// What is wrong about etcd in a scenario is said where it is.
func TestMistakesAboutEtcdAreSaidWhereTheyAre(t *testing.T) {
	dir := folder(t, map[string]string{"etcd.yaml": `apiVersion: orrery/v1
name: etcd
duration: 10m
cluster:
  controlPlane: {replicas: 3, etcd: {preVote: maybe, fsync: 0s}}
  nodes:
    - {name: n, cpu: 4, memory: 16Gi}
timeline:
  - {at: 1m, fault: etcd-member-down, member: cp-3}
  - {at: 1m, fault: etcd-slow-disk, member: [cp-0, cp-1], fsync: 0ms}
`})
	_, err := scenarios.Load(dir+"/etcd.yaml", scenarios.Options{})
	if err == nil {
		t.Fatal("it was accepted")
	}
	for _, want := range []string{"etcd.yaml:5:47", "etcd.yaml:5:61", `etcd.yaml:9:47: timeline[0].member: unknown machine of etcd "cp-3"`, "etcd.yaml:10:66"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in\n%v", want, err)
		}
	}
}
