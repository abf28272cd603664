package fault

import "orrery/model"

// registryDown makes the image registry fail every pull.
type registryDown struct{}

func (registryDown) begin(d *Director, _ *Spec, _ []model.Object) (string, bool) {
	d.registryDowns++
	return "", true
}

func (registryDown) end(d *Director) { d.registryDowns-- }
