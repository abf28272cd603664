package manifest

import (
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"orrery/model"
)

// hooks adds to containers what they do after their start and before their stop.
func (o *object) hooks(p *place, list []corev1.Container, to []model.Container, grace int32, labels map[string]string) {
	for i := range to {
		l := list[i].Lifecycle
		if l == nil {
			continue
		}
		at := p.item(i).field("lifecycle")
		to[i].PostStart = hookOf(at.field("postStart"), l.PostStart, grace)
		to[i].PreStop = hookOf(at.field("preStop"), l.PreStop, grace)
		o.untell(at.field("postStart"), l.PostStart, to[i].Name, labels)
		o.untell(at.field("preStop"), l.PreStop, to[i].Name, labels)
		if l.StopSignal != nil {
			at = at.field("stopSignal")
			o.note(at, at.path()+": the API server drops it, as the feature gate ContainerStopSignals is off in v1.35")
		}
	}
}

// hookOf reads what a container does after its start or before its stop. A sleep of
// 0 s is as good as none (pkg/apis/core/validation/validation.go
// validateSleepAction).
func hookOf(p *place, h *corev1.LifecycleHandler, grace int32) *model.Hook {
	if h == nil {
		return nil
	}
	handlers := 0
	for _, given := range []bool{h.Exec != nil, h.HTTPGet != nil, h.TCPSocket != nil, h.Sleep != nil} {
		if given {
			handlers++
		}
	}
	switch {
	case handlers != 1:
		p.errorf("needs one of exec, httpGet and sleep, and has %d", handlers)
	case h.Exec != nil:
		sleep, _ := sleepOf(h.Exec.Command)
		return &model.Hook{Sleep: sleep, Runs: true}
	case h.Sleep == nil:
		return &model.Hook{Runs: true}
	case h.Sleep.Seconds < 0 || h.Sleep.Seconds > int64(grace):
		p.field("sleep").field("seconds").errorf("%d is out of range: 0 to terminationGracePeriodSeconds, which is %d", h.Sleep.Seconds, grace)
	case h.Sleep.Seconds > 0:
		return &model.Hook{Sleep: time.Duration(h.Sleep.Seconds) * time.Second}
	}
	return nil
}

// sleepScript is a shell's script that sleeps, and perhaps does something then.
var sleepScript = regexp.MustCompile(`^\s*(?:/bin/|/usr/bin/)?sleep((?:[ \t]+[0-9a-z.]+)+)\s*(?:(?:;|&&|\n)\s*((?s:.*)))?$`)

// shells are commands that run the script after -c.
var shells = []string{"sh", "bash", "ash", "dash"}

// sleepOf is how long a command sleeps before it does anything else, and whether it does nothing
// else that anybody knows: `sleep 10` by itself or in a shell.
func sleepOf(command []string) (d time.Duration, only bool) {
	if len(command) == 0 {
		return 0, false
	}
	name, args := program(command[0]), command[1:]
	switch {
	case name == "sleep":
		return lengths(args)
	case slices.Contains(shells, name) && len(args) == 2 && args[0] == "-c":
		if found := sleepScript.FindStringSubmatch(args[1]); found != nil {
			d, only = lengths(strings.Fields(found[1]))
			return d, only && found[2] == ""
		}
	}
	return 0, false
}

// program is the name of a command without the folder where Unix has it.
func program(path string) string {
	for _, folder := range []string{"/bin/", "/usr/bin/"} {
		if name, ok := strings.CutPrefix(path, folder); ok {
			return name
		}
	}
	return path
}

// length is an argument of GNU's and BusyBox' sleep, and units what its letter stands for.
var (
	length = regexp.MustCompile(`^([0-9]{1,9}(?:\.[0-9]+)?)([smhd]?)$`)
	units  = map[string]time.Duration{"": 1, "s": 1, "m": 60, "h": 3600, "d": 24 * 3600}
)

// longestSleep is longer than anybody waits for a hook, and what we have for infinity.
const longestSleep = 365 * 24 * time.Hour

// lengths is the sum of how long sleep takes by its arguments, and whether it takes them all.
func lengths(args []string) (sum time.Duration, ok bool) {
	for _, a := range args {
		if a == "infinity" {
			sum = longestSleep
			continue
		}
		found := length.FindStringSubmatch(a)
		if found == nil {
			return 0, false
		}
		d, err := time.ParseDuration(found[1] + "s")
		if err != nil {
			return 0, false
		}
		unit := units[found[2]]
		sum = min(sum+min(d, longestSleep/unit)*unit, longestSleep)
	}
	return sum, len(args) > 0
}

// untold is a hook of which its manifest does not tell how long it takes.
type untold struct {
	pod       model.Pod // as far as it is known
	container string
	preStop   bool
	key       string
	note      Note
}

// untell keeps a hook in mind if its manifest does not tell how long it takes.
func (o *object) untell(p *place, h *corev1.LifecycleHandler, container string, labels map[string]string) {
	switch {
	case h == nil || h.Sleep != nil:
		return
	case h.Exec != nil:
		if _, only := sleepOf(h.Exec.Command); only {
			return
		}
		p = p.field("exec")
	case h.HTTPGet != nil:
		p = p.field("httpGet")
	default:
		return
	}
	after := ""
	if h.Exec != nil {
		if d, _ := sleepOf(h.Exec.Command); d > 0 {
			after = " after its sleep of " + d.String()
		}
	}
	v, _ := p.find()
	what := p.path() + ": takes 50 to 300 ms" + after + " unless behavior." + p.up.name + " says how long"
	o.set.decoder.untold = append(o.set.decoder.untold, untold{
		pod:       model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: o.meta.Namespace, Name: o.meta.Name, Labels: model.MakeLabels(labels)}},
		container: container, preStop: p.up.name == "preStop",
		key:  o.kind.typed.kind + " " + what,
		note: Note{Position: v.KeyPos(), Object: o.path(), What: what},
	})
}

// NoteHooks adds a note about each hook of which neither its manifest nor others tell how long
// it takes.
func (d *Decoder) NoteHooks(told func(p *model.Pod, container string, preStop bool) bool) {
	for i := range d.untold {
		if u := &d.untold[i]; !told(&u.pod, u.container, u.preStop) {
			d.notes.add(u.key, u.note)
		}
	}
	d.untold = nil
}
