package cluster

import "testing"

// program counts what is done to a process.
type program struct{ starts, stops int }

func (p *program) Start() { p.starts++ }
func (p *program) Stop()  { p.stops++ }

// A process runs while its container does and no fault keeps it from that, however
// both overlap.
func TestAProcessRunsWhileItsContainerDoesAndNoFaultForbidsIt(t *testing.T) {
	p := &program{}
	g := &gate{process: p}
	inFault{g}.Stop()
	inContainer{g}.Stop()
	inFault{g}.Start()
	if p.starts != 0 || p.stops != 1 {
		t.Errorf("%d starts and %d stops before the container is back", p.starts, p.stops)
	}
	inContainer{g}.Start()
	if p.starts != 1 {
		t.Errorf("%d starts once both are", p.starts)
	}
}
