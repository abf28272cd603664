package runtime

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// TestADNSServerAnswersForFiveSecondsAfterSIGTERM: lameduck 5s in the Corefile that kubeadm
// writes (cmd/kubeadm/app/phases/addons/dns/manifests.go), unless a behavior says otherwise.
func TestADNSServerAnswersForFiveSecondsAfterSIGTERM(t *testing.T) {
	dns := pod(1, model.Container{Name: "coredns"})
	dns.Namespace, dns.Labels = model.NamespaceSystem, model.MakeLabels(map[string]string{"k8s-app": "kube-dns"})
	elsewhere := pod(2, model.Container{Name: "coredns"})
	elsewhere.Labels = dns.Labels
	for _, c := range []struct {
		pod         *model.Pod
		b           Behaviors
		least, most time.Duration
	}{
		{dns, nil, 5050 * time.Millisecond, 5300 * time.Millisecond},
		{dns, Behaviors{{CPUMilli: 1}}, 5050 * time.Millisecond, 5300 * time.Millisecond},
		{dns, Behaviors{{Stop: sim.Constant(time.Second)}}, time.Second, time.Second + time.Millisecond},
		{elsewhere, nil, 50 * time.Millisecond, 300 * time.Millisecond},
		{elsewhere, Behaviors{{CPUMilli: 1}}, 50 * time.Millisecond, 300 * time.Millisecond},
	} {
		r := newRig()
		r.machine.behaviors = c.b
		s := r.machine.Add(c.pod, 1)
		s.Ready = true
		r.machine.Start(s, 0)
		r.run(t, 10*time.Second)
		r.machine.Stop(s, 0, time.Minute)
		if took := s.Processes[0].dueAt.Sub(r.Now()); took < c.least || took > c.most {
			t.Errorf("%s, %v: it ends after %v, want %v to %v", c.pod.Path(), c.b, took, c.least, c.most)
		}
	}
}
