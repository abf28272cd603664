package proxy

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"orrery/model"
)

// The slow twin makes rules anew each time.
func TestRulesFromTheBookAreRulesMadeAnew(t *testing.T) {
	luck := rand.New(rand.NewPCG(1, 2))
	var book Rulebook
	var services []*model.Service
	var versions [][]*model.EndpointSlice
	for i := range 40 {
		svc := &model.Service{Meta: model.Meta{ID: uint32(1 + i%3)}, LocalInternal: luck.IntN(3) == 0, LocalExternal: luck.IntN(3) == 0}
		var seen []*model.EndpointSlice
		for j := range luck.IntN(3) {
			text := ""
			for k := range luck.IntN(6) {
				text += fmt.Sprintf("%d %s n%d%s,", 1+j*10+k, []string{"r", "s", "x"}[luck.IntN(3)], luck.IntN(3), []string{"", " ha", " hb", " ha hn", " hn"}[luck.IntN(5)])
			}
			seen = append(seen, &model.EndpointSlice{Endpoints: endpoints(text)})
		}
		services, versions = append(services, svc), append(versions, seen)
	}
	for range 5000 {
		i, at := luck.IntN(len(services)), at(fmt.Sprintf("n%d", luck.IntN(3)), []string{"", "a", "b", "c"}[luck.IntN(4)])
		if luck.IntN(5) == 0 {
			at.node = model.Name{}
		}
		at.external = at.node != model.Name{} && luck.IntN(2) == 0
		got, want := book.choose(services[i], versions[i], at), choose(services[i], merge(versions[i]), at)
		if show(got) != show(want) || got.Service != want.Service {
			t.Fatalf("at %+v: %q, made anew %q", at, show(got), show(want))
		}
	}
}

func TestMachinesThatSeeTheSameHaveTheVerySameRules(t *testing.T) {
	var book Rulebook
	svc := &model.Service{Meta: model.Meta{ID: 1}}
	plain := []*model.EndpointSlice{{Endpoints: endpoints("1 r n1, 2 r n2")}}
	hinted := []*model.EndpointSlice{{Endpoints: endpoints("1 r n1 ha, 2 r n2 hb")}}
	same := func(seen []*model.EndpointSlice, a, b place) bool {
		return &book.choose(svc, seen, a).Endpoints[0] == &book.choose(svc, seen, b).Endpoints[0]
	}
	if !same(plain, at("n1", "a"), at("n2", "b")) {
		t.Error("no hints, and yet zones have rules of their own")
	}
	if !same(hinted, at("n1", "a"), at("n3", "a")) || same(hinted, at("n1", "a"), at("n2", "b")) {
		t.Error("hints: the rules of a zone are its own")
	}
}
