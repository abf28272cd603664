package manifest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
)

// A manifest's preStop hook is most often a command that sleeps: until v1.30 brought the action
// sleep (KEP-3960) there was no other way. That is as long as it says, in any form in which it does
// nothing else; what comes after it is not known. The arguments are those of GNU coreutils' sleep,
// which adds them up.
func TestACommandThatSleepsTakesThatLong(t *testing.T) {
	for _, c := range []struct {
		command []string
		want    time.Duration
		only    bool
	}{
		{[]string{"sleep", "10"}, 10 * time.Second, true},
		{[]string{"/bin/sleep", "10s"}, 10 * time.Second, true},
		{[]string{"/usr/bin/sleep", "1m", "0.5"}, 60*time.Second + 500*time.Millisecond, true},
		{[]string{"sleep", "2h"}, 2 * time.Hour, true},
		{[]string{"sleep", "999999999d"}, longestSleep, true},
		{[]string{"sleep", "infinity"}, longestSleep, true},
		{[]string{"sh", "-c", "sleep 10"}, 10 * time.Second, true},
		{[]string{"/bin/sh", "-c", " /bin/sleep 10; "}, 10 * time.Second, true},
		{[]string{"bash", "-c", "sleep 10\n"}, 10 * time.Second, true},
		{[]string{"/bin/sh", "-c", "sleep 5 && nginx -s quit"}, 5 * time.Second, false},
		{[]string{"/bin/sh", "-c", "sleep 5; nginx -s quit\nsleep 3"}, 5 * time.Second, false},
		{[]string{"sh", "-c", "nginx -s quit; sleep 5"}, 0, false},
		{[]string{"sh", "-c", "sleep 5 || true"}, 0, false},
		{[]string{"sh", "-c", "sleep 5 &"}, 0, false},
		{[]string{"sh", "-c", "sleep $WAIT"}, 0, false},
		{[]string{"sh", "-c", "sleeper 5"}, 0, false},
		{[]string{"sh", "sleep 5"}, 0, false},
		{[]string{"sleep"}, 0, false},
		{[]string{"sleep", "10ms"}, 0, false},
		{[]string{"sleep", "-5"}, 0, false},
		{[]string{"./sleep", "10"}, 0, false},
		{nil, 0, false},
	} {
		if d, only := sleepOf(c.command); d != c.want || only != c.only {
			t.Errorf("%q takes %v, and nothing else: %v; want %v, %v", c.command, d, only, c.want, c.only)
		}
	}
}

// hooked is a Deployment with these hooks of its container.
const hooked = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "a:1", lifecycle: {postStart: {httpGet: {port: 80}}, preStop: {exec: {command: [COMMAND]}}, stopSignal: SIGKILL}}]}
`

// TestAHookOfWhichNobodySaysHowLongItTakesIsNoted, and not one of which a behavior or a sleep says
// it. A stop signal is dropped (v1.35 pkg/api/pod/util.go dropContainerStopSignals).
func TestAHookOfWhichNobodySaysHowLongItTakesIsNoted(t *testing.T) {
	const (
		start  = "x.yaml:8: deployment/web: spec.template.spec.containers.lifecycle.postStart.httpGet: takes 50 to 300 ms unless behavior.postStart says how long"
		stop   = "x.yaml:8: deployment/web: spec.template.spec.containers.lifecycle.preStop.exec: takes 50 to 300 ms unless behavior.preStop says how long"
		later  = "x.yaml:8: deployment/web: spec.template.spec.containers.lifecycle.preStop.exec: takes 50 to 300 ms after its sleep of 5s unless behavior.preStop says how long"
		signal = "x.yaml:8: deployment/web: spec.template.spec.containers.lifecycle.stopSignal: the API server drops it, as the feature gate ContainerStopSignals is off in v1.35"
	)
	for _, c := range []struct {
		command string
		told    bool
		want    []string
		hook    model.Hook
	}{
		{`sleep, "10"`, false, []string{signal, start}, model.Hook{Sleep: 10 * time.Second, Runs: true}},
		{`stop-it`, false, []string{signal, start, stop}, model.Hook{Runs: true}},
		{`sh, -c, "sleep 5; stop-it"`, false, []string{signal, start, later}, model.Hook{Sleep: 5 * time.Second, Runs: true}},
		{`stop-it`, true, []string{signal, start}, model.Hook{Runs: true}},
	} {
		d := NewDecoder()
		set := d.Manifests()
		set.AddFile(File{Name: "x.yaml", Data: []byte(strings.Replace(hooked, "COMMAND", c.command, 1))})
		if err := d.Err(); err != nil {
			t.Fatal(err)
		}
		d.NoteHooks(func(p *model.Pod, container string, preStop bool) bool {
			if p.Labels.Value("app") != "web" || container != "c" {
				t.Errorf("asked about %+v, container %s", p, container)
			}
			return c.told && preStop
		})
		var got []string
		for _, n := range d.Notes() {
			got = append(got, n.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("[%s]: %q, want %q", c.command, got, c.want)
		}
		if h := set.Objects[0].(*model.Deployment).Template.Spec.Containers[0].PreStop; h == nil || *h != c.hook {
			t.Errorf("[%s]: it is read as %+v", c.command, h)
		}
	}
}
