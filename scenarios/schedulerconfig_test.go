package scenarios

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"orrery/model/scheduler"
)

func openConfig(t *testing.T, profiles string) (*SchedulerConfig, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "scheduler.yaml")
	text := "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n" + profiles
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return OpenSchedulerConfig(name)
}

// at is the plugins that are asked at a point, with their weights.
func at(p *scheduler.Profile, point scheduler.Point) string {
	var out []string
	for _, e := range p.Plugins {
		if e.Not&point != 0 || point == scheduler.AtScore && e.Weight == 0 {
			continue
		}
		if point == scheduler.AtScore {
			out = append(out, fmt.Sprintf("%s*%d", e.Name, e.Weight))
		} else if point != scheduler.AtFilter || slices.Contains(p.FilterOrder, e.Name) {
			out = append(out, e.Name)
		}
	}
	return strings.Join(out, " ")
}

const defaultScores = "TaintToleration*3 NodeAffinity*2 NodeResourcesFit*1 PodTopologySpread*2 InterPodAffinity*2 NodeResourcesBalancedAllocation*1 ImageLocality*1"

// MultiPoint and specific points: what is enabled at a point itself comes in its
// order and before the rest if multiPoint has it, too, and behind it if not; "*"
// at a point keeps all of multiPoint out (expandMultiPointPlugins, mergePluginSet,
// getScoreWeights).
func TestPluginsAreMergedAsByKubeScheduler(t *testing.T) {
	for _, c := range []struct{ about, plugins, filters, scores string }{
		{"a weight at score", "score: {enabled: [{name: ImageLocality, weight: 7}]}", "",
			strings.Replace(defaultScores, "ImageLocality*1", "ImageLocality*7", 1)},
		{"a weight at multiPoint", "multiPoint: {enabled: [{name: NodeAffinity, weight: 5}]}", "",
			strings.Replace(defaultScores, "NodeAffinity*2", "NodeAffinity*5", 1)},
		{"no weight at multiPoint is 1", "multiPoint: {enabled: [{name: NodeAffinity}]}", "",
			strings.Replace(defaultScores, "NodeAffinity*2", "NodeAffinity*1", 1)},
		{"score counts before multiPoint", "multiPoint: {enabled: [{name: NodeAffinity, weight: 5}]}, score: {enabled: [{name: NodeAffinity, weight: 4}]}", "",
			strings.Replace(defaultScores, "NodeAffinity*2", "NodeAffinity*4", 1)},
		{"no scores but one", `preScore: {disabled: [{name: "*"}]}, score: {disabled: [{name: "*"}], enabled: [{name: ImageLocality, weight: 3}]}`, "", "ImageLocality*3"},
		{"no score of one", "preScore: {disabled: [{name: TaintToleration}]}, score: {disabled: [{name: TaintToleration}]}", "",
			strings.Replace(defaultScores, "TaintToleration*3 ", "", 1)},
		{"filters named come first", "filter: {enabled: [{name: PodTopologySpread}, {name: NodeName}]}",
			"PodTopologySpread NodeName NodeUnschedulable TaintToleration NodeAffinity", defaultScores},
		{"one at multiPoint keeps its place", "multiPoint: {enabled: [{name: NodeResourcesFit}]}",
			"NodeUnschedulable NodeName TaintToleration NodeAffinity NodePorts NodeResourcesFit", defaultScores},
		{"disabled and enabled again goes to the end", "multiPoint: {disabled: [{name: NodeName}], enabled: [{name: NodeName}]}",
			"NodeUnschedulable TaintToleration NodeAffinity NodePorts NodeResourcesFit GPUShare VolumeRestrictions NodeVolumeLimits VolumeBinding " +
				"VolumeZone PodTopologySpread InterPodAffinity NodeName", defaultScores},
		{"nothing but what is said", `multiPoint: {disabled: [{name: "*"}], enabled: [{name: PrioritySort}, {name: DefaultBinder}, {name: NodeResourcesFit, weight: 2}]}`,
			"NodeResourcesFit", "NodeResourcesFit*2"},
		{"a filter without multiPoint comes last", `multiPoint: {disabled: [{name: NodeUnschedulable}]}, filter: {enabled: [{name: NodeUnschedulable}]}`,
			"NodeName TaintToleration NodeAffinity NodePorts NodeResourcesFit GPUShare VolumeRestrictions NodeVolumeLimits VolumeBinding " +
				"VolumeZone PodTopologySpread InterPodAffinity NodeUnschedulable", defaultScores},
	} {
		got, err := openConfig(t, "profiles: [{plugins: {"+c.plugins+"}}]\n")
		if err != nil {
			t.Errorf("%s: %v", c.about, err)
			continue
		}
		p := got.Profiles[0].Profile
		if filters := strings.Join(p.FilterOrder, " "); !strings.HasPrefix(filters, c.filters) {
			t.Errorf("%s: filters %s\nwant %s", c.about, filters, c.filters)
		}
		if scores := at(p, scheduler.AtScore); scores != c.scores {
			t.Errorf("%s: scores %s\nwant %s", c.about, scores, c.scores)
		}
	}
}

