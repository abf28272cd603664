package report

import (
	"strings"
	"testing"
	"time"

	"orrery/model"
)

// started is a pod of which its kubelet tells that a container was started.
func started(present bool) *tape {
	t := newTape()
	t.node("n-1")
	rs := t.deploy("web", 1, 0)
	t.pod(rs, "web-1")
	t.bind("web-1", "n-1")
	t.at(time.Second)
	p := t.Lookup(model.KindPod, "default", "web-1").(*model.Pod)
	t.Note(t.by("kubelet/n-1"), model.Note{About: &p.Meta, Reason: model.StartedContainer, Started: true, Present: present, Container: &model.Container{Name: "main", Image: "web:1"}})
	return t
}

// A record that stands for several Events is each of them to whoever reads.
func TestAStartIsSeveralEventsToReaders(t *testing.T) {
	row := func(message, reason string) string {
		return `{"by":"kubelet/n-1","fieldPath":"spec.containers{main}","kind":"Pod","message":"` + message + `","name":"web-1",` +
			`"namespace":"default","reason":"` + reason + `","t":1000000000,"verb":"noted","warning":false}` + "\n"
	}
	pulled := row(`Container image \"web:1\" already present on machine and can be accessed by the pod`, "Pulled")
	made := row("Container created", "Created") + row("Container started", "Started")
	for _, c := range []struct {
		present bool
		lines   string
		rows    []string
	}{
		{true, pulled + made, []string{
			`pod/web-1: Pulled spec.containers{main}: Container image "web:1" already present on machine and can be accessed by the pod (kubelet/n-1)`,
			`pod/web-1: Created spec.containers{main}: Container created (kubelet/n-1)`,
			`pod/web-1: Started spec.containers{main}: Container started (kubelet/n-1)`,
		}},
		{false, made, []string{
			`pod/web-1: Created spec.containers{main}: Container created (kubelet/n-1)`,
			`pod/web-1: Started spec.containers{main}: Container started (kubelet/n-1)`,
		}},
	} {
		h := started(c.present).History()
		if text := historyText(t, h); !strings.HasSuffix(text, c.lines) {
			t.Errorf("the history ends with\n%s\nwant\n%s", text[max(0, len(text)-len(c.lines)):], c.lines)
		}
		var story strings.Builder
		if err := Explain(&story, h, "pod/web-1"); err != nil {
			t.Fatal(err)
		}
		for _, row := range c.rows {
			if !strings.Contains(story.String(), "1s  "+row+"\n") {
				t.Errorf("no row %q in\n%s", row, story.String())
			}
		}
		for reason, want := range map[string]bool{"Pulled": c.present, "Created": true, "Started": true, "Pulling": false} {
			if got := h.At(h.Len() - 1).Note.Says(reason); got != want {
				t.Errorf("present %v: counts as %s: %v", c.present, reason, got)
			}
		}
	}
}
