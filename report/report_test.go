package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

func promises(t testing.TB, exprs ...string) []Expect {
	var out []Expect
	for i, s := range exprs {
		e, err := ParseExpect(s)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		e.File, e.Line, e.Col = "node-loss.yaml", 20+i, 5
		out = append(out, e)
	}
	return out
}

func nodeLossReport(t testing.TB) *Report {
	tape := nodeLoss()
	all := promises(t, "availability(service/web) >= 97%", "time_to_recover(deployment/web) <= 5m",
		"workloads_ready() within 10m after faults", "reached(evictions() >= 1)", "restarts(deployment/shop) == 0")
	all[1].ID, all[1].Why = "recover", "The night shift is woken\nafter five minutes."
	return New(Meta{
		Scenario: "node-loss", About: "One of two nodes loses its power.\nIts pods have to come up on the other one.\n",
		Seed: 1, Digest: Digest(tape.History()).Sum(), Events: 12345, End: tape.now(), Command: "orrery run node-loss -seed 1",
	}, tape.History(), all)
}

func reportText(t testing.TB, r *Report, colour bool) string {
	var b bytes.Buffer
	if err := r.WriteText(&b, colour); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func reportJSON(t testing.TB, r *Report) string {
	var b bytes.Buffer
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReportForPeople(t *testing.T) {
	r := nodeLossReport(t)
	golden(t, "report-node-loss.txt", reportText(t, r, false))
	for i, line := range strings.Split(reportText(t, r, false), "\n") {
		if strings.HasSuffix(line, " ") || strings.ContainsAny(line, "\x1b\t") {
			t.Errorf("line %d: %q", i+1, line)
		}
	}
	var plain strings.Builder
	for i, part := range strings.Split(reportText(t, r, true), "\x1b[") {
		if i > 0 {
			_, part, _ = strings.Cut(part, "m")
		}
		plain.WriteString(part)
	}
	if plain.String() != reportText(t, r, false) {
		t.Error("colour changes more than the colour")
	}
	tape := troubles()
	r = New(Meta{Scenario: "troubles", Seed: 2, End: tape.now(), Stopped: "interrupted"}, tape.History(), nil)
	golden(t, "report-troubles.txt", reportText(t, r, false))
}

func TestReportAsJSON(t *testing.T) {
	text := reportJSON(t, nodeLossReport(t))
	golden(t, "report-node-loss.json", text)
	sortedKeys(t, json.NewDecoder(strings.NewReader(text)), "the report")
	quiet := reportJSON(t, New(Meta{}, newTape().History(), nil))
	if strings.Contains(quiet, "null") {
		t.Errorf("an empty list is null:\n%s", quiet)
	}
}

// TestNamesCannotActOnATerminal: CVE-2021-25743 was kubectl printing escape
// sequences found in objects; a line that begins with :: is a command to
// GitHub's runner.
func TestNamesCannotActOnATerminal(t *testing.T) {
	evil := "\x1b[2J\u202e\u200b\u009b31m\n::error::x\r\xff"
	tape := newTape()
	tape.node("n" + evil)
	rs := tape.deploy("web"+evil, 1, 0)
	tape.at(time.Second)
	tape.pod(rs, "p"+evil)
	tape.Note(tape.by("who"+evil), model.Note{Named: "pod/p" + evil, Reason: "R" + evil, Message: evil})
	tape.fault(evil, reasonFaultStarted, evil)
	tape.at(time.Minute)
	all := promises(t, "converged() within 10s after faults", "reached(evictions() > 3)")
	all[0].Why, all[0].File = evil, evil
	r := New(Meta{Scenario: evil, About: evil, Digest: evil, Stopped: evil, Command: evil, End: tape.now()}, tape.History(), all)
	var story bytes.Buffer
	if err := Explain(&story, tape.History(), "pod/p"+evil); err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"text": reportText(t, r, false), "JSON": reportJSON(t, r), "explain": story.String(), "history": historyText(t, tape.History()),
	} {
		for _, c := range text {
			if c != '\n' && hidden(c) {
				t.Errorf("%s contains %U", what, c)
			}
		}
		for _, l := range strings.Split(text, "\n") {
			if strings.HasPrefix(strings.TrimSpace(l), "::") {
				t.Errorf("%s contains the line %q", what, l)
			}
		}
	}
}

func TestSameHistorySameBytes(t *testing.T) {
	a, b := nodeLossReport(t), nodeLossReport(t)
	if reportText(t, a, true) != reportText(t, b, true) || reportJSON(t, a) != reportJSON(t, b) {
		t.Error("the same history makes two reports")
	}
}

// TestCountsAreThoseOfACensus holds the counts that are kept up to date against
// going through all objects after every record.
func TestCountsAreThoseOfACensus(t *testing.T) {
	for name, tape := range map[string]*tape{"node-loss": nodeLoss(), "troubles": troubles(), "healed": healed(), "many": manyPods(40)} {
		s, h := newState(), tape.History()
		objects := map[model.Ref]model.Object{}
		for i := range h.Len() {
			r := h.At(i)
			for _, ok := s.ripen(r.At); ok; _, ok = s.ripen(r.At) {
			}
			s.take(r)
			if r.Note != nil {
				continue
			}
			objects[r.Object().Head().Ref()] = r.New
			var want [facts]int64
			incomplete := 0
			for _, o := range objects {
				switch o := o.(type) {
				case *model.Pod:
					m := podMarks(o)
					for f := range facts {
						if m.has(f) {
							want[f]++
						}
					}
				case *model.Node:
					want[isNode]++
					if !o.ControlPlane() {
						want[isWorker]++
					}
					if o.Ready.Status != model.True {
						want[isNodeNotReady]++
					}
				case *model.Deployment:
					if !complete(o, objects, r.At) {
						incomplete++
					}
				}
			}
			got := s.all.now
			got[isAvailable] = 0
			if got != want || s.unsettled != incomplete {
				t.Fatalf("%s, record %d: counted %v and %d, there are %v and %d", name, i, got, s.unsettled, want, incomplete)
			}
		}
	}
}

// complete tells, by going through all objects, whether every pod of d is
// there, available and of the newest template, and no other.
func complete(d *model.Deployment, objects map[model.Ref]model.Object, now sim.Time) bool {
	pods, good := 0, 0
	for _, o := range objects {
		p, ok := o.(*model.Pod)
		if !ok || p == nil || !p.Active() {
			continue
		}
		rs, ok := objects[p.Owner].(*model.ReplicaSet)
		if !ok || rs.Owner != d.Ref() {
			continue
		}
		pods++
		if p.IsReady() && p.AvailableAt(d.MinReady) <= now && rs.Template.Hash == d.Template.Hash {
			good++
		}
	}
	return pods == int(d.Replicas) && good == pods
}

func TestExplain(t *testing.T) {
	var b strings.Builder
	for _, x := range []struct {
		tape   *tape
		object string
	}{
		{nodeLoss(), "pod/web-2"}, {nodeLoss(), "po/web-4"}, {nodeLoss(), "node/n-2"}, {troubles(), "deployment/web"},
		{nodeLoss(), "svc/web"}, {nodeLoss(), "pod/web-9"}, {nodeLoss(), "pod/eb-1"}, {nodeLoss(), "web-1"}, {nodeLoss(), "namespace/default"},
	} {
		b.WriteString("# explain " + x.object + "\n")
		if err := Explain(&b, x.tape.History(), x.object); err != nil {
			b.WriteString(err.Error() + "\n")
		}
		b.WriteString("\n")
	}
	golden(t, "explain.txt", b.String())
}

// A fault that names pods or nodes is told in the story of one of them, and of what has a pod
// among them or on them, with its end though that has moved by then. Others are told in every story.
func TestAStoryTellsOfFaultsOfTheObjectAndNotOfOtherPods(t *testing.T) {
	x := newTape()
	x.node("n-1")
	x.node("n-2")
	web, cart := x.deploy("web", 1, 0), x.deploy("cart", 1, 0)
	x.pod(web, "web-a")
	x.pod(cart, "cart-a")
	x.bind("web-a", "n-1")
	x.bind("cart-a", "n-2")
	x.Create(x.by("kubectl"), &model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: "web"}, Selector: web.Selector, Ports: 1})
	x.at(time.Minute)
	x.fault("pod", reasonFaultStarted, "pod-failure of pod/web-a: their processes hang, for 2m0s")
	x.fault("peer", reasonFaultStarted, "pod-partition of pod/web-a: cut off from pod/cart-a, for 2m0s")
	x.fault("node", reasonFaultStarted, "node-down of node/n-1")
	x.fault("other", reasonFaultStarted, "pod-failure of shop/pod/web-a: their processes hang, for 2m0s")
	x.fault("all", reasonFaultStarted, "apiserver-slow, for 3m0s")
	x.gone("web-a")
	x.fault("node", reasonFaultEnded, "node-down of node/n-1")
	for object, want := range map[string]string{
		"pod/web-a": "pod peer node all", "pod/cart-a": "peer all", "node/n-1": "pod peer node all node", "node/n-2": "peer all",
		"deployment/web": "pod peer node all node", "deployment/cart": "peer all", "service/web": "pod peer node all node",
	} {
		var b strings.Builder
		if err := Explain(&b, x.History(), object); err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(b.String()) {
			if _, rest, ok := strings.Cut(line, "fault/"); ok {
				id, _, _ := strings.Cut(rest, ":")
				got = append(got, id)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: told of %q, want %q", object, got, want)
		}
	}
}