// A configuration that says nothing is the default profile.
func TestAConfigurationThatSaysNothingIsTheDefault(t *testing.T) {
	for _, text := range []string{"", "profiles: [{}]\n", "profiles: [{plugins: {}}]\n", "profiles: [{plugins: {multiPoint: {}}}]\n"} {
		got, err := openConfig(t, text)
		if err != nil {
			t.Fatal(err)
		}
		p, want := got.Profiles[0], scheduler.DefaultProfile()
		if at(p.Profile, scheduler.AtScore) != defaultScores || p.PercentageOfNodesToScore != -1 || len(p.Plugins) != len(want.Plugins) {
			t.Errorf("%q: %+v", text, p.Profile)
		}
		for i, e := range p.Plugins {
			if e.Name != want.Plugins[i].Name || e.Weight != want.Plugins[i].Weight {
				t.Errorf("%q: plugin %d is %+v, want %+v", text, i, e, want.Plugins[i])
			}
		}
	}
}

// A profile's own percentage counts before that of the whole; each is for the
// pods that name it.
func TestSeveralProfilesHaveNamesAndPercentagesOfTheirOwn(t *testing.T) {
	got, err := openConfig(t, "percentageOfNodesToScore: 30\nprofiles: [{schedulerName: a}, {schedulerName: b, percentageOfNodesToScore: 0}]\n")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range got.Profiles {
		out = append(out, fmt.Sprint(p.SchedulerName, " ", p.PercentageOfNodesToScore))
	}
	if want := []string{"a 30", "b 0"}; !slices.Equal(out, want) {
		t.Errorf("profiles %q, want %q", out, want)
	}
}

// What kube-scheduler would not start with is told with its place.
func TestAWrongConfigurationIsToldWithItsPlace(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"profiles: [{plugins: {filter: {enabled: [{name: ImageLocality}]}}}]", "3:42: profiles[0].plugins.filter.enabled[0]: ImageLocality has nothing to say at filter"},
		{"profiles: [{plugins: {score: {enabled: [{name: ImageLocality}, {name: ImageLocality}]}}}]", "3:64: profiles[0].plugins.score.enabled[1]: ImageLocality is enabled twice at score"},
		{"profiles: [{plugins: {multiPoint: {disabled: [{name: PrioritySort}]}}}]", "3:22: profiles[0].plugins: no plugin sorts the queue"},
		{`profiles: [{plugins: {bind: {disabled: [{name: "*"}]}}}]`, "3:22: profiles[0].plugins: no plugin binds"},
		{"profiles: [{plugins: {preFilter: {disabled: [{name: NodePorts}]}}}]", "3:22: profiles[0].plugins: NodePorts is enabled at filter, but not at preFilter"},
		{"profiles: [{plugins: {filter: {disabled: [{name: NodePort}]}}}]", `unknown plugin "NodePort"; did you mean "NodePorts"?`},
		{"profiles: [{schedulerName: a}, {}]", "one of several profiles must have a schedulerName"},
		{"profiles: [{schedulerName: a}, {schedulerName: a}]", `two profiles are for "a"`},
		{"parallelism: 0", "3:14: "},
		{"podInitialBackoffSeconds: 5\npodMaxBackoffSeconds: 3", "4:23: "},
		{"profiles: [{pluginConfig: [{name: NodeAffinity, args: {}}, {name: NodeAffinity, args: {}}]}]", `a second pluginConfig for "NodeAffinity"`},
		{"profiles: [{pluginConfig: [{name: VolumeBinding, args: {shape: []}}]}]", "needs the feature gate StorageCapacityScoring"},
		{"profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {ignoredResourceGroups: [a/b]}}]}]", "is what stands before the slash"},
		{"profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {resources: []}}}]}]", `missing "type"`},
		{"profiles: [{pluginConfig: [{name: NodeResourcesBalancedAllocation, args: {resources: [{name: cpu, weight: 2}]}}]}]", `the weight of "cpu" must be 1`},
		{"profiles: [{pluginConfig: [{name: DefaultPreemption, args: {minCandidateNodesPercentage: 0, minCandidateNodesAbsolute: 0}}]}]", "cannot both be 0"},
	} {
		if _, err := openConfig(t, c.text+"\n"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\n  says %v\n  want %s", c.text, err, c.want)
		}
	}
}
