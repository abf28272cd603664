package etcd

// Disarm takes the alarm NOSPACE back, for tests that only want a large file.
func (g *Group) Disarm() {
	g.space.full = false
	g.space.quota *= 2
}
