package scenarios_test

import (
	"os"
	"strings"
	"testing"

	"orrery/scenarios"
)

func TestMistakesAboutNamesOfPodsAreSaidWhereTheyAre(t *testing.T) {
	source, err := os.ReadFile("library/headless-primary-moves.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{"service: db-0.db,", "service: db-x.db,", `no pod behind service/db is called "db-x"; such as "db-0.db" are`},
		{"service: db-0.db,", "service: db-01.db,", `no pod behind service/db is called "db-01"`},
		{"service: db-0.db,", "service: dd-0.db,", `no pod behind service/db is called "dd-0"`},
		{"service: db-0.db,", "service: db-0.dbb,", `there is no "service/dbb"; did you mean "service/db"?`},
		{"service: db-0.db,", "service: db-0.primary,", "service/primary is not headless (clusterIP: None), so its pods have no names: write primary"},
		{"service: db-0.db,", "service: db-0.db.default,", "its namespace is said as namespace"},
		{"serviceName: db", "serviceName: primary", "no pod behind service/db has a name: that takes a StatefulSet with serviceName: db"},
		{"service: db-0.db, from: deployment/shop", "service: db-0.db, from: internet", "service/db is not of type LoadBalancer"},
	} {
		broken := strings.Replace(string(source), c.old, c.new, 1)
		_, err := scenarios.Load(folder(t, map[string]string{"d.yaml": broken})+"/d.yaml", scenarios.Options{})
		if !complains(err, c.want) || !complains(err, ".yaml:") {
			t.Errorf("%s: %v\nwants %s", c.new, err, c.want)
		}
	}
}

// A pod may call a single pod, too, and one that is not there yet.
func TestPodsCallSinglePods(t *testing.T) {
	source, err := os.ReadFile("library/headless-primary-moves.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(source), "match: {app: shop}, ", "match: {app: shop}, calls: [{service: db-0.db}, {service: db-7.db}], ", 1)
	if _, err := scenarios.Load(folder(t, map[string]string{"d.yaml": text})+"/d.yaml", scenarios.Options{}); err != nil {
		t.Error(err)
	}
}
