package apiserver_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/model/store"
	"orrery/sim"
)

// Source: plugin/pkg/admission/serviceaccount/admission.go shouldAutomount: the pod's own word
// counts, then its account's, and one says yes that says nothing; a mirror pod is let be.
func TestAServiceAccountSaysWhetherPodsGetATokenThatDoNotSaySo(t *testing.T) {
	c := newCaller(t, "user", 4)
	account := func(name string, none bool) {
		c.create(&model.ServiceAccount{Meta: model.Meta{Kind: model.KindServiceAccount, Namespace: "default", Name: name}, NoToken: none})
	}
	account("default", true)
	account("agent", false)
	for i, x := range []struct {
		account    string
		none, said bool
		want       bool
	}{
		{"", false, false, true}, {"default", false, false, true}, {"agent", false, false, false}, {"unknown", false, false, false},
		{"", false, true, false}, {"agent", true, true, true},
	} {
		spec := apiserver.WithDefaultTolerations(&model.PodSpec{GraceSeconds: 30, Account: x.account, NoToken: x.none, TokenSaid: x.said})
		var got [2]*model.PodSpec
		for j := range got {
			p := newPod(string(rune('a'+i)) + string(rune('0'+j)))
			p.Spec = spec
			got[j] = c.create(p).(*model.Pod).Spec
		}
		if got[0].NoToken != x.want || got[0] != got[1] {
			t.Errorf("%+v: no token %t, shared %t", x, got[0].NoToken, got[0] == got[1])
		}
	}
	mirror := newPod("mirror")
	mirror.Spec = apiserver.WithDefaultTolerations(mirror.Spec)
	mirror.Owner = c.node("n-0").Head().Ref()
	if c.create(mirror).(*model.Pod).Spec.NoToken {
		t.Error("a mirror pod's spec was changed")
	}
}

// An account counts while it is there; default always is, and so is one of which the scenario
// says nothing.
// Source: plugin/pkg/admission/serviceaccount/admission.go Admit, getServiceAccount.
func TestAPodWhoseServiceAccountIsNotThereIsRefused(t *testing.T) {
	c := newCaller(t, "user", 4)
	pods := 0
	refused := func(account string, known bool) string {
		p := newPod("web-" + string(rune('0'+pods)))
		p.Spec = apiserver.WithDefaultTolerations(&model.PodSpec{GraceSeconds: 30, Account: account, AccountKnown: known})
		pods++
		c.client.Create(p, 0)
		if r := c.answer(); r.Refusal == store.Forbidden {
			return r.Message
		}
		return ""
	}
	const words = `pods "web-0" is forbidden: error looking up service account default/agent: serviceaccount "agent" not found`
	if got := refused("agent", true); got != words {
		t.Errorf("refused with %q, want %q", got, words)
	}
	for account, known := range map[string]bool{"agent": false, "": true, "default": true} {
		if got := refused(account, known); got != "" {
			t.Errorf("%q, known %t: %s", account, known, got)
		}
	}
	account := c.create(&model.ServiceAccount{Meta: model.Meta{Kind: model.KindServiceAccount, Namespace: "default", Name: "agent"}})
	if got := refused("agent", true); got != "" {
		t.Errorf("with the account: %s", got)
	}
	c.client.Delete(account.Head().Ref(), 0, 0)
	c.answer()
	if refused("agent", true) == "" {
		t.Error("let in when the account was deleted")
	}
}

// A server has time while it has a processor soon and nothing slows it down.
func TestAServerIsPromptWhileItHasTime(t *testing.T) {
	c := newCaller(t, "user", 1)
	prompt := func(late time.Duration) bool { return c.client.Prompt(late) }
	if !prompt(0) {
		t.Error("an idle server is not")
	}
	for range 15 { // each takes 1.5 ms
		c.client.Get(model.Ref{Kind: model.KindPod, ID: 1}, 0)
	}
	if err := c.Run(c.Now().Add(3 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if prompt(5*time.Millisecond) || !prompt(time.Second) {
		t.Errorf("one with work for some 20 ms: within 5 ms %t, within 1 s %t", prompt(5*time.Millisecond), prompt(time.Second))
	}
	c.answer()
	c.server.SetLatency(sim.Constant(time.Millisecond))
	if prompt(time.Second) {
		t.Error("one whose answers are delayed is")
	}
	c.server.SetLatency(sim.Dist{})
	c.server.Stop()
	if prompt(time.Second) {
		t.Error("one that has ended is")
	}
}