func TestFirstDifference(t *testing.T) {
	if d, differ := FirstDifference(nodeLoss().History(), nodeLoss().History()); differ {
		t.Fatalf("equal histories differ: %v", d)
	}
	other := newTape()
	other.node("n-1")
	other.node("n-2")
	other.at(11 * time.Millisecond)
	other.deploy("web", 3, 0)
	d, differ := FirstDifference(nodeLoss().History(), other.History())
	if !differ || d.Index != 2 || len(d.Before) != 2 || d.At != sim.Time(10*time.Millisecond) {
		t.Fatalf("got %+v", d)
	}
	shorter := cut(nodeLoss(), 20)
	e, differ := FirstDifference(nodeLoss().History(), shorter)
	if !differ || e.Index != 20 || len(e.Before) != 10 || e.B != "" {
		t.Fatalf("got %+v", e)
	}
	var b strings.Builder
	for _, x := range []*Difference{&d, &e} {
		if err := x.WriteText(&b); err != nil {
			t.Fatal(err)
		}
		b.WriteString("\n")
	}
	golden(t, "difference.txt", b.String())
}

// cut is the first n records of a tape, told again.
func cut(from *tape, n int) *store.History {
	h, out := from.History(), newTape()
	for i := range n {
		r := h.At(i)
		out.at(time.Duration(r.At))
		by := out.by(h.ActorName(r.By))
		switch r.Verb {
		case store.Created:
			out.Create(by, r.New)
		case store.Updated:
			out.Update(by, r.New)
		case store.Deleted:
			out.Delete(by, r.Old.Head().Ref())
		case store.Noted:
			out.Note(by, *r.Note)
		}
	}
	return out.History()
}

func TestLongListsOfObjectsAreCutShort(t *testing.T) {
	for in, want := range map[string]string{
		"node-down of node/a, for 1m0s":                                                "node-down of node/a, for 1m0s",
		"node-down of node/a, node/b, node/c, node/d, for 1m0s":                        "node-down of node/a, node/b, node/c, node/d, for 1m0s",
		"node-down of node/a, node/b, node/c, node/d, node/e, for 1m0s":                "node-down of node/a, node/b, node/c and 2 more, for 1m0s",
		"partition of node/a, node/b, node/c, node/d, node/e: cut off from node/x":     "partition of node/a, node/b, node/c and 2 more: cut off from node/x",
		"0/5 nodes are available: 3 Insufficient cpu, 2 node(s) had untolerated taint": "0/5 nodes are available: 3 Insufficient cpu, 2 node(s) had untolerated taint",
	} {
		if got := brief(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}
