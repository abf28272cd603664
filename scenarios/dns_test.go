package scenarios_test

import (
	"os"
	"strings"
	"testing"

	"orrery/scenarios"
)

func TestMistakesAboutDNSAreSaidWhereTheyAre(t *testing.T) {
	source, err := os.ReadFile("library/dns-oom.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ dns, want string }{
		{"{lookups: 0}", "no request looks up anything"},
		{"{service: kube-dsn}", `did you mean "kube-system/service/kube-dns"?`},
		{"{external: 1, cache: nodes}", `did you mean "node"?`},
		{"{ttl: 0s}", "out of range"},
		{"{ndot: 2}", `did you mean "ndots"?`},
		{"{external: 101}", "101"},
	} {
		broken := strings.Replace(string(source), "dns: {lookups: 0, external: 1}", "dns: "+c.dns, 1)
		_, err := scenarios.Load(folder(t, map[string]string{"d.yaml": broken})+"/d.yaml", scenarios.Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), ".yaml:") {
			t.Errorf("%s: %v\nwants %s", c.dns, err, c.want)
		}
	}
}
