package manifest_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"orrery/model"
	"orrery/scenarios/manifest"
)

// shared is the inputs nobody here wrote. They lie beside the checkout and are
// not part of it.
const shared = "../../../shared/data"

func addAll(t *testing.T, s *manifest.Set, path string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(shared, path)); err != nil {
		t.Skipf("the real inputs are not there: %v", err)
	}
	err := filepath.WalkDir(filepath.Join(shared, path), func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !slices.Contains([]string{".yaml", ".json"}, filepath.Ext(name)) {
			return err
		}
		data, err := os.ReadFile(name)
		s.AddFile(manifest.File{Name: filepath.Base(name), Data: data})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func kindsOf(s *manifest.Set) (n [model.Kinds]int) {
	for _, o := range s.Objects {
		n[o.Head().Kind]++
	}
	return n
}

func TestOnlineBoutiqueLoads(t *testing.T) {
	d := manifest.NewDecoder()
	s := d.Manifests()
	addAll(t, s, "online-boutique")
	if err := d.Err(); err != nil {
		t.Fatal(err)
	}
	if n := kindsOf(s); n[model.KindDeployment] != 12 || n[model.KindService] != 12 {
		t.Errorf("%d Deployments and %d Services, want 12 and 12", n[model.KindDeployment], n[model.KindService])
	}
	checkNotes(t, d, "manifests.yaml:412: deployment/redis-cart: spec.template.spec.containers.volumeMounts: not modeled")
	front := s.Objects[0].(*model.Deployment)
	c := front.Template.Spec.Containers[0]
	if front.Name != "frontend" || front.Replicas != 1 || c.Requests.CPUMilli != 100 || c.Limits.MemoryBytes != 128<<20 ||
		c.Readiness == nil || c.Readiness.InitialDelay.Seconds() != 10 || c.Liveness == nil {
		t.Errorf("frontend is read as %+v", c)
	}
}

func TestHotelReservationLoads(t *testing.T) {
	d := manifest.NewDecoder()
	s := d.Manifests()
	addAll(t, s, "hotel-reservation")
	if err := d.Err(); err != nil {
		t.Fatal(err)
	}
	if n := kindsOf(s); n[model.KindDeployment] != 19 || n[model.KindService] != 19 {
		t.Errorf("%d Deployments and %d Services, want 19 and 19", n[model.KindDeployment], n[model.KindService])
	}
	if n := kindsOf(s); n[model.KindPersistentVolumeClaim] != 6 || n[model.KindPersistentVolume] != 6 {
		t.Errorf("%d claims and %d volumes, want 6 of each", n[model.KindPersistentVolumeClaim], n[model.KindPersistentVolume])
	}
	checkNotes(t, d, "mongodb-geo-deployment.yaml:39: deployment/mongodb-geo: spec.template.spec.containers.volumeMounts: not modeled (and 5 more)")
}

func TestNodesOfARealClusterLoad(t *testing.T) {
	d := manifest.NewDecoder()
	s := d.Snapshot()
	addAll(t, s, "cluster-dump")
	if err := d.Err(); err != nil {
		t.Fatal(err)
	}
	if len(s.Objects) != 6 {
		t.Fatalf("%d nodes, want 6", len(s.Objects))
	}
	checkNotes(t, d, "nodes.json:12: node/repldev-marc: metadata.annotations: not modeled (and 5 more)")
	n := s.Objects[0].(*model.Node)
	if n.Name != "repldev-marc" || n.Capacity.CPUMilli != 8000 || n.Allocatable.MemoryBytes != 30770604<<10 || n.Allocatable.Pods != 110 || len(n.Images) == 0 {
		t.Errorf("the first node is read as %+v", n)
	}
}

// checkNotes checks that every note is told once and that some are there.
func checkNotes(t *testing.T, d *manifest.Decoder, wanted ...string) {
	t.Helper()
	var all []string
	for _, n := range d.Notes() {
		all = append(all, n.String())
	}
	for _, w := range wanted {
		if !slices.Contains(all, w) {
			t.Errorf("no note %q in\n%s", w, strings.Join(all, "\n"))
		}
	}
	seen := map[string]bool{}
	for _, n := range d.Notes() {
		kind, _, _ := strings.Cut(n.Object, "/")
		if key := kind + " " + n.What; seen[key] {
			t.Errorf("told twice: %s", key)
		} else {
			seen[key] = true
		}
	}
}
