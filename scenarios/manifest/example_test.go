package manifest_test

import (
	"fmt"

	"orrery/scenarios/manifest"
)

// What a manifest says is acted on, refused with its place, or told.
func Example() {
	d := manifest.NewDecoder()
	set := d.Manifests()
	set.AddFile(manifest.File{Name: "web.yaml", Data: []byte(`apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  hostname: www
  containers: [{name: web, image: "web:1", resources: {requests: {cpu: 100m}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: db}
spec:
  containers: [{name: db, image: "db:1", resources: {requests: {cpu: 1oom}}}]
`)})
	for _, o := range set.Objects {
		fmt.Println(o.Head().Kind, o.Head().Name)
	}
	for _, n := range d.Notes() {
		fmt.Println(n)
	}
	fmt.Println(d.Err())
	// Output:
	// Pod web
	// web.yaml:5: pod/web: spec.hostname: not modeled
	// web.yaml:12:70: spec.containers[0].resources.requests.cpu: "1oom" is no amount such as 500m, 64Mi or 2
	//    12 |   containers: [{name: db, image: "db:1", resources: {requests: {cpu: 1oom}}}]
	//       |                                                                      ^
}
