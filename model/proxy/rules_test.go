package proxy

import (
	"fmt"
	"strings"
	"testing"

	"orrery/model"
)

// endpoints reads "1 r n1 za ha": pod 1, ready, on node n1 in zone a, hinted
// to zone a; s is serving and terminating, x neither.
func endpoints(text string) []model.Endpoint {
	var all []model.Endpoint
	for _, line := range strings.Split(text, ",") {
		var e model.Endpoint
		e.Pod.Kind = model.KindPod
		for i, w := range strings.Fields(line) {
			switch {
			case i == 0:
				fmt.Sscan(w, &e.Pod.ID)
			case w == "r":
				e.Ready, e.Serving = true, true
			case w == "s":
				e.Serving, e.Terminating = true, true
			case w == "hn":
				e.HintNode = true
			case w[0] == 'n':
				e.Node = model.NameOf(w)
			case w[0] == 'z':
				e.Zone = model.NameOf(w[1:])
			case w[0] == 'h':
				e.HintZone = model.NameOf(w[1:])
			}
		}
		if e.Pod.ID != 0 {
			all = append(all, e)
		}
	}
	return all
}

func at(node, zone string) place { return place{node: model.NameOf(node), zone: model.NameOf(zone)} }

func show(r model.Route) string {
	var ids []string
	for _, e := range r.Endpoints {
		ids = append(ids, fmt.Sprint(e.Pod.ID))
	}
	if r.Dropped {
		ids = append(ids, "drop")
	}
	return strings.Join(ids, " ")
}

// Source: pkg/proxy/topology.go CategorizeEndpoints and topologyModeFromHints,
// as the service networking specification tells it, one row a sentence.
func TestWhichEndpointsAreUsableOnANode(t *testing.T) {
	for _, c := range []struct {
		sentence  string
		local     bool
		node      string
		endpoints string
		want      string
	}{
		{"all ready endpoints", false, "n1", "1 r n1, 2 x n1, 3 r n2, 4 s n2", "1 3"},
		{"no ready endpoint at all: serving and terminating ones", false, "n1", "1 x n1, 2 s n1, 3 s n2", "2 3"},
		{"neither: refused, not dropped", false, "n1", "1 x n1", ""},
		{"no endpoint: refused", false, "n1", "", ""},
		{"Local: ready endpoints on this node", true, "n1", "1 r n1, 2 r n2, 3 s n1", "1"},
		{"Local, none ready: serving and terminating on this node, though others are ready", true, "n1", "1 s n1, 2 r n2", "1"},
		{"Local, nothing here: drop", true, "n1", "1 x n1, 2 r n2", "drop"},
		{"Local, no endpoint anywhere: refused", true, "n1", "", ""},
		{"internal Local does not concern who is outside of all nodes", true, "", "1 r n1, 2 r n2", "1 2"},
		{"every ready endpoint has a zone hint, one for this zone: only those", false, "n1", "1 r n1 ha, 2 r n2 hb, 3 r n3 ha", "1 3"},
		{"a hint of an endpoint that is not ready does not matter", false, "n1", "1 r n1 ha, 2 x n2, 3 r n3 hb", "1"},
		{"a single endpoint without hints disables them", false, "n1", "1 r n1 ha, 2 r n2 hb, 3 r n3", "1 2 3"},
		{"a zone with no hinted endpoint uses all", false, "n1", "1 r n1 hb, 2 r n2 hc", "1 2"},
		{"every ready endpoint has a node hint, one for this node: only those", false, "n1", "1 r n1 hn ha, 2 r n2 hn ha, 3 r n1 hn ha, 4 s n1", "1 3"},
		{"node hints, none for this node: by zone", false, "n9", "1 r n1 hn ha, 2 r n2 hn hb", "1"},
		{"node hints, none for this node or zone: all", false, "n9", "1 r n1 hn hb, 2 r n2 hn hc", "1 2"},
		{"a single endpoint without a node hint: by zone", false, "n1", "1 r n1 hn ha, 2 r n2 ha, 3 r n3 hn hb", "1 2"},
		{"who is outside of all nodes heeds no node hint", false, "", "1 r n1 hn ha, 2 r n2 hn hb", "1"},
		{"hints do not filter the last resort", false, "n1", "1 s n1 ha, 2 s n2 hb", "1 2"},
	} {
		svc := &model.Service{LocalInternal: c.local}
		if got := show(choose(svc, endpoints(c.endpoints), at(c.node, "a"))); got != c.want {
			t.Errorf("%s: got %q, want %q", c.sentence, got, c.want)
		}
	}
}

func TestAPodInTwoSlicesCountsOnce(t *testing.T) {
	got := merge([]*model.EndpointSlice{{Endpoints: endpoints("3 r, 1 r")}, {Endpoints: endpoints("2 r, 3 x")}})
	if text := show(model.Route{Endpoints: got}); text != "1 2 3" || !got[2].Ready {
		t.Errorf("%s, %+v", text, got)
	}
}

// Source: pkg/proxy/topology.go CategorizeEndpoints: what comes from outside goes by
// externalTrafficPolicy, what comes from a pod by internalTrafficPolicy.
func TestTrafficFromOutsideGoesByTheExternalPolicy(t *testing.T) {
	for _, c := range []struct {
		sentence  string
		local     bool
		endpoints string
		want      string
	}{
		{"Cluster: all ready endpoints", false, "1 r n1, 2 r n2", "1 2"},
		{"Local: ready endpoints on this node", true, "1 r n1, 2 r n2, 3 s n1", "1"},
		{"Local, none ready: serving and terminating on this node", true, "1 s n1, 2 r n2", "1"},
		{"Local, nothing here: drop", true, "2 r n2", "drop"},
		{"Cluster obeys zone hints", false, "1 r n1 ha, 2 r n2 hb", "1"},
	} {
		svc, outside := &model.Service{LocalExternal: c.local}, at("n1", "a")
		outside.external = true
		if got := show(choose(svc, endpoints(c.endpoints), outside)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.sentence, got, c.want)
		}
		if got := show(choose(svc, endpoints("1 r n1, 2 r n2"), at("n1", "a"))); got != "1 2" {
			t.Errorf("%s: from within: %q", c.sentence, got)
		}
	}
}
