package scenarios_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"orrery/scenarios"
)

const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: NAME}\nspec: {containers: [{name: main, image: 'web:1'}]}\n"

// folder is a new folder with files in it, by their paths.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func including(include string) string {
	return "apiVersion: orrery/v1\nname: zone\nduration: 1h\ncluster: {nodes: [{name: a, cpu: 4, memory: 16Gi}]}\n" +
		"workload: {manifests: [" + include + "]}\n"
}

func TestIncludesAreRelativeToTheScenario(t *testing.T) {
	dir := folder(t, map[string]string{
		"in/file.yaml":     including("shop.yaml, more/../shop2.yml"),
		"in/dir.yaml":      including("more"),
		"in/glob.yaml":     including("'more/*.yaml'"),
		"in/shop.yaml":     strings.Replace(pod, "NAME", "one", 1),
		"in/shop2.yml":     strings.Replace(pod, "NAME", "two", 1),
		"in/more/b.yaml":   strings.Replace(pod, "NAME", "two", 1),
		"in/more/a.yml":    strings.Replace(pod, "NAME", "one", 1),
		"in/more/c/d.json": `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "three"}, "spec": {"containers": [{"name": "main", "image": "web:1"}]}}`,
		"in/more/note.txt": "not a manifest",
	})
	for name, want := range map[string]string{"file": "one two", "dir": "one two three", "glob": "two"} {
		s, err := scenarios.Load(filepath.Join(dir, "in", name+".yaml"), scenarios.Options{})
		if err != nil {
			t.Error(err)
			continue
		}
		var got []string
		for _, o := range s.Config.Objects {
			got = append(got, o.Head().Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", name, got, want)
		}
	}
}

func TestIncludesStayInsideTheFolder(t *testing.T) {
	dir := folder(t, map[string]string{
		"secret.yaml":         strings.Replace(pod, "NAME", "secret", 1),
		"in/zone.yaml":        including("../secret.yaml"),
		"in/abs.yaml":         including(filepath.Join("/", "etc", "passwd")),
		"in/link.yaml":        including("link"),
		"in/dirlink.yaml":     including("up/secret.yaml"),
		"in/pipe.yaml":        including("pipe"),
		"in/folder.yaml":      including("empty"),
		"in/missing.yaml":     including("shpo.yaml"),
		"in/pattern.yaml":     including("'*.json'"),
		"in/deep.yaml":        including("'*/*.json'"),
		"in/big.yaml":         including("huge.yaml"),
		"in/shop.yaml":        pod,
		"in/empty/readme.txt": "",
	})
	for link, to := range map[string]string{"in/link": "../secret.yaml", "in/up": ".."} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skip(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "in/pipe"), 0o644); err != nil {
		t.Skip(err)
	}
	if err := os.Truncate(create(t, filepath.Join(dir, "in/huge.yaml")), 1<<40); err != nil {
		t.Skip(err)
	}
	link := "leads out of the folder that includes may come from, by a symbolic link"
	outside := "is outside the scenario's folder; run with --root DIR to allow includes from below DIR"
	for name, want := range map[string]string{
		"zone": outside, "abs": outside, "link": link, "dirlink": link,
		"pipe": "is not a regular file", "folder": "no .yaml, .yml or .json file below", "pattern": "no file matches", "deep": "no file matches",
		"missing": `there is no file "shpo.yaml"; did you mean "shop.yaml"?`, "big": "at most 4194304 are read",
	} {
		_, err := scenarios.Load(filepath.Join(dir, "in", name+".yaml"), scenarios.Options{})
		if !complains(err, want) || !complains(err, name+".yaml:5:24: workload.manifests[0]: ") {
			t.Errorf("%s: %v\nwant %s", name, err, want)
		}
	}
	for _, name := range []string{"zone", "dirlink"} {
		s, err := scenarios.Load(filepath.Join(dir, "in", name+".yaml"), scenarios.Options{Root: dir})
		if err != nil || len(s.Config.Objects) != 1 {
			t.Errorf("%s with --root: %v", name, err)
		}
	}
	_, err := scenarios.Load(filepath.Join(dir, "in/abs.yaml"), scenarios.Options{Root: dir})
	if !complains(err, "the folder chosen with --root") {
		t.Errorf("abs with --root: %v", err)
	}
}

func create(t *testing.T, name string) string {
	t.Helper()
	if err := os.WriteFile(name, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestOpenTakesNamesAndFiles(t *testing.T) {
	dir := folder(t, map[string]string{"zone.yaml": including(""), "plain": including(""), "shop.yaml": pod})
	for _, name := range []string{"node-loss", filepath.Join(dir, "zone.yaml"), filepath.Join(dir, "plain")} {
		if _, err := scenarios.Open(name, scenarios.Options{}); err != nil {
			t.Error(err)
		}
	}
	for name, want := range map[string]string{
		"node-los":                    `there is no scenario "node-los", built in or as a file; did you mean "node-loss"?`,
		"none.yaml":                   `there is no file "none.yaml"`,
		dir + "/":                     "is a folder",
		"x\x1b[2J":                    `"x\x1b[2J"`,
		"no\x00e.yaml":                `no\x00e.yaml`,
		filepath.Join(dir, "no", "x"): "there is no file",
	} {
		_, err := scenarios.Open(name, scenarios.Options{})
		if !complains(err, want) {
			t.Errorf("%q: %v, want %s", name, err, want)
		}
	}
	if !scenarios.IsScenario(filepath.Join(dir, "zone.yaml")) || scenarios.IsScenario(filepath.Join(dir, "shop.yaml")) {
		t.Error("a scenario and a manifest are not told apart")
	}
}

func TestASnapshotWithoutNodesIsNoCluster(t *testing.T) {
	for name, text := range map[string]string{
		"empty":       "# nothing\n",
		"empty list":  "{apiVersion: v1, kind: NodeList, items: []}\n",
		"only others": strings.Replace(pod, "NAME", "one", 1),
	} {
		dir := folder(t, map[string]string{"nodes.yaml": text, "zone.yaml": "apiVersion: orrery/v1\nname: zone\nduration: 1h\ncluster: {snapshot: nodes.yaml}\n"})
		_, err := scenarios.Load(filepath.Join(dir, "zone.yaml"), scenarios.Options{})
		if !complains(err, "zone.yaml:4:21: cluster.snapshot: there is no node in it") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
