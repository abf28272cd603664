package scenarios

import (
	"fmt"

	"orrery/model"
	"orrery/scenarios/manifest"
)

// store makes the storage of a set the run's. It is there from the beginning,
// whenever its manifest is applied.
func (l *loader) store(set *manifest.Set) {
	c := &l.scenario.Config.Scheduler
	if c.Storage == nil {
		c.Storage = &model.Storage{}
	}
	c.Storage.Add(set.Storage())
}

// assumeClaims makes up the claims that pods of a snapshot use and the snapshot
// does not show: kubectl get pods prints none, and those pods ran. Their volumes
// can be reached from everywhere.
func (l *loader) assumeClaims() {
	storage := l.scenario.Config.Scheduler.Storage
	there := map[string]bool{}
	for _, c := range storage.Claims {
		there[c.Namespace+"/"+c.Name] = true
	}
	for _, g := range l.known.pods {
		if g.spec.Placement == nil {
			continue
		}
		for _, u := range g.spec.Placement.Claims {
			name := g.namespace + "/" + u.Name
			if there[name] {
				continue
			}
			there[name] = true
			storage.Claims = append(storage.Claims, &model.Claim{Namespace: g.namespace, Name: u.Name})
			l.scenario.Notes = append(l.scenario.Notes, fmt.Sprintf("persistentvolumeclaim %s is not in the snapshot: taken for one that every node can reach", name))
		}
	}
}
